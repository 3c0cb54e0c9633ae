"""What lies where on this disk, for the privacy page: all of it in one folder, but for models from
the hub."""

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

FETCHED = "models fetched from the hub, shared with other programs on this machine"


@dataclass(frozen=True)
class Place:
    """A file or folder in the data folder, what it holds, and its size in bytes."""

    path: str
    holds: str
    size: int


def list_places(folder: Path, hub_cache: Path | None = None) -> list[Place]:
    """Those that there are.

    Args:
        hub_cache: where models from the hub lie, shared with other programs.
    """
    found = [
        Place(str(folder / name), holds, _size(folder / name))
        for name, holds in WHAT.items()
        if (folder / name).exists()
    ]
    if hub_cache is not None and hub_cache.exists():
        found.append(Place(str(hub_cache), FETCHED, _size(hub_cache)))
    return found


def _size(path: Path) -> int:
    if path.is_file():
        return sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))
    files = (each for each in path.rglob("*") if each.is_file() and not each.is_symlink())
    return sum(each.stat().st_size for each in files)
