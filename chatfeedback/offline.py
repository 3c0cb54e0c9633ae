"""Switches that keep the libraries from calling home. Set them before importing any of them."""

from __future__ import annotations

import os
import re
from pathlib import Path

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
    if model is None or Path(model).exists() or not re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        return False
    home = os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE", Path(home) / "hub"))
    stored = cache / f"models--{model.replace('/', '--')}"
    return not any(stored.glob("refs/*")) or any(stored.glob("blobs/*.incomplete"))
