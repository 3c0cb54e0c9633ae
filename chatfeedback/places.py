"""What lies where on this disk, for the privacy page: all of it in one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

WHAT = {
    "chatfeedback.db": "conversations, choices and beliefs",
    "adapters": "what was learned, version by version",
    "backups": "copies of the database, made before it changes shape",
    "models": "models you put there",
    "logs": "what the app did and what failed; never what was said",
}


@dataclass(frozen=True)
class Place:
    """A file or folder in the data folder, what it holds, and its size in bytes."""

    path: str
    holds: str
    size: int


def list_places(folder: Path) -> list[Place]:
    """Those that there are."""
    return [
        Place(str(folder / name), holds, _size(folder / name))
        for name, holds in WHAT.items()
        if (folder / name).exists()
    ]


def _size(path: Path) -> int:
    if path.is_file():
        return sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
