"""Which choices stand behind a trait."""

from dataclasses import replace

from fake_session import NOW

from chatfeedback.records import Sampling, StoredReply
from chatfeedback.taste.behind import find_behind
from chatfeedback.taste.preferences import Better, Reason, TraitSaid

PLAIN = StoredReply(
    1, 1, "How are you?", "Fine.", (), (), "done", "end", None, 0.0, Sampling(), 0, "base",
    None, None, 1, NOW,
)  # fmt: skip
SMILING = replace(PLAIN, reply_id=2, text="Fine! 😊😊")
REPLIES = {1: PLAIN, 2: SMILING, 3: replace(PLAIN, reply_id=3, text="Well.")}


def find(measure, *judgements):
    return find_behind(judgements, REPLIES.__getitem__, measure, limit=5)


def test_a_choice_speaks_for_what_the_better_reply_has_more_of():
    [found] = find("emoji", Better(7, 2, 1, 1.0, "click"))
    assert found.more
    assert (found.feedback_id, found.better, found.worse) == (7, "Fine! 😊😊", "Fine.")
    [found] = find("emoji", Better(7, 1, 2, 1.0, "click"))
    assert not found.more


def test_replies_that_do_not_differ_in_a_trait_say_nothing_about_it():
    assert find("emoji", Better(7, 1, 3, 1.0, "click")) == []


def test_what_was_said_in_words_comes_first_and_only_for_its_own_trait():
    found = find(
        "emoji",
        Better(7, 2, 1, 1.0, "click"),
        Reason(8, 2, "log_words", more=False),
        TraitSaid(9, "emoji", more=False),
    )
    assert [each.feedback_id for each in found] == [9, 7]
