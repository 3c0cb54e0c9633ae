"""The flow through the session, on a real database and a fake engine."""

import dataclasses

import pytest

from chatfeedback.errors import InputRefused, NotFound
from chatfeedback.records import FeedbackEvent
from chatfeedback.session import Session
from storage.store import open_store
from tests.sessions import BY_HAND, running


@pytest.fixture
def session(tmp_path, engine):
    with running(tmp_path, engine) as session:
        yield session


def compare_and_pick(session, me, chat, number, outcome="first"):
    shown = list(session.compare(me, chat, f"question {number}", f"m{number}"))[-1]
    event = FeedbackEvent(f"c{number}", "pick", comparison_id=shown.comparison_id, outcome=outcome)
    return shown, session.give_feedback(me, event)


def test_a_reply_is_stored_and_becomes_part_of_the_conversation(session, me, chat):
    last = list(session.reply(me, chat, "hello", "m1"))[-1]
    [exchange] = session.queries.exchanges(me, chat)
    assert last.phase == "done"
    assert session.queries.reply(me, exchange.shown_reply_id).text == last.texts[0]


def test_the_reply_row_exists_before_the_first_text_is_shown(session, me, chat):
    stream = session.reply(me, chat, "hello", "m1")
    first = next(stream)
    assert session.queries.reply(me, first.reply_ids[0]).state == "streaming"
    stream.close()


def test_a_closed_stream_keeps_the_text_so_far(session, me, chat):
    stream = session.reply(me, chat, "hello", "m1")
    next(stream)
    shown = next(stream).texts[0]
    stream.close()
    [exchange] = session.queries.exchanges(me, chat)
    reply = session.queries.reply(me, exchange.shown_reply_id)
    assert (reply.state, reply.text) == ("interrupted", shown)


def test_an_empty_message_is_refused_and_leaves_nothing(session, me, chat):
    with pytest.raises(InputRefused, match="empty"):
        list(session.reply(me, chat, " \n ", "m1"))
    assert session.queries.exchanges(me, chat) == []


def test_the_same_client_id_is_answered_once(session, me, chat):
    list(session.reply(me, chat, "hello", "m1"))
    assert list(session.reply(me, chat, "hello", "m1")) == []


def test_history_goes_to_the_engine_with_the_sampled_ids(session, engine, me, chat):
    list(session.reply(me, chat, "hello", "m1"))
    list(session.reply(me, chat, "and then?", "m2"))
    turns = engine.requests[-1].turns
    assert [turn.role for turn in turns] == ["user", "assistant", "user"]
    assert turns[1].token_ids == session.queries.reply(me, 1).token_ids


def test_regenerating_adds_a_sibling_and_shows_it(session, me, chat):
    first = list(session.reply(me, chat, "hello", "m1"))[-1]
    again = list(session.regenerate(me, first.message_id))[-1]
    [exchange] = session.queries.exchanges(me, chat)
    assert exchange.reply_ids == (*first.reply_ids, *again.reply_ids)
    assert exchange.shown_reply_id == again.reply_ids[0]


def test_the_winner_of_a_comparison_joins_the_conversation(session, me, chat):
    shown, _ = compare_and_pick(session, me, chat, 1, "second")
    [exchange] = session.queries.exchanges(me, chat)
    assert exchange.shown_reply_id == shown.reply_ids[1]


def test_a_comparison_without_a_vote_keeps_its_first_answer_when_the_talk_goes_on(
    session, me, chat
):
    shown = list(session.compare(me, chat, "one", "m1"))[-1]
    list(session.reply(me, chat, "two", "m2"))
    assert session.queries.exchanges(me, chat)[0].shown_reply_id == shown.reply_ids[0]


def test_a_choice_moves_the_taste_towards_the_chosen_reply(session, me, chat):
    shown, learned = compare_and_pick(session, me, chat, 1)
    taste = session.taste(me)
    chosen, rejected = (taste.reply(reply_id) for reply_id in shown.reply_ids)
    phis = taste.basis.phis(
        "question 1", [chosen.text, rejected.text], [chosen.features, rejected.features]
    )
    assert learned.clicks == 1
    assert learned.moved
    assert taste.model.predict(phis[0], phis[1]) > 0.5


def test_an_undone_choice_leaves_the_taste_as_it_was(session, me, chat):
    before = session.taste(me).model.mean.copy()
    _, learned = compare_and_pick(session, me, chat, 1)
    session.give_feedback(me, FeedbackEvent("u1", "undo", undoes=learned.feedback_id))
    assert session.taste(me).model.mean == pytest.approx(before, abs=1e-9)


def undo(session, me, learned):
    session.give_feedback(me, FeedbackEvent("u1", "undo", undoes=learned.feedback_id))


def test_a_choice_that_is_taken_back_can_be_made_again(session, me, chat):
    shown, learned = compare_and_pick(session, me, chat, 1)
    undo(session, me, learned)
    [exchange] = session.queries.exchanges(me, chat)
    assert exchange.shown_reply_id is None
    assert exchange.open_comparison.comparison_id == shown.comparison_id

    again = FeedbackEvent("c2", "pick", comparison_id=shown.comparison_id, outcome="second")
    assert session.give_feedback(me, again).clicks == 1
    assert session.queries.exchanges(me, chat)[0].shown_reply_id == shown.reply_ids[1]


def test_a_choice_taken_back_after_the_talk_went_on_keeps_its_answer(session, me, chat):
    shown, learned = compare_and_pick(session, me, chat, 1, "second")
    list(session.reply(me, chat, "and then?", "m9"))
    undo(session, me, learned)
    assert session.queries.exchanges(me, chat)[0].shown_reply_id == shown.reply_ids[1]


def test_a_choice_taken_back_after_another_answer_was_shown_leaves_that_one(session, me, chat):
    shown, learned = compare_and_pick(session, me, chat, 1)
    session.reword(me, shown.reply_ids[0], "In my own words.")
    undo(session, me, learned)
    [exchange] = session.queries.exchanges(me, chat)
    assert session.queries.reply(me, exchange.shown_reply_id).text == "In my own words."


def test_the_same_click_twice_is_learned_from_once(session, me, chat):
    shown, _ = compare_and_pick(session, me, chat, 1)
    mean = session.taste(me).model.mean.copy()
    event = FeedbackEvent("c1", "pick", comparison_id=shown.comparison_id, outcome="first")
    assert session.give_feedback(me, event).clicks == 1
    assert session.taste(me).model.mean == pytest.approx(mean)


def test_a_rewritten_answer_becomes_the_conversations_answer(session, me, chat):
    first = list(session.reply(me, chat, "hello", "m1"))[-1]
    session.give_feedback(
        me, FeedbackEvent("e1", "edit", reply_id=first.reply_ids[0], text="Hello there, friend!")
    )
    [exchange] = session.queries.exchanges(me, chat)
    assert session.queries.reply(me, exchange.shown_reply_id).text == "Hello there, friend!"
    assert session.taste(me).clicks == 1


def test_feedback_on_a_reply_never_shown_is_rejected(session, me):
    with pytest.raises(NotFound):
        session.give_feedback(me, FeedbackEvent("x", "thumb", reply_id=999, value=1))


def test_best_of_n_serves_one_of_the_candidates_after_a_few_clicks(session, engine, me, chat):
    for number in range(3):
        compare_and_pick(session, me, chat, number)
    phases = [progress.phase for progress in session.reply(me, chat, "hello", "m9")]
    assert phases[0] == "choosing"
    assert phases[-1] == "done"
    assert engine.requests[-1].n == BY_HAND.best_of


@pytest.fixture
def choosing(tmp_path, engine):
    """A session whose answers are always the best of several."""
    always = dataclasses.replace(BY_HAND, min_clicks_for_best_of=0, min_choice_probability=0.0)
    with running(tmp_path, engine, always) as session:
        yield session


def test_a_chosen_answer_that_is_stopped_keeps_what_was_shown_and_can_go_on(choosing):
    me = choosing.default_person().person_id
    stream = choosing.reply(me, choosing.new_conversation(me), "hello", "m1")
    shown = next(each for each in stream if each.phase == "streaming")
    stream.close()
    reply = choosing.queries.reply(me, shown.reply_ids[0])
    assert (reply.state, reply.text) == ("interrupted", shown.texts[0])
    whole = list(choosing.continue_reply(me, reply.reply_id))[-1]
    assert whole.texts[0].startswith(reply.text)


def test_an_answer_that_is_stopped_while_several_are_drawn_has_no_words(choosing):
    me = choosing.default_person().person_id
    stream = choosing.reply(me, choosing.new_conversation(me), "hello", "m1")
    shown = [next(stream), next(stream)]
    stream.close()
    reply = choosing.queries.reply(me, shown[0].reply_ids[0])
    assert [each.phase for each in shown] == ["choosing", "choosing"]
    assert (reply.state, reply.text) == ("interrupted", "")


def test_an_answer_is_chosen_among_as_many_as_are_likely_to_be_there_in_time(tmp_path, engine):
    always = dataclasses.replace(
        BY_HAND, best_of_seconds=6.0, min_clicks_for_best_of=0, min_choice_probability=0.0
    )
    drawn = []
    with running(tmp_path, engine, always) as session:
        me = session.default_person().person_id
        for number, engine.reply_ms in enumerate((12_000, 12_000, 12_000, 12_000, 1_500, 1_500)):
            list(session.reply(me, session.new_conversation(me), "hello", f"m{number}"))
            drawn.append(engine.requests[-1].n)
    assert drawn == [8, 4, 2, 1, 1, 4]


def test_answers_to_compare_keep_the_principles_where_enough_of_them_can(session, me, chat):
    session.set_principles(me, ["never use emoji"])
    for number in range(6):
        shown = list(session.compare(me, chat, "hello", f"m{number}"))[-1]
        assert not any("😊" in text for text in shown.texts)


def test_a_dead_engine_fails_the_reply_and_keeps_the_message(session, engine, me, chat):
    engine.die_next = True
    last = list(session.reply(me, chat, "hello", "m1"))[-1]
    [exchange] = session.queries.exchanges(me, chat)
    assert last.phase == "failed"
    assert "ended" in last.notice
    assert exchange.text == "hello"


def test_the_answer_so_far_stays_when_another_one_cannot_be_written(session, engine, me, chat):
    message_id = list(session.reply(me, chat, "hello", "m1"))[-1].message_id
    before = session.queries.exchanges(me, chat)
    engine.die_next = True
    assert list(session.regenerate(me, message_id))[-1].phase == "failed"
    assert session.queries.exchanges(me, chat) == before


def test_the_taste_is_the_same_after_a_restart(tmp_path, engine):
    store = open_store(tmp_path)
    session = Session(store, engine, BY_HAND, seed=0)
    session.wait_until_ready()
    me = session.default_person().person_id
    chat = session.new_conversation(me)
    for number in range(4):
        compare_and_pick(session, me, chat, number)
    mean = session.taste(me).model.mean
    session.close()
    again = Session(store, engine, BY_HAND, seed=0)
    again.wait_until_ready()
    assert again.taste(me).model.mean == pytest.approx(mean, abs=1e-12)
    again.taste(me).rebuild()
    assert again.taste(me).model.mean == pytest.approx(mean, abs=1e-6)
    again.close()
    store.close()
