"""Which two replies are shown side by side."""

import numpy as np
import pytest

from chatfeedback.asking.attention import Attention
from chatfeedback.asking.explore import (
    INFORMATION_NATS,
    PLAIN_REPLY,
    Asking,
    AskingRate,
    draw_nudge,
    information,
    pick_several,
    pick_two,
    probability_choosing_helps,
    worth_asking,
)
from chatfeedback.records import BLIND_TRIAL, QuestionRule
from chatfeedback.taste.basis import style_basis
from chatfeedback.taste.likelihoods import preference, towards
from chatfeedback.taste.reward import RewardModel


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


# --- the rules -----------------------------------------------------------------------------


@pytest.mark.parametrize("rule", QuestionRule)
@pytest.mark.parametrize("count", [2, 4])
def test_every_rule_shows_as_many_different_replies_as_are_asked_for(prior, rule, count):
    phis = np.random.default_rng(0).standard_normal((6, prior.basis.size))
    for seed in range(5):
        shown = pick_several(phis, prior, np.random.default_rng(seed), count, rule)
        assert len(set(shown)) == count


def test_of_four_shown_one_is_the_best_so_far_and_none_is_a_near_copy(prior):
    model = prior
    for _ in range(8):
        model = model.update(preference(phi(prior, _8=1.0), phi(prior, _8=-1.0)))
    best, others = phi(prior, _8=3.0), [phi(prior, **{f"_{at}": 2.0}) for at in (0, 3, 5)]
    phis = np.stack([*others, best, best])

    shown = pick_several(phis, model, np.random.default_rng(1), 4)
    assert len({3, 4} & set(shown)) == 1
    assert {0, 1, 2} <= set(shown)


def test_pure_information_ignores_the_best(prior):
    model = prior
    for _ in range(20):
        model = model.update(preference(phi(prior, _8=1.0), phi(prior, _8=-1.0)))
    phis = np.stack([phi(prior, _8=1.0), phi(prior, _0=3.0), phi(prior, _0=-3.0)])
    pick = [
        set(pick_two(phis, model, np.random.default_rng(0), rule))
        for rule in (QuestionRule.MOST_INFORMATIVE, QuestionRule.BEST_AND_RIVAL)
    ]
    assert pick[0] == {1, 2}
    assert 0 in pick[1]


def test_two_draws_from_a_sure_belief_agree_on_the_best_and_another_is_added(prior):
    model = prior
    for _ in range(30):
        model = model.update(preference(phi(prior, _8=2.0), phi(prior, _8=-2.0)))
    phis = np.stack([phi(prior, _8=-3.0), phi(prior, _8=3.0), phi(prior, _8=-2.9)])
    rule = QuestionRule.DOUBLE_THOMPSON
    assert all(1 in pick_two(phis, model, np.random.default_rng(seed), rule) for seed in range(10))


# --- candidates that differ ------------------------------------------------------------------


def test_a_nudge_asks_for_what_is_known_to_be_liked_and_both_ways_for_what_is_open(prior):
    model = prior
    for _ in range(12):
        model = model.update(towards(prior.basis.step("?", "emoji", 2.0), more=True))
    nudges = [draw_nudge(model, np.random.default_rng(seed)) for seed in range(40)]

    assert sum("use emoji" in nudge for nudge in nudges) >= 4
    assert not any("no emoji" in nudge for nudge in nudges)
    assert any("short answers" in nudge for nudge in nudges)
    assert any("long, detailed answers" in nudge for nudge in nudges)


# --- whether to ask --------------------------------------------------------------------------

OPEN, SETTLED = [0.2, 0.3, 0.1], [0.001, 0.002, 0.0]


def ask(told=OPEN, *, clicks=30, rate="sometimes", attention=None, personal=True, seed=0):
    return worth_asking(
        told,
        clicks=clicks,
        rate=AskingRate(rate),
        attention=attention or Attention(),
        has_personal=personal,
        rng=np.random.default_rng(seed),
    )


def shares(**how) -> dict[str, float]:
    """How often each kind of answer comes in 1000 turns."""
    asked = [ask(seed=seed, **how) for seed in range(1000)]
    return {why: sum(each.why == why for each in asked) / 1000 for why in {a.why for a in asked}}


def test_somebody_who_wants_no_questions_gets_none():
    assert all(ask(rate="never", clicks=n, seed=n) == PLAIN_REPLY for n in range(30))


def test_the_first_questions_show_four_answers():
    asked = {ask(clicks=3, seed=seed) for seed in range(20)}
    assert asked == {Asking(4, "onboarding"), PLAIN_REPLY}


def test_a_question_whose_answer_is_known_is_not_asked():
    assert float(np.median(SETTLED)) < INFORMATION_NATS
    assert set(shares(told=SETTLED)) <= {"", BLIND_TRIAL}


def test_one_turn_in_ten_is_a_blind_trial_once_something_personal_serves():
    assert shares()[BLIND_TRIAL] == pytest.approx(0.1, abs=0.03)
    assert BLIND_TRIAL not in shares(personal=False)


def test_questions_come_as_often_as_the_person_allows():
    assert 1 - shares(rate="often")[""] == pytest.approx(0.6, abs=0.05)
    assert 1 - shares(rate="seldom")[""] == pytest.approx(0.1, abs=0.03)


def test_somebody_tired_is_asked_half_as_often_and_then_not_at_all():
    tired = Attention(asked=6, unanswered=0.6)
    assert 1 - shares(rate="often", attention=tired)[""] == pytest.approx(0.3, abs=0.05)
    assert ask(attention=Attention(asked=10, unanswered=1.0)) == PLAIN_REPLY


# --- whether to choose -----------------------------------------------------------------------


def test_choosing_helps_only_where_the_belief_tells_the_replies_apart(prior):
    phis = np.stack([phi(prior, _8=at) for at in (-2.0, 0.0, 2.0)])
    learned = prior
    for _ in range(10):
        learned = learned.update(preference(phis[2], phis[0]))

    assert probability_choosing_helps(phis, prior) == pytest.approx(0.5)
    assert probability_choosing_helps(phis, learned) > 0.9
