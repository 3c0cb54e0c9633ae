"""What a conversation can do besides growing, through the session: a real store, a fake engine."""

import dataclasses

import pytest

from chatfeedback.chatting import read_sampling, usual_sampling
from chatfeedback.errors import InputRefused, NotFound, PromptTooLong
from chatfeedback.records import ChatSettings, Sampling
from chatfeedback.settings import Settings
from tests.fakes import BASE, FakeEngine
from tests.sessions import running


@pytest.fixture
def session(tmp_path, engine):
    with running(tmp_path, engine) as session:
        yield session


def say(session, me, chat, text):
    return list(session.reply(me, chat, text, f"say {text}"))[-1].message_id


def prompt_of(engine):
    return [(turn.role, turn.text) for turn in engine.requests[-1].turns]


def test_a_revised_message_is_answered_without_what_was_said_after_it(session, engine, me, chat):
    first = say(session, me, chat, "one")
    say(session, me, chat, "two")
    list(session.revise(me, first, "un", "r1"))
    assert prompt_of(engine) == [("user", "un")]
    assert [each.text for each in session.queries.exchanges(me, chat)] == ["un"]
    assert session.queries.conversations(me)[0].title == "un"
    session.show_message(me, first)
    assert [each.text for each in session.queries.exchanges(me, chat)] == ["one", "two"]


def test_a_revision_sent_twice_is_answered_once(session, me, chat):
    first = say(session, me, chat, "one")
    assert list(session.revise(me, first, "un", "r1")) != []
    assert list(session.revise(me, first, "un", "r1")) == []


def test_a_message_that_is_too_long_now_keeps_the_answers_it_has(session, engine, me, chat):
    first = say(session, me, chat, "one")
    answered = session.queries.exchanges(me, chat)
    engine.full_next = True  # the persona is longer by now, or another model is read
    with pytest.raises(PromptTooLong):
        list(session.regenerate(me, first))
    assert session.queries.exchanges(me, chat) == answered


def test_a_first_message_that_is_too_long_leaves_the_conversation(session, engine, me, chat):
    engine.full_next = True
    with pytest.raises(PromptTooLong):
        say(session, me, chat, "one")
    assert session.queries.exchanges(me, chat) == []


def test_a_revision_that_is_too_long_leaves_everything_as_it_was(session, engine, me, chat):
    first = say(session, me, chat, "one")
    say(session, me, chat, "two")
    before = session.queries.exchanges(me, chat)
    engine.full_next = True
    with pytest.raises(PromptTooLong):
        list(session.revise(me, first, "un", "r1"))
    assert session.queries.exchanges(me, chat) == before


def test_a_message_that_was_revised_in_another_tab_is_not_answered_any_more(session, me, chat):
    first = say(session, me, chat, "one")
    second = say(session, me, chat, "two")
    list(session.revise(me, first, "un", "r1"))
    with pytest.raises(NotFound, match="said differently"):
        list(session.regenerate(me, second))


def test_the_model_is_told_as_much_of_a_long_talk_as_it_can_read(tmp_path):
    engine = FakeEngine(dataclasses.replace(BASE, context_tokens=8192))
    with running(tmp_path, engine) as session:
        me = session.default_person().person_id
        chat = session.new_conversation(me)
        for number in range(60):
            say(session, me, chat, f"message {number}")
        assert prompt_of(engine)[0] == ("user", "message 0")


def test_the_persona_stands_before_the_talk_and_only_in_its_own_conversation(
    session, engine, me, chat
):
    session.set_chat(me, chat, ChatSettings("You are a pirate."))
    say(session, me, chat, "hello")
    assert prompt_of(engine) == [("system", "You are a pirate."), ("user", "hello")]
    say(session, me, session.new_conversation(me), "and you?")
    assert prompt_of(engine) == [("user", "and you?")]


def test_replies_are_drawn_as_the_conversation_has_it(session, engine, me, chat):
    sampling = Sampling(temperature=0.2, max_new_tokens=32)
    session.set_chat(me, chat, ChatSettings(sampling=sampling))
    say(session, me, chat, "hello")
    assert engine.requests[-1].sampling == sampling


def test_what_a_conversation_leaves_open_is_as_the_app_draws_replies() -> None:
    usual = usual_sampling(Settings(max_new_tokens=99))
    assert read_sampling({"temperature": "0.2"}, usual) == Sampling(0.2, max_new_tokens=99)
    assert read_sampling({"temperature": "", "max_new_tokens": "99"}, usual) is None


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (ChatSettings("x" * 9000), "9000 characters"),
        (ChatSettings(sampling=Sampling(temperature=3.0)), "temperature is 3"),
        (ChatSettings(sampling=Sampling(max_new_tokens=0)), "max_new_tokens is 0"),
    ],
)
def test_settings_no_model_could_follow_are_refused(session, me, chat, settings, complaint):
    with pytest.raises(InputRefused, match=complaint):
        session.set_chat(me, chat, settings)


def test_rewording_a_reply_changes_the_talk_and_teaches_nothing(session, engine, me, chat):
    say(session, me, chat, "hello")
    [exchange] = session.queries.exchanges(me, chat)
    session.reword(me, exchange.shown_reply_id, "Ahoy!")
    say(session, me, chat, "and now?")
    assert ("assistant", "Ahoy!") in prompt_of(engine)
    assert session.queries.feedback(me) == []
