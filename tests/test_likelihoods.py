"""What every gesture says, against sums worked out apart, and that the signs are right."""

from __future__ import annotations

import numpy as np
import pytest

from chatfeedback.taste.basis import style_basis
from chatfeedback.taste.likelihoods import (
    LAPSE,
    NUISANCES,
    Evidence,
    Posterior,
    moments_after,
    picks,
    preference,
    rating,
    thumb,
    towards,
)
from chatfeedback.taste.reward import RewardModel

BASIS = style_basis("base", 1)
D = BASIS.size
PRIOR = RewardModel.prior(BASIS)


def phi(**entries: float) -> np.ndarray:
    """A reply that differs in the first measures a, b, c only."""
    found = np.zeros(D)
    for name, value in entries.items():
        found["abc".index(name)] = value
    return found


def nuisance(model: RewardModel, name: str) -> float:
    return float(model.mean[D + NUISANCES.index(name)])


def sampled_mean(evidence: Evidence, draws: int = 400_000) -> np.ndarray:
    """E[w | reaction] by weighting draws from the prior."""
    rng = np.random.default_rng(0)
    used = np.flatnonzero(evidence.rows.any(axis=0))
    root = np.linalg.cholesky(PRIOR.covariance[np.ix_(used, used)])
    w = PRIOR.mean[used] + rng.standard_normal((draws, len(used))) @ root.T
    p = np.exp(evidence.weight * evidence.log_likelihood(w @ evidence.rows[:, used].T))
    return p @ w / p.sum()


@pytest.mark.parametrize(
    "evidence",
    [
        picks(np.stack([phi(a=1.0), phi(b=2.0), phi(a=-1.0, b=1.0)]), 1)[0],
        picks(np.stack([phi(a=1.0), phi(b=2.0), phi(c=1.0), phi(a=-1.0, c=2.0)]), 1)[0],
        rating(phi(a=1.0, b=1.0), 4),
        rating(phi(a=1.0, b=1.0), 1),
        rating(phi(a=1.0, b=1.0), 5),
        thumb(phi(a=2.0), up=False),
    ],
    ids=["best of 3", "best of 4", "4 stars", "1 star", "5 stars", "thumb"],
)
def test_an_update_has_the_mean_of_the_exact_posterior(evidence):
    used = np.flatnonzero(evidence.rows.any(axis=0))

    np.testing.assert_allclose(PRIOR.update(evidence).mean[used], sampled_mean(evidence), atol=0.01)


def test_the_chances_of_all_outcomes_add_up_to_one():
    rng = np.random.default_rng(0)
    w = PRIOR.mean + 0.5 * rng.standard_normal(len(PRIOR.mean))
    replies = rng.standard_normal((4, D))
    of_picks = [picks(np.roll(replies, -first, axis=0), 1)[0] for first in range(4)]
    of_stars = [rating(replies[0], stars) for stars in range(1, 6)]

    def chance(evidence: Evidence) -> float:
        return float(np.exp(evidence.log_likelihood((evidence.rows @ w)[None])[0]))

    assert sum(map(chance, of_picks)) == pytest.approx(1.0)
    assert sum(map(chance, of_stars)) == pytest.approx(1.0, abs=2 * LAPSE)


def test_a_pick_of_two_is_a_preference():
    [pick] = picks(np.stack([phi(a=1.0), phi(b=1.0)]), 1)
    plain = preference(phi(a=1.0), phi(b=1.0))

    np.testing.assert_array_equal(PRIOR.update(pick).mean, PRIOR.update(plain).mean)


def test_a_ranking_is_one_pick_after_another():
    replies = np.stack([phi(a=1.0), phi(b=1.0), phi(c=1.0)])
    first, second = picks(replies, 2)

    assert (len(first.rows), len(second.rows)) == (2, 1)
    assert len(picks(replies, 3)) == 2  # the last place is no choice
    model = PRIOR.update(first).update(second)
    assert model.weights[0] > model.weights[1] > model.weights[2]


def test_a_ranking_of_sixty_is_learned_and_says_more_than_one_of_four():
    """With all 59 rivals of the best at once the first pick alone would not fit in any memory."""
    ranked = np.stack([phi(a=0.05 * place) for place in range(60, 0, -1)])
    ranked[:, 1] = np.random.default_rng(0).standard_normal(60)
    ranked[:, 3:12] = np.random.default_rng(1).standard_normal((60, 9))
    long, short = PRIOR, PRIOR
    for evidence in picks(ranked, 60):
        long = long.update(evidence)
    for evidence in picks(ranked[::15], 4):
        short = short.update(evidence)
    assert long.mean[0] > short.mean[0] > 0
    assert np.linalg.eigvalsh(long.covariance).min() > 0


def test_the_best_of_four_says_more_than_a_pair():
    replies = np.stack([phi(a=1.0), phi(b=1.0), phi(c=1.0), phi()])
    pick, pair = picks(replies, 1)[0], preference(replies[0], replies[1])
    gain = [PRIOR.update(each).score(replies)[0][0] for each in (pick, pair)]

    assert gain[0] > gain[1] > 0


def test_stars_are_measured_by_the_persons_own_cut_points():
    """Somebody who gives five stars to anything says little by five stars."""
    generous = PRIOR
    for _ in range(30):
        generous = generous.update(rating(phi(), 5))
    five = rating(phi(a=1.0), 5)
    moves = [float(m.update(five).weights[0] - m.weights[0]) for m in (PRIOR, generous)]

    assert nuisance(generous, "stars_4") < nuisance(PRIOR, "stars_4") - 1
    assert 0 < moves[1] < 0.5 * moves[0]


def test_more_stars_are_a_better_reply():
    likes = [PRIOR.update(rating(phi(a=1.0), stars)).weights[0] for stars in range(1, 6)]

    assert likes == sorted(likes)
    assert likes[0] < 0 < likes[-1]


def test_a_grumpy_persons_thumbs_are_measured_against_their_own():
    grumpy = PRIOR
    for _ in range(30):
        grumpy = grumpy.update(thumb(phi(), up=False))
    down = thumb(phi(a=1.0), up=False)

    assert nuisance(grumpy, "generosity") < -1
    move = [abs(m.update(down).weights[0] - m.weights[0]) for m in (PRIOR, grumpy)]
    assert move[1] < 0.5 * move[0]


def test_a_loss_by_being_wrong_teaches_hardly_any_style():
    short, long = phi(a=-1.0), phi(a=1.0)
    plain = PRIOR.update(preference(long, short))
    routed = PRIOR.update(preference(long, short, wrong=(False, True)))

    assert plain.weights[0] > 0.1
    assert 0 < routed.weights[0] < 0.2 * plain.weights[0]


def test_a_thumb_down_for_wrong_teaches_hardly_any_style():
    short = phi(a=-1.0)
    plain = PRIOR.update(thumb(short, up=False))
    routed = PRIOR.update(thumb(short, up=False, wrong=True))

    assert 0 < routed.weights[0] < 0.3 * plain.weights[0]


def test_somebody_who_picks_wrong_replies_minds_them_less():
    model = PRIOR.update(preference(phi(), phi(), wrong=(True, False)))

    assert nuisance(model, "wrong") > nuisance(PRIOR, "wrong")


def test_the_log_evidence_is_the_chance_that_was_given():
    """A fair coin before any click; less than that for the likelier outcome's opposite."""
    pair = preference(phi(a=1.0), phi(b=1.0))
    model, log_p = PRIOR.learn(pair)

    assert log_p == pytest.approx(np.log(0.5))
    agrees, against = (
        model.learn(preference(*order))[1]
        for order in ((phi(a=1.0), phi(b=1.0)), (phi(b=1.0), phi(a=1.0)))
    )
    assert np.exp(agrees) + np.exp(against) == pytest.approx(1.0)
    assert agrees > against


@pytest.mark.parametrize("options", [2, 3, 4, 5, 7])
def test_a_pick_among_equals_has_an_even_chance(options):
    rows = np.zeros((options - 1, 1))
    moments = moments_after(
        Evidence(rows, "softmax"), np.zeros(options - 1), 0.3 * np.eye(options - 1)
    )

    assert np.exp(moments.log_evidence) == pytest.approx(1 / options, rel=0.03)
    assert (moments.mean < 0).all()  # all rivals of the winner fall


def test_slopes_are_the_derivatives_of_the_likelihood():
    rng = np.random.default_rng(1)
    evidences = [
        preference(*rng.standard_normal((2, D))),
        thumb(rng.standard_normal(D), up=False),
        *picks(rng.standard_normal((4, D)), 2),
        rating(rng.standard_normal(D), 3),
        towards(rng.standard_normal(D), more=False),
    ]
    problem = Posterior(evidences, PRIOR.mean, PRIOR.covariance)
    w = PRIOR.mean + 0.3 * rng.standard_normal(len(PRIOR.mean))
    direction = rng.standard_normal(len(w))
    rise = (problem.value(w + 1e-5 * direction) - problem.value(w - 1e-5 * direction)) / 2e-5

    assert problem.gradient(w) @ direction == pytest.approx(rise, rel=1e-5)
    assert np.linalg.eigvalsh(problem.precision(w)).min() > 0
