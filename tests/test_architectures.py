"""Every family of models is loaded, scored, decoded and taught the same way, and rightly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from chatfeedback.engine.adapters import CandidateView, LiveView, lora_layers, make_views
from chatfeedback.engine.base_model import BaseModel, load_base
from chatfeedback.engine.decode import Decoding
from chatfeedback.engine.losses import dpo_loss
from chatfeedback.engine.scoring import examine, reply_logprobs
from chatfeedback.engine.serving import Serving
from chatfeedback.errors import ModelUnusable
from chatfeedback.records import Sampling, Turn
from tests.tiny_models import FAMILIES, NO_SYSTEM_TEMPLATE, TEMPLATE, save_tiny_model

ALL_LINEAR = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
TARGETS = {
    "phi3": {"qkv_proj", "o_proj", "gate_up_proj", "down_proj"},
    "gpt_neox": {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"},
}
GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_new_tokens=20)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def base(family: str, tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    template = NO_SYSTEM_TEMPLATE if family.startswith("gemma2") else TEMPLATE
    folder = tmp_path_factory.mktemp(family)
    return load_base(save_tiny_model(folder, family, template=template, spread=0.2))


@pytest.fixture(scope="module")
def views(base: BaseModel) -> tuple[LiveView, CandidateView]:
    live, candidate = make_views(base.model, shares_prefixes=examine(base.model).shares_prefixes)
    candidate.reset(rank=4, alpha=8.0, seed=0)
    return live, candidate


@pytest.fixture(scope="module")
def pair(base: BaseModel) -> tuple[list[list[int]], list[int]]:
    """One prompt of a conversation and two replies to it, longer than any window."""
    turns = [Turn("system", "Be kind."), Turn("user", "Name a colour, please.")]
    prompt = base.render(turns)
    replies = [base.template.reply_ids(text) for text in ("Red it is.", "Rather blue, I say!")]
    return [[*prompt, *reply] for reply in replies], [len(prompt)] * 2


def own_logprobs(base: BaseModel, sequence: Sequence[int], start: int) -> Tensor:
    """What the plain model says about the reply's tokens."""
    with torch.no_grad():
        logits = base.model(torch.tensor([sequence]), use_cache=False).logits[0, start - 1 : -1]
    return logits.log_softmax(-1).gather(1, torch.tensor(sequence[start:])[:, None])[:, 0]


def margin(view: CandidateView, pair: tuple[list[list[int]], list[int]]) -> Tensor:
    chosen, rejected = reply_logprobs(view.anatomy, *pair)
    return chosen.sum() - rejected.sum()


def test_the_trie_holds(base: BaseModel):
    assert examine(base.model).shares_prefixes


def test_before_the_first_step_the_policy_is_the_base(base, views, pair):
    sequences, starts = pair
    with torch.no_grad():
        policy = reply_logprobs(views[1].anatomy, sequences, starts)
    for found, sequence, start in zip(policy, sequences, starts, strict=True):
        assert_close(found, own_logprobs(base, sequence, start), atol=1e-5, rtol=0)


def test_the_trie_gives_the_gradients_of_plain_rows(views, pair):
    view = views[1]
    with torch.no_grad():
        for weight in view.parameters():  # a fresh LoRA has no gradient in its first half
            weight.add_(0.02)
    found = []
    for shares in (True, False):
        logprobs = reply_logprobs(replace(view.anatomy, shares_prefixes=shares), *pair)
        loss = logprobs[0].sum() - 2 * logprobs[1].sum()
        found.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, view.parameters())]))
    view.reset(rank=4, alpha=8.0, seed=0)
    assert (found[0] - found[1]).norm() < 1e-4 * found[1].norm()


def test_one_step_raises_the_margin(views, pair):
    view = views[1]
    view.reset(rank=4, alpha=8.0, seed=0)
    optimizer = torch.optim.AdamW(view.parameters(), lr=1e-3)
    before = margin(view, pair)
    one = torch.ones(1)
    dpo_loss(before[None], before.detach()[None], one, beta=0.1).backward()
    optimizer.step()
    assert margin(view, pair) > before + 1e-3
    with view.as_reference(), torch.no_grad():
        assert_close(margin(view, pair), before.detach(), atol=1e-5, rtol=0)


def test_every_linear_layer_but_the_head_learns(family, views):
    names = {name.rpartition(".")[2] for name in lora_layers(views[1].model)}
    assert names == TARGETS.get(family, ALL_LINEAR)


def test_decoding_equals_generate(base, views, pair):
    sequences, starts = pair
    prompt = sequences[0][: starts[0]]
    decoding = Decoding(
        views[0], None, [prompt],
        n=1, seed=0, sampling=GREEDY, end_token_ids=base.end_token_ids, context_tokens=512,
    )  # fmt: skip
    while not decoding.done:
        decoding.step()
    theirs = base.model.generate(
        torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), max_new_tokens=20,
        do_sample=False, eos_token_id=list(base.end_token_ids), pad_token_id=0,
    )  # fmt: skip
    assert decoding.rows[0].token_ids == theirs[0, len(prompt) :].tolist()


def test_it_writes_what_it_says_when_it_reads_a_whole_text(base, views):
    Serving(base, views[0], base.anatomy).warm_up()


def test_a_model_that_forgets_what_it_wrote_is_refused(tmp_path, monkeypatch):
    """RWKV keeps its state where nobody asks for it: each word would be its first."""
    monkeypatch.setitem(FAMILIES, "rwkv", {})
    base = load_base(save_tiny_model(tmp_path / "parrot", "rwkv", spread=0.2))
    with pytest.raises(ModelUnusable, match=r"parrot was loaded, but word by word.*% apart"):
        Serving(base, make_views(base.model)[0], base.anatomy).warm_up()
