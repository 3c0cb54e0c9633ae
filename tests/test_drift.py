"""Tastes that change are followed, steady ones are not disturbed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chatfeedback.taste.basis import style_basis
from chatfeedback.taste.drift import Belief
from chatfeedback.taste.likelihoods import Evidence, picks, preference, thumb
from chatfeedback.taste.prior import PriorScale, shipped_prior
from chatfeedback.taste.reward import RewardModel

BASIS = style_basis("base", 1)


def choices(n: int, seed: int = 0, taste: float = 1.0) -> list[Evidence]:
    """n pairs, picked by somebody who likes (or dislikes) more of the first four measures."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        a, b = rng.standard_normal((2, BASIS.size))
        gap = 1.5 * taste * float((a - b)[:4].sum())
        found.append(preference(*((a, b) if rng.random() < 1 / (1 + np.exp(-gap)) else (b, a))))
    return found


def belief_after(*evidences: Evidence) -> Belief:
    belief = Belief.start(BASIS)
    for evidence in evidences:
        belief = belief.update(evidence)
    return belief


def foretold(belief: Belief, taste: float) -> float:
    """Share of fresh choices that it foretells."""
    fresh = choices(400, seed=99, taste=taste)
    return float(np.mean([each.rows[0] @ belief.model.mean > 0 for each in fresh]))


def test_a_steady_taste_is_followed_by_the_model_that_forgets_nothing():
    evidences = choices(60)
    belief = belief_after(*evidences)

    assert belief.changes == 0
    np.testing.assert_array_equal(
        belief.model.mean, RewardModel.prior(BASIS).rebuild(evidences).mean
    )


def test_a_taste_that_turns_round_is_learned_anew():
    before, after = choices(50), choices(30, seed=1, taste=-1.0)
    follows = belief_after(*before, *after)
    stubborn = RewardModel.prior(BASIS).rebuild([*before, *after])

    assert follows.changes >= 1
    assert foretold(follows, -1.0) > 0.6
    assert foretold(follows, -1.0) > foretold(Belief((stubborn, stubborn)), -1.0) + 0.2


def test_a_change_of_taste_tells_from_where_on_the_log_speaks_of_the_new_one():
    follows = belief_after(*choices(50), *choices(30, seed=1, taste=-1.0))

    assert belief_after(*choices(60)).since[0] == 0
    assert 45 <= follows.since[0] <= 65


def test_forgetting_moves_half_way_to_the_prior():
    """With half the precision kept, the belief is the mean of the two in precision."""
    model = RewardModel.prior(BASIS).rebuild(choices(30))
    half = model.discounted(0.5)
    precision = [np.linalg.inv(each.covariance) for each in (model, half)]
    before = np.linalg.inv(model.before.covariance)

    np.testing.assert_allclose(precision[1], (precision[0] + before) / 2, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model.discounted(1.0).mean, model.mean, atol=1e-8)
    np.testing.assert_allclose(model.discounted(0.0).mean, model.before.mean, atol=1e-8)


def test_a_false_alarm_is_taken_back():
    """A few odd choices let the quick model be followed; then the old taste returns."""
    belief = belief_after(*choices(60), *choices(14, seed=1, taste=-3.0))
    assert belief.changes == 1
    for evidence in choices(40, seed=2):
        belief = belief.update(evidence)

    assert belief.changes >= 2
    assert foretold(belief, 1.0) > 0.7


def test_a_change_of_taste_is_settled_once_what_follows_speaks_for_it():
    belief = belief_after(*choices(50))
    settles_in = [belief.settles_in]
    leads = []
    for evidence in choices(30, seed=1, taste=-1.0):
        belief = belief.update(evidence)
        settles_in.append(belief.settles_in)
        if belief.changes:
            leads.append(belief.log_scores[0] - belief.log_scores[2])

    alarm = settles_in.index(15)
    confirmed = next(at for at, lead in enumerate(leads) if lead >= 0.5)
    assert settles_in[:alarm] == [0] * alarm
    assert settles_in[alarm : alarm + confirmed] == list(range(15, 15 - confirmed, -1))
    assert settles_in[alarm + confirmed] == 0
    assert 0 < confirmed < 10


def test_a_change_that_nothing_confirms_or_denies_is_settled_after_fifteen_reactions():
    alarm = Belief.start(BASIS)
    alarm = replace(alarm, models=alarm.models[:1] * 3, log_scores=(0.0,) * 3)
    alarm = replace(alarm, n=60, changes=1, since=(50, 0))

    assert alarm.settles_in == 15
    assert replace(alarm, n=74).settles_in == 1
    assert replace(alarm, n=75).settles_in == 0
    assert replace(alarm, log_scores=(-1.0, 0.0, -1.4)).settles_in == 15
    assert replace(alarm, log_scores=(-1.0, 0.0, -1.6)).settles_in == 0


def test_nothing_is_unsettled_once_a_false_alarm_is_taken_back():
    belief = belief_after(*choices(60), *choices(14, seed=1, taste=-3.0))
    for evidence in choices(40, seed=2):
        before, belief = belief, belief.update(evidence)
        if belief.changes > before.changes:
            break

    assert belief.since[0] == 0
    assert belief.settles_in == 0


def test_a_ranking_is_one_reaction():
    replies = np.random.default_rng(0).standard_normal((4, BASIS.size))

    assert belief_after().update(*picks(replies, 4)).n == 1


def test_only_choices_between_replies_are_scored():
    replies = np.random.default_rng(0).standard_normal((4, BASIS.size))
    belief = belief_after(thumb(replies[0], up=True))
    assert belief.scores.n == 0
    belief = belief.update(*picks(replies, 1))
    assert belief.scores.n == 3  # the best against each of the others
    assert belief.scores.log_score == pytest.approx(3 * np.log(0.5), abs=0.6)


def test_a_choice_is_foretold_before_it_is_learned():
    [pair] = choices(1)
    belief = Belief.start(BASIS)
    for _ in range(6):
        belief = belief.update(pair)

    assert belief.scores.hits == 5.5  # the first was a coin toss


def test_a_belief_survives_storage_and_refuses_another_basis_or_prior():
    belief = belief_after(*choices(50), *choices(30, seed=1, taste=-1.0))
    again = Belief.from_bytes(belief.to_bytes(), BASIS, belief.model.before)

    assert again is not None
    assert (again.n, again.changes, again.log_scores) == (80, belief.changes, belief.log_scores)
    assert again.since == belief.since
    assert again.scores.slope == belief.scores.slope
    for kept, model in zip(again.models, belief.models, strict=True):
        np.testing.assert_array_equal(kept.mean, model.mean)
        np.testing.assert_allclose(kept.covariance, model.covariance, atol=1e-12)
    another = style_basis("another", 1)
    assert Belief.from_bytes(belief.to_bytes(), another, shipped_prior(another)) is None
    wide = shipped_prior(BASIS, PriorScale(style=9.0))
    assert Belief.from_bytes(belief.to_bytes(), BASIS, wide) is None


def test_a_stored_belief_goes_on_as_if_it_had_never_been_stored():
    first, then = choices(40), choices(20, seed=3)
    whole = belief_after(*first, *then)
    belief = belief_after(*first)
    belief = Belief.from_bytes(belief.to_bytes(), BASIS, belief.model.before)
    for evidence in then:
        belief = belief.update(evidence)

    np.testing.assert_allclose(belief.model.mean, whole.model.mean, atol=1e-9)
