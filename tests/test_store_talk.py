"""What a conversation can do besides growing: revised messages, own settings, being searched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_samples import client_id, generated, start_replies

from chatfeedback.errors import InputRefused, NotFound
from chatfeedback.records import ChatSettings, FeedbackEvent, Sampling
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
def chat(store: Store, me: int) -> int:
    return store.add_conversation(me, "Eggs")


def say(store: Store, me: int, chat: int, text: str) -> int:
    return store.add_message(me, chat, text, client_id())[0]


def answer(store: Store, me: int, message_id: int, text: str) -> int:
    (reply_id,) = start_replies(store, me, message_id)
    store.finish_reply(me, reply_id, generated(text))
    return reply_id


def revise(store: Store, me: int, message_id: int, text: str) -> int:
    return store.revise_message(me, message_id, text, client_id())[0]


def said(store: Store, me: int, chat: int) -> list[str]:
    return [exchange.text for exchange in store.exchanges(me, chat)]


# --- revised messages ----------------------------------------------------------------------


def test_a_revision_takes_the_place_of_a_message_and_of_all_that_followed(store, me, chat):
    say(store, me, chat, "one")
    second = say(store, me, chat, "two")
    say(store, me, chat, "three")
    revise(store, me, second, "deux")
    assert said(store, me, chat) == ["one", "deux"]


def test_the_earlier_variant_comes_back_with_what_followed_it(store, me, chat):
    first = say(store, me, chat, "one")
    say(store, me, chat, "two")
    revised = revise(store, me, first, "un")
    say(store, me, chat, "deux")
    store.show_message(me, first)
    assert said(store, me, chat) == ["one", "two"]
    store.show_message(me, revised)
    assert said(store, me, chat) == ["un", "deux"]


def test_a_revision_inside_a_branch_is_as_it_was_when_the_branch_comes_back(store, me, chat):
    first = say(store, me, chat, "one")
    second = say(store, me, chat, "two")
    revise(store, me, second, "deux")
    revise(store, me, first, "un")
    store.show_message(me, first)
    assert said(store, me, chat) == ["one", "deux"]
    store.show_message(me, second)
    assert said(store, me, chat) == ["one", "two"]


def test_variants_are_told_wherever_one_of_them_is_shown(store, me, chat):
    first = say(store, me, chat, "one")
    assert store.exchanges(me, chat)[0].variants == ()
    second = revise(store, me, first, "un")
    third = revise(store, me, second, "uno")
    assert store.exchanges(me, chat)[0].variants == (first, second, third)
    assert said(store, me, chat) == ["uno"]


def test_a_revision_sent_twice_is_stored_once(store, me, chat):
    first = say(store, me, chat, "one")
    number = store.revise_message(me, first, "un", "same-client-id")
    assert store.revise_message(me, first, "un", "same-client-id") == (number[0], False)
    assert said(store, me, chat) == ["un"]


def test_a_revision_that_could_not_be_answered_makes_way_for_the_message_it_revised(
    store, me, chat
):
    first = say(store, me, chat, "one")
    store.withdraw_message(me, revise(store, me, first, "un"))
    store.show_message(me, first)
    assert said(store, me, chat) == ["one"]


def test_messages_of_an_aside_part_are_neither_revised_nor_shown_alone(store, me, chat):
    first = say(store, me, chat, "one")
    second = say(store, me, chat, "two")
    revise(store, me, first, "un")
    with pytest.raises(InputRefused, match="aside"):
        store.revise_message(me, second, "deux", client_id())


def test_only_messages_of_the_same_way_lead_up_to_one(store, me, chat):
    first = say(store, me, chat, "one")
    second = say(store, me, chat, "two")
    deux = revise(store, me, second, "deux")
    un = revise(store, me, first, "un")
    trois = say(store, me, chat, "trois")
    for message_id in (first, second, deux, un):
        answer(store, me, message_id, "Yes.")

    def before(message_id: int) -> list[str]:
        turns = store.turns_before(me, message_id)
        return [turn.text for turn in turns if turn.role == "user"]

    assert (before(trois), before(deux), before(second)) == (["un"], ["one"], ["one"])
    store.show_message(me, first)
    assert (before(trois), before(deux), before(second)) == (["un"], ["one"], ["one"])


def test_nobody_revises_the_messages_of_others(store, me, chat):
    other = store.ensure_person("somebody else").person_id
    first = say(store, me, chat, "one")
    with pytest.raises(NotFound):
        store.revise_message(other, first, "un", client_id())
    with pytest.raises(NotFound):
        store.show_message(other, first)


# --- settings of one conversation ----------------------------------------------------------


def test_a_conversation_keeps_its_persona_and_sampling(store, me, chat):
    assert store.chat_settings(me, chat) == ChatSettings()
    wanted = ChatSettings("You are a pirate.", Sampling(temperature=0.2))
    store.set_chat_settings(me, chat, wanted)
    assert store.chat_settings(me, chat) == wanted
    assert store.chat_settings(me, store.add_conversation(me, "Tea")) == ChatSettings()
    with pytest.raises(NotFound):
        store.chat_settings(store.ensure_person("somebody else").person_id, chat)


# --- search --------------------------------------------------------------------------------


def test_words_are_found_in_messages_and_in_replies_that_were_shown(store, me, chat):
    message = say(store, me, chat, "How long do I boil eggs?")
    answer(store, me, message, "Seven minutes for a soft yolk.")
    [asked] = store.search(me, "boil eggs")
    [told] = store.search(me, "soft yo")
    assert (asked.message_id, asked.is_reply) == (message, False)
    assert (told.message_id, told.is_reply, told.title) == (message, True, "Eggs")
    assert told.excerpt == "Seven minutes for a \x02soft\x03 \x02yolk\x03."


def test_search_ignores_accents_and_knows_no_operators(store, me, chat):
    say(store, me, chat, "Ein Café in Zürich")
    assert len(store.search(me, "cafe zurich")) == 1
    for words in ('cafe" OR "x', "text:cafe", "cafe AND tea", "*", "(", "NEAR(a b)"):
        assert store.search(me, words) == []


@pytest.mark.parametrize("asked", ["天气", "今天天气", "气真"])
def test_words_are_found_in_sentences_without_spaces(store, me, chat, asked):
    say(store, me, chat, "今天天气真好。")
    [found] = store.search(me, asked)
    assert found.excerpt.replace("\x02", "").replace("\x03", "") == "今天天气真好。"


def test_an_accent_is_found_however_it_was_typed(store, me, chat):
    say(store, me, chat, "Un cafe\u0301, s'il vous plai\u0302t.")
    assert store.search(me, "caf\u00e9")
    assert store.search(me, "cafe\u0301")


def test_search_stays_with_the_person_and_leaves_out_deleted_conversations(store, me, chat):
    say(store, me, chat, "eggs")
    assert store.search(store.ensure_person("somebody else").person_id, "eggs") == []
    store.delete_conversation(me, chat)
    assert store.search(me, "eggs") == []
    store.restore_conversation(me, chat)
    assert len(store.search(me, "eggs")) == 1


# --- what was said about a reply -----------------------------------------------------------


def test_the_last_rating_and_comment_and_every_flag_stand(store, me, chat):
    reply = answer(store, me, say(store, me, chat, "eggs?"), "Boil them.")
    for event in (
        FeedbackEvent(client_id(), "rating", reply_id=reply, value=2),
        FeedbackEvent(client_id(), "rating", reply_id=reply, value=4),
        FeedbackEvent(client_id(), "comment", reply_id=reply, text="nice"),
        FeedbackEvent(client_id(), "flag", reply_id=reply, flag="biased"),
        FeedbackEvent(client_id(), "flag", reply_id=reply, flag="wrong"),
    ):
        store.add_feedback(me, event)
    assert [
        (event.kind, event.value or event.text or event.flag)
        for event in store.reactions(me, [reply])[reply]
    ] == [("rating", 4), ("comment", "nice"), ("flag", "biased"), ("flag", "wrong")]
