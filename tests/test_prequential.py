"""How well the model foretells: sums, and the correction of its confidence."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chatfeedback.taste.prequential import CORRECTION_LIMITS, USUAL_SLOPE, Scores


def scores_of(confidence: float, n: int, overdone: float) -> Scores:
    """A model whose logits are `overdone` times what they should be."""
    rng = np.random.default_rng(0)
    scores = Scores()
    for _ in range(n):
        logit = confidence * rng.standard_normal()
        came_true = rng.random() < 1 / (1 + math.exp(-logit))
        p = 1 / (1 + math.exp(-overdone * logit))
        scores = scores.note(p if came_true else 1 - p)
    return scores


def test_nothing_is_claimed_from_few_choices():
    scores = Scores().note(0.9)

    assert (scores.accuracy, scores.mean_log_score, scores.slope) == (None, None, None)


def test_scores_of_five_choices_by_hand():
    scores = Scores()
    for p in (0.5,) * 5:
        scores = scores.note(p)

    assert scores.accuracy == 0.5
    assert scores.mean_log_score == pytest.approx(-math.log(2))
    assert scores.mean_brier == pytest.approx(0.25)
    assert scores.reliability() == [(0.5, 0.5, 5)]


def test_right_predictions_beat_wrong_ones():
    right, wrong = Scores(), Scores()
    for _ in range(10):
        right, wrong = right.note(0.8), wrong.note(0.2)

    assert right.accuracy == 1.0
    assert wrong.accuracy == 0.0
    assert right.mean_log_score > wrong.mean_log_score
    assert right.mean_brier < wrong.mean_brier
    assert wrong.reliability()[0][1] == 0.0


@pytest.mark.parametrize("overdone", [0.6, 1.0, 1.7])
def test_confidence_is_brought_to_what_came_true(overdone):
    scores = scores_of(confidence=1.5, n=1000, overdone=overdone)

    assert scores.correction == pytest.approx(1 / overdone, rel=0.2)
    assert 0.8 < scores.slope < 1.25
    assert scores.correct(0.9) + scores.correct(0.1) == pytest.approx(1.0)


def test_the_correction_keeps_within_its_limits():
    assert scores_of(confidence=1.5, n=400, overdone=8.0).correction == CORRECTION_LIMITS[0]


def test_before_any_choice_a_model_is_taken_for_somewhat_too_sure():
    assert Scores().correction == pytest.approx(USUAL_SLOPE, rel=0.01)
    assert 0.5 < Scores().correct(0.9) < 0.9


def test_few_choices_correct_little():
    assert scores_of(confidence=1.5, n=5, overdone=3.0).correction > 0.85 * USUAL_SLOPE


def test_reliability_follows_the_diagonal_of_an_honest_model():
    for predicted, true, n in scores_of(confidence=1.5, n=3000, overdone=1.0).reliability():
        assert true == pytest.approx(predicted, abs=3 * math.sqrt(0.25 / n))
