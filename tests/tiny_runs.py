"""Learning runs on a tiny random model, for the tests of every objective."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from chatfeedback.engine import adapter_files
from chatfeedback.engine.adapters import make_views
from chatfeedback.engine.objectives import learn_steps
from chatfeedback.engine.scoring import dissect, reply_logprobs
from chatfeedback.records import (
    BaseInfo,
    Demonstration,
    DpoSettings,
    LearnRequest,
    LearnResult,
    LearnStep,
    PreferencePair,
)

END = 2
WISH, DISLIKE = 7, 9  # the person likes replies of 7s, the model also writes 9s
SETTINGS = DpoSettings(
    rank=4,
    alpha=8.0,
    learning_rate=5e-3,
    pairs_per_step=4,
    max_steps=8,
    warmup_steps=2,
    kl_every_steps=2,
    kl_budget_nats=1000.0,
)


class TinyBase:
    info = BaseInfo("key", "tiny", False, 64, 32, 1, "cpu", "float32", "none")
    end_token_ids = (END,)


def tiny_model():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=40,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=0,
        initializer_range=0.2,
    )
    return LlamaForCausalLM(config).eval()


def pair(topic, weight=1.0, chosen=WISH, rejected=DISLIKE):
    return PreferencePair(
        prompt_ids=(5, topic, 6),
        chosen_ids=(chosen, chosen, END),
        rejected_ids=(rejected, rejected, rejected, END),
        weight=weight,
        source="click",
    )


def make_request(folder, settings=SETTINGS, **changes):
    """changes: fields of the settings, or of the request."""
    chosen = {k: changes.pop(k) for k in list(changes) if hasattr(settings, k)}
    whole = LearnRequest(
        run_id="run",
        folder=str(folder),
        adapter_id=folder.name,
        pairs=tuple(pair(topic) for topic in range(10, 20)),
        retention=tuple(Demonstration((5, t, 6), (t, t + 1, END)) for t in range(20, 30)),
        probe_prompts=tuple((5, topic, 6) for topic in range(30, 34)),
        settings=replace(settings, **chosen),
        seed=0,
        parent="before",
        data_hash="abc",
    )
    return replace(whole, **changes)


@torch.no_grad()
def sample_own(model, prompts, seed):
    """Greedy replies of at most 5 tokens: enough for a look."""
    replies = []
    for prompt in prompts:
        ids = list(prompt)
        while len(ids) < len(prompt) + 5 and ids[-1] != END:
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        replies.append(ids[len(prompt) :])
    return replies


def learn(request, view=None, is_cancelled=lambda: False, wait=lambda: None, sample=sample_own):
    view = view or make_views(tiny_model())[1]
    return learn_steps(view, TinyBase, request, sample, wait, is_cancelled)


def finish(request, **options):
    *steps, result = learn(request, **options)
    assert all(isinstance(step, LearnStep) for step in steps)
    assert isinstance(result, LearnResult)
    return steps, result


def margin(model, one):
    anatomy = dissect(model)
    sequences = [one.prompt_ids + one.chosen_ids, one.prompt_ids + one.rejected_ids]
    with torch.no_grad():
        chosen, rejected = reply_logprobs(anatomy, sequences, [len(one.prompt_ids)] * 2)
    return float(chosen.sum() - rejected.sum())


def logprob(model, prompt_ids, reply_ids):
    with torch.no_grad():
        [found] = reply_logprobs(dissect(model), [prompt_ids + reply_ids], [len(prompt_ids)])
    return float(found.sum())


def weights_of(result):
    """The fingerprint of the weights a run published."""
    manifest = adapter_files.read_manifest(Path(result.folder))
    return manifest["files"][adapter_files.WEIGHTS]["sha256"]
