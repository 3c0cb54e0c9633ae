"""Feedback goes out as a file and comes back as the same evidence, where the format can hold it."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from store_samples import ask, client_id, compare, generated, start_replies, thumb, undo

from chatfeedback.curation import preview_import
from chatfeedback.errors import InputRefused
from chatfeedback.exchange.exporting import FORMATS, ExportedFile, export
from chatfeedback.exchange.importing import read_file, unpack
from chatfeedback.records import FeedbackEvent, FeedbackFilter
from chatfeedback.taste.fold import judge
from storage.store import Store, open_store

NAMES = [each.name for each in FORMATS]


class Lookups:
    """What folding needs to know, from a store."""

    def __init__(self, store: Store, person_id: int) -> None:
        self._store, self._person_id = store, person_id

    def comparison(self, comparison_id):
        return self._store.comparison(self._person_id, comparison_id)

    def reply(self, reply_id):
        return self._store.reply(self._person_id, reply_id)

    def rewritten(self, reply_id, text):
        return self._store.rewritten(self._person_id, reply_id, text)


def evidence(store: Store, person_id: int) -> list[str]:
    """What the log says, with texts in place of ids."""
    lookups = Lookups(store, person_id)
    found = []
    for judgement in judge(store.feedback(person_id), lookups):
        said = {"": type(judgement).__name__}
        for name, value in asdict(judgement).items():
            if name in ("chosen_id", "rejected_id", "reply_id"):
                said[name] = lookups.reply(value).text
            elif name in ("reply_ids", "wrong"):
                said[name] = [lookups.reply(each).text for each in value]
            elif name != "feedback_id":
                said[name] = value
        found.append(json.dumps(said))
    return found


@pytest.fixture
def store(tmp_path: Path):
    opened = open_store(tmp_path / "here")
    yield opened
    opened.close()


@pytest.fixture
def me(store: Store) -> int:
    return store.ensure_person("Ann").person_id


def give(store: Store, me: int, kind: str, **fields: object) -> int:
    return store.add_feedback(me, FeedbackEvent(client_id(), kind, **fields))[0]  # type: ignore[arg-type]


def choose(store: Store, me: int, outcome: str = "second") -> None:
    comparison_id, _ = compare(store, me, store.add_conversation(me, "Tea"))
    give(store, me, "pick", comparison_id=comparison_id, outcome=outcome)


def answer(store: Store, me: int) -> int:
    return ask(store, me, store.add_conversation(me, "Eggs"), f"An egg, {client_id()}?")[1]


def rewrite(store: Store, me: int) -> None:
    reply_id = answer(store, me)
    store.show_reply(me, store.add_edit(me, reply_id, "Ten minutes in boiling water."))
    give(store, me, "edit", reply_id=reply_id, text="Ten minutes in boiling water.")


def rank(store: Store, me: int) -> None:
    message_id, _ = store.add_message(
        me, store.add_conversation(me, "Rank"), "Which of three?", client_id()
    )
    three = start_replies(store, me, message_id, n=3, show=False)
    for reply_id in three:
        store.finish_reply(me, reply_id, generated(f"Number {reply_id}."))
    comparison_id = store.add_comparison(me, message_id, three, "to rank")
    order = (three[2], three[0], three[1])
    give(store, me, "rank", comparison_id=comparison_id, order=order)


def choose_between_equals(store: Store, me: int) -> None:
    """Two answers in the same words, as short ones often are, and the first of them chosen."""
    chat = store.add_conversation(me, "Capitals")
    message_id, _ = store.add_message(me, chat, "The capital of France?", client_id())
    both = start_replies(store, me, message_id, n=2, show=False)
    for reply_id in both:
        store.finish_reply(me, reply_id, generated("Paris."))
    comparison_id = store.add_comparison(me, message_id, both, "they differ")
    give(store, me, "pick", comparison_id=comparison_id, outcome="first")


def say_everything(store: Store, me: int) -> None:
    """One of every gesture, and a conversation of several turns."""
    for outcome in ("first", "second", "tie", "both_bad"):
        choose(store, me, outcome)
    rewrite(store, me)
    rank(store, me)
    for value in (1, -1):
        give(store, me, "thumb", reply_id=answer(store, me), value=value)
        give(store, me, "rating", reply_id=answer(store, me), value=3 + value)
    liked = answer(store, me)
    give(store, me, "thumb", reply_id=liked, value=1)
    give(store, me, "rating", reply_id=liked, value=5)
    give(store, me, "chip", reply_id=liked, text="too long")
    give(store, me, "comment", reply_id=liked, text="Hm.")
    give(store, me, "flag", reply_id=answer(store, me), flag="biased")
    give(store, me, "trait", trait="emoji", value=-1)
    talk = store.add_conversation(me, "Several turns")
    ask(store, me, talk, "And soft?")
    comparison_id, _ = compare(store, me, talk)
    give(store, me, "pick", comparison_id=comparison_id, outcome="second")
    give(store, me, "thumb", reply_id=ask(store, me, talk, "And with salt?")[1], value=1)


def revise(store: Store, me: int) -> int:
    """A conversation whose second message was revised, with a like on each side; its id."""
    talk = store.add_conversation(me, "Revised")
    ask(store, me, talk, "Hello")
    message_id, first = ask(store, me, talk, "Why?")
    give(store, me, "thumb", reply_id=first, value=1)
    revision_id, _ = store.revise_message(me, message_id, "Why is the sky blue?", client_id())
    [second] = start_replies(store, me, revision_id)
    store.finish_reply(me, second, generated("Air."))
    give(store, me, "thumb", reply_id=second, value=1)
    return talk


def feedback_in(file: ExportedFile) -> list[str]:
    """The rows of a file that say something of answers, in no order and without names; a chat or
    swipe that nobody judged is no feedback."""
    text = "\n".join(unpack(file.name, file.data))
    lines = filter(str.strip, text.splitlines())
    rows = json.loads(text) if file.name.endswith(".json") else map(json.loads, lines)
    tells = {"chatfeedback", "chatfeedback_event", "data", "chosen", "kto_tag"}
    return sorted(
        json.dumps(without_names(each), sort_keys=True)
        for each in rows
        if not tells.isdisjoint(each) or len(each.get("swipes", ())) > 1
    )


def without_names(value):
    if isinstance(value, list):
        return [without_names(each) for each in value]
    if not isinstance(value, dict):
        return value
    names = {"id", "chatfeedback_event", "chat_id", "title"}
    return {key: without_names(each) for key, each in value.items() if key not in names}


def travel(store: Store, me: int, name: str, tmp_path: Path) -> list[str]:
    """What an empty store knows after an export in this format and its import there."""
    file = export(store.shared_chats(me), name, "2026-11-21")
    found = read_file(file.name, file.data)
    assert found.errors == ()
    there = open_store(tmp_path / f"there-{name}")
    you = there.ensure_person("Bob").person_id
    there.add_chats(you, file.name, found.chats)
    try:
        return evidence(there, you)
    finally:
        there.close()


# --- there and back -----------------------------------------------------------------------------


def test_our_own_format_carries_everything(store, me, tmp_path) -> None:
    for outcome in ("first", "second", "tie", "both_bad"):
        choose(store, me, outcome)
    rewrite(store, me)
    rank(store, me)
    for kind, fields in (
        ("thumb", {"value": -1}),
        ("rating", {"value": 4}),
        ("chip", {"text": "too long"}),
        ("chip", {"text": "wrong"}),
        ("flag", {"flag": "biased"}),
        ("comment", {"text": "Hm."}),
    ):
        give(store, me, kind, reply_id=answer(store, me), **fields)
    give(store, me, "trait", trait="emoji", value=-1)
    assert len(evidence(store, me)) > 10
    assert travel(store, me, "chatfeedback", tmp_path) == evidence(store, me)


@pytest.mark.parametrize(
    ("name", "gestures"),
    [
        ("preference", [choose, rewrite]),
        ("ranking", [rank]),
        ("sharegpt", [choose]),
        ("openwebui", [choose]),
        ("sillytavern", [choose]),
    ],
)
def test_other_formats_carry_what_they_can_say(store, me, tmp_path, name, gestures) -> None:
    for gesture in gestures:
        gesture(store, me)
    assert len(evidence(store, me)) >= len(gestures)
    assert sorted(travel(store, me, name, tmp_path)) == sorted(evidence(store, me))


def test_open_webui_knows_the_winner_of_several_and_not_their_order(store, me, tmp_path) -> None:
    rank(store, me)
    [ranked] = evidence(store, me)
    [won] = travel(store, me, "openwebui", tmp_path)
    assert (json.loads(ranked)["n_ranked"], json.loads(won)["n_ranked"]) == (2, 1)
    assert json.loads(ranked)["reply_ids"][0] == json.loads(won)["reply_ids"][0]


def test_both_bad_becomes_two_dislikes(store, me, tmp_path) -> None:
    choose(store, me, "both_bad")
    disliked = [json.loads(each) for each in travel(store, me, "unpaired", tmp_path)]
    assert [(each[""], each["up"]) for each in disliked] == [("Rated", False)] * 2


@pytest.mark.parametrize("name", ["unpaired", "sharegpt", "openwebui"])
def test_thumbs_come_back_as_thumbs(store, me, tmp_path, name) -> None:
    for value in (1, -1):
        store.add_feedback(me, thumb(answer(store, me), value))
    assert travel(store, me, name, tmp_path) == evidence(store, me)


def test_stars_come_back_as_stars(store, me, tmp_path) -> None:
    give(store, me, "rating", reply_id=answer(store, me), value=2)
    assert travel(store, me, "unpaired", tmp_path) == evidence(store, me)


# --- what goes along ----------------------------------------------------------------------------


def test_what_was_taken_back_or_forgotten_stays_here_and_what_is_excluded_stays_excluded(
    store, me, tmp_path
) -> None:
    store.add_feedback(me, thumb(answer(store, me)))
    give(store, me, "forget")
    store.add_feedback(me, undo(store.add_feedback(me, thumb(answer(store, me)))[0]))
    aside, _ = store.add_feedback(me, thumb(answer(store, me)))
    store.set_aside(me, aside, is_aside=True)
    [chat] = store.shared_chats(me)
    assert [each.is_excluded for each in chat.reactions()] == [True]
    assert travel(store, me, "chatfeedback", tmp_path) == []
    with pytest.raises(InputRefused, match="nothing yet to save as TRL / Hugging Face unpaired"):
        export(store.shared_chats(me), "unpaired", "today")


@pytest.mark.parametrize("name", NAMES)
def test_the_same_file_again_adds_nothing(store, me, tmp_path, name) -> None:
    choose(store, me)
    rank(store, me)
    store.add_feedback(me, thumb(answer(store, me)))
    file = export(store.shared_chats(me), name, "today")
    other = store.ensure_person("Bob").person_id
    chats = read_file(file.name, file.data).chats
    assert store.add_chats(other, file.name, chats).reactions > 0
    again = store.add_chats(other, file.name, chats)
    assert (again.chats, again.reactions) == (0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_here_already_counts_once_whatever_format_brings_it(store, me, name) -> None:
    say_everything(store, me)
    before = evidence(store, me)
    file = export(store.shared_chats(me), name, "today")
    found = read_file(file.name, file.data)
    assert preview_import(store, me, found).new == 0
    added = store.add_chats(me, file.name, found.chats)
    assert (added.chats, added.reactions) == (0, 0)
    assert evidence(store, me) == before


@pytest.mark.parametrize("name", NAMES)
def test_what_one_format_brought_is_known_in_every_other(store, me, name) -> None:
    say_everything(store, me)
    chats = store.shared_chats(me)
    bob = store.ensure_person("Bob").person_id
    store.add_chats(bob, "all", read_file("all", export(chats, "chatfeedback", "").data).chats)
    file = export(chats, name, "")
    assert store.add_chats(bob, file.name, read_file(file.name, file.data).chats).reactions == 0


@pytest.mark.parametrize("name", NAMES)
def test_an_export_that_an_empty_store_takes_in_is_the_same_export_again(
    store, me, tmp_path, name
) -> None:
    say_everything(store, me)
    revise(store, me)
    file = export(store.shared_chats(me), name, "today")
    there = open_store(tmp_path / "there")
    you = there.ensure_person("Bob").person_id
    there.add_chats(you, file.name, read_file(file.name, file.data).chats)
    again = export(there.shared_chats(you), name, "today")
    there.close()
    assert feedback_in(again) == feedback_in(file) != []


def test_two_answers_in_the_same_words_stay_two(store, me, tmp_path) -> None:
    choose_between_equals(store, me)
    assert travel(store, me, "chatfeedback", tmp_path) == evidence(store, me) != []


@pytest.mark.parametrize("name", [each for each in NAMES if each != "chatfeedback"])
def test_a_choice_between_answers_in_the_same_words_is_nothing_to_other_programs(
    store, me, name
) -> None:
    rank(store, me)
    give(store, me, "thumb", reply_id=answer(store, me), value=1)
    before = feedback_in(export(store.shared_chats(me), name, "today"))
    choose_between_equals(store, me)
    assert feedback_in(export(store.shared_chats(me), name, "today")) == before != []


@pytest.mark.parametrize("name", [{}, {"chatfeedback_event": {"id": "a choice"}}])
def test_a_row_that_stands_twice_in_a_file_counts_once(store, me, name) -> None:
    row = json.dumps({"prompt": "p", "chosen": "a", "rejected": "b"} | name).encode()
    found = read_file("f", row + b"\n" + row)
    preview = preview_import(store, me, found)
    assert (preview.rows, preview.new, preview.teaches) == (2, 1, (("a choice among 2", 1),))
    added = store.add_chats(me, "f", found.chats)
    assert (added.reactions, added.known) == (1, 1)


def test_what_two_chats_of_a_file_begin_with_counts_once(store, me) -> None:
    header = {"user_name": "You", "chat_metadata": {}}
    opening = [
        {"is_user": True, "mes": "Why?"},
        {"is_user": False, "mes": "So.", "swipes": ["So.", "No."]},
    ]
    rows = [
        row
        for then in ("And?", "But?")
        for row in (header, *opening, {"is_user": True, "mes": then}, {"mes": "Thus."})
    ]
    found = read_file("f", "\n".join(map(json.dumps, rows)).encode())
    assert (len(found.chats), store.add_chats(me, "f", found.chats).reactions) == (2, 1)


@pytest.mark.parametrize("name", ["chatfeedback", "unpaired"])
def test_two_likes_of_the_same_words_are_two_where_the_file_names_them(
    store, me, tmp_path, name
) -> None:
    for _ in range(2):
        reply_id = ask(store, me, store.add_conversation(me, "Eggs"))[1]
        store.add_feedback(me, thumb(reply_id))
    assert len(travel(store, me, name, tmp_path)) == 2


def test_what_was_taken_back_here_stays_so_when_its_file_comes_again(store, me) -> None:
    given, _ = store.add_feedback(me, thumb(answer(store, me)))
    file = export(store.shared_chats(me), "sharegpt", "today")
    store.add_feedback(me, undo(given))
    store.add_chats(me, file.name, read_file(file.name, file.data).chats)
    assert evidence(store, me) == []


def test_the_same_words_after_another_answer_are_something_new(store, me) -> None:
    def riddle(answer: str) -> bytes:
        prompt = [
            {"role": "user", "content": "A riddle?"},
            {"role": "assistant", "content": answer},
            {"role": "user", "content": "A dog."},
        ]
        return json.dumps({"prompt": prompt, "completion": "No.", "label": False}).encode()

    for said in ("What barks?", "What miaows?"):
        assert store.add_chats(me, "f", read_file("f", riddle(said)).chats).reactions == 1
    assert store.add_chats(me, "f", read_file("f", riddle("What barks?")).chats).reactions == 0


def test_of_a_chat_that_went_on_only_what_is_new_is_taken(store, me) -> None:
    def chat(*turns: str) -> bytes:
        who = itertools.cycle(("human", "gpt"))
        said = [{"from": each, "value": text} for each, text in zip(who, turns, strict=False)]
        return json.dumps({"conversations": said}).encode()

    store.add_chats(me, "f", read_file("f", chat("Why?", "So.")).chats)
    store.add_chats(me, "f", read_file("f", chat("Why?", "So.", "And?", "Thus.")).chats)
    waiting = store.unrated_reply(me)
    assert (waiting.prompt, waiting.left) == ("And?", 2)
    before = store.turns_before(me, waiting.message_id)
    assert [turn.text for turn in before] == ["Why?", "So."]


def test_answers_of_two_rows_with_one_opening_do_not_lead_up_to_each_other(store, me) -> None:
    opening = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "Why?"},
    ]
    rows = [{"prompt": opening, "completion": each, "label": True} for each in ("So.", "Thus.")]
    data = "\n".join(map(json.dumps, rows)).encode()
    store.add_chats(me, "f", read_file("f", data).chats)
    file = export(store.shared_chats(me), "unpaired", "today")
    assert [len(json.loads(row)["prompt"]) for row in file.data.splitlines()] == [3, 3]


@pytest.mark.parametrize("name", ["unpaired", "sharegpt", "openwebui"])
def test_a_revised_message_does_not_lead_up_to_its_revision(store, me, name) -> None:
    revise(store, me)
    file = export(store.shared_chats(me), name, "today")
    chats = read_file(file.name, file.data).chats
    asked = [tuple(each.prompt for each in chat.exchanges) for chat in chats]
    assert sorted(asked) == [("Hello", "Why is the sky blue?"), ("Hello", "Why?")]


def test_imported_feedback_keeps_its_time_and_its_file(store, me) -> None:
    store.add_feedback(me, thumb(answer(store, me)))
    [item] = store.browse_feedback(me, FeedbackFilter()).items
    data = export(store.shared_chats(me), "chatfeedback", "today").data
    other = store.ensure_person("Bob").person_id
    store.add_chats(other, "ann.jsonl", read_file("ann.jsonl", data).chats)
    [copied] = store.browse_feedback(other, FeedbackFilter()).items
    assert copied.created_at_utc == item.created_at_utc
    assert (item.source, copied.source) == ("", "ann.jsonl")
    assert store.conversations(other) == []


def test_imported_answers_wait_for_the_engine_to_read_them(store, me) -> None:
    data = b'{"prompt": "p", "chosen": "a", "rejected": "b"}'
    store.add_chats(me, "f", read_file("f", data).chats)
    assert [each.text for each in store.replies(me, store.unread_replies(me))] == ["a", "b"]


@pytest.mark.parametrize("name", NAMES)
def test_a_format_that_would_hold_nothing_says_so_and_what_it_holds(store, me, name) -> None:
    with pytest.raises(InputRefused, match=r"nothing yet to save as .+\. .+"):
        export(store.shared_chats(me), name, "today")


def test_likes_alone_are_no_pairs_to_save(store, me) -> None:
    give(store, me, "thumb", reply_id=answer(store, me), value=1)
    with pytest.raises(InputRefused, match="Pairs of a chosen and a rejected answer"):
        export(store.shared_chats(me), "preference", "today")


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputRefused, match=r"no format 'xls'. Known are: chatfeedback, pref"):
        export([], "xls", "today")
