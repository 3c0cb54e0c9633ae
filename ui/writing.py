"""Which tab is having a reply written, so that another gesture of that tab can end it.

Gradio cancels an event only after the gesture that cancels it has been answered; a late frame of
the old reply would then be drawn over the new page. Here the reply is over before the answer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 1.0  # a reply that is being chosen among several cannot be interrupted at once


class Reply:
    """One reply being written. `is_stopped`: end it and show it. `is_left`: end it unseen."""

    def __init__(self) -> None:
        self.is_stopped = False
        self.is_left = False
        self._ended = threading.Event()

    @property
    def is_wanted(self) -> bool:
        """True while it should go on."""
        return not (self.is_stopped or self.is_left)

    def end(self) -> None:
        """Nothing more comes of it."""
        self._ended.set()

    def wait(self) -> bool:
        """True once nothing more comes; False when it takes too long."""
        return self._ended.wait(PATIENCE_S)


class OpenReplies:
    """The replies being written now, by tab. Thread-safe; holds nothing once they are over."""

    def __init__(self) -> None:
        self._by_tab: dict[str, Reply] = {}
        self._lock = threading.Lock()

    @contextmanager
    def write(self, tab: str) -> Iterator[Reply | None]:
        """A new reply for this tab; None while another one is still wanted there."""
        with self._lock:
            current = self._by_tab.get(tab)
            is_free = current is None or not current.is_wanted
            reply = Reply()
            if is_free:
                self._by_tab[tab] = reply
        if not is_free:
            yield None
            return
        try:
            yield reply
        finally:
            reply.end()
            with self._lock:
                if self._by_tab.get(tab) is reply:
                    del self._by_tab[tab]

    def stop(self, tab: str) -> bool:
        """End the tab's reply, which then shows what it has; False if that takes longer."""
        reply = self._by_tab.get(tab)
        if reply is None:
            return True
        reply.is_stopped = True
        return reply.wait()

    def leave(self, tab: str) -> None:
        """End the tab's reply without showing anything more of it. Its text is kept."""
        reply = self._by_tab.get(tab)
        if reply is not None:
            reply.is_left = True
            reply.wait()
