"""A page beside the chat: one widget that is drawn from the session, and what can be done on it.

A page is a module with `VIEW`; `ui.page.VIEWS` lists them, and only what is listed there has a
link. Its address is `#name`; its widget is `static/widgets/NAME.view.js` (what it looks like) on
top of `static/widgets/page.js` (how it behaves), with `NAME.js` for what is its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chatfeedback.errors import InputRefused
from chatfeedback.session import Session

Shown = dict[str, Any]
Gesture = Mapping[str, Any]
Act = Callable[[Session, int, Gesture], str | None]
"""Does what was asked, for this person; returns the sentence that says so, if one is needed."""

_answers = itertools.count(1)


@dataclass(frozen=True)
class View:
    """One page.

    Args:
        name: in its address and of its widget.
        label: of its link.
        icon: svg paths in a 24 x 24 box.
        show: (session, person, what is looked at) -> the widget's value. What is looked at
            (filters, an opened version) is the browser's own: it comes with every gesture.
        acts: what `data-do="..."` in the widget does.
    """

    name: str
    label: str
    icon: str
    show: Callable[[Session, int, Gesture], Shown]
    acts: Mapping[str, Act] = field(default_factory=dict)

    def draw(self, session: Session, person_id: int, gesture: Gesture) -> Shown:
        """The widget's value now. Each one differs, so that each one is drawn."""
        see = gesture.get("see")
        shown = self.show(session, person_id, see if isinstance(see, Mapping) else {})
        return shown | {"drawn": next(_answers)}

    def do(self, session: Session, person_id: int, gesture: Gesture) -> str | None:
        """Carry out a gesture; "look" only looks."""
        asked = str(gesture.get("act", ""))
        if asked == "look":
            return None
        if asked not in self.acts:
            raise InputRefused(f"This page cannot {asked[:40]!r}. Reload it and try again.")
        return self.acts[asked](session, person_id, gesture)


def show_link(view: View) -> str:
    """Its link in the sidebar."""
    return (
        f'<a href="#{view.name}"><svg viewBox="0 0 24 24" width="17" height="17" fill="none"'
        ' stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"'
        f' aria-hidden="true">{view.icon}</svg>{view.label}</a>'
    )
