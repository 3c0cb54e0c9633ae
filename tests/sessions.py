"""A real session on a real database, with a fake engine, for tests of the flow."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store
from tests.fakes import FakeEngine

BY_HAND = dataclasses.replace(Settings(), learn_when_idle=False)


@contextmanager
def running(folder: Path, engine: FakeEngine, settings: Settings = BY_HAND) -> Iterator[Session]:
    """A session that is ready, over the data in this folder."""
    with (
        closing(open_store(folder)) as store,
        closing(Session(store, engine, settings, seed=0)) as session,
    ):
        session.wait_until_ready()
        yield session
