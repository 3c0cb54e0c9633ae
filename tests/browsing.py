"""Driving the pages with a real browser: a server in a thread, watched pages, gestures."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
Page = sync_api.Page

PATIENCE_MS = 60_000  # for a machine that is busy with other things; nothing waits without need
SECRET = "the secret of this test run"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@contextmanager
def open_chromium() -> Iterator[object]:
    """A headless browser; without one the test is skipped, in CI it fails."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"There is no browser; install one of {', '.join(PROGRAMS)}.")
        pytest.skip(f"needs one of {', '.join(PROGRAMS)}")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        yield chromium
        chromium.close()


class Server:
    """The app on a free port, in a thread, over a given session."""

    def __init__(self, session, around=lambda app: app) -> None:
        import uvicorn

        from ui.app import build_app

        self.session = session
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        app = around(build_app(self.session, host="127.0.0.1", port=self.port, token=SECRET))
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()


class Visit:
    """Opens pages that are watched for script errors and foreign requests."""

    def __init__(self, browser, server: Server) -> None:
        self._browser, self._server = browser, server
        self._contexts: list[object] = []
        self.errors: list[str] = []
        self.foreign: list[str] = []

    def __call__(self, path: str = "", *, width: int = 1280, dark: bool = False) -> Page:
        from ui.gate import make_launch_url

        context = self._browser.new_context(
            viewport={"width": width, "height": 844},
            color_scheme="dark" if dark else "light",
            permissions=["clipboard-read", "clipboard-write"],
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._watch)
        page.goto(make_launch_url("127.0.0.1", self._server.port, SECRET))
        if path:
            page.goto(self._server.url + path)
        expect(page.locator("#message textarea")).to_be_enabled(timeout=PATIENCE_MS)
        return page

    def _watch(self, request) -> None:
        if not request.url.startswith((self._server.url, "data:", "blob:")):
            self.foreign.append(request.url)

    def close(self) -> None:
        for context in self._contexts:
            context.close()  # type: ignore[attr-defined]
        assert self.errors == []
        assert self.foreign == []


def composer(page: Page):
    return page.get_by_role("textbox", name="Message", exact=True)


def send(page: Page, message: str) -> None:
    """Send, and wait for the end of the answer."""
    before = page.locator("#transcript .exchange").count()
    composer(page).fill(message)
    composer(page).press("Enter")
    expect(page.locator("#transcript .exchange")).to_have_count(before + 1)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_hidden()


def answers(page: Page):
    return page.locator("#transcript .answer .md")


def press(page: Page, name: str, **options: object) -> None:
    page.get_by_role("button", name=name, exact=True, **options).last.click()
