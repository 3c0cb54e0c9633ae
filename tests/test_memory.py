"""What a model needs is foreseen before it is loaded, and a run that is short of memory shrinks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from chatfeedback.engine import base_model
from chatfeedback.engine.adapters import CandidateView
from chatfeedback.engine.base_model import load_base
from chatfeedback.engine.loops import learn_within_memory, report
from chatfeedback.engine.memory import (
    LearningPlan,
    ModelShape,
    activation_bytes,
    kv_bytes_per_token,
    learning_bytes,
    learning_plans,
    longest_that_fits,
    plan_memory,
    reply_bytes,
    weight_bytes,
)
from chatfeedback.engine.model_files import read_shape
from chatfeedback.engine.scoring import reply_logprobs
from chatfeedback.errors import InputRefused, ModelUnusable
from tests.tiny_models import save_tiny_model
from tests.tiny_runs import make_request

GB = 10**9
# Qwen2.5-0.5B, 3B and 7B by their published sizes; embeddings are shared with the head up to 3B.
QWEN_05B = ModelShape(494_000_000, 358_000_000, 24 * 33_000, 24, 896, 4864, 896, 128, 8192)
QWEN_3B = ModelShape(3_086_000_000, 2_775_000_000, 36 * 56_000, 36, 2048, 11008, 2048, 256, 8192)
QWEN_7B = ModelShape(7_616_000_000, 6_526_000_000, 28 * 90_000, 28, 3584, 18944, 3584, 512, 8192)


def plan(shape: ModelShape, quantisation: str, free: float) -> Any:
    return plan_memory(shape, quantisation, int(free), itemsize=2, device="cuda")


# --- the arithmetic ----------------------------------------------------------------------


def test_the_shape_is_read_without_loading_the_model(tmp_path: Path):
    folder = save_tiny_model(tmp_path, "qwen2", tie_word_embeddings=False)
    shape, base = read_shape(folder), load_base(folder)
    vocabulary = len(base.tokenizer)
    layer = 2 * 48 * 48 + 2 * 48 * 24 + 3 * 48 * 96  # q and o, k and v, gate, up and down
    assert shape.n_weights == base.model.num_parameters()
    assert shape.packable_weights == 3 * layer
    assert shape.n_weights - shape.packable_weights < 2 * 48 * vocabulary + 1000
    assert (shape.layers, shape.queries, shape.keys, shape.context_tokens) == (3, 48, 24, 512)


def test_lora_weights_are_rank_times_width(tmp_path: Path):
    folder = save_tiny_model(tmp_path, "phi3")
    view = CandidateView(load_base(folder).model)
    view.reset(rank=3, alpha=3.0, seed=0)
    assert sum(p.numel() for p in view.parameters()) == 3 * read_shape(folder).lora_width


def test_nested_configurations_are_understood(tmp_path: Path):
    folder = save_tiny_model(tmp_path)
    shape = read_shape(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({"model_type": "x", "text_config": config}))
    assert read_shape(folder) == shape


def test_packed_weights_take_a_quarter_and_embeddings_stay():
    assert weight_bytes(QWEN_7B, "none", 2) == 2 * QWEN_7B.n_weights
    assert weight_bytes(QWEN_7B, "nf4", 2) == pytest.approx(5.57 * GB, rel=0.01)


def test_keys_and_values_a_token():
    assert kv_bytes_per_token(QWEN_7B, 2) == 2 * 28 * 512 * 2


@pytest.mark.parametrize("kind", ["llama", "qwen2", "phi3", "olmo2"])
def test_activations_are_what_a_forward_keeps(tmp_path: Path, kind: str):
    sizes = {"hidden_size": 128, "intermediate_size": 352, "num_hidden_layers": 6}
    folder = save_tiny_model(tmp_path, kind, **sizes)
    model = load_base(folder).model.to(torch.bfloat16)
    view = CandidateView(model)
    view.reset(rank=4, alpha=8.0, seed=0)
    kept = kept_bytes(view, 320)
    layers = read_shape(folder)
    estimate = activation_bytes(layers, 320, False) - 320 * 4 * (352 * 3 + 128 * 4)
    assert estimate == pytest.approx(kept, rel=0.2)


def test_checkpointing_keeps_less_and_learns_the_same(tmp_path: Path):
    folder = save_tiny_model(tmp_path, num_hidden_layers=6)
    view = CandidateView(load_base(folder).model)
    view.reset(rank=4, alpha=8.0, seed=0)
    found = []
    for checkpointing in (False, True, False):
        view.fit(LearningPlan(512, checkpointing, 0))
        found.append((kept_bytes(view, 64), gradient(view)))
    assert found[1][0] < 0.5 * found[0][0] == 0.5 * found[2][0]
    assert_close(found[1][1], found[0][1], atol=0, rtol=0)


def logprob(view: CandidateView, n_tokens: int) -> torch.Tensor:
    ids = torch.randint(0, 250, (n_tokens + 1,), generator=torch.Generator().manual_seed(0))
    (logprobs,) = reply_logprobs(view.anatomy, [ids.tolist()], [n_tokens - 8])
    return logprobs.sum()


def gradient(view: CandidateView) -> torch.Tensor:
    grads = torch.autograd.grad(logprob(view, 40), view.parameters())
    return torch.cat([grad.flatten() for grad in grads])


def kept_bytes(view: CandidateView, n_tokens: int) -> int:
    """What the graph holds beside the weights."""
    weights = {p.untyped_storage().data_ptr() for p in view.model.parameters()}
    seen: dict[int, torch.Tensor] = {}

    def remember(tensor: torch.Tensor) -> torch.Tensor:
        seen[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", torch.bfloat16):
        logprob(view, n_tokens)
    return sum(t.untyped_storage().nbytes() for at, t in seen.items() if at not in weights)


# --- the choice --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "quantisation", "free_gb", "chats", "methods"),
    [
        (QWEN_05B, "none", 8, True, 2),
        (QWEN_3B, "none", 6, False, 0),
        (QWEN_3B, "nf4", 8, True, 2),
        (QWEN_7B, "none", 12, False, 0),
        (QWEN_7B, "nf4", 12, True, 2),
        (QWEN_7B, "nf4", 7.2, True, 0),
    ],
)
def test_what_fits_on_a_card(shape, quantisation, free_gb, chats, methods):
    found = plan(shape, quantisation, free_gb * GB)
    assert found.chats == chats
    assert (found.dpo is not None) + (found.ppo is not None) == methods * chats


def test_with_less_room_a_run_takes_fewer_tokens_then_recomputes_layers_then_is_refused():
    def best(room: float) -> tuple[int, bool] | None:
        found = next(learning_plans(QWEN_3B, int(room), 2, rollouts=False), None)
        return found and (found.micro_batch_tokens, found.checkpointing)

    most = learning_bytes(QWEN_3B, 1024, 2, checkpointing=False, rollouts=False)
    choices = [best(most * share) for share in (1.01, 0.7, 0.4, 0.01)]
    assert choices == [(1024, False), (512, False), (1024, True), None]


def test_ppo_needs_more_than_dpo():
    room = learning_bytes(QWEN_7B, 512, 2, checkpointing=True, rollouts=False)
    assert any(learning_plans(QWEN_7B, room, 2, rollouts=False))
    assert not any(learning_plans(QWEN_7B, room, 2, rollouts=True))


def test_the_longest_chat_decides_how_a_run_learns():
    room = learning_bytes(QWEN_3B, 1024, 2, checkpointing=False, rollouts=False)
    assert next(learning_plans(QWEN_3B, room, 2, rollouts=False)).checkpointing is False
    (long,) = learning_plans(QWEN_3B, room, 2, rollouts=False, longest=2500)
    assert long.checkpointing
    assert long.needs_bytes <= room
    most = longest_that_fits(QWEN_3B, room, 2, rollouts=False)
    assert any(learning_plans(QWEN_3B, room, 2, rollouts=False, longest=most))
    assert not any(learning_plans(QWEN_3B, room, 2, rollouts=False, longest=most + 1))


def test_what_was_said_in_a_chat_too_long_for_memory_is_left_out_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    base = load_base(save_tiny_model(tmp_path, context_tokens=8192))
    request = make_request(tmp_path / "one")
    long = replace(request.pairs[0], prompt_ids=(5,) * 6000)
    both = replace(request, pairs=(*request.pairs, long))
    monkeypatch.setattr(base_model, "free_memory", lambda: 50 * GB)
    assert base.plan_learning(both)[0] == both
    needs = learning_bytes(base.shape, 3000, 4, checkpointing=True, rollouts=False)
    free = next(f for f in range(0, GB, 10**6) if f - reply_bytes(base.shape, f, 4)[0] > needs)
    monkeypatch.setattr(base_model, "free_memory", lambda: free)
    kept, plans = base.plan_learning(both)
    assert kept == request
    assert any(plans)
    with pytest.raises(InputRefused, match="every chat you reacted in is longer"):
        base.plan_learning(replace(request, pairs=(long,)))


def test_the_plan_is_told_in_words():
    assert "does not fit: needs" in plan(QWEN_7B, "none", 8 * GB).in_words()
    told = plan(QWEN_7B, "nf4", 12 * GB).in_words()
    assert "chats and learns in" in told
    assert "PPO and DPO" in told


# --- short of memory ---------------------------------------------------------------------


class FakeView:
    """Remembers how it was told to learn."""

    def __init__(self) -> None:
        self.plans: list[LearningPlan] = []

    def fit(self, plan: LearningPlan) -> None:
        self.plans.append(plan)


PLANS = [LearningPlan(2048, False, 3), LearningPlan(1024, False, 2), LearningPlan(512, False, 1)]


def run_short_of_memory(times: int, error: Exception) -> tuple[FakeView, list[str]]:
    """A run whose first attempts end at their second step."""
    view, seen = FakeView(), []

    def start() -> Iterator[str]:
        yield f"step with {view.plans[-1].micro_batch_tokens}"
        if len(view.plans) <= times:
            raise error
        yield "done"

    for piece in learn_within_memory(view, iter(PLANS), start):
        seen.append(piece)
    return view, seen


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("x"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_a_run_that_is_short_of_memory_begins_anew_in_a_smaller_size(error):
    view, seen = run_short_of_memory(1, error)
    assert view.plans == PLANS[:2]
    assert seen == ["step with 2048", "step with 1024", "done"]


def test_a_second_shortage_ends_the_run_in_plain_words():
    with pytest.raises(InputRefused, match=r"too little memory.*2 sizes.*Chatting goes on"):
        run_short_of_memory(2, torch.OutOfMemoryError("x"))


def test_other_errors_are_not_retried():
    with pytest.raises(RuntimeError, match="shapes"):
        run_short_of_memory(1, RuntimeError("shapes differ"))


def test_a_reply_that_is_short_of_memory_fails_in_plain_words():
    failure = report(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert failure.error_class == "EngineUnavailable"
    assert "too little memory" in failure.message


def test_a_run_for_which_there_is_no_room_is_not_begun():
    with pytest.raises(InputRefused, match="smallest run is too large"):
        next(learn_within_memory(FakeView(), iter(()), lambda: iter(["never"])))


def test_a_model_that_fits_but_leaves_no_room_chats_and_says_why_it_does_not_learn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = save_tiny_model(tmp_path)
    needs = plan_memory(read_shape(folder), "none", 0, itemsize=4, device="cpu").chatting
    monkeypatch.setattr(base_model, "free_memory", lambda: int(1.05 * needs))
    base = load_base(folder)
    assert "has no room to learn" in base.info.cannot_learn
    monkeypatch.setattr(base_model, "free_memory", lambda: needs // 2)
    with pytest.raises(ModelUnusable, match="are free on"):
        load_base(folder)
