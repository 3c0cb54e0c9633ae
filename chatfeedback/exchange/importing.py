"""A file of feedback, read row by row: what it holds, and what is wrong with which row.

Nothing is stored here. A row that cannot be used is left out and named with its line; the others
are imported, as far as they are not here yet (known.py).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chatfeedback.errors import InputRefused
from chatfeedback.exchange.formats import open_webui, ours, sharegpt, sillytavern, trl
from chatfeedback.exchange.formats.shared import (
    RowRefused,
    SharedChat,
    SharedExchange,
    SharedReaction,
    mend,
    name_all,
    show,
)

MAX_BYTES = 64 * 2**20
"""Largest file that is read, unpacked."""

KNOWN = (
    "our own JSONL, TRL and Hugging Face preference, unpaired and ranking data, ShareGPT, "
    "Open WebUI's feedback export, SillyTavern chats"
)
FORMATS = (  # name, what tells it, its reader of one row
    ("chatfeedback", ours.is_ours, ours.read),
    ("ShareGPT", sharegpt.is_sharegpt, sharegpt.read),  # first: it may have "chosen" as well
    ("TRL / Hugging Face", trl.is_trl, trl.read),
)
WHOLE_FILES = (  # name, what tells it, its reader of all rows
    ("Open WebUI", open_webui.is_open_webui, open_webui.read_all),
    ("SillyTavern", sillytavern.is_sillytavern, sillytavern.read_all),
)
Numbered = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class RowError:
    """A row that is left out, and why. Line 0 is the file itself."""

    line: int
    message: str


@dataclass(frozen=True)
class ReadFile:
    """What a file says. Chats are in the order of their lines and have their names."""

    format: str
    chats: tuple[SharedChat, ...]
    errors: tuple[RowError, ...]


def read_file(name: str, data: bytes) -> ReadFile:
    """A whole file. InputRefused when no row of it can be made sense of."""
    if len(data) > MAX_BYTES:
        raise InputRefused(
            f"{name} has {len(data) / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} are read at "
            "once. Split it into several files."
        )
    errors: list[RowError] = []
    records: list[Numbered] = []
    before = 0
    for text in unpack(name, data):
        records += read_records(text, errors, before)
        before += text.count("\n") + 1
    if not records:
        first = f" Line {errors[0].line}: {errors[0].message}" if errors else " It is empty."
        raise InputRefused(f"{name} has no row that can be read.{first}")
    kind, found = parse(name, records)
    chats: list[SharedChat] = []
    for line, chat in found:
        if isinstance(chat, SharedChat):
            chats.append(name_all(replace(chat, line=line)))
        else:
            errors.append(RowError(line, str(chat)))
    chats.sort(key=lambda chat: chat.line)
    errors.sort(key=lambda error: error.line)
    return ReadFile(kind, tuple(chats), tuple(errors))


def unpack(name: str, data: bytes) -> list[str]:
    """The text of a file, or of each file in a ZIP archive."""
    if not data.startswith(b"PK\x03\x04"):
        return [decode(name, data)]
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [each for each in archive.infolist() if not is_aside(each)]
            if sum(each.file_size for each in members) > MAX_BYTES:
                raise InputRefused(f"{name} is over {MAX_BYTES // 2**20} MiB when unpacked.")
            return [decode(each.filename, archive.read(each)) for each in members]
    except InputRefused:
        raise
    except Exception as error:  # each way to pack has errors of its own for what is damaged
        what = str(error) or type(error).__name__
        raise InputRefused(f"{name} is no ZIP archive that can be unpacked ({what}).") from error


def is_aside(member: zipfile.ZipInfo) -> bool:
    """Whether it is a folder, or what a Mac puts beside the files of an archive."""
    *folders, name = member.filename.split("/")
    return member.is_dir() or "__MACOSX" in folders or name.startswith(".")


def decode(name: str, data: bytes) -> str:
    """UTF-8 text, with or without a byte order mark."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputRefused(
            f"{name} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}. "
            "Save it as UTF-8 (JSON or JSONL) and try again."
        ) from error


def read_records(text: str, errors: list[RowError], before: int) -> Iterator[Numbered]:
    """(line, row) of JSONL, or (number, entry) of one JSON list; what is no object is an error.

    Args:
        before: lines of the files that come before this one in their archive.
    """
    if text.lstrip().startswith("["):
        rows: Iterator[tuple[int, Any]] = enumerate(load_list(text), start=1)
    else:
        rows = load_lines(text, errors, before)
    for line, record in rows:
        if isinstance(record, dict):
            yield before + line, record
        else:
            wrong = f"A row should be a JSON object, not {show(record)}."
            errors.append(RowError(before + line, wrong))


def load_list(text: str) -> list[Any]:
    """The entries of a JSON list."""
    try:
        return list(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise InputRefused(f"The file begins like a JSON list but is none: {error}.") from error


def load_lines(text: str, errors: list[RowError], before: int) -> Iterator[tuple[int, Any]]:
    """Each line of JSONL; one JSON object over many lines is one row."""
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == 1 and (whole := load_whole(text)) is not None:
                yield 1, whole
                return
            errors.append(RowError(before + number, f"It is not JSON: {error}."))


def load_whole(text: str) -> Any:
    """The file as one JSON value; None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def parse(
    name: str, records: Sequence[Numbered]
) -> tuple[str, Iterator[tuple[int, SharedChat | RowRefused]]]:
    """(format, each row's chat or what is wrong with it), by what the first known row is."""
    for _, record in records:
        for kind, tells, read_all in WHOLE_FILES:
            if tells(record):
                return kind, read_all(records)
        for kind, tells, read in FORMATS:
            if tells(record):
                return kind, (read_row(kind, tells, read, each) for each in records)
    keys = mend(", ".join(list(records[0][1])[:8]))
    raise InputRefused(
        f"{name} is in none of the known formats; its first row has {keys or 'nothing'}. "
        f"Known are {KNOWN}."
    )


def read_row(
    kind: str, tells: Any, read: Any, numbered: Numbered
) -> tuple[int, SharedChat | RowRefused]:
    """One row of a format."""
    line, record = numbered
    try:
        if not tells(record):
            keys = mend(", ".join(list(record)[:8])) or "nothing"
            raise RowRefused(f"It has {keys}, which is no row of {kind} data.")
        return line, read(record)
    except RowRefused as error:
        return line, error


# --- in words ------------------------------------------------------------------------------------


def count_teaches(chats: Iterable[SharedChat]) -> Counter[str]:
    """How many reactions of each sort there are, in plain words."""
    return Counter(
        sentence
        for chat in chats
        for sentence in [
            *(say_reaction(each) for each in chat.traits),
            *(each for exchange in chat.exchanges for each in say_exchange(exchange)),
        ]
    )


def say_exchange(exchange: SharedExchange) -> list[str]:
    """What each reaction to an exchange teaches; an unrated one waits to be rated."""
    if exchange.is_context:
        return []
    if not exchange.reactions:
        return ["nothing yet: answers to rate" if exchange.replies else "nothing"]
    return [say_reaction(each) for each in exchange.reactions]


def say_reaction(said: SharedReaction) -> str:
    """What one reaction teaches."""
    if said.is_excluded:
        return "nothing: excluded from learning"
    if said.kind == "pick":
        return {"tie": "a tie", "both_bad": "all too weak"}.get(
            said.outcome or "", f"a choice among {len(said.shown)}"
        )
    return {
        "thumb": {1: "a like", -1: "a dislike"}.get(said.value or 0, "nothing: a thumb taken back"),
        "rank": f"a ranking of {len(said.shown)}",
        "rating": f"{said.value} of 5 stars",
        "edit": "a better answer",
        "chip": f"a reason: {said.text}",
        "flag": f"a flag: {said.flag}",
        "trait": "a word on a trait",
        "comment": "nothing: a comment",
    }[said.kind]
