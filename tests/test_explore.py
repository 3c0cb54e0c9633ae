"""Which two replies are shown side by side."""

import numpy as np
import pytest

from chatfeedback.basis import style_basis
from chatfeedback.explore import information, pick_two
from chatfeedback.likelihoods import preference
from chatfeedback.reward import RewardModel


@pytest.fixture
def prior() -> RewardModel:
    return RewardModel.prior(style_basis("base", 4))


def phi(model: RewardModel, **entries: float) -> np.ndarray:
    row = np.zeros(model.basis.size)
    for at, value in entries.items():
        row[int(at[1:])] = value
    return row


def test_information_is_what_an_entropy_by_quadrature_says():
    """H[E p] - E H[p] for r ~ N(m, v), summed over a fine grid; the closed form is within 0.03."""
    for mean, variance in [(0.0, 1.0), (1.0, 4.0), (-2.0, 2.0), (0.5, 25.0)]:
        t = np.linspace(-8, 8, 4001)
        weight = np.exp(-0.5 * t**2)
        weight /= weight.sum()
        p = 1 / (1 + np.exp(-(mean + np.sqrt(variance) * t)))

        def entropy(q):
            q = np.clip(q, 1e-12, 1 - 1e-12)
            return -q * np.log(q) - (1 - q) * np.log(1 - q)

        exact = entropy(weight @ p) - weight @ entropy(p)
        assert information(np.array(mean), np.array(variance)) == pytest.approx(exact, abs=0.03)


def test_a_sure_outcome_and_a_near_copy_tell_nothing():
    means, variances = np.array([9.0, 0.0, 0.0]), np.array([0.5, 0.0, 4.0])
    sure, copy, open_question = information(means, variances)

    assert sure < 0.01
    assert copy < 1e-6
    assert open_question > 0.1


def test_two_different_replies_are_shown(prior):
    phis = np.stack([phi(prior), phi(prior, _0=1.0), phi(prior, _8=1.0)])
    for seed in range(20):
        first, second = pick_two(phis, prior, np.random.default_rng(seed))
        assert first != second


def test_the_best_so_far_meets_a_rival_worth_asking_about(prior):
    liked, disliked = phi(prior, _8=2.0), phi(prior, _8=-2.0)
    model = prior
    for _ in range(10):
        model = model.update(preference(liked, disliked))
    unknown = phi(prior, _8=2.0, _7=2.0, _3=1.0)
    phis = np.stack([disliked, liked + phi(prior, _8=0.5), liked, unknown])

    shown = pick_two(phis, model, np.random.default_rng(0))
    assert set(shown) == {1, 3}


def test_a_near_copy_is_not_the_rival(prior):
    phis = np.stack([phi(prior, _0=1.0), phi(prior, _0=1.0), phi(prior, _0=-1.0)])
    shown = {frozenset(pick_two(phis, prior, np.random.default_rng(s))) for s in range(30)}

    assert frozenset({0, 1}) not in shown


def test_each_side_gets_the_favourite_about_equally_often(prior):
    favourite, other = phi(prior, _8=1.0), phi(prior, _8=-1.0)
    model = prior.update(preference(favourite, other))
    firsts = [
        pick_two(np.stack([favourite, other]), model, np.random.default_rng(s))[0]
        for s in range(200)
    ]

    assert 70 < sum(firsts) < 130
