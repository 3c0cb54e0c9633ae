"""The personal reward model: what a click teaches, and that the arithmetic is right."""

import numpy as np
import pytest

from chatfeedback.records import ReplyFeatures
from chatfeedback.taste.basis import Basis, Sample, fit_basis, style_basis
from chatfeedback.taste.features import STYLE_MEASURES, measure_reply
from chatfeedback.taste.likelihoods import (
    LAPSE,
    NUISANCES,
    Evidence,
    picks,
    preference,
    rating,
    thumb,
    tie,
    towards,
)
from chatfeedback.taste.prior import PriorScale, shipped_prior
from chatfeedback.taste.reward import RewardModel, choose, moved

HIDDEN = 12
PROMPT = "Why is the sky blue?"
SHORT, LONG = "Air scatters blue light.", "Air scatters blue light. " * 6
WARM = "What a lovely question! Air scatters blue light 😊"


def features(seed: int, base_key: str = "base") -> ReplyFeatures:
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal(HIDDEN).astype(np.float16)
    return ReplyFeatures(base_key, hidden, hidden, -4.0, 4)


@pytest.fixture(scope="module")
def basis() -> Basis:
    texts = (SHORT, LONG, WARM, "- air\n- light")
    prompts = (PROMPT, "How do I bake bread?", "Tell me about otters", "Suggest some books")
    return fit_basis(
        [
            [Sample(p, t, features(10 * i + j)) for j, t in enumerate(texts)]
            for i, p in enumerate(prompts)
        ]
    )


@pytest.fixture
def prior(basis) -> RewardModel:
    return RewardModel.prior(basis)


def nudge(basis: Basis, prompt: str, measure: str, *, more: bool) -> Evidence:
    """A reason ("too long")."""
    return towards(basis.step(prompt, measure, 2.0), more=more)


def reactions(basis: Basis, n: int, seed: int = 0) -> list[Evidence]:
    """n mixed reactions of somebody with a taste of their own."""
    rng = np.random.default_rng(seed)
    taste, found = rng.standard_normal(basis.size), []
    for k in range(n):
        a, b = rng.standard_normal((2, basis.size))
        if (a - b) @ taste < 0:
            a, b = b, a
        found.append(
            [
                preference(a, b, 1.0 + k % 3),
                tie(a, b),
                thumb(a, up=bool(a @ taste > 0)),
                nudge(basis, PROMPT, STYLE_MEASURES[k % len(STYLE_MEASURES)], more=k % 2 == 0),
                rating(a, 2 + k % 3),
                picks(np.stack([a, b, b - a]), 1)[0],
            ][k % 6]
        )
    return found


# --- phi -----------------------------------------------------------------------------------


def test_style_is_standardised_within_prompts(basis):
    phis = np.array([basis.phi(PROMPT, t, None) for t in (SHORT, LONG, WARM, "- air\n- light")])
    at = STYLE_MEASURES.index("log_words")

    assert phis[:, at].std() == pytest.approx(1.0, rel=1e-3)
    assert phis[1, at] > phis[0, at]


def test_the_hidden_block_is_white_over_replies_to_one_prompt(basis):
    whitened = np.array(
        [
            [features(10 * i + j).hidden.astype(float) @ basis.hidden_components for j in range(4)]
            for i in range(4)
        ]
    )
    centred = (whitened - whitened.mean(axis=1, keepdims=True)).reshape(16, -1)

    assert centred.shape[1] == HIDDEN  # 16 - 4 differences span all 12 directions
    np.testing.assert_allclose(centred.T @ centred / 16, np.eye(HIDDEN), atol=2e-2)


def test_the_same_style_is_another_thing_for_another_kind_of_question(basis):
    for_fact = basis.step(PROMPT, "log_words", 1.0)
    for_steps = basis.step("How do I bake bread?", "log_words", 1.0)

    assert for_fact[0] == for_steps[0] == 1.0
    assert not np.allclose(for_fact, for_steps)


def test_step_is_the_derivative_of_phi(basis):
    shorter = basis.phi(PROMPT, SHORT, None)
    raw = measure_reply(PROMPT, SHORT)
    longer_by = (measure_reply(PROMPT, LONG) - raw) / basis.style_sd
    steps = sum(
        basis.step(PROMPT, name, float(sds))
        for name, sds in zip(STYLE_MEASURES, longer_by, strict=True)
    )

    assert np.abs(longer_by).max() < 5  # nothing is clipped
    np.testing.assert_allclose(shorter + steps, basis.phi(PROMPT, LONG, None), atol=1e-4)


def test_a_reply_without_features_takes_the_hidden_half_from_its_rivals_too(basis):
    both = basis.phis(PROMPT, [SHORT, LONG], [features(1), features(2)])
    one = basis.phis(PROMPT, [SHORT, LONG], [features(1), None])
    foreign = basis.phis(PROMPT, [SHORT, LONG], [features(1), features(2, "another base")])

    assert np.abs(both[:, -HIDDEN:]).max() > 0
    assert not one[:, -HIDDEN:].any()
    np.testing.assert_array_equal(one, foreign)


def test_a_reply_is_centred_on_its_siblings_or_on_what_the_question_usually_gets(basis):
    phis = basis.phis(PROMPT, [SHORT, LONG, WARM], [features(1), features(2), features(3)])
    alone = basis.centre(PROMPT, phis[0])

    np.testing.assert_allclose(
        basis.centre(PROMPT, phis[0], [phis[1], phis[2]]), phis[0] - (phis[1] + phis[2]) / 2
    )
    assert not alone[-HIDDEN:].any()
    assert alone[STYLE_MEASURES.index("log_words")] < 0  # shorter than usual


def test_what_is_usual_depends_on_the_kind_of_question():
    """How-tos get long answers here and facts short ones, so a long how-to is nothing special."""
    basis = fit_basis(
        [
            [Sample(p, t, features(i)) for i, t in enumerate((text, text + " Indeed."))]
            for p, text in [("Who is it?", SHORT), ("How do I do it?", LONG)]
            for _ in range(10)
        ]
    )
    at = STYLE_MEASURES.index("log_words")
    for_fact, for_steps = (
        basis.centre(p, basis.phi(p, LONG, None))[at] for p in ("Who is it?", "How do I do it?")
    )

    assert for_fact > 1.0
    assert abs(for_steps) < 0.3 * for_fact


def test_a_basis_survives_storage_and_knows_itself(basis):
    again = Basis.from_bytes(basis.to_bytes())

    assert again is not None
    assert again.fingerprint == basis.fingerprint
    np.testing.assert_array_equal(
        again.phi(PROMPT, WARM, features(1)), basis.phi(PROMPT, WARM, features(1))
    )
    assert style_basis("base", HIDDEN).fingerprint != basis.fingerprint


def test_a_new_base_has_style_at_once():
    basis = style_basis("new", HIDDEN)
    model = RewardModel.prior(basis)
    short, long = basis.phis(PROMPT, [SHORT, LONG], [features(1), None])

    assert model.update(preference(short, long)).predict(short, long) > 0.6


# --- learning ------------------------------------------------------------------------------


def test_before_any_click_nothing_is_better(prior, basis):
    short, long = basis.phis(PROMPT, [SHORT, LONG], [None, None])

    assert prior.predict(short, long) == 0.5
    assert all(belief.probability == 0.5 for belief in prior.beliefs())


def test_the_chosen_reply_gains(prior, basis):
    short, long = basis.phis(PROMPT, [SHORT, LONG], [None, None])
    model = prior.update(preference(short, long))

    assert model.predict(short, long) > 0.6
    assert model.predict(short, long) + model.predict(long, short) == pytest.approx(1.0)
    assert model.compare(short, long)[1] < prior.compare(short, long)[1]


def test_a_heavier_preference_moves_more(prior, basis):
    short, long = basis.phis(PROMPT, [SHORT, LONG], [None, None])
    gains = [
        prior.update(preference(short, long, weight)).compare(short, long)[0]
        for weight in (0.5, 1.0, 3.0)
    ]

    assert 0 < gains[0] < gains[1] < gains[2]


def test_a_tie_pulls_two_replies_together(prior, basis):
    short, long = basis.phis(PROMPT, [SHORT, LONG], [None, None])
    clicked = prior.update(preference(short, long))
    tied = clicked.update(tie(short, long))

    assert 0.5 < tied.predict(short, long) < clicked.predict(short, long)
    np.testing.assert_allclose(prior.update(tie(short, long)).weights, 0.0, atol=1e-12)


def test_a_thumb_teaches_the_style_and_the_generosity(prior, basis):
    alone = basis.centre(PROMPT, basis.phi(PROMPT, WARM, None))
    liked = prior.update(thumb(alone, up=True))

    disliked = prior.update(thumb(alone, up=False))

    assert liked.weights @ alone > 0
    assert liked.mean[basis.size + NUISANCES.index("generosity")] > 0
    np.testing.assert_allclose(liked.mean - prior.mean, prior.mean - disliked.mean, atol=1e-12)


def test_a_reason_moves_its_measure(prior, basis):
    model = prior.update(nudge(basis, PROMPT, "log_words", more=False))
    short, long = basis.phis(PROMPT, [SHORT, LONG], [None, None])

    assert model.mean[STYLE_MEASURES.index("log_words")] < 0
    assert model.predict(short, long) > 0.5


def test_likes_of_one_family_come_together(prior, basis):
    model = prior.update(nudge(basis, PROMPT, "emoji", more=True))

    assert model.mean[STYLE_MEASURES.index("warm_words")] > 0
    assert model.mean[STYLE_MEASURES.index("formal_words")] < 0
    assert model.mean[STYLE_MEASURES.index("code")] == pytest.approx(0.0)


def test_identical_replies_teach_nothing(prior, basis):
    phi = basis.phi(PROMPT, SHORT, None)

    assert prior.update(preference(phi, phi)) is prior


def test_short_for_facts_and_long_for_steps_can_be_learned(prior, basis):
    how_to = "How do I bake bread?"
    fact = basis.phis(PROMPT, [SHORT, LONG], [None, None])
    steps = basis.phis(how_to, [SHORT, LONG], [None, None])
    model = prior
    for _ in range(15):
        model = model.update(preference(fact[0], fact[1]))
        model = model.update(preference(steps[1], steps[0]))

    assert model.predict(fact[0], fact[1]) > 0.7
    assert model.predict(steps[1], steps[0]) > 0.7


def test_one_click_against_a_hand_computed_integral():
    """r ~ N(0, v) and P(win) = 0.9 sigmoid(r) + 0.05; by symmetry the normaliser is 1/2, so
    E[r after] = 2 E[r P(r)], here by a sum of a million normal quantiles."""
    basis = style_basis("b", 1)
    before = shipped_prior(basis, PriorScale(style=1.0, kinship=0.0))
    row = np.zeros(basis.size + len(NUISANCES))
    row[0] = 1.5
    model = RewardModel.prior(basis, before).update(Evidence(row[None]))
    r = 1.5 * np.random.default_rng(0).standard_normal(1_000_000)
    expected = 2 * np.mean(r * ((1 - 2 * LAPSE) / (1 + np.exp(-r)) + LAPSE))

    assert model.mean[0] * 1.5 == pytest.approx(expected, abs=0.005)
    assert not model.weights[1:].any()


def test_one_by_one_equals_rebuilt(prior, basis):
    evidences = reactions(basis, 60)
    model = prior
    for evidence in evidences:
        model = model.update(evidence)
    rebuilt = model.rebuild(evidences)

    np.testing.assert_allclose(rebuilt.mean, model.mean, atol=1e-6)
    np.testing.assert_allclose(rebuilt.covariance, model.covariance, atol=1e-6)


def test_the_covariance_stays_symmetric_and_positive(prior, basis):
    model = prior.rebuild(reactions(basis, 400))

    np.testing.assert_allclose(model.covariance, model.covariance.T, atol=1e-12)
    assert np.linalg.eigvalsh(model.covariance).min() > 0


def test_the_one_pass_belief_is_close_to_the_refit(prior, basis):
    evidences = reactions(basis, 120)
    one_pass, refit = prior.rebuild(evidences), prior.refit(evidences)

    assert np.corrcoef(one_pass.mean, refit.mean)[0, 1] > 0.95


def test_the_refit_is_the_top_of_the_posterior(prior, basis):
    """Every weight is moved both ways by hand: the log posterior only falls."""
    evidences = reactions(basis, 42)
    precision = np.linalg.inv(prior.covariance)

    def log_posterior(w: np.ndarray) -> float:
        total = -0.5 * (w - prior.mean) @ precision @ (w - prior.mean)
        for evidence in evidences:
            total += evidence.weight * evidence.log_likelihood((evidence.rows @ w)[None])[0]
        return float(total)

    mode = prior.refit(evidences).mean
    top = log_posterior(mode)
    for at in range(len(mode)):
        for move in (-0.02, 0.02):
            moved_mode = mode.copy()
            moved_mode[at] += move
            assert log_posterior(moved_mode) < top


def test_a_refit_without_reactions_is_the_prior(prior):
    np.testing.assert_array_equal(prior.refit([]).covariance, prior.covariance)


# --- asking --------------------------------------------------------------------------------


def test_beliefs_name_every_style_measure(prior, basis):
    beliefs = prior.update(nudge(basis, PROMPT, "emoji", more=False)).beliefs()
    emoji = next(belief for belief in beliefs if belief.name == "emoji")

    assert [belief.name for belief in beliefs] == list(STYLE_MEASURES)
    assert emoji.weight < 0
    assert emoji.probability < 0.5


def test_what_moved_most_comes_first(prior, basis):
    model = prior.update(nudge(basis, PROMPT, "code", more=True))

    assert moved(prior, model)[0].name == "code"
    assert moved(model, model) == []


def test_a_prediction_allows_for_not_knowing_the_taste(prior, basis):
    """P(pick) = E sigmoid(r), r ~ N(mean, sd), here by a sum over a grid."""
    short, long = basis.phis(PROMPT, [SHORT, LONG], [None, None])
    model = prior.update(preference(short, long))
    mean, sd = model.compare(short, long)
    t = np.linspace(-8, 8, 2001)
    weight = np.exp(-0.5 * t**2)
    exact = (weight / (1 + np.exp(-(mean + sd * t)))).sum() / weight.sum()

    assert model.predict(short, long) == pytest.approx(exact, abs=0.02)
    assert model.predict(short, long) < 1 / (1 + np.exp(-mean)) - 0.02


def test_better_replies_on_fresh_prompts_are_seen_as_better(prior, basis):
    model = prior
    short, long = basis.phis(PROMPT, [SHORT, LONG], [None, None])
    for _ in range(10):
        model = model.update(preference(short, long))
    good, bad = [short[None]] * 5, [long[None]] * 5

    assert model.probability_better(good, bad) > 0.95
    assert model.probability_better(bad, good) < 0.05
    assert model.probability_better(good, good) == 0.5


def test_few_prompts_that_disagree_leave_doubt(prior, basis):
    model = prior.update(nudge(basis, PROMPT, "log_words", more=False))
    short, long = basis.phis(PROMPT, [SHORT, LONG], [None, None])
    sure = model.probability_better([short[None]] * 3, [long[None]] * 3)
    mixed = model.probability_better(
        [short[None], short[None], long[None]], [long[None], long[None], short[None]]
    )

    assert 0.5 < mixed < sure


# --- choosing ------------------------------------------------------------------------------


def test_the_most_rewarding_reply_is_served():
    assert choose(np.array([0.1, 2.0, 0.5]), np.full(3, -0.3), [True] * 3) == 1


def test_an_implausible_reply_needs_much_more_reward():
    rewards, logprobs = np.array([1.0, 1.5]), np.array([-0.2, -0.8])

    assert choose(rewards, logprobs, [True, True]) == 0
    assert choose(rewards, logprobs, [True, True], c=0.0) == 1


def test_an_unfinished_reply_is_not_served_unless_there_is_no_other():
    rewards, logprobs = np.array([0.0, 5.0]), np.zeros(2)

    assert choose(rewards, logprobs, [True, False]) == 0
    assert choose(rewards, logprobs, [False, False]) == 0
