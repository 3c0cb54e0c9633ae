"""Custom widgets: `gr.HTML` factories over the scripts in `static/widgets/`.

Each widget is two files: `NAME.view.js` with `const view = value => html`, and `NAME.js` with its
behaviour; its fixed labels are `WORDS` in both (`ui.labels`). Data reaches the page only through
`${esc(...)}` in a view. Handlebars' double braces are refused: Gradio evaluates what they leave
behind as JavaScript once more, so data inside them could run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from ui.labels import LABELS, PAGE

STATIC = Path(__file__).parent / "static"


def read_static(name: str) -> str:
    """Text of a file below `static/`."""
    return (STATIC / name).read_text(encoding="utf-8")


def make_widget(
    name: str,
    value: object,
    *,
    like: str | None = None,
    parts: str = "",
    behaviour: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> Any:
    """A `gr.HTML` with this widget's view and behaviour, or those of `like`; its id is `name`.

    Args:
        parts: scripts that the view is made of.
        labels: the view's and the behaviour's `WORDS`, unless they are the widget's own alone.
    """
    kind = like or name
    words = json.dumps(LABELS.get(kind, {}) if labels is None else labels)
    shared = f"const WORDS = {words};\n" + read_static("widgets/shared.js")
    view = parts + read_static(f"widgets/{kind}.view.js")
    template = "${(() => {" + shared + view + "; return view(value ?? {}); })()}"
    if "{{" in template:
        raise ValueError(f"static/widgets/{kind}.view.js contains '{{{{': data in it could run.")
    return gr.HTML(
        value,
        elem_id=name,
        html_template=template,
        js_on_load=shared + (behaviour or read_static(f"widgets/{kind}.js")),
        apply_default_css=False,
    )


def make_page_widget(name: str) -> Any:
    """The widget of a page beside the chat (see `ui.views`)."""
    own = f"widgets/{name}.js"
    behaviour = read_static(own) if (STATIC / own).exists() else ""
    return make_widget(
        name,
        {},
        parts=read_static("widgets/page.view.js"),
        behaviour=read_static("widgets/page.js") + behaviour,
        labels={**PAGE, **LABELS.get(name, {})},
    )


def make_static(name: str, html: str) -> Any:
    """Fixed markup of our own; never data."""
    return gr.HTML(html, elem_id=name, apply_default_css=False, js_on_load=None)
