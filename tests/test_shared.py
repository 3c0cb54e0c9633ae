"""What a team likes alike: capped shares, and differences told instead of averaged away."""

from __future__ import annotations

import numpy as np
import pytest

from chatfeedback.taste.basis import style_basis
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.likelihoods import preference
from chatfeedback.taste.prior import shipped_prior
from chatfeedback.taste.reward import RewardModel
from chatfeedback.taste.shared import PersonSays, cap_shares, share_taste

BASIS = style_basis("base", 1)
SHIPPED = shipped_prior(BASIS)
WORDS, CODE = (STYLE_MEASURES.index(name) for name in ("log_words", "code"))


def somebody(person_id: int, clicks: int = 20, **likes: float) -> PersonSays:
    """Who always picks the reply with more (or, < 0, less) of these measures."""
    model = RewardModel.prior(BASIS)
    for _ in range(clicks):
        for name, much in likes.items():
            step = BASIS.usual_step(name, much)
            model = model.update(preference(step, np.zeros(BASIS.size)))
    return PersonSays(person_id, model.mean, model.covariance, clicks)


def test_what_all_like_is_surer_together_than_alone():
    alone = share_taste(BASIS, SHIPPED, [somebody(1, code=1.0)])
    together = share_taste(BASIS, SHIPPED, [somebody(n, code=1.0) for n in (1, 2, 3)])

    assert together.model.weights[CODE] > alone.model.weights[CODE] > 0
    assert together.model.covariance[CODE, CODE] < alone.model.covariance[CODE, CODE]
    assert together.disagreements == ()


def test_one_person_alone_is_their_own_taste():
    person = somebody(1, code=1.0)
    shared = share_taste(BASIS, SHIPPED, [person])

    np.testing.assert_allclose(shared.model.weights, person.mean[: BASIS.size], atol=1e-9)
    assert shared.shares == {1: 1.0}


def test_nobody_at_all_is_the_prior():
    shared = share_taste(BASIS, SHIPPED, [])

    assert not shared.model.weights.any()
    assert shared.shares == {}


def test_who_clicks_most_does_not_decide_for_all():
    people = [somebody(1, clicks=300, code=-1.0), *(somebody(n, code=1.0) for n in (2, 3, 4))]
    shared = share_taste(BASIS, SHIPPED, people)

    assert shared.shares[1] == pytest.approx(1 / 3)
    assert sum(shared.shares.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("clicks", "weights"),
    [
        ([10], [1.0]),
        ([10, 100], [1.0, 0.1]),  # half each
        ([10, 20, 30, 40], [1.0, 1.0, 1.0, 0.75]),  # 30 of 90
        ([20, 20, 20], [1.0, 1.0, 1.0]),
    ],
)
def test_shares_are_capped_at_a_third_or_an_equal_part(clicks, weights):
    assert cap_shares(clicks) == pytest.approx(weights, rel=1e-6)


def test_a_difference_is_told_and_no_side_taken():
    people = [somebody(1, log_words=1.0, code=1.0), somebody(2, log_words=-1.0, code=1.0)]
    shared = share_taste(BASIS, SHIPPED, people)
    [difference] = shared.disagreements

    assert (difference.name, difference.label) == ("log_words", "longer answers")
    assert (difference.wanted_by, difference.unwanted_by) == ((1,), (2,))
    assert shared.model.weights[WORDS] == 0.0
    assert shared.model.weights[CODE] > 0.3
    assert np.linalg.eigvalsh(shared.model.covariance).min() > 0
