"""Fetching a model from the hub: a hub of our own on this machine, and the real library."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chatfeedback.downloads import Download, Downloads
from chatfeedback.errors import InputRefused
from chatfeedback.models import STARTER
from chatfeedback.offline import must_be_fetched
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store
from tests.fakes import FakeEngine

COMMIT = "a" * 40
PATIENCE_S = 60


class Hub(ThreadingHTTPServer):
    """Serves one model, some/model; its weights wait half-way while the gate is closed."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.files = files
        self.gate = threading.Event()
        self.gate.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None: ...

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        if path.startswith(("/api/models/some/model/revision/", "/api/models/some/model/tree/")):
            self._send(json.dumps(self._facts(path)).encode(), with_body=with_body)
        elif path.startswith(f"/some/model/resolve/{COMMIT}/"):
            name = path.rpartition("/")[2]
            is_held = with_body and name.endswith(".safetensors")
            self._send(self.server.files[name], with_body=with_body, is_held=is_held)
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _facts(self, path: str) -> object:
        if "/tree/" in path:
            return [
                {"type": "file", "path": name, "size": len(data), "oid": _hash(data)}
                for name, data in self.server.files.items()
            ]
        return {"id": "some/model", "sha": COMMIT, "siblings": []}

    def _send(self, data: bytes, *, with_body: bool, is_held: bool = False) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{_hash(data)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if with_body:
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            if is_held:
                self.server.gate.wait(PATIENCE_S)
            self.wfile.write(data[len(data) // 2 :])


def _hash(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    files = {each.name: each.read_bytes() for each in STARTER.iterdir() if each.is_file()}
    hub = Hub(files | {"huge.bin": b"not wanted"})
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    yield hub
    hub.gate.set()
    hub.shutdown()
    hub.server_close()


def wait_for(downloads: Downloads, is_so) -> Download:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        state = downloads.state()
        if state is not None and is_so(state):
            return state
        time.sleep(0.05)
    raise AssertionError(downloads.state())


def fetch(name: str) -> tuple[Download, list[str]]:
    downloads, done = Downloads(), []
    downloads.start(name, lambda: done.append(name))
    return wait_for(downloads, lambda state: state.has_ended), done


def test_a_model_is_fetched_and_is_whole(hub):
    assert must_be_fetched("some/model")
    state, done = fetch("some/model")
    assert (state.trouble, done) == ("", ["some/model"])
    wanted = [data for name, data in hub.files.items() if name != "huge.bin"]
    assert state.done == state.total == sum(map(len, wanted))
    assert not must_be_fetched("some/model")


def test_it_is_told_how_far_it_is_and_can_be_cancelled(hub):
    hub.gate.clear()
    downloads, done = Downloads(), []
    downloads.start("some/model", lambda: done.append("here"))
    state = wait_for(downloads, lambda state: state.total > 0)
    assert 0 <= state.done < state.total
    with pytest.raises(InputRefused, match="some/model is being fetched"):
        downloads.start("another/model", lambda: None)
    downloads.cancel()
    state = wait_for(downloads, lambda state: state.has_ended)
    assert state.trouble.startswith("Cancelled")
    assert done == []
    assert must_be_fetched("some/model")


def test_a_name_that_the_hub_does_not_know_is_said_so(hub):
    state, done = fetch("nobody/knows")
    assert state.trouble.startswith("The hub has no model nobody/knows")
    assert done == []


def test_without_a_network_the_sentence_says_what_to_do(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    state, _ = fetch("some/model")
    assert "the hub cannot be reached" in state.trouble
    assert "Check the network and try again" in state.trouble


def test_a_disk_that_is_too_small_is_refused_before_anything_is_fetched(hub):
    from chatfeedback.fetch import DiskTooSmall, explain

    said = explain("some/model", DiskTooSmall("some/model needs 15.0 GB more"))
    assert said == "some/model needs 15.0 GB more"


def test_a_model_that_was_fetched_is_the_one_of_the_next_start(hub, tmp_path):
    store = open_store(tmp_path / "data")
    session = Session(store, FakeEngine(), Settings(), seed=0)
    session.default_person()
    assert not session.choose_model("some/model", "nf4")
    wait_for(session._downloads, lambda state: state.has_ended)
    assert session.download().trouble == ""
    assert session.chosen_model() == ("some/model", "nf4")
    assert session.choose_model("", "none")
    session.close()
    store.close()
    shutil.rmtree(tmp_path / "hub")
