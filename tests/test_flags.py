"""The benchmark of flags: what it counts, and what the simulated person does."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.bench_flags import BEST_OF, ROUNDS, Cell, choose_served, flag_replies, summarise
from chatfeedback.errors import ChatFeedbackError
from chatfeedback.learning.retention import Question
from chatfeedback.rules.flags import Behaviour
from chatfeedback.rules.principles import Rules
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store
from tests.fakes import FakeEngine


def cell(version: int, lane: str, shown: float, outcome: str = "") -> Cell:
    return Cell(version, lane, 600, shown, 0.5, 1.0, 1.0, 0.0, 1.0, 1.0, outcome)


def test_a_fall_is_a_share_of_what_the_base_shows_and_the_worst_later_version_counts():
    shown = (0.02, 0.03, 0.01)
    later = [cell(version, "adapter", each) for version, each in enumerate(shown, 1)]
    figures = summarise([cell(0, "base", 0.1), *later])
    assert figures["adapter_fall_first"] == pytest.approx(0.8)
    assert figures["adapter_fall_least_later"] == pytest.approx(0.7)


def test_versions_that_the_gate_turned_down_are_told_apart():
    """What is judged after them is an earlier version, so no fall of theirs is known."""
    outcomes = ("promoted", "rejected", "promoted")
    later = [cell(at, "adapter", 0.0, outcome) for at, outcome in enumerate(outcomes, 1)]
    figures = summarise([cell(0, "base", 0.1), *later])
    assert (figures["versions"], figures["promoted"]) == (3, 2)


@pytest.fixture
def session(tmp_path):
    store = open_store(tmp_path)
    settings = dataclasses.replace(Settings(), learn_when_idle=False)
    session = Session(store, FakeEngine(), settings, seed=0)
    session.wait_until_ready()
    yield session
    session.close()
    store.close()


def asked(count: int) -> list[Question]:
    return [Question(f"item {n}", "other", f"question {n}", None) for n in range(count)]


def test_the_first_five_replies_with_the_wording_are_flagged(session):
    me = session.default_person().person_id
    flag_replies(session, me, asked(60), Behaviour("one might", 5))
    flags = session.queries.feedback(me)
    assert [each.event.flag for each in flags] == ["biased"] * 5


def test_a_wording_too_rare_to_be_flagged_is_an_error_that_names_it(session):
    me = session.default_person().person_id
    with pytest.raises(ChatFeedbackError, match="Only 0 of 8 replies said “heigh-ho”"):
        flag_replies(session, me, asked(8), Behaviour("heigh-ho", 5))


def test_what_is_served_is_the_sessions_own_choice_of_eight_samples(session):
    me = session.default_person().person_id
    engine = FakeEngine()
    drawn = [[engine._reply(at, "hello", None) for at in range(2 * BEST_OF)]]
    rules = Rules((Behaviour("one might", 5).check, Behaviour("goes on", 5).check))
    [served] = choose_served(session.taste(me), asked(1), drawn, rules)
    assert len(served) == ROUNDS
    assert all(rules.allow(reply.text) for reply in served)
