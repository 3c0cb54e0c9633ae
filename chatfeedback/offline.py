"""Switches that keep the libraries from calling home. Set them before importing any of them."""

from __future__ import annotations

import os
import re
from pathlib import Path

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(@[\w.-]+)?")  # organisation/name@revision
SWITCHES = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def go_offline(model: str | None) -> None:
    """Switch off telemetry and update checks; the hub too, unless `model` must be fetched."""
    os.environ.update(SWITCHES)
    if must_be_fetched(model):
        os.environ.setdefault("HF_HUB_OFFLINE", "0")
    else:
        os.environ["HF_HUB_OFFLINE"] = "1"


def must_be_fetched(model: str | None) -> bool:
    """True for a hub id that is not wholly on this machine."""
    if model is None or Path(model).exists() or not HUB_ID.fullmatch(model):
        return False
    stored, revision = _stored(model), split_revision(model)[1]
    is_begun = unfinished_mark(model).exists() or any(stored.glob("blobs/*.incomplete"))
    wanted = [f"refs/{revision}", f"snapshots/{revision}"] if revision else ["refs/*"]
    return is_begun or not any(any(stored.glob(each)) for each in wanted)


def split_revision(model: str) -> tuple[str, str | None]:
    """The name of a hub's model, and the revision that is pinned: "name@revision"."""
    name, _, revision = model.partition("@")
    return name, revision or None


def unfinished_mark(model: str) -> Path:
    """A file that stands while we fetch this model; it stays when that is cut short."""
    return _stored(model) / "chatfeedback.unfinished"


def hub_cache() -> Path:
    """Where the hub's models lie on this machine."""
    home = os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE", Path(home) / "hub"))


def _stored(model: str) -> Path:
    return hub_cache() / f"models--{split_revision(model)[0].replace('/', '--')}"
