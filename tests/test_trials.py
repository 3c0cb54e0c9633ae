"""Blind trials and attention: what is read from the comparisons that were shown."""

import pytest

from chatfeedback.asking.attention import Attention, read_attention
from chatfeedback.asking.trials import BlindTrials, beta_cdf, beta_quantile, read_trials
from chatfeedback.records import (
    BLIND_TRIAL,
    IMPORTED,
    REPEAT,
    Comparison,
    FeedbackEvent,
    StoredFeedback,
)


def shown(number: int, *replies: int, why: str = "") -> Comparison:
    return Comparison(number, number, replies or (2 * number, 2 * number + 1), why)


def pick(number: int, outcome: str, feedback_id: int = 0, undone: bool = False) -> StoredFeedback:
    event = FeedbackEvent(f"c{number}", "pick", comparison_id=number, outcome=outcome)
    return StoredFeedback(feedback_id or number, 1, event, "2026-11-21T10:00:00Z", undone)


def test_the_reply_with_the_lower_id_is_the_bases():
    trials = [
        shown(1, 10, 11, why=BLIND_TRIAL),
        shown(2, 13, 12, why=BLIND_TRIAL),
        shown(3, 14, 15, why=BLIND_TRIAL),
        shown(4, 16, 17, why=BLIND_TRIAL),
    ]
    picks = [pick(1, "second"), pick(2, "second"), pick(3, "tie")]
    assert read_trials(trials, picks) == BlindTrials(wins=1, losses=1, ties=1)


def test_other_comparisons_and_undone_picks_are_no_trials():
    comparisons = [shown(1), shown(2, why=BLIND_TRIAL)]
    assert read_trials(comparisons, [pick(1, "first"), pick(2, "first", undone=True)]).count == 0


def test_a_changed_answer_counts_once():
    picks = [pick(1, "first", 1), pick(1, "second", 2)]
    assert read_trials([shown(1, why=BLIND_TRIAL)], picks) == BlindTrials(wins=1)


def test_trials_from_before_somebody_started_afresh_count_no_more():
    trials = [shown(1, why=BLIND_TRIAL), shown(3, why=BLIND_TRIAL)]
    forget = StoredFeedback(2, 1, FeedbackEvent("f", "forget"), "2026-11-21T10:00:00Z", False)
    picks = [pick(1, "first", 1), forget, pick(3, "second", 3)]
    assert read_trials(trials, picks) == BlindTrials(wins=1)
    picks[1] = StoredFeedback(2, 1, forget.event, forget.created_at_utc, undone=True)
    assert read_trials(trials, picks).count == 2


def test_the_win_rate_counts_a_tie_half():
    assert BlindTrials(3, 1, 2).win_rate == pytest.approx(4 / 6)
    assert BlindTrials().win_rate == 0.5


def test_seven_wins_of_ten_are_better_with_probability_0_887():
    """Beta(8, 4): P(p > 1/2) = P(at most 7 of 11 tosses are heads) = 1816 / 2048."""
    assert BlindTrials(7, 3).probability_better == pytest.approx(1816 / 2048)


def test_the_interval_holds_95_percent():
    low, high = BlindTrials(7, 3).interval
    assert beta_cdf(8, 4, high) - beta_cdf(8, 4, low) == pytest.approx(0.95, abs=1e-6)
    assert low < 0.7 < high


def test_the_quantile_of_an_even_beta_is_its_middle():
    assert beta_quantile(5, 5, 0.5) == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("n", [1000, 10_000])
def test_thousands_of_answers_are_counted_too(n):
    assert beta_cdf(1 + n // 2, 1 + n // 2, 0.5) == pytest.approx(0.5, abs=1e-9)
    assert beta_cdf(1 + n, 1, 0.999) == pytest.approx(0.999 ** (n + 1), rel=1e-9)
    assert Attention(asked=10, answered=n, first=n // 2).readiness == 1.0
    assert Attention(asked=10, answered=n, first=9 * n // 10).always_one_side


# --- attention -------------------------------------------------------------------------------


def test_questions_left_open_tire():
    attention = read_attention([shown(n) for n in range(1, 11)], [pick(1, "first")])
    assert attention.unanswered == pytest.approx(0.9)
    assert attention.readiness == 0.0
    assert Attention(asked=10, unanswered=0.6).readiness == 0.5


def test_answered_questions_do_not():
    picks = [pick(n, "first" if n % 2 else "second") for n in range(1, 11)]
    assert read_attention([shown(n) for n in range(1, 11)], picks).readiness == 1.0


@pytest.mark.parametrize("side", ["first", "second"])
def test_always_the_same_side_is_noticed(side):
    picks = [pick(n, side) for n in range(1, 21)]
    assert read_attention([shown(n) for n in range(1, 21)], picks).always_one_side


def test_choices_that_came_with_a_file_tell_nothing_of_attention():
    """A data set has the better answer first, and nobody here was asked."""
    comparisons = [shown(n, why=IMPORTED) for n in range(1, 31)]
    picks = [pick(n, "first") for n in range(1, 31)]
    assert read_attention(comparisons, picks) == Attention()


def test_a_ranking_taken_back_leaves_its_question_open():
    event = FeedbackEvent("c1", "rank", comparison_id=1, order=(4, 3, 2))
    ranked = StoredFeedback(1, 1, event, "2026-11-21T10:00:00Z", undone=True)
    assert read_attention([shown(1, 2, 3, 4)], [ranked]).unanswered == 1.0


def test_a_repeat_answered_with_the_same_reply_is_alike():
    comparisons = [shown(1, 5, 6), shown(2, 6, 5, why=REPEAT)]
    same = read_attention(comparisons, [pick(1, "first"), pick(2, "second")])
    other = read_attention(comparisons, [pick(1, "first"), pick(2, "first")])
    assert (same.repeated, same.alike) == (1, 1)
    assert (other.repeated, other.alike) == (1, 0)


def test_what_was_asked_before_the_rate_was_set_counts_no_more():
    comparisons = [shown(1, 5, 6), shown(2, 6, 5, why=REPEAT), shown(3, 7, 8)]
    picks = [pick(1, "first"), pick(2, "first")]
    found = read_attention(comparisons, picks, since=2)
    assert (found.asked, found.unanswered, found.repeated) == (1, 1.0, 0)
    later = read_attention(comparisons, picks, since=1)  # what it repeats was asked before
    assert (later.repeated, later.alike) == (1, 0)


def test_somebody_who_contradicts_themselves_is_asked_no_more():
    assert Attention(repeated=8, alike=3).readiness == 0.0
    assert Attention(repeated=8, alike=6).readiness == 1.0
