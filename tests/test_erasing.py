"""Everything is deleted for real: rows, backups, learned versions, logs; and the app goes on."""

import dataclasses

import pytest

from chatfeedback import erasing
from chatfeedback.errors import InputRefused, StorageFailed
from chatfeedback.records import FeedbackEvent
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store
from tests.fakes import FakeEngine

SECRET = "a question that nobody else shall read"
LENIENT = dataclasses.replace(
    Settings(), min_better_probability=0.0, min_not_worse_probability=0.0, learn_when_idle=False
)


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def session(store):
    session = Session(store, FakeEngine(), LENIENT, seed=0)
    session.wait_until_ready()
    yield session
    session.close()


def use_it_all(session, folder):
    """Two people, choices, a learned version, a backup and a log."""
    session.add_person("Ada")
    me = session.default_person().person_id
    for number in range(6):
        talk = session.new_conversation(me)
        shown = list(session.compare(me, talk, f"{SECRET} {number}", f"message-{number}"))[-1]
        pick = FeedbackEvent(
            f"pick-{number}", "pick", comparison_id=shown.comparison_id, outcome="first"
        )
        session.give_feedback(me, pick)
    session.learn_now(me)
    session.wait_for_learning(me, timeout_s=30)
    session.data.back_up()
    (folder / "logs").mkdir()
    (folder / "logs" / "app.log").write_text("what happened", encoding="utf-8")


def files_that_tell(folder):
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    ]


def test_nothing_that_was_said_is_left_in_any_file(session, store, tmp_path):
    use_it_all(session, tmp_path)
    made = tmp_path / "backups" / session.data.back_up().name
    made.rename(made.with_suffix(".partial"))  # the app ended before it got its name
    session.erase_everything("delete")
    session.close()
    store.close()
    assert files_that_tell(tmp_path) == []
    assert list((tmp_path / "backups").iterdir()) == []
    assert not (tmp_path / "adapters").exists()
    assert (tmp_path / "logs" / "app.log").read_bytes() == b""


def test_the_app_goes_on_like_a_new_one_that_knows_its_base_model(session, store, tmp_path):
    use_it_all(session, tmp_path)
    session.erase_everything(" Delete ")
    me = session.default_person()
    assert [each.name for each in store.people()] == ["You"]
    assert me.name == "You"
    assert session.learning_status(me.person_id).clicks == 0
    session.wait_until_ready()
    talk = session.new_conversation(me.person_id)
    assert list(session.reply(me.person_id, talk, "hello", "message-1"))[-1].phase == "done"
    assert store.complaints() == []


def test_what_is_known_of_the_base_model_is_kept(session, store, tmp_path):
    before = store.load_basis("base-1")
    session.erase_everything("delete")
    assert store.load_basis("base-1") == before is not None


def test_nothing_is_deleted_without_the_word(session, store, tmp_path):
    use_it_all(session, tmp_path)
    with pytest.raises(InputRefused, match="type “delete” to confirm; you typed 'yes'"):
        session.erase_everything("yes")
    assert session.learning_status(session.default_person().person_id).clicks == 6
    assert store.backups()


def test_a_file_that_cannot_be_deleted_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "adapters"
    folder.mkdir()

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path / "weights"))

    monkeypatch.setattr(erasing.shutil, "rmtree", refuse)
    with pytest.raises(StorageFailed, match="weights could not be deleted"):
        erasing.delete_folder(folder)
