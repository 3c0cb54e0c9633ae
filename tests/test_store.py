"""What the store remembers of chats and feedback, and whose it is."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from store_samples import (
    BASE,
    ask,
    client_id,
    compare,
    features,
    generated,
    scored,
    start_replies,
    thumb,
    undo,
)

from chatfeedback.errors import InputRefused, NotFound
from chatfeedback.records import BLIND_TRIAL, FeedbackEvent, PickOutcome
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


@pytest.fixture
def chat(store: Store, me: int) -> int:
    return store.add_conversation(me, "Eggs")


# --- people and settings -------------------------------------------------------------------


def test_a_person_is_made_once(store: Store):
    assert store.ensure_person("me") == store.ensure_person("me")
    assert [person.name for person in store.people()] == ["me"]


def test_a_setting_keeps_its_last_value_for_its_person_only(store: Store, me: int, other: int):
    store.set_setting(me, "scale", "0.5")
    store.set_setting(me, "scale", "0.75")
    assert store.setting(me, "scale", "1") == "0.75"
    assert store.setting(other, "scale", "1") == "1"


# --- conversations and messages --------------------------------------------------------------


def test_the_conversation_used_last_is_listed_first(store: Store, me: int):
    first, second = store.add_conversation(me, "first"), store.add_conversation(me, "second")
    ask(store, me, first)
    listed = [conversation.conversation_id for conversation in store.conversations(me)]
    assert listed == [first, second]


def test_a_new_title_leaves_a_conversation_in_its_place(store: Store, me: int):
    first, second = store.add_conversation(me, "first"), store.add_conversation(me, "second")
    store.rename_conversation(me, first, "a better title")
    assert [each.conversation_id for each in store.conversations(me)] == [second, first]
    assert store.conversations(me)[1].title == "a better title"


def test_a_blank_title_is_refused(store: Store, me: int, chat: int):
    with pytest.raises(InputRefused, match="title"):
        store.rename_conversation(me, chat, " \n")


def test_a_deleted_conversation_is_hidden_but_its_feedback_stays(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    store.add_feedback(me, thumb(reply_id))
    store.delete_conversation(me, chat)
    assert store.conversations(me) == []
    assert len(store.feedback(me)) == 1
    with pytest.raises(NotFound):
        store.exchanges(me, chat)
    with pytest.raises(NotFound):
        store.add_message(me, chat, "Still there?", client_id())


def test_a_deleted_conversation_can_be_restored(store: Store, me: int, chat: int):
    ask(store, me, chat)
    store.delete_conversation(me, chat)
    store.restore_conversation(me, chat)
    assert len(store.exchanges(me, chat)) == 1


def test_a_reply_under_way_ends_well_after_its_conversation_was_deleted(
    store: Store, me: int, chat: int
):
    message_id, _ = store.add_message(me, chat, "How?", client_id())
    (reply_id,) = start_replies(store, me, message_id)
    store.delete_conversation(me, chat)
    store.finish_reply(me, reply_id, generated())
    assert store.reply(me, reply_id).state == "done"


def test_a_message_sent_twice_is_stored_once(store: Store, me: int, chat: int):
    first, is_new = store.add_message(me, chat, "Hello", "c1")
    again, is_new_again = store.add_message(me, chat, "Hello", "c1")
    assert (first, is_new, is_new_again) == (again, True, False)
    assert len(store.exchanges(me, chat)) == 1


def test_a_client_id_cannot_carry_a_second_message(store: Store, me: int, chat: int):
    store.add_message(me, chat, "Hello", "c1")
    with pytest.raises(InputRefused, match="something else"):
        store.add_message(me, chat, "Good-bye", "c1")


@pytest.mark.parametrize("text", ["", "   ", "\n\t "])
def test_an_empty_message_is_refused(store: Store, me: int, chat: int, text: str):
    with pytest.raises(InputRefused, match="empty"):
        store.add_message(me, chat, text, client_id())


def test_exchanges_are_the_last_ones_in_the_order_written(store: Store, me: int, chat: int):
    for number in range(5):
        ask(store, me, chat, f"question {number}")
    texts = [exchange.text for exchange in store.exchanges(me, chat, last=2)]
    assert texts == ["question 3", "question 4"]


def test_a_withdrawn_message_leaves_the_conversation(store: Store, me: int, chat: int):
    message_id, _ = store.add_message(me, chat, "far too long", client_id())
    store.withdraw_message(me, message_id)
    assert store.exchanges(me, chat) == []
    assert store.conversation_of(me, message_id) == chat


# --- replies ----------------------------------------------------------------------------------


def test_a_reply_comes_back_as_the_engine_finished_it(store: Store, me: int, chat: int):
    message_id, _ = store.add_message(me, chat, "How?", client_id())
    (reply_id,) = start_replies(store, me, message_id)
    assert store.reply(me, reply_id).state == "streaming"
    store.finish_reply(me, reply_id, generated("Boil it."))
    reply = store.reply(me, reply_id)
    assert (reply.state, reply.text, reply.prompt_text) == ("done", "Boil it.", "How?")
    assert (reply.prompt_ids, reply.token_ids) == ((1, 2, 2_000_000_000), (7, 8, 9))
    assert (reply.adapter_scale, reply.seed, reply.sampling.temperature) == (0.5, 4, 0.9)
    assert (reply.first_token_ms, reply.reply_ms, reply.stop_reason) == (12.5, 80.0, "end")


def test_hidden_states_come_back_bit_for_bit(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    stored = store.features(me, [reply_id])[reply_id]
    assert stored.hidden.dtype == np.float16
    np.testing.assert_array_equal(stored.hidden, features().hidden)
    np.testing.assert_array_equal(stored.prompt_hidden, features().prompt_hidden)
    assert (stored.base_logprob, stored.n_tokens) == (-12.5, 3)


def test_features_of_several_bases_live_side_by_side(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    store.set_features(me, reply_id, scored("another base"))
    assert store.features(me, [reply_id])[reply_id].base_key == BASE
    assert store.features(me, [reply_id], "another base")[reply_id].base_key == "another base"
    assert store.features(me, [reply_id], "a third base") == {}
    assert store.reply(me, reply_id).token_ids == (7, 8, 9)  # as sampled


def test_a_cancelled_reply_is_interrupted_and_keeps_its_text(store: Store, me: int, chat: int):
    message_id, _ = store.add_message(me, chat, "How?", client_id())
    first, second, third = start_replies(store, me, message_id, n=3)
    store.finish_reply(me, first, generated("Boil", stop_reason="cancelled"))
    store.interrupt_reply(me, second, "Bo")
    store.fail_reply(me, third, "B")
    found = [(each.state, each.text) for each in store.replies(me, [first, second, third])]
    assert found == [("interrupted", "Boil"), ("interrupted", "Bo"), ("failed", "B")]


def test_a_reply_ends_only_once(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    with pytest.raises(InputRefused, match="ended already"):
        store.finish_reply(me, reply_id, generated("something else"))
    with pytest.raises(InputRefused, match="ended already"):
        store.fail_reply(me, reply_id, "")
    assert store.reply(me, reply_id).text == "Boil it."


def test_replies_come_in_the_order_asked(store: Store, me: int, chat: int):
    _, first = ask(store, me, chat)
    _, second = ask(store, me, chat)
    assert [each.reply_id for each in store.replies(me, [second, first])] == [second, first]
    assert store.replies(me, [first])[0].features is None


def test_only_siblings_that_were_shown_are_in_the_transcript(store: Store, me: int, chat: int):
    message_id, _ = store.add_message(me, chat, "How?", client_id())
    winner, loser = start_replies(store, me, message_id, n=2, show=False)
    assert store.exchanges(me, chat)[0].reply_ids == ()
    store.show_reply(me, winner)
    exchange = store.exchanges(me, chat)[0]
    assert (exchange.reply_ids, exchange.shown_reply_id) == ((winner,), winner)
    store.show_reply(me, loser)
    exchange = store.exchanges(me, chat)[0]
    assert (exchange.reply_ids, exchange.shown_reply_id) == ((winner, loser), loser)


def test_a_rewritten_answer_is_a_sibling_made_once(store: Store, me: int, chat: int):
    message_id, reply_id = ask(store, me, chat)
    edit_id = store.add_edit(me, reply_id, "Boil it for 7 minutes.")
    assert store.add_edit(me, reply_id, "Boil it for 7 minutes.") == edit_id
    assert store.rewritten(me, reply_id, "Boil it for 7 minutes.") == edit_id
    assert store.rewritten(me, reply_id, "Fry it.") is None
    edit = store.reply(me, edit_id)
    assert (edit.message_id, edit.state, edit.token_ids) == (message_id, "done", ())
    assert edit.features is None


def test_a_rewritten_answer_takes_its_ids_when_it_is_scored(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    edit_id = store.add_edit(me, reply_id, "Boil it for 7 minutes.")
    store.set_features(me, edit_id, scored())
    edit = store.reply(me, edit_id)
    assert (edit.prompt_ids, edit.token_ids) == ((1, 2, 5), (4, 4))
    assert edit.features is not None


# --- comparisons --------------------------------------------------------------------------------


def test_a_comparison_is_open_until_a_vote_stands(store: Store, me: int, chat: int):
    comparison_id, reply_ids = compare(store, me, chat)
    opened = store.exchanges(me, chat)[0].open_comparison
    assert opened is not None
    assert (opened.comparison_id, list(opened.reply_ids)) == (comparison_id, reply_ids)
    vote = FeedbackEvent(client_id(), "pick", comparison_id=comparison_id, outcome="second")
    feedback_id, _ = store.add_feedback(me, vote)
    assert store.exchanges(me, chat)[0].open_comparison is None
    store.add_feedback(me, undo(feedback_id))
    assert store.exchanges(me, chat)[0].open_comparison == opened


@pytest.mark.parametrize(("outcome", "at"), [("second", 1), ("tie", 0), ("both_bad", 0)])
def test_a_vote_and_the_reply_that_stays_are_stored_at_once(
    store: Store, me: int, chat: int, outcome: PickOutcome, at: int
):
    comparison_id, reply_ids = compare(store, me, chat)
    vote = FeedbackEvent(client_id(), "pick", comparison_id=comparison_id, outcome=outcome)
    store.add_feedback(me, vote)
    assert store.exchanges(me, chat)[0].shown_reply_id == reply_ids[at]


def test_a_vote_sent_twice_leaves_the_reply_that_is_shown_by_now(store: Store, me: int, chat: int):
    comparison_id, [_, other] = compare(store, me, chat)
    vote = FeedbackEvent(client_id(), "pick", comparison_id=comparison_id, outcome="first")
    store.add_feedback(me, vote)
    store.show_reply(me, other)
    store.add_feedback(me, vote)
    assert store.exchanges(me, chat)[0].shown_reply_id == other


@pytest.mark.parametrize(("why", "is_put_again"), [("they differ", True), (BLIND_TRIAL, False)])
def test_a_question_whose_vote_was_taken_back_is_put_again_unless_it_only_measures(
    store: Store, me: int, chat: int, why: str, is_put_again: bool
):
    comparison_id, [winner, _] = compare(store, me, chat, why)
    vote = FeedbackEvent(client_id(), "pick", comparison_id=comparison_id, outcome="first")
    feedback_id, _ = store.add_feedback(me, vote)
    store.show_reply(me, winner)
    store.reopen_comparison(me, feedback_id)
    assert store.exchanges(me, chat)[0].shown_reply_id == (None if is_put_again else winner)


def test_a_comparison_keeps_the_order_shown(store: Store, me: int, chat: int):
    message_id, _ = store.add_message(me, chat, "Which?", client_id())
    first, second = start_replies(store, me, message_id, n=2, show=False)
    comparison_id = store.add_comparison(me, message_id, [second, first], "they differ")
    assert store.comparison(me, comparison_id).reply_ids == (second, first)


def test_only_different_replies_to_one_message_are_compared(store: Store, me: int, chat: int):
    message_id, reply_id = ask(store, me, chat)
    _, elsewhere = ask(store, me, chat)
    with pytest.raises(InputRefused, match="two different"):
        store.add_comparison(me, message_id, [reply_id, reply_id], "")
    with pytest.raises(InputRefused, match="one message"):
        store.add_comparison(me, message_id, [reply_id, elsewhere], "")


# --- feedback -----------------------------------------------------------------------------------


def test_feedback_sent_twice_is_stored_once(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    event = thumb(reply_id)
    first, is_new = store.add_feedback(me, event)
    again, is_new_again = store.add_feedback(me, event)
    assert (first, is_new, is_new_again) == (again, True, False)
    assert [stored.event for stored in store.feedback(me)] == [event]


def test_a_client_id_cannot_carry_a_second_event(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    event = thumb(reply_id, 1)
    store.add_feedback(me, event)
    with pytest.raises(InputRefused, match="something else"):
        store.add_feedback(me, dataclasses.replace(event, value=-1))


def test_the_last_thumb_wins(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    store.add_feedback(me, thumb(reply_id, 1))
    store.add_feedback(me, thumb(reply_id, -1))
    assert store.thumbs(me, [reply_id]) == {reply_id: -1}


def test_a_thumb_of_zero_takes_the_earlier_one_back(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    store.add_feedback(me, thumb(reply_id, 1))
    store.add_feedback(me, thumb(reply_id, 0))
    assert store.thumbs(me, [reply_id]) == {}


def test_an_undone_thumb_lets_the_earlier_one_count_again(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    store.add_feedback(me, thumb(reply_id, 1))
    second, _ = store.add_feedback(me, thumb(reply_id, -1))
    store.add_feedback(me, undo(second))
    assert store.thumbs(me, [reply_id]) == {reply_id: 1}
    assert [stored.undone for stored in store.feedback(me)] == [False, True, False]


def test_nothing_is_undone_twice_and_an_undo_is_final(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    first, _ = store.add_feedback(me, thumb(reply_id))
    undoing, _ = store.add_feedback(me, undo(first))
    with pytest.raises(InputRefused, match="undone already"):
        store.add_feedback(me, undo(first))
    with pytest.raises(InputRefused, match="is an undo itself"):
        store.add_feedback(me, undo(undoing))


def test_standing_chips_are_listed_once_each(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    for text in ("too long", "wrong", "too long", "rude"):
        event = FeedbackEvent(client_id(), "chip", reply_id=reply_id, text=text)
        feedback_id, _ = store.add_feedback(me, event)
    store.add_feedback(me, undo(feedback_id))
    assert store.chips(me, [reply_id]) == {reply_id: ("too long", "wrong")}


def test_feedback_after_an_id_is_only_what_came_later(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    first, _ = store.add_feedback(me, thumb(reply_id))
    second, _ = store.add_feedback(me, thumb(reply_id, -1))
    assert [stored.feedback_id for stored in store.feedback(me, first)] == [second]


def test_a_candidate_that_was_never_shown_takes_no_feedback(store: Store, me: int, chat: int):
    message_id, _ = store.add_message(me, chat, "How?", client_id())
    winner, loser = start_replies(store, me, message_id, n=2, show=True)
    store.add_feedback(me, thumb(winner))
    for event in (
        thumb(loser),
        FeedbackEvent(client_id(), "edit", reply_id=loser, text="better"),
        FeedbackEvent(client_id(), "chip", reply_id=loser, text="wrong"),
    ):
        with pytest.raises(NotFound, match="never shown"):
            store.add_feedback(me, event)


def test_a_reply_shown_earlier_still_takes_feedback(store: Store, me: int, chat: int):
    message_id, first = ask(store, me, chat)
    start_replies(store, me, message_id)  # a regeneration is shown now
    assert store.add_feedback(me, thumb(first))[1]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "thumb", "value": 2}, "1, -1 or 0"),
        ({"kind": "thumb", "value": True}, "1, -1 or 0"),
        ({"kind": "thumb", "value": float("nan")}, "1, -1 or 0"),
        ({"kind": "thumb"}, "has reply_id, value"),
        ({"kind": "thumb", "value": 1, "text": "why"}, "has reply_id, value"),
        ({"kind": "chip", "text": " "}, "empty"),
        ({"kind": "stars", "value": 1}, "no feedback of kind 'stars'"),
        ({"kind": "rating", "value": 0}, "1 \\(worst\\) to 5"),
        ({"kind": "rating", "value": 6}, "1 \\(worst\\) to 5"),
        ({"kind": "trait", "trait": "log_words", "value": 1}, "has trait, value"),
        ({"kind": "trait", "trait": "charm", "value": 1, "reply_id": None}, "no trait 'charm'"),
        ({"kind": "flag", "flag": "rude"}, "harmful, biased, wrong"),
        ({"kind": "comment", "text": " "}, "empty"),
        ({"kind": "thumb", "value": 1, "client_id": ""}, "client id"),
    ],
)
def test_a_malformed_event_is_refused(
    store: Store, me: int, chat: int, fields: dict[str, Any], words: str
):
    _, reply_id = ask(store, me, chat)
    with pytest.raises(InputRefused, match=words):
        store.add_feedback(me, FeedbackEvent(**{"client_id": "c", "reply_id": reply_id} | fields))
    assert store.feedback(me) == []


def test_a_vote_with_an_unknown_outcome_is_refused(store: Store, me: int, chat: int):
    comparison_id, _ = compare(store, me, chat)
    event: Any = {"kind": "pick", "comparison_id": comparison_id, "outcome": "best"}
    with pytest.raises(InputRefused, match="'best'"):
        store.add_feedback(me, FeedbackEvent(client_id="c", **event))


def test_every_gesture_comes_back_as_it_was_given(store: Store, me: int, chat: int):
    comparison_id, (first, second) = compare(store, me, chat)
    events = [
        FeedbackEvent("1", "rank", comparison_id=comparison_id, order=(second, first)),
        FeedbackEvent("2", "rating", reply_id=first, value=5),
        FeedbackEvent("3", "trait", trait="log_words", value=-1),
        FeedbackEvent("4", "flag", reply_id=first, flag="harmful"),
        FeedbackEvent("5", "comment", reply_id=first, text="Too sure of itself."),
        FeedbackEvent("6", "copy", reply_id=first),
        FeedbackEvent("7", "regenerate", reply_id=first),
        FeedbackEvent("8", "forget"),
    ]
    for event in events:
        store.add_feedback(me, event)

    assert [stored.event for stored in store.feedback(me)] == events
    assert store.add_feedback(me, events[0]) == (1, False)


@pytest.mark.parametrize("order", [(), (1, 1), (1, 999)], ids=["empty", "twice", "foreign"])
def test_a_ranking_names_replies_of_its_comparison_once(
    store: Store, me: int, chat: int, order: tuple[int, ...]
):
    comparison_id, _ = compare(store, me, chat)
    event = FeedbackEvent("c", "rank", comparison_id=comparison_id, order=order)
    with pytest.raises(InputRefused, match="best first, each once"):
        store.add_feedback(me, event)


def test_only_a_reply_that_was_shown_can_be_picked(store: Store, me: int, chat: int):
    comparison_id, _ = compare(store, me, chat)
    event = FeedbackEvent("c", "pick", comparison_id=comparison_id, outcome="third")
    with pytest.raises(InputRefused, match="showed 2"):
        store.add_feedback(me, event)


def test_the_newest_prior_of_a_person_and_base_is_found(store: Store, me: int, other: int):
    store.save_prior(me, BASE, b"first")
    store.save_prior(me, BASE, b"second")
    store.save_prior(other, BASE, b"theirs")

    assert store.load_prior(me, BASE) == b"second"
    assert store.load_prior(me, "another base") is None


# --- whose it is ----------------------------------------------------------------------------------


def acts_on(store: Store, chat: int, message: int, reply: int, comparison: int, event: int):
    """Every way to name somebody's conversation, message, reply, comparison or event."""
    pick = FeedbackEvent("p", "pick", comparison_id=comparison, outcome="first")
    return {
        "rename": lambda who: store.rename_conversation(who, chat, "mine now"),
        "delete": lambda who: store.delete_conversation(who, chat),
        "restore": lambda who: store.restore_conversation(who, chat),
        "exchanges": lambda who: store.exchanges(who, chat),
        "add_message": lambda who: store.add_message(who, chat, "hi", "c"),
        "conversation_of": lambda who: store.conversation_of(who, message),
        "withdraw": lambda who: store.withdraw_message(who, message),
        "add_replies": lambda who: start_replies(store, who, message),
        "finish": lambda who: store.finish_reply(who, reply, generated()),
        "interrupt": lambda who: store.interrupt_reply(who, reply, ""),
        "fail": lambda who: store.fail_reply(who, reply, ""),
        "show": lambda who: store.show_reply(who, reply),
        "reply": lambda who: store.reply(who, reply),
        "replies": lambda who: store.replies(who, [reply]),
        "edit": lambda who: store.add_edit(who, reply, "better"),
        "set_features": lambda who: store.set_features(who, reply, scored()),
        "compare": lambda who: store.add_comparison(who, message, [reply, reply + 1], ""),
        "comparison": lambda who: store.comparison(who, comparison),
        "thumb": lambda who: store.add_feedback(who, thumb(reply)),
        "pick": lambda who: store.add_feedback(who, pick),
        "undo": lambda who: store.add_feedback(who, undo(event)),
    }


ACTS = tuple(acts_on(None, 0, 0, 0, 0, 0))  # type: ignore[arg-type]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("is_missing", [False, True], ids=["somebody's", "missing"])
def test_what_is_somebody_elses_is_not_found(
    store: Store, me: int, other: int, chat: int, act: str, is_missing: bool
):
    comparison, (reply, _) = compare(store, me, chat)
    event, _ = store.add_feedback(me, thumb(reply))
    message = store.reply(me, reply).message_id
    ids = [chat, message, reply, comparison, event]
    acts: dict[str, Callable[[int], object]] = acts_on(store, *([10**6] * 5 if is_missing else ids))
    before = store.exchanges(me, chat), store.feedback(me)
    with pytest.raises(NotFound):
        acts[act](other)
    assert (store.exchanges(me, chat), store.feedback(me)) == before


def test_lists_hold_nothing_of_somebody_else(store: Store, me: int, other: int, chat: int):
    _, reply_id = ask(store, me, chat)
    store.add_feedback(me, thumb(reply_id))
    assert store.conversations(other) == []
    assert store.thumbs(other, [reply_id]) == {}
    assert store.features(other, [reply_id]) == {}
    assert store.feedback(other) == []
    assert store.rewritten(other, reply_id, "") is None


def test_two_people_may_use_the_same_client_id(store: Store, me: int, other: int, chat: int):
    theirs = store.add_conversation(other, "theirs")
    first, _ = store.add_message(me, chat, "Hello", "c1")
    second, is_new = store.add_message(other, theirs, "Hi", "c1")
    assert is_new
    assert first != second


def test_an_id_beyond_all_ids_is_refused(store: Store, me: int):
    with pytest.raises(InputRefused, match="too large"):
        store.reply(me, 10**30)


# --- any text, any thread -------------------------------------------------------------------------

NASTY = [
    "'; DROP TABLE feedback; --",
    '%_*"`[]\\',
    "before\0after",
    "\0",
    "\u202eright to left\u202c",
    "👩‍👩‍👧‍👦 e\u0301 \ufeff \uffff \U0010ffff",
    "line\r\nline\u2028line",
    "x" * 1_000_000,
]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_any_text_comes_back_verbatim(store: Store, me: int, chat: int, text: str):
    message_id, _ = store.add_message(me, chat, text, client_id())
    (reply_id,) = start_replies(store, me, message_id)
    store.finish_reply(me, reply_id, generated(text))
    assert store.exchanges(me, chat)[0].text == text
    assert store.reply(me, reply_id).text == text


def test_random_unicode_comes_back_verbatim(store: Store, me: int, chat: int):
    rng = random.Random(0)
    characters = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x110000))]
    texts = ["!" + "".join(rng.choices(characters, k=20)) for _ in range(50)]
    for text in texts:
        store.add_message(me, chat, text, client_id())
    assert [exchange.text for exchange in store.exchanges(me, chat)] == texts


def test_half_a_character_is_refused_in_words(store: Store, me: int, chat: int):
    with pytest.raises(InputRefused, match="half a character at position 3"):
        store.add_message(me, chat, "bad\ud83d", client_id())
    assert store.exchanges(me, chat) == []


def test_twenty_threads_write_and_read_at_once(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    start = threading.Barrier(20)

    def click(number: int) -> None:
        start.wait()
        for turn in range(5):
            store.add_feedback(
                me, FeedbackEvent(f"{number}-{turn}", "thumb", reply_id=reply_id, value=1)
            )
            assert store.thumbs(me, [reply_id]) == {reply_id: 1}

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(click, range(20)))
    assert len(store.feedback(me)) == 100


def test_everything_is_there_after_a_restart(store: Store, me: int, chat: int):
    _, reply_id = ask(store, me, chat)
    store.add_feedback(me, thumb(reply_id))
    before = store.exchanges(me, chat), store.feedback(me), store.replies(me, [reply_id])
    store.close()
    again = open_store(store.folder)
    assert (again.exchanges(me, chat), again.feedback(me), again.replies(me, [reply_id])) == before
    again.close()
