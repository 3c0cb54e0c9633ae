"""Two views over one set of tensors, and adapters that plain PEFT can read."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

import pytest
import torch
from peft import PeftModel
from torch.testing import assert_close
from transformers import AutoConfig, AutoModelForCausalLM

from chatfeedback.engine import adapter_files, adapters, export
from chatfeedback.engine.adapters import lora_layers, make_views
from chatfeedback.engine.base_model import load_base
from chatfeedback.engine.export import export_adapter, export_merged
from chatfeedback.errors import AdapterDamaged, InputRefused
from chatfeedback.records import AdapterUse, Turn
from tests.tiny_models import save_tiny_model

SIZES = {
    "vocab_size": 120,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
IDS = torch.tensor([[5, 6, 7, 8, 9, 10]])


def tiny_model(kind="llama", **extra):
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **{**SIZES, **extra})
    return AutoModelForCausalLM.from_config(config).eval()


@torch.no_grad()
def logits(view):
    return view.model(input_ids=IDS).logits


def disturb(candidate, seed=1):
    """Weights as after some learning."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in candidate.parameters():
            weight.copy_(0.1 * torch.randn(weight.shape, generator=generator))


def publish(candidate, folder):
    staging = adapter_files.staging_folder(folder)
    candidate.save(staging, "tiny")
    adapter_files.publish(staging, folder, {})
    return AdapterUse(folder.name, str(folder))


@pytest.fixture
def views():
    live, candidate = make_views(tiny_model())
    candidate.reset(rank=4, alpha=8.0, seed=0)
    return live, candidate


# --- two views ---------------------------------------------------------------------------


def test_both_views_hold_the_base_tensors_themselves(views):
    live, candidate = views
    base = {p.data_ptr() for p in live.base.parameters()}
    for tree in (live._tree, candidate.model):
        shared = {p.data_ptr() for name, p in tree.named_parameters() if "lora_" not in name}
        assert shared == base


def test_the_base_model_itself_gets_no_lora(views):
    live, candidate = views
    assert not lora_layers(live.base)
    assert lora_layers(candidate.model)


def test_every_linear_layer_but_the_head_has_lora(views):
    names = {name.rpartition(".")[2] for name in lora_layers(views[1].model)}
    assert names == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["gpt_neox", "gpt2", "phi"])
def test_other_architectures_leave_the_head_alone_too(kind):
    _, candidate = make_views(tiny_model(kind))
    candidate.reset(4, 8.0, 0)
    head = candidate.model.get_output_embeddings()
    assert type(head) is torch.nn.Linear
    assert len(lora_layers(candidate.model)) >= 2 * SIZES["num_hidden_layers"]


def test_a_fresh_candidate_equals_the_base(views):
    live, candidate = views
    assert_close(logits(candidate), logits(live), atol=0, rtol=0)


def test_learning_does_not_touch_the_live_view(views):
    live, candidate = views
    before = logits(live)
    disturb(candidate)
    assert not torch.allclose(logits(candidate), before)
    assert_close(logits(live), before, atol=0, rtol=0)


def test_replies_and_learning_at_the_same_time_stay_right(views, tmp_path):
    live, candidate = views
    disturb(candidate)
    use = publish(candidate, tmp_path / "one")
    live.use(use)
    wanted = logits(live)
    stop, failures = threading.Event(), []

    def learn():
        while not stop.is_set():
            candidate.reset(4, 8.0, 0)
            candidate.model(input_ids=IDS).logits.sum().backward()
            with candidate.as_reference():
                candidate.model(input_ids=IDS)

    thread = threading.Thread(target=learn)
    thread.start()
    for turn in range(30):
        live.use(use if turn % 2 else None)
        live.use(use)
        if not torch.equal(logits(live), wanted):
            failures.append(turn)
    stop.set()
    thread.join()
    assert failures == []


# --- the candidate -----------------------------------------------------------------------


def test_a_reset_follows_from_its_seed_alone(views):
    _, candidate = views
    first = candidate.snapshot()
    disturb(candidate)
    torch.manual_seed(99)
    candidate.reset(4, 8.0, seed=0)
    for a, b in zip(first, candidate.snapshot(), strict=True):
        assert torch.equal(a, b)
    candidate.reset(4, 8.0, seed=1)
    assert not all(torch.equal(a, b) for a, b in zip(first, candidate.snapshot(), strict=True))


def test_a_reset_forgets_the_gradients_of_a_step_that_was_cancelled(views):
    _, candidate = views
    candidate.model(input_ids=IDS).logits.sum().backward()
    candidate.reset(rank=4, alpha=8.0, seed=0)
    assert all(weight.grad is None for weight in candidate.parameters())


def test_the_rank_can_change_at_a_reset(views):
    _, candidate = views
    candidate.reset(rank=2, alpha=2.0, seed=0)
    assert {min(weight.shape) for weight in candidate.parameters()} == {2}


def test_only_lora_weights_learn_and_they_are_float32():
    _, candidate = make_views(tiny_model().to(torch.bfloat16))
    candidate.reset(4, 8.0, 0)
    learning = [p for p in candidate.model.parameters() if p.requires_grad]
    assert {id(p) for p in learning} == {id(p) for p in candidate.parameters()}
    assert {p.dtype for p in learning} == {torch.float32}


def test_the_reference_is_the_base_and_the_policy_comes_back(views):
    live, candidate = views
    disturb(candidate)
    policy = logits(candidate)
    with candidate.as_reference():
        assert_close(logits(candidate), logits(live), atol=0, rtol=0)
    assert_close(logits(candidate), policy, atol=0, rtol=0)


def test_a_snapshot_restores_the_policy(views):
    _, candidate = views
    disturb(candidate)
    policy, snapshot = logits(candidate), candidate.snapshot()
    disturb(candidate, seed=2)
    candidate.restore(snapshot)
    assert_close(logits(candidate), policy, atol=0, rtol=0)


def test_learning_can_be_held_up_at_every_layer_in_both_directions(views):
    _, candidate = views
    calls = []
    with candidate.waiting_at_layers(lambda: calls.append(1)):
        loss = candidate.model(input_ids=IDS).logits.sum()
        assert len(calls) == SIZES["num_hidden_layers"]
        loss.backward()
        assert len(calls) == 2 * SIZES["num_hidden_layers"]
    candidate.model(input_ids=IDS)
    assert len(calls) == 2 * SIZES["num_hidden_layers"]


# --- folders -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["llama", "gpt_neox", "gpt2"])
def test_plain_peft_loads_the_folder_and_gives_the_same_logits(kind, tmp_path):
    _, candidate = make_views(tiny_model(kind))
    candidate.reset(4, 8.0, 0)
    disturb(candidate)
    publish(candidate, tmp_path / "one")
    plain = PeftModel.from_pretrained(tiny_model(kind), str(tmp_path / "one")).eval()
    with torch.no_grad():
        assert_close(plain(input_ids=IDS).logits, logits(candidate))


ODD_ONES = {  # layers that look linear and are not to be touched
    "glm4_moe": {
        "head_dim": 8, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1,
        "topk_group": 1, "moe_intermediate_size": 16, "first_k_dense_replace": 1,
    },
    "phimoe": {"num_local_experts": 4},
    "falcon_h1": {
        "mamba_d_ssm": 64, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8,
        "mamba_chunk_size": 16,
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD_ONES)
def test_experts_routers_and_mamba_layers_stay_as_they_are_and_the_rest_learns(kind, tmp_path):
    live, candidate = make_views(tiny_model(kind, **ODD_ONES[kind]))
    candidate.reset(4, 8.0, 0)
    disturb(candidate)
    live.use(publish(candidate, tmp_path / "one"))
    plain = PeftModel.from_pretrained(tiny_model(kind, **ODD_ONES[kind]), str(tmp_path / "one"))
    with torch.no_grad():
        wanted = plain.eval()(input_ids=IDS).logits
    assert_close(logits(candidate), wanted, atol=1e-5, rtol=1e-5)
    assert_close(logits(live), wanted, atol=1e-5, rtol=1e-5)
    names = {name.rpartition(".")[2] for name in lora_layers(candidate.model)}
    assert {"q_proj", "k_proj", "v_proj", "o_proj"} <= names
    assert not names & {"experts", "gate", "router", "out_proj"}


def test_the_live_view_serves_what_was_learned(views, tmp_path):
    live, candidate = views
    disturb(candidate)
    live.use(publish(candidate, tmp_path / "one"))
    assert_close(logits(live), logits(candidate), atol=0, rtol=0)


def test_scale_goes_from_the_base_to_the_whole_adapter(views, tmp_path):
    live, candidate = views
    base = logits(live)
    disturb(candidate)
    folder = str(publish(candidate, tmp_path / "one").folder)
    distances = []
    for scale in (0.0, 0.25, 0.5, 1.0):
        live.use(AdapterUse("one", folder, scale))
        distances.append((logits(live) - base).abs().max().item())
    assert distances[0] == 0
    assert distances == sorted(distances)
    live.use(None)
    assert_close(logits(live), base, atol=0, rtol=0)


def test_scale_multiplies_the_loras_own(views, tmp_path):
    live, candidate = views
    candidate.reset(rank=4, alpha=6.0, seed=0)  # alpha / rank = 1.5
    use = publish(candidate, tmp_path / "one")
    live.use(AdapterUse(use.adapter_id, use.folder, 0.5))
    layer = next(iter(lora_layers(live._tree).values()))
    (slot,) = layer.lora_B
    layer.lora_B[slot].weight.data.fill_(1.0)
    x = torch.ones(1, layer.in_features)
    change = layer(x) - layer.base_layer(x)
    assert_close(change[0], torch.full_like(change[0], 0.75 * layer.lora_A[slot].weight.sum()))


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_layer_computes_what_pefts_own_would_and_learns_as_it(kind, dtype, autocast):
    _, candidate = make_views(tiny_model(kind).to(dtype))
    candidate.reset(4, 6.0, 0)
    disturb(candidate)
    layer = next(iter(lora_layers(candidate.model).values()))
    layer.set_adapter(adapters.CANDIDATE)
    weights = [layer.lora_A[adapters.CANDIDATE].weight, layer.lora_B[adapters.CANDIDATE].weight]
    x = torch.randn(2, 3, layer.in_features, dtype=dtype)
    found, wanted = (
        in_one_pass(forward, x, weights, autocast)
        for forward in (layer, partial(type(layer).forward, layer))
    )
    for ours, pefts in zip(found, wanted, strict=True):
        assert ours.dtype == pefts.dtype
        is_exact = dtype == torch.float32 and not autocast
        assert (ours - pefts).norm() <= (1e-6 if is_exact else 1e-2) * pefts.norm()


def in_one_pass(forward, x, weights, autocast):
    """Output, and the gradients at the input and at A and B, of a sum of the output's squares."""
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        output = forward(x)
    return output, *torch.autograd.grad(output.float().square().sum(), [x, *weights])


def test_more_adapters_than_slots_take_turns(views, tmp_path):
    live, candidate = views
    uses, wanted = [], []
    for number in range(adapters.SLOTS + 2):
        candidate.reset(rank=2 + number, alpha=8.0, seed=number)
        disturb(candidate, seed=number)
        uses.append(publish(candidate, tmp_path / str(number)))
        wanted.append(logits(candidate))
    for number in (0, 1, 2, 3, 4, 0, 3, 1, 4):
        live.use(uses[number])
        assert_close(logits(live), wanted[number], atol=0, rtol=0)
    assert len(live._loaded) == adapters.SLOTS


def test_a_damaged_adapter_is_refused_and_the_model_serves_on(views, tmp_path):
    live, candidate = views
    base = logits(live)
    use = publish(candidate, tmp_path / "one")
    (tmp_path / "one" / adapter_files.WEIGHTS).write_bytes(b"")
    with pytest.raises(AdapterDamaged):
        live.use(use)
    assert_close(logits(live), base, atol=0, rtol=0)


def test_an_adapter_of_another_model_is_refused(tmp_path):
    _, other = make_views(tiny_model(hidden_size=16, num_attention_heads=2))
    other.reset(4, 8.0, 0)
    use = publish(other, tmp_path / "one")
    live, _ = make_views(tiny_model())
    with pytest.raises(AdapterDamaged, match="does not fit"):
        live.use(use)


# --- taken out of the app ----------------------------------------------------------------


@pytest.fixture
def taught(tmp_path):
    """A base model folder, a version of it, and what it says at two scales."""
    base_folder = save_tiny_model(tmp_path / "base")
    live, candidate = make_views(load_base(base_folder).model)
    candidate.reset(4, 8.0, 0)
    disturb(candidate)
    use = publish(candidate, tmp_path / "version")
    said = {}
    for scale in (1.0, 0.5):
        live.use(replace(use, scale=scale))
        said[scale] = logits(live)
    live.use(None)
    assert not torch.allclose(said[0.5], logits(live), atol=1e-2)
    return base_folder, tmp_path / "version", said


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_an_exported_adapter_answers_the_same_in_plain_peft(taught, tmp_path, scale):
    base_folder, version, said = taught
    export_adapter(version, tmp_path / "out", scale)
    base = AutoModelForCausalLM.from_pretrained(base_folder)
    plain = PeftModel.from_pretrained(base, str(tmp_path / "out")).eval()
    with torch.no_grad():
        assert_close(plain(input_ids=IDS).logits, said[scale], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_merged_export_is_a_whole_model_that_answers_the_same(taught, tmp_path, scale):
    base_folder, version, said = taught
    export_merged(version, base_folder, tmp_path / "out", scale)
    merged = load_base(tmp_path / "out")
    assert_close(logits(merged), said[scale], atol=1e-5, rtol=1e-5)
    assert merged.end_token_ids == load_base(base_folder).end_token_ids
    hello = [Turn("user", "Hello")]
    assert merged.render(hello) == load_base(base_folder).render(hello)


def test_a_merged_export_of_gpt2_keeps_its_transposed_layers_right(tmp_path):
    _, candidate = make_views(tiny_model("gpt2"))
    candidate.reset(4, 8.0, 0)
    disturb(candidate)
    publish(candidate, tmp_path / "one")
    whole = tiny_model("gpt2")
    adapters.merge(whole, tmp_path / "one", 1.0)
    with torch.no_grad():
        assert_close(whole(input_ids=IDS).logits, logits(candidate), atol=1e-5, rtol=1e-5)


def test_an_export_overwrites_nothing_and_refuses_odd_scales(taught, tmp_path):
    _, version, _ = taught
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputRefused, match="not an empty folder"):
        export_adapter(version, tmp_path / "full")
    with pytest.raises(InputRefused, match=r"scale is 1\.5"):
        export_adapter(version, tmp_path / "out", 1.5)


def test_a_damaged_version_is_not_exported(taught, tmp_path, capsys):
    _, version, _ = taught
    (version / adapter_files.WEIGHTS).write_bytes(b"")
    assert export.main([str(version), str(tmp_path / "out")]) == 1
    assert "is damaged" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
