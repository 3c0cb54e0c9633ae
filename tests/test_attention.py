"""Attention among the tokens of tries: what PyTorch's own gives, faster."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from chatfeedback.engine import attention
from chatfeedback.engine.adapters import make_views
from chatfeedback.engine.trie import ancestors, pack
from tests.tiny_runs import tiny_model

TOKENS = 150  # more than are taken at a time
REFUSED = torch.finfo(torch.float32).min


def draw(heads, dtype=torch.bfloat16):
    shape = (2, heads, TOKENS, 16)
    return torch.randn(shape, generator=torch.Generator().manual_seed(heads)).to(dtype)


@pytest.fixture
def trie():
    """(2, 1, T, T) bool: a prompt with three replies, and two short tries in a row."""
    long = [[1, *range(10, 60), reply, *range(60, 93)] for reply in (2, 3, 4)]
    short = [[5, *range(40)], [6, *range(40)], [6, *range(20), *range(70, 130)]]
    masks = [ancestors(pack(each).stacks[0])[:, :TOKENS, :TOKENS] for each in (long, short)]
    padded = torch.eye(TOKENS, dtype=torch.bool).repeat(2, 1, 1, 1)
    for row, mask in enumerate(masks):
        padded[row, 0, : mask.shape[1], : mask.shape[2]] |= mask[0]
    return padded


def in_one_pass(forward, *inputs):
    """Output, and the gradients of its product with fixed numbers, at each input."""
    inputs = [each.clone().requires_grad_() for each in inputs]
    output = forward(*inputs)
    upstream = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view(output.shape)
    return [output, *torch.autograd.grad(output, inputs, upstream)]


def by_pytorch(mask):
    def forward(query, key, value):
        key, value = (each.repeat_interleave(3, 1) for each in (key, value))
        attended = functional.scaled_dot_product_attention(query, key, value, mask)
        return attended.transpose(1, 2)

    return forward


def by_us(mask, autocast=True):
    added = torch.where(mask, 0.0, REFUSED)

    def forward(query, key, value):
        module = torch.nn.Module()
        module.num_key_value_groups = 3
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            return attention.attend(module, query, key, value, added)[0]

    return forward


def test_outputs_and_gradients_are_as_exact_as_pytorchs_in_16_bits(trie):
    inputs = [draw(6), draw(2), draw(2)]
    exact = in_one_pass(by_pytorch(trie), *[each.double() for each in inputs])
    pytorchs = in_one_pass(by_pytorch(trie), *inputs)
    for ours, theirs, wanted in zip(
        in_one_pass(by_us(trie), *inputs), pytorchs, exact, strict=True
    ):
        assert ours.dtype == torch.bfloat16
        error, usual = ((found.double() - wanted).norm() for found in (ours, theirs))
        assert error < 1.5 * usual


def test_in_32_bits_it_is_pytorchs_own(trie):
    inputs = [draw(heads, torch.float32) for heads in (6, 2, 2)]
    found = in_one_pass(by_us(trie, autocast=False), *inputs)
    torch.testing.assert_close(found, in_one_pass(by_pytorch(trie), *inputs))


def test_only_what_learns_attends_this_way():
    live, candidate = make_views(tiny_model())
    assert live.base.config._attn_implementation == "sdpa"
    assert candidate.model.config._attn_implementation == attention.NAME


def test_a_model_with_attention_of_its_own_keeps_it():
    model = tiny_model()
    model._supports_attention_backend = False
    attention.prepare(model)
    assert model.config._attn_implementation == "sdpa"
