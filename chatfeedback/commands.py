"""What `learn`, `versions`, `rollback`, `export` and `import` do, whoever carries them out: a
command of its own, or the running app on a command's behalf (api.py). Answers are plain values,
ready for JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, get_args

from chatfeedback.curation import preview_import
from chatfeedback.errors import EngineUnavailable, InputRefused, NotFound
from chatfeedback.exchange import exporting
from chatfeedback.exchange.importing import read_file
from chatfeedback.household import Household
from chatfeedback.learning.objective import LearningMethod
from chatfeedback.protocols import Queries, Store
from chatfeedback.records import AdapterVersion
from chatfeedback.session import Session

SHOWN_ERRORS = 20
LOOK_SECONDS = 0.25  # how often progress is reported


def list_versions(queries: Queries) -> list[dict[str, Any]]:
    """Every version of every person, newest first, with its gate report."""
    return [
        {"person": person.name, **asdict(version)}
        for person in queries.people()
        for version in queries.versions(person.person_id)
    ]


def as_table(versions: list[dict[str, Any]]) -> str:
    """One line a version: number, state, when, why; and whose, where several people have some."""
    if not versions:
        return "No versions yet: the base model serves. Rate some replies; it learns when idle."
    names = [each["person"] for each in versions]
    width = max(map(len, ["whose", *names])) + 1 if len(set(names)) > 1 else 0
    lines = [f"{'version':>7}  {'state':9} {'made (UTC)':19} {'whose':{width}.{width}}why"]
    for version in versions:
        report = version["report"] or {"reasons": ()}
        why = next(iter(report["reasons"]), "")
        made = version["created_at_utc"][:19].replace("T", " ")
        whose = f"{version['person']:{width}.{width}}"
        lines.append(f"{version['number']:>7}  {version['state']:9} {made:19} {whose}{why}")
    return "\n".join(lines)


def export(store: Store, format_name: str) -> bytes:
    """All feedback of whoever acts, as a file of this format."""
    chats = store.shared_chats(Household(store).active().person_id)
    return exporting.export(chats, format_name, day="").data


def find_version(versions: list[dict[str, Any]], wanted: str) -> dict[str, Any]:
    """The version that is meant, out of `list_versions`.

    Args:
        wanted: its number, its id, or its state ("serving").
    """
    found = [
        each
        for each in versions
        if wanted in (str(each["number"]), each["adapter_id"], each["state"])
    ]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{each['adapter_id']} ({each['person']})" for each in versions) or "none"
    many = "more than one" if found else "no"
    raise NotFound(f"There is {many} version {wanted!r}. Name one by its id: {known}.")


def preview(store: Store, name: str, data: bytes) -> dict[str, Any]:
    """What importing a file would do."""
    person_id = Household(store).active().person_id
    return asdict(preview_import(store, person_id, read_file(name, data)))


def import_file(store: Store, name: str, data: bytes) -> dict[str, Any]:
    """Store what is new in a file; the next start of the app reads its answers."""
    person_id = Household(store).active().person_id
    return asdict(store.add_chats(person_id, name, read_file(name, data).chats))


def say_preview(found: dict[str, Any]) -> str:
    """What a file holds, row errors included, as lines for a terminal."""
    lines = [f"{found['format']}: {found['rows']} rows, {found['new']} of them new"]
    if known := found["rows"] - found["new"]:
        lines[0] += f"; {known} here already, left out"
    lines += [f"  {times:>6} x {what}" for what, times in found["teaches"]]
    shown = found["errors"][:SHOWN_ERRORS]
    lines += [f"  line {each['line']} is left out: {each['message']}" for each in shown]
    if len(found["errors"]) > SHOWN_ERRORS:
        lines.append(f"  and {len(found['errors']) - SHOWN_ERRORS} more lines are left out")
    return "\n".join(lines)


def learn(session: Session, method: str = "auto") -> Iterator[dict[str, Any]]:
    """Start one learning run (or join the one under way) and report on it until it has ended."""
    known = get_args(LearningMethod)
    if method not in known:
        raise InputRefused(f"Nothing learns by {method!r}. Choose one of: {', '.join(known)}.")
    refuse_without_model(session)
    person_id = session.default_person().person_id
    run_id = session.learn_now(person_id, method)  # type: ignore[arg-type]
    while (status := session.learning_status(person_id)).phase != "idle":
        yield {"phase": status.phase, "step": status.step, "max_steps": status.max_steps}
        session.wait_for_learning(person_id, LOOK_SECONDS)
        if (engine := session.engine_state()).phase == "failed":
            yield {"phase": "ended", "state": "failed", "outcome": engine.message}
            return
    run = next(run for run in session.queries.runs(person_id) if run.run_id == run_id)
    yield {"phase": "ended", "state": run.state, "outcome": run.outcome}


def refuse_without_model(session: Session) -> None:
    state = session.engine_state()
    if state.phase == "failed":
        raise EngineUnavailable(state.message)


def roll_back(session: Session, wanted: str | None) -> str:
    """Serve another version from the next reply on; says which.

    Args:
        wanted: a version's number or id, "base", or None for what served before the present one.
    """
    person_id = session.default_person().person_id
    versions = session.queries.versions(person_id)
    target = _parent(versions) if wanted is None else _find(versions, wanted)
    session.wait_until_ready()
    session.roll_back(person_id, target.adapter_id if target else None)
    return f"Version {target.number} serves now." if target else "The base model serves now."


def _parent(versions: list[AdapterVersion]) -> AdapterVersion | None:
    serving = next((version for version in versions if version.state == "serving"), None)
    if serving is None:
        raise InputRefused(
            "The base model serves already, so there is nothing to roll back. "
            "Name a version to serve it; `versions` lists them."
        )
    return next((each for each in versions if each.adapter_id == serving.parent), None)


def _find(versions: list[AdapterVersion], wanted: str) -> AdapterVersion | None:
    if wanted == "base":
        return None
    for version in versions:
        if wanted in (str(version.number), version.adapter_id):
            return version
    known = ", ".join(str(version.number) for version in versions) or "none"
    raise NotFound(f"There is no version {wanted!r}. Known: {known}, and base.")
