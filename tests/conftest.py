"""What holds for every test: no network libraries calling home, few threads, no real data."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatfeedback.offline import go_offline

# Before torch, gradio or the hub are imported by any test; child processes inherit them.
go_offline(model=None)
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test ever sees the person's own data."""
    home = tmp_path / "home"
    monkeypatch.setenv("CHATFEEDBACK_HOME", str(home))
    return home


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need a GPU are skipped, not failed, where there is none."""
    if shutil.which("nvidia-smi") is None:
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


# --- the pages in a real browser, over a fake session ------------------------------------
# Imported inside, since playwright may be missing: only the tests that ask for these need it.


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    from browsing import PATIENCE_MS, expect, open_chromium

    expect.set_options(timeout=PATIENCE_MS)
    with open_chromium() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def server() -> Iterator[object]:
    from browsing import Server
    from fake_session import FakeSession

    running = Server(FakeSession())
    yield running
    running.close()


@pytest.fixture
def session(server):
    """A fresh person: nothing said, nothing learned."""
    server.session.__init__()
    return server.session


@pytest.fixture
def visit(browser, server, session) -> Iterator[object]:
    from browsing import Visit

    visitor = Visit(browser, server)
    yield visitor
    visitor.close()


# --- the flow, where a file has a `session` of its own (tests/sessions.py) --------------------


@pytest.fixture
def engine():
    from tests.fakes import FakeEngine

    return FakeEngine()


@pytest.fixture
def me(session) -> int:
    """Who acts."""
    return session.default_person().person_id


@pytest.fixture
def chat(session, me: int) -> int:
    """An empty conversation."""
    return session.new_conversation(me)
