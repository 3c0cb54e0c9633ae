"""Elo of versions: from choices alone, with honest intervals."""

import pytest

from chatfeedback.asking.elo import POINTS_PER_LOGIT, PRIOR_SD, VERSIONS, Duel, rate, read_duels
from chatfeedback.records import Comparison, FeedbackEvent, StoredFeedback


def test_one_choice_against_the_base_weighed_by_hand():
    # maximum of log sigmoid(x) - x^2 / (2 * 1.5^2): sigmoid(-x) = x / 2.25, so x = 0.7311
    rating = rate([Duel("v1", None, 1.0)])["v1"]
    assert rating.elo == pytest.approx(1000 + POINTS_PER_LOGIT * 0.7311, abs=0.1)
    assert rating.low < 1000 < rating.high


def test_who_wins_more_stands_higher_whichever_side_they_were_on():
    ratings = rate([Duel("v2", "v1", 1.0), Duel("v1", "v2", 0.0), Duel("v1", None, 0.5)])
    assert ratings["v2"].elo > ratings["v1"].elo
    assert (ratings["v1"].duels, ratings["v2"].duels) == (3, 2)


def test_a_tie_with_the_base_leaves_a_version_where_it_is():
    assert rate([Duel("v1", None, 0.5)])["v1"].elo == pytest.approx(1000)


def test_more_choices_make_the_interval_narrower():
    few, many = (rate([Duel("v1", None, 1.0), Duel(None, "v1", 1.0)] * n)["v1"] for n in (1, 20))
    assert many.high - many.low < (few.high - few.low) / 2
    assert few.high - few.low < 2 * 1.96 * POINTS_PER_LOGIT * PRIOR_SD


def test_only_the_last_standing_vote_between_two_versions_counts():
    asked = [Comparison(1, 1, (10, 11), VERSIONS), Comparison(2, 2, (12, 13), "something else")]
    votes = [
        StoredFeedback(
            number, 1, FeedbackEvent(f"c{number}", "pick", comparison_id=which, outcome=outcome),
            "", undone,
        )
        for number, (which, outcome, undone) in enumerate(
            [(1, "first", False), (1, "second", False), (1, "tie", True), (2, "first", False)]
        )
    ]  # fmt: skip
    assert read_duels(asked, votes, {10: "v1", 11: None}) == [Duel("v1", None, 0.0)]


def test_without_choices_nothing_is_rated():
    assert rate([]) == {}
