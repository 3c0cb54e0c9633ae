"""Models in 4 and 8 bits chat and learn, in this order too, and their gradients are right."""

from __future__ import annotations

import copy
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from chatfeedback.engine.adapter_files import publish, staging_folder
from chatfeedback.engine.adapters import CandidateView, LiveView, lora_layers, make_views
from chatfeedback.engine.base_model import (
    BaseModel,
    _quantised_layers,
    gradient_is_right,
    load_base,
)
from chatfeedback.engine.decode import Decoding
from chatfeedback.engine.losses import dpo_loss
from chatfeedback.engine.scoring import examine, reply_logprobs
from chatfeedback.models import chosen_quantisation
from chatfeedback.records import AdapterUse, Sampling, Turn
from chatfeedback.settings import Settings
from storage.store import open_store
from tests.tiny_models import save_tiny_model

pytest.importorskip("bitsandbytes")
pytestmark = pytest.mark.filterwarnings("ignore:.*autograd kernel was not registered")

SEQUENCES, STARTS = [[*range(20, 40), 7, 8, 9], [*range(20, 40), 11, 12]], [20, 20]
IDS = torch.arange(20, 40)[None]


@pytest.fixture(scope="module", params=["nf4", "int8"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    """Qwen2 has biases, which fail in another way than weights alone."""
    folder = tmp_path_factory.mktemp(request.param)
    sizes = {"hidden_size": 64, "intermediate_size": 128}  # whole blocks of 64
    return load_base(save_tiny_model(folder, "qwen2", **sizes), request.param)


@pytest.fixture
def views(base: BaseModel) -> tuple[LiveView, CandidateView]:
    live, candidate = make_views(base.model)
    candidate.reset(rank=4, alpha=16.0, seed=0)
    return live, candidate


def chat(live: LiveView, base: BaseModel) -> list[int]:
    prompt = base.render([Turn("user", "Hello")])
    decoding = Decoding(
        live, None, [prompt],
        n=2, seed=0, sampling=Sampling(max_new_tokens=4), end_token_ids=base.end_token_ids,
        context_tokens=512,
    )  # fmt: skip
    while not decoding.done:
        decoding.step()
    return decoding.rows[0].token_ids


def lora_gradient(view: CandidateView) -> Tensor:
    chosen, rejected = (each.sum() for each in reply_logprobs(view.anatomy, SEQUENCES, STARTS))
    loss = dpo_loss((chosen - rejected)[None], torch.zeros(1), torch.ones(1), beta=0.1)
    grads = torch.autograd.grad(loss, view.parameters())
    return torch.cat([grad.flatten() for grad in grads])


def logits_of(model: Any) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(IDS).logits
    return logits


def test_a_reply_before_learning_leaves_the_gradients_as_they_were(base, views):
    live, candidate = views
    before = lora_gradient(candidate)
    chat(live, base)
    assert before.norm() > 0
    assert_close(lora_gradient(candidate), before, atol=0, rtol=0)


def test_gradients_are_those_of_the_weights_unpacked(base, views):
    chat(views[0], base)
    dense = CandidateView(unpacked(base.model))
    dense.reset(rank=4, alpha=16.0, seed=0)
    found, wanted = lora_gradient(views[1]), lora_gradient(dense)
    assert torch.cosine_similarity(found, wanted, 0) > 0.98
    assert 0.9 < found.norm() / wanted.norm() < 1.1


def unpacked(model: Any) -> Any:
    """The same model with ordinary linear layers that hold what the packed ones stand for."""
    dense = copy.deepcopy(model)
    for path, layer in model.named_modules():
        if type(getattr(layer, "weight", None)).__name__ in ("Params4bit", "Int8Params"):
            parent, _, name = path.rpartition(".")
            linear = nn.Linear(layer.in_features, layer.out_features, layer.bias is not None)
            with torch.no_grad():
                linear.weight.copy_(weight_of(layer))
                if layer.bias is not None:
                    linear.bias.copy_(layer.bias)
            setattr(dense.get_submodule(parent), name, linear.to(torch.bfloat16))
    return dense


def weight_of(layer: Any) -> Tensor:
    from bitsandbytes.functional import dequantize_4bit

    if hasattr(layer.weight, "quant_state"):
        return dequantize_4bit(layer.weight.data, layer.weight.quant_state).float()
    scale = layer.state.SCB if layer.state.SCB is not None else layer.weight.SCB
    return layer.weight.data.float() * scale.float()[:, None] / 127


def test_it_may_learn_because_its_backward_passes_were_tried(base):
    assert base.info.cannot_learn == ""
    assert len(_quantised_layers(base.model)) == 4  # q and o, k and v, gate and up, down


def test_the_trial_notices_weights_that_were_repacked_for_inference(tmp_path):
    """What happens without our guard, on processors with bfloat16 products."""
    sizes = {"hidden_size": 64, "intermediate_size": 128}
    careless = load_base(save_tiny_model(tmp_path, "llama", **sizes), "nf4").model
    layers = _quantised_layers(careless)
    for module in careless.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = True
    with torch.inference_mode():
        careless(IDS)
    if not getattr(layers[0].weight.quant_state, "packing_format_for_cpu", False):
        pytest.skip("this processor does not repack")
    assert not any(map(gradient_is_right, layers))


def test_the_trie_holds_in_low_precision(base):
    assert examine(base.model).shares_prefixes


def test_only_lora_weights_learn_in_32_bits_and_nothing_is_upcast(base, views):
    learning = [p for p in views[1].model.parameters() if p.requires_grad]
    assert {p.dtype for p in learning} == {torch.float32}
    assert {type(layer).__name__ for layer in lora_layers(views[1].model).values()} <= {
        "Linear4bit", "Linear8bitLt",
    }  # fmt: skip
    assert base.model.get_input_embeddings().weight.dtype == torch.bfloat16


def test_it_chats_then_learns_then_serves_what_it_learned(views, tmp_path):
    live, candidate = views
    before = logits_of(live.model)  # a forward before learning is what breaks careless sharing
    optimizer = torch.optim.SGD(candidate.parameters(), lr=0.05)
    losses = []
    for _ in range(8):
        loss = -candidate.model(IDS).logits.float().log_softmax(-1)[..., 7].mean()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < losses[0] - 0.05
    assert_close(logits_of(live.model), before, atol=0, rtol=0)
    candidate.save(staging_folder(tmp_path / "a"), "tiny")
    publish(tmp_path / ".staging-a", tmp_path / "a", {})
    live.use(AdapterUse("a", str(tmp_path / "a")))
    assert_close(logits_of(live.model), logits_of(candidate.model), atol=0, rtol=0)


def test_the_quantisation_that_was_set_is_used_from_the_next_start_on(tmp_path: Path):
    with closing(open_store(tmp_path)) as store:
        assert chosen_quantisation(store, Settings()) == "none"
        me = store.ensure_person("You").person_id
        store.set_setting(me, "quantisation", "nf4")
        assert chosen_quantisation(store, Settings()) == "nf4"
