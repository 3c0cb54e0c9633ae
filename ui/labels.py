"""Fixed labels of the widgets, in one place: headings, buttons, and what explains them.

A widget's views and behaviour read its own as `WORDS.name` (see `ui.widgets.make_widget`), and
`fill(WORDS.name, {what})` puts facts in the place of `{what}`. Sentences with numbers, times and
beliefs in them are made in `ui.text`.
"""

from __future__ import annotations

from collections.abc import Mapping

Labels = Mapping[str, str]

PAGE: Labels = {
    "sidebar": "Sidebar",
    "loading": "Loading…",
    "table": "As a table",
    "curve": "{name}: from {first} to {last}, {means}",
}

LABELS: Mapping[str, Labels] = {}
"""Widget -> its labels. Those of a page beside the chat come on top of `PAGE`."""
