"""Fetch one model from the hub, in a process of its own: `python -m chatfeedback.fetch NAME`.

It is the only thing here that opens a connection to another host, and it ends when its stdin
closes. It prints a JSON object a line: {"done": bytes, "total": bytes} now and then, and in the end
{"ended": ""} or {"ended": what went wrong}.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from typing import Any

from chatfeedback.engine.model_files import MODEL_FILES
from chatfeedback.offline import hub_cache, split_revision, unfinished_mark

TELL_EVERY_S = 0.2


def main(name: str) -> None:
    """Fetch it, or say why not."""
    threading.Thread(target=_end_with_the_app, daemon=True).start()
    mark = unfinished_mark(name)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    try:
        fetch(name)
    except Exception as error:
        tell({"ended": explain(name, error)})
    else:
        mark.unlink()
        tell({"ended": ""})


def fetch(name: str) -> None:
    """Into the hub's folder on this machine; what was fetched before is kept."""
    from huggingface_hub import snapshot_download

    repository, revision = split_revision(name)
    wish: dict[str, Any] = {
        "revision": revision,
        "allow_patterns": list(MODEL_FILES),
        "cache_dir": hub_cache(),
    }
    files = snapshot_download(repository, **wish, dry_run=True)
    total = sum(each.file_size or 0 for each in files)
    there = sum(each.file_size or 0 for each in files if not each.will_download)
    free = shutil.disk_usage(hub_cache()).free
    if total - there > free:
        raise DiskTooSmall(
            f"{name} needs {say_gb(total - there)} more, and {hub_cache()} has {say_gb(free)} "
            "free. Make room, or choose a smaller model."
        )
    tell({"done": there, "total": total})
    snapshot_download(repository, **wish, tqdm_class=make_bar(there, total))
    tell({"done": total, "total": total})


class DiskTooSmall(Exception):
    """There is no room for it; the message is for a person."""


def make_bar(there: int, total: int) -> Any:
    """A progress bar for the hub's library that draws nothing and tells how many bytes there are.

    Args:
        there: bytes of files that are here already.
        total: bytes of all files.
    """
    from tqdm import tqdm

    last = [0.0]

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*arguments, **options | {"file": open(os.devnull, "w")})  # noqa: SIM115

        def update(self, n: float | None = 1) -> bool | None:
            drawn: bool | None = super().update(n)
            if self.unit == "B" and time.monotonic() - last[0] >= TELL_EVERY_S:
                last[0] = time.monotonic()
                tell({"done": min(total, there + int(self.n)), "total": total})
            return drawn

    return Bar


def explain(name: str, error: Exception) -> str:
    """What went wrong, and what to do."""
    from huggingface_hub.errors import DryRunError, GatedRepoError, RepositoryNotFoundError

    if isinstance(error, DiskTooSmall):
        return str(error)
    if isinstance(error, DryRunError):  # around what happened
        error = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(error, GatedRepoError):
        return (
            f"{name} is only given to those who accepted its terms on the hub. Accept them there, "
            "put your token into the variable HF_TOKEN, and start the app again."
        )
    if isinstance(error, RepositoryNotFoundError):
        return f"The hub has no model {name} that everybody may fetch. Check the name."
    return (
        f"{name} could not be fetched: the hub cannot be reached ({type(error).__name__}). Check "
        "the network and try again; what was fetched so far is kept."
    )


def say_gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def tell(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def _end_with_the_app() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
