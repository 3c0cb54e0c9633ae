"""Whether a question asks for much: heard from its words, read from the base model's state."""

import io
from dataclasses import replace

import numpy as np
import pytest

from chatfeedback.learning.retention import Question
from chatfeedback.records import GeneratedReply, ReplyFeatures, Sampling, StoredReply
from chatfeedback.simulation.gestures import Reaction, read_reaction
from chatfeedback.simulation.pool import Asked
from chatfeedback.taste.basis import Basis, Sample, fit_basis, style_basis
from chatfeedback.taste.evidence import EvidenceReader
from chatfeedback.taste.features import PROMPT_MEASURES, STYLE_MEASURES
from chatfeedback.taste.preferences import Rated, Reason

FACT, STEPS = "Who wrote Hamlet?", "How do I bake bread?"
MISLEADING = "What is the best way to store a torch?"  # a fact, but its words say "way to"
SHORT, LONG = "Air scatters blue light.", "Air scatters blue light. " * 6
STATE = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])  # it is in this direction that the base knows


def read(much: float, seed: int = 0, base_key: str = "base") -> ReplyFeatures:
    """A prompt that the base takes for one that asks for much (1) or little (-1)."""
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal(STATE.size).astype(np.float16)
    state = much * STATE + 0.3 * rng.standard_normal(STATE.size)
    return ReplyFeatures(base_key, hidden, state.astype(np.float16), -4.0, 4)


def fit(n_prompts: int) -> Basis:
    """A basis from as many questions, half of them for a fact and half for steps."""
    kinds = [(FACT, -1.0), (STEPS, 1.0)] * (n_prompts // 2)
    return fit_basis(
        [
            [Sample(prompt, text, read(much, seed)) for text in (SHORT, LONG)]
            for seed, (prompt, much) in enumerate(kinds)
        ]
    )


@pytest.fixture(scope="module")
def basis() -> Basis:
    return fit(96)


def stored(features: ReplyFeatures) -> StoredReply:
    """A long answer to the misleading question."""
    sampling, when = Sampling(), "2026-11-21T00:00:00Z"
    return StoredReply(
        *(1, 1, MISLEADING, LONG, (1,), (2,), "done", "end", None, 0.0, sampling, 0, "base"),
        *(1.0, 1.0, 1, when, features),
    )


def crossed_with_much(basis: Basis, phi: np.ndarray) -> np.ndarray:
    """The entries of phi for style where much is asked for: the first kind."""
    n_style, n_crossed, _ = basis.block_sizes
    return phi[n_style : n_style + n_crossed // len(PROMPT_MEASURES)]


def test_words_that_mislead_are_corrected_by_what_the_base_makes_of_them(basis):
    assert basis.asks_for_much(MISLEADING, None) == 1.0
    assert basis.asks_for_much(MISLEADING, read(-1)) < 0.3


def test_words_and_state_that_agree_are_nearly_certain(basis):
    assert basis.asks_for_much(FACT, read(-1)) < 0.1
    assert basis.asks_for_much(STEPS, read(1)) > 0.9


def test_the_words_alone_are_heard_where_the_base_has_not_read_the_question(basis):
    for unread in (None, read(1, base_key="another")):
        assert basis.asks_for_much(FACT, unread) == 0.0
    assert style_basis("base", STATE.size).asks_for_much(STEPS, read(-1)) == 1.0


def test_few_prompts_teach_little_of_what_a_state_means():
    """6 prompts beside words that count as 24: a fifth of the say cannot overrule them."""
    assert fit(6).asks_for_much(MISLEADING, read(-1)) > 0.5


def test_a_base_whose_states_are_all_alike_says_nothing():
    one = replace(read(1), prompt_hidden=np.ones(STATE.size, np.float16))
    basis = fit_basis(
        [[Sample(prompt, text, one) for text in (SHORT, LONG)] for prompt in (FACT, STEPS) * 40]
    )
    assert basis.asks_for_much(STEPS, one) > 0.5 > basis.asks_for_much(FACT, one)


def test_replies_to_one_question_are_compared_under_one_reading(basis):
    """Their states differ in the last digits, as they were computed in different batches."""
    phis = basis.phis(MISLEADING, [LONG, LONG], [read(-1), read(1)])
    first, second = (crossed_with_much(basis, phi) for phi in phis)
    alone = crossed_with_much(basis, basis.phi(MISLEADING, LONG, read(-1)))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, alone)


def test_what_is_usual_and_what_a_reason_says_follow_the_same_reading(basis):
    at = STYLE_MEASURES.index("log_words")
    for much in (-1.0, 1.0):
        found = read(much)
        alone = basis.centre(MISLEADING, basis.phi(MISLEADING, LONG, found), features=found)
        step = basis.step(MISLEADING, "log_words", 1.0, found)
        kind = (basis.asks_for_much(MISLEADING, found) - basis.prompt_mean[0]) / basis.prompt_sd[0]
        assert crossed_with_much(basis, alone)[0] == pytest.approx(kind * alone[at], rel=1e-4)
        assert crossed_with_much(basis, step)[0] == pytest.approx(kind, rel=1e-4)


@pytest.mark.parametrize(
    "said", [Rated(1, 1, up=True, weight=1.0), Reason(1, 1, "log_words", more=True)]
)
def test_a_thumb_and_a_reason_are_read_with_the_stored_state(basis, said):
    def much_in(reply: StoredReply) -> float:
        [evidence] = EvidenceReader(basis, lambda _: reply).read([said])
        return crossed_with_much(basis, evidence.rows[0])[0]

    assert much_in(stored(read(-1))) < 0 < much_in(stored(read(1)))


def test_a_simulated_thumb_is_read_as_a_real_one(basis):
    features = read(-1)
    reply = GeneratedReply(0, LONG, (), (), "end", 0.0, features, 0.0, 0.0)
    asked = Asked(
        Question("torch", "fact", MISLEADING, None),
        (reply,),
        basis.phis(MISLEADING, [LONG], [features]),
    )
    [simulated] = read_reaction(Reaction("thumb", (0,)), asked, basis)
    [real] = EvidenceReader(basis, lambda _: stored(features)).read([Rated(1, 1, True, 1.0)])
    np.testing.assert_allclose(simulated.rows, real.rows)


def test_a_basis_of_an_earlier_version_is_fitted_anew(basis):
    with np.load(io.BytesIO(basis.to_bytes())) as file:
        earlier = {**file, "format": np.array(1)}
    written = io.BytesIO()
    np.savez(written, **earlier)
    assert Basis.from_bytes(written.getvalue()) is None
