"""Scores in the token trie equal what the model says about each sequence alone."""

from __future__ import annotations

import copy
from itertools import chain

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from transformers import AutoConfig, AutoModelForCausalLM

from chatfeedback.engine import scoring
from chatfeedback.engine.scoring import dissect, examine, reply_logprobs, score_replies
from chatfeedback.errors import ModelUnusable

SIZES = {
    "vocab_size": 300,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "initializer_range": 0.3,
}
KINDS = {
    "llama": {},
    "qwen2": {},
    "mistral": {"sliding_window": 7},
    "gemma2": {"head_dim": 8, "sliding_window": 6, "query_pre_attn_scalar": 8},
    "gpt_neox": {},
    "gpt2": {},
    "granite": {"logits_scaling": 3.0},
    "cohere": {"logit_scale": 0.25},
}
# Models that stay in float64 throughout; the others do their norms in float32 all the same.
EXACT = ("gpt_neox", "gpt2")
PROMPT = [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
SEQUENCES = [
    [*PROMPT, 20, 21, 22, 23, 24, 2],
    [*PROMPT, 20, 21, 40, 41, 42, 43, 44, 45, 2],
    [*PROMPT, 60, 2],
    [5, 6, 90, 91, 92, 93, 94, 2],
]
STARTS = [10, 10, 10, 4]


def tiny_model(kind="llama", dtype=torch.float64, **extra):
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **{**SIZES, **KINDS[kind], **extra})
    attention = "eager" if kind == "gemma2" else "sdpa"
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention)
    return model.to(dtype).eval()


def naive_logprobs(model, sequence, start):
    logits = model(input_ids=torch.tensor([sequence]), use_cache=False).logits[0]
    logprobs = logits.log_softmax(-1)[start - 1 : -1]
    return logprobs.gather(1, torch.tensor(sequence[start:])[:, None])[:, 0]


def naive_states(model, sequence):
    return model.base_model(input_ids=torch.tensor([sequence])).last_hidden_state[0]


def gradients(model, loss):
    """Of everything but the head, which is frozen."""
    head = model.get_output_embeddings().weight
    wanted = [p for p in model.parameters() if p is not head]
    return torch.autograd.grad(loss, wanted, allow_unused=True)


# --- log-probabilities -------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_log_probabilities_equal_the_models_own(kind):
    model = tiny_model(kind)
    ours = reply_logprobs(dissect(model), SEQUENCES, STARTS)
    for logprobs, sequence, start in zip(ours, SEQUENCES, STARTS, strict=True):
        wanted = naive_logprobs(model, sequence, start)
        assert_close(logprobs, wanted, atol=1e-10 if kind in EXACT else 1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_equal_the_models_own(kind):
    model = tiny_model(kind, tie_word_embeddings=False)
    model.get_output_embeddings().requires_grad_(False)
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)

    def total(logprobs):
        return sum(w * lp.sum() for w, lp in zip(weights, logprobs, strict=True))

    ours = gradients(model, total(reply_logprobs(dissect(model), SEQUENCES, STARTS)))
    naive = [naive_logprobs(model, q, s) for q, s in zip(SEQUENCES, STARTS, strict=True)]
    for found, wanted in zip(ours, gradients(model, total(naive)), strict=True):
        if wanted is None:
            assert found is None
        else:
            error = (found - wanted).abs().max() / wanted.abs().max()
            assert error < (1e-10 if kind in EXACT else 1e-5)


def test_plain_rows_give_the_same_log_probabilities():
    model = tiny_model()
    plain = scoring.replace(dissect(model), shares_prefixes=False)
    for found, wanted in zip(
        reply_logprobs(plain, SEQUENCES, STARTS),
        reply_logprobs(dissect(model), SEQUENCES, STARTS),
        strict=True,
    ):
        assert_close(found, wanted, atol=1e-10, rtol=0)


def test_a_sequence_is_scored_the_same_whatever_is_beside_it():
    anatomy = dissect(tiny_model())
    together = reply_logprobs(anatomy, SEQUENCES, STARTS)[2]
    (alone,) = reply_logprobs(anatomy, SEQUENCES[2:3], STARTS[2:3])
    assert_close(together, alone, atol=1e-10, rtol=0)


# --- the self-test -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_trie_holds_for_attention_models(kind, dtype):
    assert examine(tiny_model(kind, dtype)).shares_prefixes


def test_a_model_that_looks_at_its_left_neighbour_gets_plain_rows():
    """As recurrent and convolving layers do: the place in the row matters, not the branch."""
    model = tiny_model(dtype=torch.float32)
    model.model.embed_tokens.register_forward_hook(lambda _m, _i, out: out + out.roll(1, dims=1))
    model.model.embed_tokens.register_forward_hook(lambda _m, _i, out: _zero_first(out))
    assert not examine(model).shares_prefixes


def _zero_first(states):
    states = states.clone()
    states[:, 0] = 0
    return states


def test_a_model_with_an_unknown_output_is_refused():
    model = tiny_model(dtype=torch.float32)
    twin = copy.deepcopy(model)
    model.lm_head.register_forward_hook(lambda _m, _i, out: out * 2)
    with pytest.raises(ModelUnusable, match="cannot be reproduced"):
        examine(model)
    examine(twin)


# --- features ----------------------------------------------------------------------------


def test_features_are_means_over_the_replys_tokens():
    model = tiny_model()
    prompts = [PROMPT, [5, 6, 90, 91]]
    replies = [[q[10:] for q in SEQUENCES[:3]], [SEQUENCES[3][4:]]]
    groups = score_replies(dissect(model), "a base", prompts, replies)
    assert [len(group) for group in groups] == [3, 1]
    for features, sequence, start in zip(
        [f for group in groups for f in group], SEQUENCES, STARTS, strict=True
    ):
        states = naive_states(model, sequence).detach().numpy()
        np.testing.assert_allclose(features.hidden, states[start:].mean(0), atol=2e-3)
        np.testing.assert_allclose(features.prompt_hidden, states[start - 1], atol=2e-3)
        logprob = naive_logprobs(model, sequence, start).sum().item()
        assert features.base_logprob == pytest.approx(logprob, abs=1e-6)
        assert features.n_tokens == len(sequence) - start
        assert features.base_key == "a base"


def test_many_prompts_are_scored_in_several_forwards_and_stay_in_order(monkeypatch):
    anatomy = dissect(tiny_model())
    prompts = [[5, 6, p] for p in range(30, 50)]
    replies = [[[p, 2], [p, p, 2]] for p in range(30, 50)]
    whole = score_replies(anatomy, "", prompts, replies)
    monkeypatch.setattr(scoring, "FORWARD_TOKENS", 20)
    parts = score_replies(anatomy, "", prompts, replies)
    for a, b in zip(chain(*whole), chain(*parts), strict=True):
        assert a.base_logprob == pytest.approx(b.base_logprob, abs=1e-9)
        np.testing.assert_array_equal(a.hidden, b.hidden)


def test_an_empty_reply_gets_its_prompts_state():
    ((features,),) = score_replies(dissect(tiny_model()), "", [PROMPT], [[[]]])
    np.testing.assert_array_equal(features.hidden, features.prompt_hidden)
    assert (features.base_logprob, features.n_tokens) == (0.0, 0)
