"""The keys, and the dialog that shows them."""

from __future__ import annotations

from ui.chat_words import APP, KEYS

NAMES = {"Enter", "Esc", "R", "?", "/", "+", "-", "↑", "←", "→", *"0123456789"}


def show_keys() -> str:
    """The dialog; fixed text, no data."""
    groups = "".join(
        f"<section><h3>{group}</h3><dl>"
        + "".join(f"<dt>{does}</dt><dd>{show_chord(keys)}</dd>" for does, keys in rows)
        + "</dl></section>"
        for group, rows in KEYS.items()
    )
    return (
        '<dialog id="keys" class="sheet" aria-labelledby="keys-title"><header>'
        f'<h2 id="keys-title">{APP["keys"]}</h2><button type="button" class="icon" data-close'
        f' aria-label="{APP["close"]}">✕</button></header>'
        f'<div class="key-groups">{groups}</div></dialog>'
    )


def show_chord(keys: str) -> str:
    """'Ctrl+K' as two keys; words between keys stay words."""
    parts = []
    for word in keys.split(" "):
        names = [word.rstrip(",")] if word.rstrip(",") in NAMES else word.split("+")
        is_keys = len(names) > 1 or names[0] in NAMES
        parts.append(" ".join(f"<kbd>{name}</kbd>" for name in names) if is_keys else word)
    return " ".join(parts)
