"""Files of feedback are read row by row: what counts, what is left out and why."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import suppress

import pytest

from chatfeedback.errors import InputRefused
from chatfeedback.exchange.importing import count_teaches, read_file

USER = {"role": "user", "content": "Why is the sky blue?"}
EARLIER = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}]


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def read(*rows: object):
    """The chats of these rows; no row may be refused."""
    found = read_file("rows.jsonl", "\n".join(json.dumps(row) for row in rows).encode())
    assert found.errors == ()
    return found.chats


def read_one(row: object):
    """(prompt, replies, reactions) of the last exchange of one row."""
    [chat] = read(row)
    last = chat.exchanges[-1]
    return last.prompt, [reply.text for reply in last.replies], last.reactions


def errors(*rows: object) -> list[tuple[int, str]]:
    """Errors of these rows, after one that is good."""
    good = {"prompt": "p", "completion": "c", "label": True}
    lines = [json.dumps(each) if not isinstance(each, str) else each for each in (good, *rows)]
    found = read_file("rows.jsonl", "\n".join(lines).encode())
    return [(each.line, each.message) for each in found.errors]


# --- TRL and Hugging Face -------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Why is the sky blue?", "chosen": "Air.", "rejected": "Magic."},
        {"prompt": [USER], "chosen": said("Air."), "rejected": said("Magic.")},
        {"chosen": [USER, *said("Air.")], "rejected": [USER, *said("Magic.")]},
        {"prompt": "Why is the sky blue?", "chosen": [USER, *said("Air.")],
         "rejected": [USER, *said("Magic.")]},
        {"chosen": "Why is the sky blue? Air.", "rejected": "Why is the sky blue? Magic."},
        {"chosen": "\n\nHuman: Why is the sky blue?\n\nAssistant: Air.",
         "rejected": "\n\nHuman: Why is the sky blue?\n\nAssistant: Magic."},
    ],
    ids=["plain", "messages", "implicit messages", "prompt repeated", "implicit text", "marked"],
)  # fmt: skip
def test_a_preference_is_a_choice_whatever_its_shape(row) -> None:
    prompt, replies, [choice] = read_one(row)
    assert (prompt, replies) == ("Why is the sky blue?", ["Air.", "Magic."])
    assert (choice.kind, choice.shown, choice.outcome) == ("pick", (0, 1), "first")


def test_what_was_said_before_a_prompt_is_context_and_not_to_be_judged() -> None:
    [chat] = read({"prompt": [*EARLIER, USER], "chosen": said("Air."), "rejected": said("No.")})
    before, last = chat.exchanges
    assert (before.prompt, before.replies[0].text, before.is_context) == ("Hello", "Hi.", True)
    assert (last.prompt, last.is_context) == ("Why is the sky blue?", False)


@pytest.mark.parametrize(("label", "thumb"), [(True, 1), (False, -1), (1, 1), (0, -1)])
def test_an_unpaired_preference_is_a_thumb(label, thumb) -> None:
    _, _, [said_so] = read_one({"prompt": "p", "completion": "c", "label": label})
    assert (said_so.kind, said_so.value) == ("thumb", thumb)


@pytest.mark.parametrize(
    "answers",
    [
        {"completions": ["bad", "best", "good"], "ranks": [3, 1, 2]},
        {"responses": ["bad", "best", "good"], "scores": [0.1, 0.9, 0.5]},
        {"answers": [{"answer": "bad", "rank": 3}, {"answer": "best", "rank": 1},
                     {"answer": "good", "rank": 2}]},
    ],
    ids=["ranks", "scores", "rank in each"],
)  # fmt: skip
def test_a_ranking_is_read_best_first(answers) -> None:
    _, replies, [ranking] = read_one({"prompt": "p", **answers})
    assert [replies[at] for at in ranking.order] == ["best", "good", "bad"]


def test_answers_that_share_a_rank_say_nothing_of_each_other() -> None:
    row = {"prompt": "p", "completions": ["a", "b", "c", "d", "e"], "ranks": [2, 1, 2, 3, 3]}
    _, replies, [ranking] = read_one(row)
    assert replies == ["a", "b", "d", "e"]  # a stands for c; d and e share the last place
    assert [replies[at] for at in ranking.order] == ["b", "a"]
    assert len(ranking.shown) == 4


def test_an_answer_without_a_verdict_waits_to_be_rated() -> None:
    assert read_one({"prompt": "p", "completion": "c"})[2] == ()
    assert read_one({"messages": [USER, *said("Air.")]})[2] == ()


# --- other programs -------------------------------------------------------------------------

TALK = [{"from": "human", "value": "Why?"}]


def test_sharegpt_holds_pairs_thumbs_and_plain_conversations() -> None:
    good, bad = {"from": "gpt", "value": "So."}, {"from": "gpt", "value": "No."}
    pair, thumb, plain = read(
        {"conversations": TALK, "chosen": good, "rejected": bad},
        {"conversations": [*TALK, good], "kto_tag": False},
        {"conversations": [*TALK, good, *TALK, bad]},
    )
    assert [each.kind for each in pair.reactions()] == ["pick"]
    assert [each.value for each in thumb.reactions()] == [-1]
    assert [each.replies[0].text for each in plain.exchanges] == ["So.", "No."]


def open_webui(rating: int, answer: str = "r1", **data: object) -> dict[str, object]:
    def message(name, parent, children, role, content):
        return {"id": name, "parentId": parent, "childrenIds": children, "role": role,
                "content": content}  # fmt: skip

    messages = {
        "u": message("u", None, ["r1", "r2"], "user", "Why?"),
        "r1": message("r1", "u", [], "assistant", "So."),
        "r2": message("r2", "u", [], "assistant", "Because."),
    }
    return {
        "id": f"f-{answer}",
        "type": "rating",
        "data": {"rating": rating, **data},
        "meta": {"chat_id": "chat", "message_id": answer},
        "snapshot": {"chat": {"chat": {"history": {"messages": messages}}}},
        "created_at": 1_760_000_000,
    }


def test_open_webui_ratings_of_one_message_share_an_exchange() -> None:
    entries = [open_webui(1, "r1", reason="too_verbose", details={"rating": 7}, comment="hm"),
               open_webui(-1, "r2")]  # fmt: skip
    found = read_file("feedback.json", json.dumps(entries).encode())
    [chat] = found.chats
    reactions = [(each.kind, each.reply, each.value or each.text) for each in chat.reactions()]
    assert reactions == [
        ("thumb", 0, 1), ("rating", 0, 4), ("chip", 0, "too long"), ("comment", 0, "hm"),
        ("thumb", 1, -1),
    ]  # fmt: skip
    assert next(chat.reactions()).at_utc.startswith("2025-10-09T08:53:20")


def test_an_open_webui_arena_rating_is_a_choice_over_its_sibling() -> None:
    entries = [open_webui(-1, "r1", sibling_model_ids=["other"])]
    [chat] = read_file("feedback.json", json.dumps(entries).encode()).chats
    [choice] = chat.reactions()
    assert (choice.kind, choice.shown, choice.outcome) == ("pick", (1, 0), "first")


def silly_tavern(*swipes: str, goes_on: bool = True) -> str:
    lines = [
        {"user_name": "You", "character_name": "Ann", "chat_metadata": {}},
        {"name": "Ann", "is_user": False, "mes": "A greeting."},
        {"name": "You", "is_user": True, "mes": "Why?"},
        {"name": "Ann", "is_user": False, "mes": swipes[0], "swipes": list(swipes)},
    ]
    lines += [{"name": "You", "is_user": True, "mes": "And then?"}] * goes_on
    return "\n".join(map(json.dumps, lines))


@pytest.mark.parametrize(
    ("swipes", "reaction"),
    [(("kept", "other"), "a choice among 2"), (("kept", "two", "three"), "a ranking of 3"),
     (("only",), "nothing yet: answers to rate")],
)  # fmt: skip
def test_the_swipe_that_a_sillytavern_chat_went_on_with_was_chosen(swipes, reaction) -> None:
    found = read_file("Ann.jsonl", silly_tavern(*swipes).encode())
    assert count_teaches(found.chats) == {reaction: 1}
    assert found.chats[0].exchanges[0].prompt == "Why?"
    assert found.chats[0].notes


def test_the_swipes_of_the_last_answer_say_nothing_yet() -> None:
    found = read_file("Ann.jsonl", silly_tavern("a", "b", goes_on=False).encode())
    assert count_teaches(found.chats) == {"nothing yet: answers to rate": 1}


def archive_of(**members: str | bytes) -> bytes:
    """A ZIP archive of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_chats_in_a_zip_archive_are_read_one_after_the_other() -> None:
    packed = archive_of(one=silly_tavern("a", "b"), two=silly_tavern("c", "d"))
    assert len(read_file("chats.zip", packed).chats) == 2


def test_what_a_mac_puts_into_an_archive_is_left_aside() -> None:
    leftovers = {"__MACOSX/._one.jsonl": b"\x00\x05\x16\x07\xff", ".DS_Store": b"\x00\xff"}
    packed = archive_of(**{"chats/one.jsonl": silly_tavern("a", "b")} | leftovers)
    assert len(read_file("chats.zip", packed).chats) == 1


def test_an_archive_may_hold_lists_and_lines() -> None:
    rows = [json.dumps({"prompt": prompt, "chosen": "a", "rejected": "b"}) for prompt in "pqrs"]
    packed = archive_of(one=f"[{rows[0]},\n{rows[1]}]", two=f"[{rows[2]}]", three=rows[3] + "\n{")
    found = read_file("rows.zip", packed)
    assert [chat.exchanges[0].prompt for chat in found.chats] == [*"pqrs"]
    assert [error.line for error in found.errors] == [5]


def test_a_damaged_archive_is_refused_whatever_is_wrong_with_it() -> None:
    packed = archive_of(one=silly_tavern("a", "b") * 20)
    for at in range(30, len(packed)):
        with suppress(InputRefused):
            read_file("chats.zip", packed[:at] + bytes([packed[at] ^ 255]) + packed[at + 1 :])


# --- what is wrong with a row ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{not json", "not JSON"),
        ('["a", "list"]', "should be a JSON object"),
        ({"prompt": "p", "chosen": "a"}, '"rejected" is missing'),
        ({"prompt": "p", "chosen": "a", "rejected": "a"}, "the same text"),
        ({"prompt": " ", "completion": "c", "label": True}, "The prompt is empty"),
        ({"prompt": "p", "completion": "c", "label": "yes"}, 'true or false, not "yes"'),
        ({"prompt": "p", "completion": 3, "label": True}, "should be a list of messages, not 3"),
        ({"prompt": "p", "completions": ["a", "b"], "ranks": [1]}, "2 answers need 2 ranks"),
        ({"prompt": "p", "completions": ["a", "b"], "ranks": [1, 1]}, "share one rank"),
        ({"prompt": "p", "completions": ["a", "b"]}, 'needs "ranks"'),
        ({"prompt": [{"role": "tool", "content": "x"}], "completion": "c"}, 'a turn of "tool"'),
        ({"prompt": "p", "completion": "\ud800", "label": True}, "half a character"),
        ({"prompt": "p", "completions": ["a", "b"], "ranks": [1, 10**400]}, "should be numbers"),
        ({"prompt": ["\ud800"], "completion": "c"}, "\ufffd"),
        ({"something": "else"}, "It has something, which is no row of TRL"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_its_fault(row, complaint) -> None:
    [(line, message)] = errors(row)
    assert line == 2
    assert complaint in message


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": ["thumb"], "reply": 0, "value": 1},
        {"kind": "pick", "shown": 2, "outcome": "first"},
        {"kind": "rank", "shown": [0, 1], "order": 0},
        {"kind": "thumb", "reply": 0, "value": True},
        {"kind": "rating", "reply": 0, "value": 4.0},
        {"kind": "trait", "trait": ["emoji"], "value": 1},
    ],
)
def test_a_reaction_of_the_wrong_type_costs_its_row_alone(wrong) -> None:
    exchange = {"prompt": "p", "replies": [{"text": "a"}, {"text": "b"}], "reactions": [wrong]}
    good = {"prompt": "p", "replies": [{"text": "a"}]}
    rows = [{"chatfeedback": 1, "exchanges": [each]} for each in (good, exchange)]
    found = read_file("rows.jsonl", "\n".join(map(json.dumps, rows)).encode())
    assert [len(found.chats), [each.line for each in found.errors]] == [1, [2]]


def test_names_and_titles_cut_in_the_middle_of_an_emoji_cost_nothing() -> None:
    exchange = {"id": "\ud83d", "prompt": "p", "replies": [{"text": "a"}]}
    [chat] = read({"chatfeedback": 1, "title": "Well \ud83d", "exchanges": [exchange]})
    assert (chat.title, chat.exchanges[0].key[:7]) == ("Well \ufffd", "import:")


@pytest.mark.parametrize("place", ["parentId", "childrenIds", "content", "role"])
@pytest.mark.parametrize("odd", [3, True, 1.5, [1], {"a": 1}])
def test_an_odd_message_of_open_webui_costs_its_row_at_most(place, odd) -> None:
    entry = open_webui(1, "r2")
    entry["snapshot"]["chat"]["chat"]["history"]["messages"]["u"][place] = odd
    assert read_file("f", json.dumps([open_webui(1), entry]).encode()).chats


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("empty.jsonl", b"", "It is empty"),
        ("latin.jsonl", "{'é'}".encode("latin-1"), "not UTF-8"),
        ("table.csv", b"a,b\n1,2\n", "Line 1: It is not JSON"),
        ("other.jsonl", b'{"a": 1, "b": 2}', "its first row has a, b"),
        ("list.json", b"[1, 2", "begins like a JSON list"),
        ("broken.zip", b"PK\x03\x04rest", "no ZIP archive"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name, data, complaint) -> None:
    with pytest.raises(InputRefused, match=complaint):
        read_file(name, data)


def test_the_same_row_has_the_same_name_in_every_file() -> None:
    row = {"prompt": "p", "chosen": "a", "rejected": "b"}
    once, twice = read(row), read({"prompt": "q", "chosen": "a", "rejected": "b"}, row)
    assert once[0].exchanges[0].key == twice[1].exchanges[0].key != twice[0].exchanges[0].key
