"""Our losses equal TRL's to 1e-6, computed by TRL's own code.

TRL has no loss functions to call, only trainers; so a trainer's `_compute_loss` is given a stand-in
for the trainer, and for a model that answers with log-probabilities we chose.
"""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch
from torch import tensor
from torch.testing import assert_close

from chatfeedback.engine.losses import dpo_loss, ipo_loss, kto_loss, nll, plackett_luce_loss

pytest.importorskip("trl", reason="TRL is a peer to compare with, not a dependency")

PAIRS, TOKENS = 5, 8
BETA = 0.3
WITHIN = {"atol": 1e-6, "rtol": 0.0}


@pytest.fixture
def scene():
    """Log-probabilities of replies of unlike length: liked ones first, then as many others."""
    torch.manual_seed(0)
    rows = 2 * PAIRS
    lengths = torch.randint(1, TOKENS, (rows,))
    is_reply_token = torch.arange(TOKENS) < lengths[:, None]
    logprobs = -3 * torch.rand(rows, TOKENS) * is_reply_token
    reference = logprobs.sum(1) + torch.randn(rows)
    return SimpleNamespace(
        logprobs=logprobs, lengths=lengths, is_reply_token=is_reply_token, reference=reference
    )


def trainer(**settings):
    """What `_compute_loss` asks of its trainer."""
    accelerator = SimpleNamespace(
        device=torch.device("cpu"), gather=lambda x: x, gather_for_metrics=lambda x: x
    )
    defaults = {
        "accelerator": accelerator,
        "model": SimpleNamespace(training=True),
        "precompute_ref_logps": True,
        "aux_loss_enabled": False,
        "ld_alpha": None,
        "f_divergence_type": "reverse_kl",
        "loss_weights": [1.0],
        "label_smoothing": 0.0,
        "use_weighting": False,
        "beta": BETA,
        "_metrics": defaultdict(lambda: defaultdict(list)),
        "_total_train_tokens": 0,
        "_tp_size": 1,
    }
    return SimpleNamespace(**(defaults | settings))


def model_of(scene):
    """Answers with the scene's log-probabilities, whatever it is asked."""
    outputs = SimpleNamespace(
        log_probs=scene.logprobs,
        entropy=torch.zeros(2 * PAIRS, TOKENS),
        mean_logits=torch.zeros(2 * PAIRS, TOKENS),
        is_top1=scene.is_reply_token,
    )
    return lambda **_: outputs


def inputs_of(scene, **more):
    """Each row has one prompt token before its reply."""
    prompt = torch.zeros(2 * PAIRS, 1, dtype=torch.bool)
    completion_mask = torch.cat([prompt, scene.is_reply_token], 1).long()
    ids = torch.ones_like(completion_mask)
    return {
        "input_ids": ids,
        "attention_mask": ids,
        "completion_mask": completion_mask,
        "ref_chosen_logps": scene.reference[:PAIRS],
        "ref_rejected_logps": scene.reference[PAIRS:],
        **more,
    }


def trl_dpo(scene, loss_type):
    from trl.trainer.dpo_trainer import DPOTrainer

    stand_in = trainer(loss_types=[loss_type])
    return DPOTrainer._compute_loss(stand_in, model_of(scene), inputs_of(scene), False)


def margins(scene, *, mean):
    """Of the policy and of the reference."""
    found = []
    for logprob in (scene.logprobs.sum(1), scene.reference):
        logprob = logprob / scene.lengths if mean else logprob
        found.append(logprob[:PAIRS] - logprob[PAIRS:])
    return found


ONES = torch.ones(PAIRS)


def test_dpo(scene):
    ours = dpo_loss(*margins(scene, mean=False), ONES, beta=BETA) / PAIRS
    assert_close(ours, trl_dpo(scene, "sigmoid"), **WITHIN)


def test_ipo(scene):
    ours = ipo_loss(*margins(scene, mean=True), ONES, beta=BETA) / PAIRS
    assert_close(ours, trl_dpo(scene, "ipo"), **WITHIN)


def test_length_normalised_dpo(scene):
    ours = dpo_loss(*margins(scene, mean=True), ONES, beta=BETA) / PAIRS
    assert_close(ours, trl_dpo(scene, "sigmoid_norm"), **WITHIN)


def test_the_nll_anchor(scene):
    chosen = scene.logprobs[:PAIRS][scene.is_reply_token[:PAIRS]]
    ours = nll(chosen, torch.ones_like(chosen)) / len(chosen)
    assert_close(ours, trl_dpo(scene, "sft"), **WITHIN)


def test_kto(scene):
    from trl.trainer.kto_trainer import KTOTrainer

    is_liked = torch.rand(2 * PAIRS) < 0.5
    stand_in = trainer(
        loss_type="kto",
        calculate_KL=True,
        desirable_weight=1.2,
        undesirable_weight=0.7,
        _compute_kl_logps=lambda *_: scene.reference + 0.4,  # so that TRL's z is 0.4
    )
    inputs = inputs_of(
        scene, label=is_liked, ref_logps=scene.reference, ref_KL_logps=scene.reference
    )
    theirs = KTOTrainer._compute_loss(stand_in, model_of(scene), inputs, False)
    ours = kto_loss(
        scene.logprobs.sum(1) - scene.reference,
        is_liked,
        torch.ones(2 * PAIRS),
        reference_point=0.4,
        beta=BETA,
        liked_weight=1.2,
        disliked_weight=0.7,
    )
    theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    assert_close(ours / (2 * PAIRS), theirs, **WITHIN)


def test_bradley_terry():
    from trl.trainer.reward_trainer import RewardTrainer

    rewards = torch.randn(2 * PAIRS, 1)
    stand_in = trainer(args=SimpleNamespace(center_rewards_coefficient=None))
    inputs = {"input_ids": torch.ones(2 * PAIRS, 3), "attention_mask": torch.ones(2 * PAIRS, 3)}
    theirs = RewardTrainer.compute_loss(
        stand_in, lambda **_: SimpleNamespace(logits=rewards), inputs
    )
    rows = torch.stack([rewards[:PAIRS, 0], rewards[PAIRS:, 0]], 1)
    is_reply = torch.ones_like(rows, dtype=torch.bool)
    ours = plackett_luce_loss(rows, is_reply, tensor([1] * PAIRS), ONES) / PAIRS
    assert_close(ours, theirs, **WITHIN)
