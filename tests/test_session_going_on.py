"""A reply that was cut short goes on, on a real database and a fake engine."""

import dataclasses

import pytest

from chatfeedback.errors import InputRefused
from chatfeedback.records import GenerateRequest, Turn
from tests.fakes import ANSWERS
from tests.sessions import running


@pytest.fixture
def session(tmp_path, engine):
    with running(tmp_path, engine) as session:
        yield session


@pytest.fixture
def stopped(session, me):
    """A reply that was stopped after one word."""
    chat = session.new_conversation(me)
    stream = session.reply(me, chat, "hello", "m1")
    next(stream)
    progress = next(stream)
    stream.close()
    return session.queries.reply(me, progress.reply_ids[0])


def only_exchange(session, me, reply):
    conversation = session.queries.conversation_of(me, reply.message_id)
    return session.queries.exchanges(me, conversation)[0]


def test_a_stopped_reply_keeps_its_ids_and_can_go_on(stopped):
    assert (stopped.state, stopped.token_ids) == ("interrupted", (10,))
    assert stopped.can_go_on


def test_the_whole_becomes_a_sibling_that_is_shown_and_the_old_one_stays(session, me, stopped):
    last = list(session.continue_reply(me, stopped.reply_id))[-1]
    exchange = only_exchange(session, me, stopped)
    whole = session.queries.reply(me, exchange.shown_reply_id)
    assert exchange.reply_ids == (stopped.reply_id, whole.reply_id)
    assert last.texts == (whole.text,)
    assert whole.text.startswith(stopped.text)
    assert whole.text.removeprefix(stopped.text) in ANSWERS
    assert whole.token_ids[:1] == (10,)
    assert (whole.state, whole.can_go_on) == ("done", False)


def test_the_engine_goes_on_from_the_ids_with_the_seed_of_the_beginning(
    session, engine, me, stopped
):
    list(session.continue_reply(me, stopped.reply_id))
    first, second = engine.requests[-2:]
    assert second.begun == Turn("assistant", stopped.text, (10,))
    assert (second.turns, second.seed) == (first.turns, first.seed)
    assert second.conversation_key == first.conversation_key


def test_the_text_so_far_is_there_from_the_first_moment(session, me, stopped):
    stream = session.continue_reply(me, stopped.reply_id)
    assert next(stream).texts == (stopped.text,)
    assert only_exchange(session, me, stopped).shown_reply_id == stopped.reply_id
    stream.close()


def test_stopped_once_more_it_can_go_on_once_more(session, me, stopped):
    stream = session.continue_reply(me, stopped.reply_id)
    longer = [next(stream) for _ in range(3)][-1]
    stream.close()
    again = session.queries.reply(me, longer.reply_ids[0])
    assert again.token_ids == (10, 10, 11)
    assert again.text == longer.texts[0]
    assert again.can_go_on


def test_a_reply_of_another_model_goes_on_from_its_text(session, engine, me, stopped):
    engine.base = dataclasses.replace(engine.base, key="another")
    list(session.continue_reply(me, stopped.reply_id))
    asked = [each for each in engine.requests if isinstance(each, GenerateRequest)]
    assert asked[-1].begun == Turn("assistant", stopped.text, None)


def test_a_complete_reply_has_nothing_to_add(session, me, stopped):
    whole = list(session.continue_reply(me, stopped.reply_id))[-1].reply_ids[0]
    with pytest.raises(InputRefused, match=f"Reply {whole} is complete"):
        next(session.continue_reply(me, whole))


def test_when_the_engine_dies_the_old_answer_stays(session, engine, me, stopped):
    engine.die_next = True
    last = list(session.continue_reply(me, stopped.reply_id))[-1]
    assert last.phase == "failed"
    assert only_exchange(session, me, stopped).shown_reply_id == stopped.reply_id


def test_an_answer_cut_off_is_not_to_be_compared_with_its_own_whole(session, engine, me):
    engine.stop_reason = "length"
    [*_, cut] = session.reply(me, session.new_conversation(me), "hello", "m1")
    engine.stop_reason = "end"
    [*_, whole] = session.continue_reply(me, cut.reply_ids[0])
    assert session.queries.unrated_pair(me) is None
    assert session.queries.unrated_reply(me).replies == ((whole.reply_ids[0], whole.texts[0]),)
