"""What is believed of a person before any reaction, and what others have to do with it."""

from __future__ import annotations

import numpy as np

from chatfeedback.taste.basis import style_basis
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.likelihoods import preference
from chatfeedback.taste.prior import (
    PSEUDO_PEOPLE,
    Prior,
    on_another_prior,
    prior_from_people,
    shipped_prior,
)
from chatfeedback.taste.reward import RewardModel

BASIS = style_basis("base", 1)
SHIPPED = shipped_prior(BASIS)
WORDS = STYLE_MEASURES.index("log_words")


def person(likes_length: float, clicks: int, before: Prior = SHIPPED) -> RewardModel:
    """Somebody who always picks the longer (or, < 0, the shorter) reply."""
    longer = np.zeros(BASIS.size)
    longer[WORDS] = likes_length
    model = RewardModel.prior(BASIS, before)
    for _ in range(clicks):
        model = model.update(preference(longer, -longer))
    return model


def normal(model: RewardModel) -> tuple[np.ndarray, np.ndarray]:
    return model.mean, model.covariance


def test_nobody_else_is_the_shipped_prior():
    assert prior_from_people(SHIPPED, []) is SHIPPED


def test_the_shipped_prior_takes_no_side():
    assert not SHIPPED.mean[: BASIS.size].any()


def test_a_second_person_starts_ahead_of_the_first():
    first = person(1.0, 20)
    prior = prior_from_people(SHIPPED, [normal(first)])
    starts = RewardModel.prior(BASIS, prior)

    assert 0 < starts.weights[WORDS] < first.weights[WORDS]
    assert starts.weights[WORDS] == first.weights[WORDS] / (PSEUDO_PEOPLE + 1)


def test_people_who_differ_leave_the_middle_and_a_wide_prior():
    alike = prior_from_people(SHIPPED, [normal(person(1.0, 20))] * 4)
    differ = prior_from_people(SHIPPED, [normal(person(side, 20)) for side in (1, 1, -1, -1)])

    assert abs(differ.mean[WORDS]) < 1e-9 < alike.mean[WORDS]
    assert differ.covariance[WORDS, WORDS] > alike.covariance[WORDS, WORDS]
    assert np.linalg.eigvalsh(differ.covariance).min() > 0


def test_what_others_say_is_taken_without_what_they_were_believed_to_say():
    """The same clicks give the same, whatever prior they met: nobody hears their own echo."""
    shifted = prior_from_people(SHIPPED, [normal(person(0.5, 30))] * 6)
    plain, met = person(0.5, 3), person(0.5, 3, shifted)
    mean, _ = on_another_prior(met.mean, met.covariance, shifted, SHIPPED)

    assert met.weights[WORDS] > plain.weights[WORDS] + 0.3
    assert abs(mean[WORDS] - plain.mean[WORDS]) < 0.25 * abs(met.mean[WORDS] - plain.mean[WORDS])
    same = on_another_prior(plain.mean, plain.covariance, SHIPPED, SHIPPED)
    np.testing.assert_allclose(same[0], plain.mean, atol=1e-9)
    np.testing.assert_allclose(same[1], plain.covariance, atol=1e-9)


def test_a_prior_survives_storage_and_refuses_another_basis():
    prior = prior_from_people(SHIPPED, [normal(person(1.0, 20))])
    again = Prior.from_bytes(prior.to_bytes(BASIS), BASIS)

    assert again is not None
    assert again.fingerprint == prior.fingerprint != SHIPPED.fingerprint
    assert Prior.from_bytes(prior.to_bytes(BASIS), style_basis("another", 1)) is None
