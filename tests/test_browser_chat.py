"""The chat's gestures in a real browser, beyond the story that test_browser.py tells."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from browsing import PATIENCE_MS, Server, Visit, answers, expect, open_chromium, press, send
from fake_session import FakeSession

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    expect.set_options(timeout=PATIENCE_MS)
    with open_chromium() as chromium:
        yield chromium


class LateGoodbye:
    """The app on a bad day: that a stream has ended reaches the page only after its next message
    was accepted, so that the page waits for the answer on a stream that is closed already."""

    def __init__(self, app) -> None:
        self._app = app
        self._is_accepted = False
        self._says_goodbye = asyncio.Event()

    async def __call__(self, scope, receive, send) -> None:
        if self._is_accepted:  # whatever comes next shows that the page knows
            self._says_goodbye.set()

        async def send_late(message) -> None:
            if b"close_stream" in message.get("body", b""):
                self._is_accepted = False
                self._says_goodbye.clear()
                await self._says_goodbye.wait()
            await send(message)
            if scope.get("path", "").endswith("/queue/join"):
                self._is_accepted = True

        await self._app(scope, receive, send_late)


def test_no_click_and_no_message_is_lost_when_a_stream_closes_at_the_wrong_moment(browser):
    server = Server(FakeSession(), around=LateGoodbye)
    visit = Visit(browser, server)
    page = visit()
    send(page, "hello")
    press(page, "Like")
    expect(page.locator(".note")).to_contain_text("Learned from a thumb")
    send(page, "and again")
    expect(answers(page)).to_have_count(2)
    visit.close()
    server.close()
