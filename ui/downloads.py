"""A model on its way from the hub: how far it is, for the settings page and its bar."""

from __future__ import annotations

from typing import Any

from chatfeedback.downloads import Download
from ui import text


def show_download(download: Download | None) -> dict[str, Any] | None:
    """The bar and what stands beside it; None when nothing was ever fetched."""
    if download is None:
        return None
    return {
        "says": text.say_download(download),
        "percent": round(100 * download.done / download.total) if download.total else 0,
        "is_running": not download.has_ended,
        "is_known": download.total > 0,
    }
