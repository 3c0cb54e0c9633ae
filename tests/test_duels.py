"""Comparing two versions blind, and switching between people."""

import dataclasses

import pytest

from chatfeedback.errors import EngineDied, InputRefused, NotFound
from chatfeedback.records import FeedbackEvent
from chatfeedback.settings import Settings
from tests.fakes import ANSWERS
from tests.sessions import running

LENIENT = dataclasses.replace(
    Settings(), min_better_probability=0.0, min_not_worse_probability=0.0, learn_when_idle=False
)


@pytest.fixture
def session(tmp_path, engine):
    with running(tmp_path, engine, LENIENT) as session:
        yield session


@pytest.fixture
def version(session):
    """The id of a version that serves."""
    me = session.default_person().person_id
    shown = list(session.compare(me, session.new_conversation(me), "question", "m1"))[-1]
    session.give_feedback(
        me, FeedbackEvent("c1", "pick", comparison_id=shown.comparison_id, outcome="first")
    )
    session.learn_now(me)
    session.wait_for_learning(me, timeout_s=30)
    return session.queries.versions(me)[0].adapter_id


def vote(session, me, duel, winner):
    """Choose the reply that this version wrote."""
    writers = [each.adapter_id for each in session.queries.replies(me, duel.reply_ids)]
    outcome = ("first", "second")[writers.index(winner)]
    event = FeedbackEvent(
        f"vote-{duel.comparison_id}", "pick", comparison_id=duel.comparison_id, outcome=outcome
    )
    return session.give_feedback(me, event)


def test_both_versions_answer_and_votes_raise_the_one_preferred(session, version):
    me = session.default_person().person_id
    orders = set()
    for number in range(6):
        duel = session.compare_versions(me, f"q {number}", (version, None), f"duel-{number}")
        assert session.open_duel(me) == duel
        replies = session.queries.replies(me, duel.reply_ids)
        orders.add(tuple(each.adapter_id for each in replies))
        assert {each.text for each in replies if each.adapter_id} == {ANSWERS[0]}
        assert vote(session, me, duel, version).teaches == "a choice"
    assert session.open_duel(me) is None
    assert len(orders) == 2  # the side tells nothing
    rating = session.version_ratings(me)[version]
    assert rating.elo > 1100
    assert rating.duels == 6


def test_questions_stand_in_one_conversation_and_do_not_hear_each_other(session, engine, version):
    me = session.default_person().person_id
    before = len(session.queries.conversations(me))
    for number in range(2):
        duel = session.compare_versions(me, f"q {number}", (version, None), f"duel-{number}")
        vote(session, me, duel, None)
    assert len(session.queries.conversations(me)) == before + 1
    assert [turn.text for turn in engine.requests[-1].turns] == ["q 1"]


def test_what_cannot_be_compared_is_refused(session, version):
    me = session.default_person().person_id
    with pytest.raises(InputRefused, match="itself"):
        session.compare_versions(me, "q", (version, version), "duel-0001")
    with pytest.raises(InputRefused, match="no question"):
        session.compare_versions(me, "  ", (version, None), "duel-0002")
    with pytest.raises(NotFound, match="'v9'"):
        session.compare_versions(me, "q", ("v9", None), "duel-0003")


def test_a_dead_engine_leaves_no_open_question(session, engine, version):
    me = session.default_person().person_id
    engine.die_next = True
    with pytest.raises(EngineDied):
        session.compare_versions(me, "q", (version, None), "duel-0001")
    assert session.open_duel(me) is None


def test_another_person_has_conversations_clicks_and_versions_of_their_own(session, version):
    me = session.default_person()
    ada = session.add_person(" Ada ")
    assert session.default_person() == ada
    assert ada.name == "Ada"
    assert session.queries.conversations(ada.person_id) == []
    assert session.queries.versions(ada.person_id) == []
    assert session.learning_status(ada.person_id).clicks == 0
    assert session.switch_person(me.person_id) == session.default_person() == me
    assert session.queries.versions(me.person_id)[0].adapter_id == version


def test_a_name_is_given_once_and_is_not_empty(session):
    with pytest.raises(InputRefused, match="this one has 0"):
        session.add_person("   ")
    session.add_person("Ada")
    with pytest.raises(InputRefused, match="'ada' already"):
        session.add_person("ada")
    with pytest.raises(NotFound, match="99"):
        session.switch_person(99)
