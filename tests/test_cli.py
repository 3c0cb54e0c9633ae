"""The commands: what they print, how they end, and who carries them out while the app runs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from chatfeedback import api, cli, commands, offline, remote
from chatfeedback.errors import DataFolderBusy, EngineUnavailable, InputRefused, NotFound
from chatfeedback.learning.objective import LearningMethod
from chatfeedback.lock import FolderLock, Running, read_running
from chatfeedback.records import FeedbackEvent
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store
from tests.fakes import FakeEngine

ROOT = Path(__file__).resolve().parents[1]
LENIENT = Settings(min_better_probability=0.0, min_not_worse_probability=0.0, learn_when_idle=False)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session on a real database and a fake engine."""
    store = open_store(tmp_path)
    session = Session(store, FakeEngine(), LENIENT, seed=0)
    session.wait_until_ready()
    yield session
    session.close()
    store.close()


def click(session: Session, number: int = 1) -> None:
    me = session.default_person().person_id
    chat = session.new_conversation(me)
    shown = list(session.compare(me, chat, f"question {number}", f"m{number}"))[-1]
    event = FeedbackEvent(f"c{number}", "pick", comparison_id=shown.comparison_id, outcome="first")
    session.give_feedback(me, event)


def client_of(session: Session) -> TestClient:
    app = FastAPI()
    app.include_router(api.router(session))
    return TestClient(app)


# --- the command line ----------------------------------------------------------------------


@pytest.mark.parametrize("argv", [[], ["--no-browser"], ["--model", "a/b"]])
def test_without_a_command_it_is_chat(argv: list[str]) -> None:
    assert cli.parse(argv).act is cli.chat


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["--help"], ["chat", "-h"], ["learn", "-h"], ["rollback", "-h"], ["doctor", "-h"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(argv)
        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith("usage: python launch.py")


@pytest.mark.parametrize("argv", [["dance"], ["--dance"], ["chat", "--port", "x"]])
def test_wrong_usage_ends_with_code_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(argv)
    assert ended.value.code == 2


def test_the_data_folder_is_the_chosen_one_then_the_environments(
    tmp_path: Path, data_home: Path
) -> None:
    assert cli.data_folder(tmp_path / "chosen") == tmp_path / "chosen"
    assert cli.data_folder(None) == data_home


def test_a_data_folder_that_cannot_be_made_is_one_plain_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert cli.main(["versions", "--data", str(tmp_path / "file" / "data")]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "Choose another one with --data" in told


def test_a_taken_port_is_refused_when_it_was_asked_for() -> None:
    with cli.listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputRefused, match=f"Port {port} cannot be used"):
            cli.listen(port)


def test_without_a_port_asked_for_another_free_one_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with cli.listen(0) as usual:
        monkeypatch.setattr(cli, "PORT", usual.getsockname()[1])
        with cli.listen(None) as other:
            assert other.getsockname() != usual.getsockname()


def test_an_unknown_benchmark_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["bench", "nothing"]) == 1
    assert "There are: " in capsys.readouterr().err


# --- offline -------------------------------------------------------------------------------


def test_the_hub_is_asked_only_for_a_model_that_is_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert not offline.must_be_fetched(None)
    assert not offline.must_be_fetched(str(tmp_path))
    assert not offline.must_be_fetched("/no/such/folder")
    assert offline.must_be_fetched("someone/model")
    (tmp_path / "models--someone--model" / "refs").mkdir(parents=True)
    (tmp_path / "models--someone--model" / "refs" / "main").touch()
    assert not offline.must_be_fetched("someone/model")


def test_a_pinned_revision_is_fetched_when_only_another_one_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for there in ("refs/main", "refs/v2", "snapshots/0a1b"):
        (tmp_path / "models--someone--model" / there).mkdir(parents=True)
    assert not any(map(offline.must_be_fetched, ["someone/model@v2", "someone/model@0a1b"]))
    assert offline.must_be_fetched("someone/model@v3")


def test_a_half_fetched_model_is_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for name in ("refs/main", "blobs/abc.incomplete"):
        path = tmp_path / "models--someone--model" / name
        path.parent.mkdir(parents=True)
        path.touch()
    assert offline.must_be_fetched("someone/model")


# --- learn, versions, rollback -------------------------------------------------------------


def test_learn_reports_until_the_run_has_ended(session: Session) -> None:
    click(session)
    *progress, last = commands.learn(session)
    assert {status["phase"] for status in progress} <= {
        "waiting",
        "collecting",
        "learning",
        "checking",
    }
    assert last["phase"] == "ended"
    assert last["state"] == "promoted"


def test_learn_by_a_method_that_was_asked_for(session: Session) -> None:
    click(session)
    list(commands.learn(session, "kto"))
    [run] = session.queries.runs(session.default_person().person_id)
    assert run.method == "kto"


def test_learn_refuses_what_the_clicks_do_not_hold(session: Session) -> None:
    click(session)
    with pytest.raises(InputRefused, match="Rewrite an answer first"):
        next(commands.learn(session, "sft"))
    with pytest.raises(InputRefused, match=r"'magic'\. Choose one of: auto, dpo, kto, ppo"):
        next(commands.learn(session, "magic"))


def test_the_app_is_told_the_method(session: Session) -> None:
    click(session)
    client = client_of(session)
    assert client.post("/api/v1/learn", json={"method": "kto"}).status_code == 200
    refused = client.post("/api/v1/learn", json={"method": "sft"})
    assert refused.status_code == 422
    assert "Rewrite an answer first" in refused.json()["detail"]


def test_the_command_line_offers_every_method_there_is() -> None:
    assert get_args(LearningMethod) == cli.LEARNING_METHODS
    assert cli.parse(["learn", "--method", "rloo"]).method == "rloo"


def test_learn_without_any_click_is_refused(session: Session) -> None:
    with pytest.raises(InputRefused, match="nothing to learn from"):
        next(commands.learn(session))


def test_learn_without_a_usable_model_is_refused_with_the_reason(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.phase = "failed"
    store = open_store(tmp_path)
    session = Session(store, engine, LENIENT)
    with pytest.raises(EngineUnavailable):
        next(commands.learn(session))
    session.close()
    store.close()


def test_rollback_serves_what_served_before(session: Session) -> None:
    for number in (1, 2):
        click(session, number)
        list(commands.learn(session))
    assert commands.roll_back(session, None) == "Version 1 serves now."
    assert commands.roll_back(session, None) == "The base model serves now."
    with pytest.raises(InputRefused, match="nothing to roll back"):
        commands.roll_back(session, None)


def test_rollback_takes_a_number_or_base_and_names_what_there_is(session: Session) -> None:
    click(session)
    list(commands.learn(session))
    assert commands.roll_back(session, "base") == "The base model serves now."
    assert commands.roll_back(session, "1") == "Version 1 serves now."
    with pytest.raises(NotFound, match="Known: 1, and base"):
        commands.roll_back(session, "7")


def test_versions_are_listed_newest_first_with_the_reason(session: Session) -> None:
    for number in (1, 2):
        click(session, number)
        list(commands.learn(session))
    table = commands.as_table(commands.list_versions(session.queries)).splitlines()
    assert [line.split()[:2] for line in table[1:]] == [["2", "serving"], ["1", "retired"]]


def test_versions_of_several_people_say_whose_they_are(session: Session) -> None:
    click(session)
    list(commands.learn(session))
    session.add_person("Ada")
    click(session)
    list(commands.learn(session))
    header, *rows = commands.as_table(commands.list_versions(session.queries)).splitlines()
    at = header.index("whose")
    assert [line[at:].split()[0] for line in rows] == ["You", "Ada"]


def test_versions_without_any_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["versions"]) == 0
    assert capsys.readouterr().out.startswith("No versions yet")
    assert cli.main(["versions", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


# --- the running app's routes --------------------------------------------------------------


def test_the_app_learns_on_a_commands_behalf(session: Session) -> None:
    click(session)
    lines = client_of(session).post("/api/v1/learn", json={}).text.splitlines()
    assert json.loads(lines[-1])["state"] == "promoted"


def test_the_app_answers_with_the_same_words_as_the_command(session: Session) -> None:
    client = client_of(session)
    learn, rollback = client.post("/api/v1/learn"), client.post("/api/v1/rollback", json={})
    assert learn.status_code == rollback.status_code == 422
    assert "nothing to learn from" in learn.json()["detail"]
    assert "nothing to roll back" in rollback.json()["detail"]
    missing = client.post("/api/v1/rollback", json={"version": "7"})
    assert missing.status_code == 404
    assert "There is no version '7'" in missing.json()["detail"]


def test_the_app_refuses_what_it_does_not_know(session: Session) -> None:
    body = {"version": "1", "person_id": 2}
    assert client_of(session).post("/api/v1/rollback", json=body).status_code == 422


def test_the_app_lists_versions_and_checks_them(session: Session) -> None:
    client = client_of(session)
    assert client.get("/api/v1/versions").json() == []
    assert all(check["ok"] for check in client.get("/api/v1/doctor").json())


def test_a_command_that_finds_another_command_at_work_says_so(
    data_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FolderLock.acquire(cli.data_folder(None)):
        assert cli.main(["versions"]) == 1
        assert cli.main(["chat", "--no-browser"]) == 1
    assert capsys.readouterr().err.count("Another command is using") == 2


def test_an_app_that_does_not_answer_is_one_plain_line() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(DataFolderBusy, match="does not answer"):
            remote.versions(Running(1, port, f"http://127.0.0.1:{port}/", "token"))


# --- the whole app -------------------------------------------------------------------------


@pytest.fixture
def app(data_home: Path) -> Iterator[subprocess.Popen[str]]:
    """The real app, with a model that is not there: it opens all the same."""
    options = ["--no-browser", "--port", "0", "--model", "/no/such"]
    process = subprocess.Popen(
        [sys.executable, "-m", "chatfeedback.cli", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "Starting chatfeedback…\n"
    assert "chatfeedback is at http://127.0.0.1:" in process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_app_shows_the_running_ones_page_and_commands_are_carried_out_by_it(
    app: subprocess.Popen[str], data_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["chat", "--no-browser"]) == 0
    running = read_running(data_home)
    assert running is not None
    told = capsys.readouterr().out
    assert f"runs already (process {app.pid}) at {running.url}" in told
    link = told.split()[-1]
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    assert "chatfeedback" in browser.open(link, timeout=60).read().decode()
    assert cli.main(["versions"]) == 0
    assert cli.main(["rollback"]) == 1
    assert cli.main(["learn"]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("No versions yet")
    assert "nothing to roll back" in told.err


@pytest.mark.skipif(os.name == "nt", reason="no POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_app_ends_cleanly_when_told_to(
    app: subprocess.Popen[str], data_home: Path, number: signal.Signals
) -> None:
    app.send_signal(number)
    assert app.wait(timeout=30) == 0
    assert app.stdout is not None
    assert app.stdout.read().endswith("Closed.\n")
    with FolderLock.acquire(data_home):
        assert not list(data_home.glob("*-wal"))  # the database is one tidy file
