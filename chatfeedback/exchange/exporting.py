"""Feedback as a file for other programs, and for another installation of this one.

Only our own JSONL holds everything; each other format holds what it can say. Undone reactions and
all that a "forget me" took back are in none of them, those excluded from learning only in ours.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chatfeedback.errors import InputRefused
from chatfeedback.exchange.formats import open_webui, ours, sharegpt, sillytavern, trl
from chatfeedback.exchange.formats.shared import SharedChat

Chats = Sequence[SharedChat]


@dataclass(frozen=True)
class ExportFormat:
    """A format to choose. `holds` says in plain words what is in the file; `write` gives no bytes
    where there is nothing of that."""

    name: str
    label: str
    holds: str
    suffix: str
    write: Callable[[Chats], bytes]


@dataclass(frozen=True)
class ExportedFile:
    """A finished file."""

    name: str
    media_type: str
    data: bytes


def export(chats: Chats, format_name: str, day: str) -> ExportedFile:
    """The file of one format; `day` goes into its name. InputRefused for an unknown format, and
    where there is nothing that it could hold."""
    known = {each.name: each for each in FORMATS}
    if format_name not in known:
        raise InputRefused(
            f"There is no format {format_name[:40]!r}. Known are: {', '.join(known)}."
        )
    chosen = known[format_name]
    data = chosen.write(chats)
    if not data:
        raise InputRefused(f"There is nothing yet to save as {chosen.label}. {chosen.holds}")
    name = f"chatfeedback-{format_name}-{day}{chosen.suffix}"
    return ExportedFile(name, MEDIA_TYPES[chosen.suffix], data)


def as_lines(write: Callable[[Chats], Iterable[str]]) -> Callable[[Chats], bytes]:
    """Lines as one JSONL file."""
    return lambda chats: "".join(f"{line}\n" for line in write(chats)).encode()


def as_list(chats: Chats) -> bytes:
    """Open WebUI's entries as one JSON list."""
    entries = open_webui.write(chats)
    return json.dumps(entries, ensure_ascii=False, indent=1).encode() if entries else b""


def as_archive(chats: Chats) -> bytes:
    """SillyTavern's chats, one file each, in a ZIP archive; the same chats give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in sillytavern.write(chats):
            archive.writestr(zipfile.ZipInfo(name), "".join(f"{line}\n" for line in lines))
    return packed.getvalue() if archive.filelist else b""


MEDIA_TYPES = {
    ".jsonl": "application/x-ndjson",
    ".json": "application/json",
    ".zip": "application/zip",
}
FORMATS = (
    ExportFormat(
        "chatfeedback",
        "chatfeedback (everything)",
        "Every reaction that stands, with its conversation. Take this to move to another machine.",
        ".jsonl",
        as_lines(ours.write),
    ),
    ExportFormat(
        "preference",
        "TRL / Hugging Face preference",
        "Pairs of a chosen and a rejected answer: choices, rankings, rewrites.",
        ".jsonl",
        as_lines(trl.write_preference),
    ),
    ExportFormat(
        "unpaired",
        "TRL / Hugging Face unpaired",
        "Single answers with like or dislike: thumbs, stars, both bad.",
        ".jsonl",
        as_lines(trl.write_unpaired),
    ),
    ExportFormat(
        "ranking",
        "Ranking",
        "Several answers to one prompt with their ranks.",
        ".jsonl",
        as_lines(trl.write_ranking),
    ),
    ExportFormat(
        "sharegpt",
        "ShareGPT",
        "Conversations; pairs and thumbs in LLaMA-Factory's columns.",
        ".jsonl",
        as_lines(sharegpt.write),
    ),
    ExportFormat(
        "openwebui",
        "Open WebUI feedback",
        "Thumbs, stars, reasons and comments, and winners of choices, with their chats.",
        ".json",
        as_list,
    ),
    ExportFormat(
        "sillytavern",
        "SillyTavern chats",
        "Chats with swipes, the chosen one shown; one file a chat.",
        ".zip",
        as_archive,
    ),
)
