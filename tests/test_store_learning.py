"""What the store remembers of learning: reward models, runs, versions and which one serves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from store_samples import (
    BASE,
    ask,
    learned,
    report,
    stage,
    start_replies,
    start_run,
    thumb,
)

from chatfeedback.cli import sweep_adapters
from chatfeedback.errors import InputRefused, NotFound
from chatfeedback.records import LearningRun
from storage.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "data")
    yield store
    store.close()


@pytest.fixture
def me(store: Store) -> int:
    return store.ensure_person("me").person_id


@pytest.fixture
def other(store: Store) -> int:
    return store.ensure_person("somebody else").person_id


def restart(store: Store) -> list[LearningRun]:
    """Another app starts on the same data: what it takes up again."""
    again = open_store(store.folder)
    taken_up = again.recover()
    again.close()
    return taken_up


# --- reward models -----------------------------------------------------------------------------


def test_a_reward_model_belongs_to_a_person_and_a_base(store: Store, me: int, other: int):
    store.save_reward(me, BASE, 3, b"model")
    assert store.load_reward(me, BASE) == (3, b"model")
    assert store.load_reward(other, BASE) is None
    assert store.load_reward(me, "another base") is None


def test_a_reward_model_that_knows_less_never_replaces_one_that_knows_more(store: Store, me: int):
    store.save_reward(me, BASE, 5, b"five events")
    store.save_reward(me, BASE, 4, b"four events, saved late")
    assert store.load_reward(me, BASE) == (5, b"five events")
    store.save_reward(me, BASE, 5, b"rebuilt")
    assert store.load_reward(me, BASE) == (5, b"rebuilt")


def test_the_newest_basis_of_a_base_is_loaded(store: Store):
    store.save_basis(BASE, b"first")
    store.save_basis(BASE, b"second")
    assert store.load_basis(BASE) == b"second"
    assert store.load_basis("another base") is None


# --- runs --------------------------------------------------------------------------------------


def test_a_run_is_listed_with_what_it_learned_from(store: Store, me: int):
    _, reply_id = ask(store, me, store.add_conversation(me, "chat"))
    ids = tuple(store.add_feedback(me, thumb(reply_id))[0] for _ in range(3))
    start_run(store, me, "run-1", ids)
    (run,) = store.runs(me)
    assert (run.run_id, run.state, run.attempts, run.clicks) == ("run-1", "running", 1, 10)
    assert (run.outcome, run.ended_at_utc, run.adapter_id) == ("", None, None)
    assert store.evidence(me, "run-1") == list(ids)


def test_the_store_opens_again_after_a_run(tmp_path: Path):
    with closing(open_store(tmp_path / "again")) as store:
        me = store.ensure_person("me").person_id
        _, reply_id = ask(store, me, store.add_conversation(me, "chat"))
        feedback_id, _ = store.add_feedback(me, thumb(reply_id))
        start_run(store, me, feedback_ids=(feedback_id,))
    with closing(open_store(tmp_path / "again")) as store:
        assert len(store.runs(me)) == 1


def test_a_run_cannot_learn_from_somebody_elses_feedback(store: Store, me: int, other: int):
    _, reply_id = ask(store, other, store.add_conversation(other, "theirs"))
    theirs, _ = store.add_feedback(other, thumb(reply_id))
    with pytest.raises(NotFound):
        start_run(store, me, "run-1", (theirs,))
    assert store.runs(me) == []
    start_run(store, me, "run-1")  # nothing of the refused one was left behind


def test_the_newest_run_is_listed_first(store: Store, me: int):
    for number in range(3):
        start_run(store, me, f"run-{number}")
    assert [run.run_id for run in store.runs(me, limit=2)] == ["run-2", "run-1"]


def test_metrics_are_one_row_a_step_even_when_the_run_diverges(store: Store, me: int):
    run_id = start_run(store, me)
    store.add_metric(me, run_id, 1, {"dpo/loss": 0.6})
    store.add_metric(me, run_id, 2, {"dpo/loss": math.nan})
    store.add_metric(me, run_id, 2, {"dpo/loss": math.inf})
    assert store.run_metrics(me, run_id) == [
        {"step": 1, "dpo/loss": 0.6},
        {"step": 2, "dpo/loss": math.inf},
    ]
    assert store.runs(me)[0].steps == 2


def test_a_run_ends_once_but_may_be_worded_again(store: Store, me: int):
    run_id = start_run(store, me)
    store.end_run(me, run_id, "stopped", "Stopped.")
    store.end_run(me, run_id, "stopped", "Stopped by you.")
    with pytest.raises(InputRefused, match="ended already"):
        store.end_run(me, run_id, "failed", "")
    with pytest.raises(InputRefused, match="ended already"):
        store.add_metric(me, run_id, 9, {})
    (run,) = store.runs(me)
    assert (run.state, run.outcome) == ("stopped", "Stopped by you.")
    assert run.ended_at_utc is not None


def test_a_run_cannot_end_as_running(store: Store, me: int):
    with pytest.raises(InputRefused, match="cannot end"):
        store.end_run(me, start_run(store, me), "running", "")


# --- recovery ----------------------------------------------------------------------------------


def test_replies_cut_off_by_the_end_of_the_app_are_interrupted(store: Store, me: int):
    chat = store.add_conversation(me, "chat")
    message_id, _ = store.add_message(me, chat, "How?", "c1")
    (reply_id,) = start_replies(store, me, message_id)
    restart(store)
    assert store.reply(me, reply_id).state == "interrupted"


def test_a_run_of_a_dead_app_is_taken_up_once_and_then_given_up(store: Store, me: int):
    start_run(store, me)
    (requeued,) = restart(store)
    assert (requeued.state, requeued.attempts) == ("queued", 2)
    store.begin_run(me, requeued.run_id)
    assert restart(store) == []
    (run,) = store.runs(me)
    assert run.state == "failed"
    assert "twice" in run.outcome


def test_a_run_that_waits_is_not_given_up_however_often_the_app_starts(store: Store, me: int):
    start_run(store, me)
    attempts = [run.attempts for _ in range(4) for run in restart(store)]
    assert attempts == [2, 2, 2, 2]


def test_a_run_whose_app_was_closed_has_not_tried(store: Store, me: int):
    run_id = start_run(store, me)
    for _ in range(3):
        again = open_store(store.folder)
        again.recover()
        again.begin_run(me, run_id)
        again.hand_over()
        again.close()
    assert [(run.state, run.attempts) for run in store.runs(me)] == [("queued", 2)]


def test_a_run_of_this_app_is_left_alone(store: Store, me: int):
    start_run(store, me)
    assert store.recover() == []
    assert store.runs(me)[0].state == "running"


def test_a_run_taken_up_again_starts_from_its_beginning(store: Store, me: int):
    run_id = start_run(store, me)
    store.add_metric(me, run_id, 7, {"dpo/loss": 0.1})
    store.add_adapter(me, run_id, BASE, learned(store.folder), None)
    again = open_store(store.folder)
    again.recover()
    assert (again.run_metrics(me, run_id), again.versions(me)) == ([], [])
    again.add_metric(me, run_id, 1, {"dpo/loss": 0.6})
    assert again.runs(me)[0].state == "running"
    version = again.add_adapter(me, run_id, BASE, learned(store.folder), None)
    again.promote_adapter(me, version.adapter_id, report())
    assert again.runs(me)[0].state == "promoted"
    again.close()


def test_ended_runs_are_not_taken_up(store: Store, me: int):
    store.promote_adapter(me, stage(store, me, "a"), report())
    store.end_run(me, start_run(store, me, "run-2"), "failed", "It broke.")
    assert restart(store) == []
    assert [run.state for run in store.runs(me)] == ["failed", "promoted"]


# --- versions ----------------------------------------------------------------------------------


def test_a_version_is_staged_until_it_is_judged(store: Store, me: int):
    run_id = start_run(store, me)
    version = store.add_adapter(me, run_id, BASE, learned(store.folder), None)
    assert (version.state, version.number, version.report) == ("staged", 1, None)
    assert version.folder == str(store.folder / "adapters" / "adapter-1")
    assert store.serving(me, BASE) is None
    assert store.runs(me)[0].adapter_id == "adapter-1"


def test_promotion_serves_it_retires_the_one_before_and_ends_its_run(store: Store, me: int):
    store.promote_adapter(me, stage(store, me, "a"), report())
    promoted = store.promote_adapter(me, stage(store, me, "b"), report())
    assert promoted.report == report()
    assert store.serving(me, BASE) == promoted
    assert [(each.number, each.state) for each in store.versions(me)] == [
        (2, "serving"),
        (1, "retired"),
    ]
    run = store.runs(me)[0]
    assert (run.state, run.outcome) == ("promoted", " ".join(report().reasons))


def test_rolling_back_keeps_the_report_and_the_run(store: Store, me: int):
    first = store.promote_adapter(me, stage(store, me, "a"), report())
    store.promote_adapter(me, stage(store, me, "b"), report())
    runs = store.runs(me)
    assert store.promote_adapter(me, first.adapter_id, None) == first
    assert store.serving(me, BASE) == first
    assert store.runs(me) == runs


def test_promoting_what_serves_changes_nothing(store: Store, me: int):
    first = store.promote_adapter(me, stage(store, me, "a"), report())
    assert store.promote_adapter(me, first.adapter_id, None) == first
    assert len(store.versions(me)) == 1


def test_rolling_back_to_the_base_retires_what_serves(store: Store, me: int):
    first = store.promote_adapter(me, stage(store, me, "a"), report())
    store.serve_base(me, BASE)
    assert store.serving(me, BASE) is None
    assert store.promote_adapter(me, first.adapter_id, None).state == "serving"


def test_a_rejected_version_never_serves(store: Store, me: int):
    serving = store.promote_adapter(me, stage(store, me, "a"), report())
    candidate = stage(store, me, "b")
    store.reject_adapter(me, candidate, report(accepted=False))
    with pytest.raises(InputRefused, match="was rejected"):
        store.promote_adapter(me, candidate, None)
    assert store.serving(me, BASE) == serving
    assert store.versions(me)[0].report == report(accepted=False)
    assert store.runs(me)[0].state == "rejected"


def test_only_a_staged_version_can_be_rejected(store: Store, me: int):
    serving = store.promote_adapter(me, stage(store, me, "a"), report())
    with pytest.raises(InputRefused, match="is serving"):
        store.reject_adapter(me, serving.adapter_id, report())
    assert store.serving(me, BASE) == serving


def test_a_version_left_unjudged_by_a_stopped_run_never_serves(store: Store, me: int):
    adapter_id = stage(store, me, "a")
    store.end_run(me, "run-a", "stopped", "Stopped by you.")
    assert store.versions(me)[0].state == "rejected"
    with pytest.raises(InputRefused):
        store.promote_adapter(me, adapter_id, report())


def test_every_base_and_every_person_has_a_serving_version_of_its_own(
    store: Store, me: int, other: int
):
    mine = store.promote_adapter(me, stage(store, me, "a"), report())
    theirs = store.promote_adapter(other, stage(store, other, "b"), report())
    start_run(store, me, "run-c")
    store.add_adapter(me, "run-c", "another base", learned(store.folder, "c"), None)
    elsewhere = store.promote_adapter(me, "c", report())
    assert store.serving(me, BASE) == mine
    assert store.serving(other, BASE) == theirs
    assert store.serving(me, "another base") == elsewhere
    assert (mine.number, theirs.number, elsewhere.number) == (1, 1, 2)


def test_versions_move_with_the_data_folder(store: Store, me: int, tmp_path: Path):
    store.promote_adapter(me, stage(store, me, "a"), report())
    store.close()
    moved = store.folder.rename(tmp_path / "moved")
    again = open_store(moved)
    serving = again.serving(me, BASE)
    again.close()
    assert serving is not None
    assert serving.folder == str(moved / "adapters" / "adapter-a")


def test_a_reply_names_a_version_of_its_own_person(store: Store, me: int, other: int):
    theirs = store.promote_adapter(other, stage(store, other, "a"), report()).adapter_id
    mine = store.promote_adapter(me, stage(store, me, "b"), report()).adapter_id
    chat = store.add_conversation(me, "chat")
    message_id, _ = store.add_message(me, chat, "How?", "c1")
    (reply_id,) = start_replies(store, me, message_id, adapter_id=mine)
    assert store.reply(me, reply_id).adapter_id == mine
    with pytest.raises(NotFound):
        start_replies(store, me, message_id, adapter_id=theirs)


def test_a_parent_is_a_version_of_the_same_person(store: Store, me: int, other: int):
    theirs = stage(store, other, "a")
    mine = stage(store, me, "b")
    start_run(store, me, "run-c")
    with pytest.raises(NotFound):
        store.add_adapter(me, "run-c", BASE, learned(store.folder, "c"), theirs)
    assert store.add_adapter(me, "run-c", BASE, learned(store.folder, "c"), mine).parent == mine


@pytest.mark.parametrize(
    "act",
    [
        lambda store, who: store.evidence(who, "run-a"),
        lambda store, who: store.add_metric(who, "run-a", 1, {}),
        lambda store, who: store.run_metrics(who, "run-a"),
        lambda store, who: store.end_run(who, "run-a", "failed", ""),
        lambda store, who: store.add_adapter(who, "run-a", BASE, learned(store.folder, "z"), None),
        lambda store, who: store.promote_adapter(who, "adapter-a", report()),
        lambda store, who: store.reject_adapter(who, "adapter-a", report()),
    ],
)
def test_somebody_elses_runs_and_versions_are_not_found(store: Store, me: int, other: int, act):
    stage(store, me, "a")
    before = store.runs(me), store.versions(me)
    with pytest.raises(NotFound):
        act(store, other)
    assert (store.runs(me), store.versions(me)) == before
    assert (store.runs(other), store.versions(other)) == ([], [])


def test_a_version_that_only_a_backup_knows_keeps_its_weights(store: Store, me: int):
    before = store.back_up()
    version = store.promote_adapter(me, stage(store, me, "a"), report())
    Path(version.folder).mkdir(parents=True)
    store.restore_backup(before.name)
    assert store.versions(me) == []
    sweep_adapters(store)
    assert Path(version.folder).is_dir()
