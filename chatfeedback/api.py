"""The running app's JSON API: what commands ask of it while it owns the data folder.

The gate (ui/gate.py) lets a command in by the token that the data folder's lock file holds, which
only programs of the same user can read. It is not repeated here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, HTTPException, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from chatfeedback import commands
from chatfeedback.doctor import check_facts
from chatfeedback.errors import ChatFeedbackError, EngineUnavailable, InputRefused, NotFound
from chatfeedback.session import Session

Answer = TypeVar("Answer")
FILE = Body(media_type="application/octet-stream")
STATUS = {NotFound: 404, InputRefused: 422, EngineUnavailable: 503}


class Rollback(BaseModel):
    """Body of /rollback: a version's number or id, "base", or nothing for the one before."""

    model_config = ConfigDict(extra="forbid")

    version: str | None = None


class Learn(BaseModel):
    """Body of /learn: by which method; without it the evidence decides."""

    model_config = ConfigDict(extra="forbid")

    method: str = "auto"


def router(session: Session) -> APIRouter:
    """The routes under /api/v1: GET versions, doctor, export; POST rollback, learn, import."""
    routes = APIRouter(prefix="/api/v1")

    @routes.get("/versions")
    def versions() -> list[dict[str, Any]]:
        return commands.list_versions(session.queries)

    @routes.get("/doctor")
    def doctor() -> list[dict[str, Any]]:
        return [asdict(check) for check in check_facts(session.queries)]

    @routes.post("/rollback")
    def rollback(body: Rollback) -> dict[str, str]:
        return {"outcome": plainly(lambda: commands.roll_back(session, body.version))}

    @routes.post("/learn")
    def learn(body: Learn | None = None) -> StreamingResponse:
        """Progress, one JSON object a line, until the run has ended."""
        progress = commands.learn(session, body.method if body else "auto")
        first = plainly(lambda: next(progress))
        return StreamingResponse(as_lines(first, progress), media_type="application/x-ndjson")

    @routes.get("/export")
    def export(format: str) -> Response:
        """All feedback that stands, as a file to save."""
        person_id = session.default_person().person_id
        file = plainly(lambda: session.data.export(person_id, format))
        kept = {"content-disposition": f'attachment; filename="{file.name}"'}
        return Response(file.data, media_type=file.media_type, headers=kept)

    @routes.post("/import/preview")
    def preview(name: str, data: Annotated[bytes, FILE] = b"") -> dict[str, Any]:
        """What importing a file would do; nothing is stored."""
        person_id = session.default_person().person_id
        return asdict(plainly(lambda: session.data.preview(person_id, name, data)))

    @routes.post("/import")
    def import_file(name: str, data: Annotated[bytes, FILE] = b"") -> dict[str, Any]:
        """Store what is new in a file."""
        person_id = session.default_person().person_id
        return asdict(plainly(lambda: session.data.import_file(person_id, name, data)))

    @routes.get("/import/progress")
    def import_progress() -> dict[str, int]:
        """How far the import under way is; 0 of 0 when there is none."""
        done, total = session.data.import_progress
        return {"done": done, "total": total}

    return routes


def plainly(act: Callable[[], Answer]) -> Answer:
    """Carry out; an error meant for a person becomes an HTTP error with the same words."""
    try:
        return act()
    except ChatFeedbackError as error:
        kinds = (status for kind, status in STATUS.items() if isinstance(error, kind))
        raise HTTPException(next(kinds, 500), str(error)) from error


def as_lines(first: dict[str, Any], rest: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield json.dumps(first) + "\n"
    for item in rest:
        yield json.dumps(item) + "\n"
