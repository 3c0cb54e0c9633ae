"""Questions in the flow: four answers at first, blind trials, repeats, and the card in front."""

import dataclasses

import pytest

from chatfeedback.asking.explore import Asking
from chatfeedback.errors import InputRefused
from chatfeedback.records import BLIND_TRIAL, FeedbackEvent, QuestionRule
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store
from tests.fakes import FakeEngine

BY_HAND = dataclasses.replace(Settings(), learn_when_idle=False)


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def open_session(tmp_path, engine):
    opened = []

    def make(settings=BY_HAND):
        store = open_store(tmp_path)
        session = Session(store, engine, settings, seed=0)
        session.wait_until_ready()
        opened.append((session, store))
        return session, session.default_person().person_id

    yield make
    for session, store in opened:
        session.close()
        store.close()


def ask(session, me, number, asking):
    chat = session.new_conversation(me)
    return list(session.compare(me, chat, f"question {number}", f"m{number}", asking))[-1]


def pick(session, me, shown, outcome, number=0):
    event = FeedbackEvent(
        f"c{shown.comparison_id}/{number}",
        "pick",
        comparison_id=shown.comparison_id,
        outcome=outcome,
    )
    return session.give_feedback(me, event)


def test_four_answers_are_shown_and_the_third_can_win(open_session):
    session, me = open_session()
    shown = ask(session, me, 1, Asking(4, "onboarding"))
    assert len(set(shown.reply_ids)) == len(shown.texts) == 4
    assert pick(session, me, shown, "third").clicks == 1
    conversation_id = session.queries.conversation_of(me, shown.message_id)
    [exchange] = session.queries.exchanges(me, conversation_id)
    assert exchange.shown_reply_id == shown.reply_ids[2]


def test_a_blind_trial_shows_the_bases_plain_answer_and_the_one_that_would_serve(
    open_session, engine
):
    session, me = open_session()
    session.set_taste_card(me, "Be brief.")
    session.switch_taste_card(me, True)
    ask(session, me, 1, Asking(2, BLIND_TRIAL))
    base, mine = engine.requests[-2:]
    assert (base.adapter, base.n, [turn.role for turn in base.turns]) == (None, 1, ["user"])
    assert [turn.role for turn in mine.turns] == ["system", "user"]


def test_a_blind_trial_is_counted_and_never_learned_from(open_session):
    session, me = open_session()
    before = session.beliefs(me)
    shown = ask(session, me, 1, Asking(2, BLIND_TRIAL))
    winner = "first" if shown.reply_ids[0] == max(shown.reply_ids) else "second"
    learned = pick(session, me, shown, winner)
    assert (learned.clicks, learned.moved, learned.teaches) == (0, (), "")
    assert learned.why_not == "measured"
    assert session.beliefs(me) == before
    assert session.blind_trials(me).wins == 1


def test_the_base_is_on_either_side_of_a_blind_trial(open_session):
    session, me = open_session()
    trials = [ask(session, me, number, Asking(2, BLIND_TRIAL)) for number in range(12)]
    firsts = {shown.reply_ids[0] == min(shown.reply_ids) for shown in trials}
    assert firsts == {True, False}


def test_a_pair_asked_once_more_stands_the_other_way_round_and_teaches_nothing(open_session):
    session, me = open_session()
    assert session.queries.judged_pair(me) is None
    shown = ask(session, me, 1, Asking(2, "its answer is open"))
    clicks = pick(session, me, shown, "first").clicks
    again = session.queries.judged_pair(me)
    ids = tuple(number for number, _ in again.replies)
    assert (ids, again.left) == (shown.reply_ids[::-1], 1)
    before = session.beliefs(me)
    for _ in range(2):  # a double click
        session.data.vote_again(me, again.message_id, ids, "first", "again")
    assert (session.beliefs(me), session.taste(me).clicks_heard) == (before, clicks)
    assert session.queries.judged_pair(me) is None
    conversation_id = session.queries.conversation_of(me, shown.message_id)
    [exchange] = session.queries.exchanges(me, conversation_id)
    assert exchange.shown_reply_id == shown.reply_ids[0]


def test_what_stands_in_a_deleted_chat_or_ended_in_a_tie_is_not_asked_again(open_session):
    session, me = open_session()
    tie = ask(session, me, 1, Asking(2, "its answer is open"))
    pick(session, me, tie, "tie")
    deleted = ask(session, me, 2, Asking(2, "its answer is open"))
    pick(session, me, deleted, "first")
    session.delete_conversation(me, session.queries.conversation_of(me, deleted.message_id))
    assert session.queries.judged_pair(me) is None


def test_who_contradicts_themselves_is_found_out(open_session):
    session, me = open_session()
    for number in range(5):
        pick(session, me, ask(session, me, number, Asking(2, "its answer is open")), "first")
    for number in range(5):
        again = session.queries.judged_pair(me)
        ids = tuple(each for each, _ in again.replies)
        session.data.vote_again(me, again.message_id, ids, "first", f"again-{number}")
    [fatigue] = [each for each in session.guard_report(me) if each.guard == "fatigue"]
    assert fatigue.message == (
        "Of 5 questions asked twice, 0 got the same answer: such choices say little."
    )


def test_somebody_who_wants_no_questions_is_just_answered(open_session):
    session, me = open_session()
    session.set_asking_rate(me, "never")
    for number in range(5):
        last = list(session.answer(me, session.new_conversation(me), "hi", f"m{number}"))[-1]
        assert (last.phase, last.comparison_id) == ("done", None)


def test_who_left_all_questions_open_is_asked_again_once_they_say_how_often(open_session):
    session, me = open_session()
    session.set_asking_rate(me, "often")
    for number in range(10):
        ask(session, me, number, Asking(2, "its answer is open"))
    assert {session.next_asking(me).replies for _ in range(20)} == {1}
    session.set_asking_rate(me, "often")
    assert 4 in {session.next_asking(me).replies for _ in range(20)}


def test_a_new_person_is_asked_with_four_answers(open_session):
    session, me = open_session()
    session.set_asking_rate(me, "often")
    last = list(session.answer(me, session.new_conversation(me), "hi", "m1"))[-1]
    assert len(last.reply_ids) == 4


def test_a_rate_there_is_not_is_refused(open_session):
    session, me = open_session()
    with pytest.raises(InputRefused, match="hourly"):
        session.set_asking_rate(me, "hourly")


def test_the_card_stands_in_front_of_the_conversation_only_when_switched_on(open_session, engine):
    session, me = open_session()
    session.set_taste_card(me, "Short answers, no emoji.")
    list(session.reply(me, session.new_conversation(me), "hello", "m1"))
    assert [turn.role for turn in engine.requests[-1].turns] == ["user"]
    session.switch_taste_card(me, True)
    list(session.reply(me, session.new_conversation(me), "hello", "m2"))
    first = engine.requests[-1].turns[0]
    assert (first.role, first.text) == ("system", "Short answers, no emoji.")
    session.set_taste_card(me, None)
    assert not session.taste_card(me).edited


@pytest.mark.parametrize("rule", QuestionRule)
def test_the_rule_of_asking_is_a_setting(open_session, rule):
    session, me = open_session(dataclasses.replace(BY_HAND, question_rule=rule))
    shown = ask(session, me, 1, Asking(2, "its answer is open"))
    assert shown.texts[0] != shown.texts[1]


def test_nudged_candidates_are_read_as_answers_to_the_plain_question(open_session, engine):
    session, me = open_session(dataclasses.replace(BY_HAND, nudged_candidates=2))
    shown = ask(session, me, 1, Asking(2, "its answer is open"))
    drawn, sampled, scored = engine.requests[-3:]
    assert (drawn.n, len(sampled.prompts)) == (2, 2)
    assert all(turns[0].role == "system" for turns in sampled.prompts)
    assert [turn.role for turn in scored.prompts[0]] == ["user"]
    assert shown.phase == "done"
