"""The keys, and the dialog that shows them."""

from __future__ import annotations

KEYS = {
    "Writing": (
        ("Send", "Enter"),
        ("New line", "Shift+Enter"),
        ("Edit your last message", "↑ in an empty box"),
        ("Stop the answer; leave the box", "Esc"),
        ("To the message box", "/"),
    ),
    "Answers": (
        ("Like, dislike the last answer", "+ -"),
        ("Previous, next answer", "← →"),
        ("Another answer", "Ctrl+Enter"),
        ("Copy the last answer", "Ctrl+Shift+C"),
    ),
    "Two or more answers": (
        ("A, B, C, D is best", "1 2 3 4"),
        ("Tie", "0"),
        ("All are bad", "9"),
        ("Put them in order", "R, then 1 2 3 4"),
    ),
    "Everywhere": (
        ("Search everything", "Ctrl+K"),
        ("New chat", "Ctrl+Shift+O"),
        ("Sidebar", "Ctrl+Shift+S"),
        ("These keys", "?"),
    ),
}
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
        '<h2 id="keys-title">Keys</h2><button type="button" class="icon" data-close'
        f' aria-label="Close">✕</button></header><div class="key-groups">{groups}</div></dialog>'
    )


def show_chord(keys: str) -> str:
    """'Ctrl+K' as two keys; words between keys stay words."""
    parts = []
    for word in keys.split(" "):
        names = [word.rstrip(",")] if word.rstrip(",") in NAMES else word.split("+")
        is_keys = len(names) > 1 or names[0] in NAMES
        parts.append(" ".join(f"<kbd>{name}</kbd>" for name in names) if is_keys else word)
    return " ".join(parts)
