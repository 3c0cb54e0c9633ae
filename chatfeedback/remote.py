"""Ask the running app to carry out a command: the other end of api.py. Standard library only."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode

from chatfeedback.errors import ChatFeedbackError, DataFolderBusy
from chatfeedback.lock import FolderLock, Running, read_running

START_SECONDS = 60.0  # an app that has just been started answers late
WORK_SECONDS = 3600.0  # a large file is stored, or a step of a large model is learned


def require_app(folder: Path) -> Running:
    """The app that holds the data folder; DataFolderBusy if its holder is no app."""
    running = read_running(folder)
    if running is None or not running.url:
        raise DataFolderBusy(f"Another command is using {folder}. Try again when it has ended.")
    return running


@contextmanager
def hold_or_find(folder: Path) -> Iterator[Running | None]:
    """Hold the data folder and yield None; or, when an app holds it, yield that app."""
    try:
        lock = FolderLock.acquire(folder)
    except DataFolderBusy:
        yield require_app(folder)
        return
    with lock:
        yield None


def versions(app: Running) -> list[dict[str, Any]]:
    with _ask(app, "GET", "versions") as response:
        return list(json.load(response))


def check_facts(app: Running) -> list[dict[str, Any]]:
    with _ask(app, "GET", "doctor") as response:
        return list(json.load(response))


def roll_back(app: Running, version: str | None) -> str:
    with _ask(app, "POST", "rollback", {"version": version}) as response:
        return str(json.load(response)["outcome"])


def export(app: Running, format_name: str) -> bytes:
    with _ask(app, "GET", f"export?{urlencode({'format': format_name})}") as response:
        return response.read()


def preview(app: Running, name: str, data: bytes) -> dict[str, Any]:
    with _ask(app, "POST", f"import/preview?{urlencode({'name': name})}", data) as response:
        return dict(json.load(response))


def import_file(app: Running, name: str, data: bytes) -> dict[str, Any]:
    path = f"import?{urlencode({'name': name})}"
    with _ask(app, "POST", path, data, WORK_SECONDS) as response:
        return dict(json.load(response))


def learn(app: Running, method: str = "auto") -> Iterator[dict[str, Any]]:
    """Progress as the app reports it; closing the iterator leaves the run going."""
    with _ask(app, "POST", "learn", {"method": method}, WORK_SECONDS) as response:
        for line in response:
            yield json.loads(line)


def _ask(
    app: Running, method: str, path: str, body: object = None, patience_s: float = START_SECONDS
) -> HTTPResponse:
    kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    request = urllib.request.Request(
        f"{app.url}api/v1/{path}",
        method=method,
        data=body,
        headers={"Authorization": f"Bearer {app.token}", "Content-Type": kind},
    )
    # Never through a proxy: the app is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        response: HTTPResponse = opener.open(request, timeout=patience_s)
    except HTTPError as error:
        raise ChatFeedbackError(_detail(error)) from error
    except (URLError, OSError) as error:
        raise DataFolderBusy(
            f"The running app (process {app.pid}, {app.url}) does not answer ({error}). "
            "Close it, then try again."
        ) from error
    return response


def _detail(error: HTTPError) -> str:
    """The app's own words."""
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The running app refused: {error.code} {error.reason}."
