"""What the log of feedback says: what counts, what replaces what, and which pairs it gives."""

from dataclasses import dataclass, field

import pytest

from chatfeedback.records import (
    MEASURED_ONLY,
    Comparison,
    FeedbackEvent,
    Sampling,
    StoredFeedback,
    StoredReply,
)
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.fold import judge
from chatfeedback.taste.preferences import (
    CHIPS,
    HALF_LIFE_JUDGEMENTS,
    Better,
    Equal,
    Flagged,
    Ranked,
    Rated,
    Reason,
    Starred,
    TraitSaid,
    edit_distance,
    edit_weight,
    training_pairs,
)

BASE = "base"


def stored_reply(reply_id: int, message_id: int, text: str, base_key: str = BASE) -> StoredReply:
    return StoredReply(
        reply_id=reply_id,
        message_id=message_id,
        prompt_text="Why?",
        text=text,
        prompt_ids=(1, 2),
        token_ids=(10 + reply_id,),
        state="done",
        stop_reason="end",
        adapter_id=None,
        adapter_scale=1.0,
        sampling=Sampling(),
        seed=0,
        base_key=base_key,
        first_token_ms=None,
        reply_ms=None,
        candidates=1,
        created_at_utc="2030-01-01T00:00:00Z",
    )


@dataclass
class Log:
    """A person's log, written event by event; also what folding looks up."""

    replies: dict[int, StoredReply] = field(default_factory=dict)
    comparisons: dict[int, Comparison] = field(default_factory=dict)
    events: list[StoredFeedback] = field(default_factory=list)

    def __post_init__(self) -> None:
        answers = [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (7, 3), (8, 3)]
        for reply_id, message_id in answers:
            self.replies[reply_id] = stored_reply(
                reply_id, message_id, f"Answer number {reply_id}."
            )
        self.comparisons[1] = Comparison(1, 1, (1, 2), "")
        self.comparisons[2] = Comparison(2, 2, (3, 4), "")
        self.comparisons[3] = Comparison(3, 3, (5, 6, 7, 8), "")

    def say(self, kind: str, **what: object) -> int:
        feedback_id = len(self.events) + 1
        event = FeedbackEvent(f"client-{feedback_id}", kind, **what)
        self.events.append(StoredFeedback(feedback_id, 1, event, "", undone=False))
        return feedback_id

    def edit(self, reply_id: int, text: str) -> int:
        """Rewrite a reply; the rewrite becomes a sibling. Answers its reply id."""
        self.say("edit", reply_id=reply_id, text=text)
        new_id = max(self.replies) + 1
        self.replies[new_id] = stored_reply(new_id, self.replies[reply_id].message_id, text)
        return new_id

    def judgements(self):
        return judge(self.events, self)

    def comparison(self, comparison_id: int) -> Comparison:
        return self.comparisons[comparison_id]

    def reply(self, reply_id: int) -> StoredReply:
        return self.replies[reply_id]

    def rewritten(self, reply_id: int, text: str) -> int | None:
        message_id = self.replies[reply_id].message_id
        for other in self.replies.values():
            if other.message_id == message_id and other.text == text:
                return other.reply_id
        return None


@pytest.fixture
def log() -> Log:
    return Log()


# --- picks ---------------------------------------------------------------------------------


def test_a_pick_prefers_one_reply_to_the_other(log):
    log.say("pick", comparison_id=1, outcome="first")
    log.say("pick", comparison_id=2, outcome="second")

    assert log.judgements() == [Better(1, 1, 2, 1.0, "click"), Better(2, 4, 3, 1.0, "click")]


def test_a_tie_says_that_neither_is_better(log):
    log.say("pick", comparison_id=1, outcome="tie")

    assert log.judgements() == [Equal(1, (1, 2))]


def test_both_bad_is_a_thumb_down_for_each(log):
    log.say("pick", comparison_id=1, outcome="both_bad")

    assert log.judgements() == [Rated(1, 1, False, 0.5), Rated(1, 2, False, 0.5)]


def test_a_pick_of_four_is_the_best_of_all(log):
    log.say("pick", comparison_id=3, outcome="third")

    assert log.judgements() == [Ranked(1, (7, 5, 6, 8), 1)]


def test_a_ranking_goes_from_best_to_worst(log):
    log.say("rank", comparison_id=3, order=(8, 5, 7, 6))
    log.say("rank", comparison_id=1, order=(2, 1))

    assert log.judgements() == [Ranked(1, (8, 5, 7, 6), 3), Better(2, 2, 1, 1.0, "click")]


def test_replies_left_out_of_a_ranking_come_last(log):
    log.say("rank", comparison_id=3, order=(8, 5))

    assert log.judgements() == [Ranked(1, (8, 5, 6, 7), 2)]


def test_a_ranking_replaces_the_pick_before_it(log):
    log.say("pick", comparison_id=1, outcome="first")
    log.say("rank", comparison_id=1, order=(2, 1))

    assert log.judgements() == [Better(2, 2, 1, 1.0, "click")]


@pytest.mark.parametrize("why", MEASURED_ONLY)
def test_nothing_is_learned_from_comparisons_that_measure(log, why):
    log.comparisons[1] = Comparison(1, 1, (1, 2), why)
    log.comparisons[2] = Comparison(2, 2, (3, 4), why)
    log.say("pick", comparison_id=1, outcome="first")
    log.say("rank", comparison_id=2, order=(4, 3))

    assert log.judgements() == []


def test_a_second_vote_on_a_comparison_replaces_the_first(log):
    log.say("pick", comparison_id=1, outcome="first")
    log.say("pick", comparison_id=1, outcome="second")

    assert log.judgements() == [Better(2, 2, 1, 1.0, "click")]


# --- thumbs and reasons --------------------------------------------------------------------


def test_the_last_thumb_on_a_reply_counts(log):
    log.say("thumb", reply_id=1, value=1)
    log.say("thumb", reply_id=3, value=1)
    log.say("thumb", reply_id=1, value=-1)

    assert log.judgements() == [Rated(2, 3, True, 0.5), Rated(3, 1, False, 0.5)]


def test_a_thumb_taken_back_says_nothing(log):
    log.say("thumb", reply_id=1, value=1)
    log.say("thumb", reply_id=1, value=0)

    assert log.judgements() == []


def test_a_reason_speaks_of_one_measure(log):
    log.say("chip", reply_id=1, text="too long")
    log.say("chip", reply_id=1, text="not friendly")

    assert log.judgements() == [
        Reason(1, 1, "log_words", more=False),
        Reason(2, 1, "warm_words", more=True),
    ]


def test_the_same_reason_twice_counts_once(log):
    log.say("chip", reply_id=1, text="too long")
    log.say("chip", reply_id=1, text="too long")

    assert len(log.judgements()) == 1


def test_wrong_is_about_truth_and_teaches_no_style(log):
    log.say("thumb", reply_id=1, value=-1)
    log.say("chip", reply_id=1, text="wrong")
    log.say("thumb", reply_id=3, value=-1)

    assert log.judgements() == [
        Rated(1, 1, False, 0.5, wrong=(1,)),
        Rated(3, 3, False, 0.5),
    ]


def test_wrong_speaks_of_the_reply_wherever_it_was_judged(log):
    log.say("pick", comparison_id=1, outcome="second")
    log.say("flag", reply_id=1, flag="wrong")

    assert log.judgements() == [Better(1, 2, 1, 1.0, "click", wrong=(1,)), Flagged(2, 1, "wrong")]


# --- stars, traits, flags and the rest -------------------------------------------------------


def test_the_last_rating_of_a_reply_counts(log):
    log.say("rating", reply_id=1, value=2)
    log.say("rating", reply_id=1, value=5)

    assert log.judgements() == [Starred(2, 1, 5)]


def test_a_trait_is_wanted_until_the_word_is_taken_back(log):
    log.say("trait", trait="emoji", value=-1)

    assert log.judgements() == [TraitSaid(1, "emoji", more=False)]
    log.say("trait", trait="emoji", value=0)
    assert log.judgements() == []


def test_a_comment_is_kept_in_the_log_and_teaches_nothing(log):
    log.say("comment", reply_id=1, text="Too sure of itself.")

    assert log.judgements() == []


def test_copying_and_asking_again_count_only_where_that_is_switched_on(log):
    log.say("copy", reply_id=1)
    log.say("regenerate", reply_id=3)

    assert log.judgements() == []
    assert judge(log.events, log, implicit=True) == [
        Rated(1, 1, True, 0.2),
        Rated(2, 3, False, 0.2),
    ]


def test_after_forget_me_only_what_comes_later_counts(log):
    log.say("thumb", reply_id=1, value=1)
    log.say("forget")
    log.say("thumb", reply_id=3, value=1)

    assert log.judgements() == [Rated(3, 3, True, 0.5)]


def test_forgetting_can_be_undone(log):
    log.say("thumb", reply_id=1, value=1)
    log.say("undo", undoes=log.say("forget"))

    assert log.judgements() == [Rated(1, 1, True, 0.5)]


def test_an_unknown_reason_is_kept_in_the_log_and_teaches_nothing(log):
    log.say("chip", reply_id=1, text="too purple")

    assert log.judgements() == []


def test_every_chip_speaks_of_a_real_measure():
    assert all(chip.measure is None or chip.measure in STYLE_MEASURES for chip in CHIPS)
    assert len({chip.name for chip in CHIPS}) == len(CHIPS)


# --- rewrites ------------------------------------------------------------------------------


def test_a_rewrite_is_better_than_what_it_replaces(log):
    new_id = log.edit(1, "Something else entirely, much longer.")

    assert log.judgements() == [Better(1, new_id, 1, 3.0, "edit")]


def test_a_rewrite_of_a_rewrite_is_better_still(log):
    second = log.edit(1, "Something else entirely.")
    third = log.edit(second, "A third thing, shorter and blunt!")
    links = [(j.chosen_id, j.rejected_id) for j in log.judgements()]

    assert links == [(second, 1), (third, second)]


def test_a_second_rewrite_of_one_reply_replaces_the_first(log):
    log.edit(1, "Something else entirely.")
    second = log.edit(1, "A third thing, shorter and blunt!")

    assert [j.chosen_id for j in log.judgements()] == [second]


def test_a_mended_typo_says_nothing(log):
    log.replies[1] = stored_reply(1, 1, "a long answer " * 10)
    log.edit(1, "a long answer " * 9 + "a long anwser ")

    assert log.judgements() == []


def test_a_rewrite_that_is_not_stored_yet_waits(log):
    log.say("edit", reply_id=1, text="Not among the siblings.")

    assert log.judgements() == []


def test_edit_distance_runs_from_same_to_nothing_in_common():
    assert edit_distance("abc", "abc ") == 0.0
    assert edit_distance("abc", "xyz") == 1.0
    assert edit_distance("abcd", "abxd") == pytest.approx(0.25)


def test_a_long_rewrite_is_compared_by_its_words():
    words = [f"word{at}" for at in range(200)]

    assert edit_distance(" ".join(words), " ".join([*words[:-50], "end"])) == pytest.approx(
        1 - 2 * 150 / (200 + 151)
    )


def test_a_larger_rewrite_weighs_more_up_to_three_clicks():
    assert edit_weight("abcd" * 50, "abcd" * 50 + "e") == 0.0
    assert edit_weight("abcd", "abxd") == pytest.approx(2.0)  # 1 + 4 * 0.25
    assert edit_weight("abc", "xyz") == 3.0


# --- undo, and what the model must do ------------------------------------------------------


def test_an_undone_event_counts_no_more(log):
    pick = log.say("pick", comparison_id=1, outcome="first")
    log.say("thumb", reply_id=3, value=1)
    log.say("undo", undoes=pick)

    assert log.judgements() == [Rated(2, 3, True, 0.5)]


def test_undoing_a_changed_thumb_brings_the_earlier_one_back(log):
    log.say("thumb", reply_id=1, value=1)
    changed = log.say("thumb", reply_id=1, value=-1)
    log.say("undo", undoes=changed)

    assert log.judgements() == [Rated(1, 1, True, 0.5)]


# --- pairs for the policy ------------------------------------------------------------------


def pairs(log: Log):
    return training_pairs(log.judgements(), log, BASE)


def test_picks_and_rewrites_become_pairs(log):
    log.say("pick", comparison_id=1, outcome="second")
    new_id = log.edit(3, "Something else entirely, much longer.")
    click, edit = pairs(log)

    assert (click.chosen_ids, click.rejected_ids, click.source) == ((12,), (11,), "click")
    assert (edit.chosen_ids, edit.rejected_ids, edit.source) == ((10 + new_id,), (13,), "edit")
    assert edit.weight == 3.0
    assert click.weight == pytest.approx(0.5 ** (1 / HALF_LIFE_JUDGEMENTS))


def test_a_liked_and_a_disliked_sibling_become_a_pair(log):
    log.say("thumb", reply_id=1, value=-1)
    log.say("thumb", reply_id=2, value=1)
    log.say("thumb", reply_id=3, value=1)
    [pair] = pairs(log)

    assert (pair.chosen_ids, pair.rejected_ids) == ((12,), (11,))


def test_a_reply_said_to_be_wrong_loses_to_a_liked_sibling(log):
    log.say("thumb", reply_id=1, value=-1)
    log.say("chip", reply_id=1, text="wrong")
    log.say("thumb", reply_id=2, value=1)

    assert len(pairs(log)) == 1


def test_a_pair_said_twice_counts_once(log):
    log.say("pick", comparison_id=1, outcome="first")
    log.say("thumb", reply_id=1, value=1)
    log.say("thumb", reply_id=2, value=-1)

    assert len(pairs(log)) == 1


def test_a_pair_said_twice_counts_at_its_larger_weight(log):
    new_id = log.edit(1, "Something else entirely, much longer.")
    log.say("thumb", reply_id=new_id, value=1)
    log.say("thumb", reply_id=1, value=-1)
    [pair] = pairs(log)

    assert pair.weight > 2.9  # the rewrite's 3, not the thumbs' 0.5 + 0.5


def test_a_ranking_gives_a_pair_for_each_better_reply_and_counts_one_click_a_place(log):
    log.say("rank", comparison_id=3, order=(8, 5, 7, 6))
    found = {
        (pair.chosen_ids[0] - 10, pair.rejected_ids[0] - 10): pair.weight for pair in pairs(log)
    }

    assert found == pytest.approx(
        {(8, 5): 1 / 3, (8, 7): 1 / 3, (8, 6): 1 / 3, (5, 7): 1 / 2, (5, 6): 1 / 2, (7, 6): 1.0}
    )


def test_many_stars_beat_few_stars_and_flags(log):
    log.say("rating", reply_id=1, value=5)
    log.say("rating", reply_id=2, value=2)
    log.say("rating", reply_id=3, value=4)
    log.say("flag", reply_id=4, flag="harmful")
    found = [(pair.chosen_ids, pair.rejected_ids) for pair in pairs(log)]

    assert found == [((11,), (12,)), ((13,), (14,))]


def test_ties_give_no_pair(log):
    log.say("pick", comparison_id=1, outcome="tie")
    log.say("pick", comparison_id=2, outcome="both_bad")

    assert pairs(log) == []


def test_replies_of_another_base_and_unread_rewrites_give_no_pair(log):
    log.replies[2] = stored_reply(2, 1, "Other.", base_key="another base")
    log.replies[4] = StoredReply(**{**vars(log.replies[4]), "token_ids": ()})
    log.say("pick", comparison_id=1, outcome="first")
    log.say("pick", comparison_id=2, outcome="second")

    assert pairs(log) == []
