"""One step of learning a reward from two choices, against TRL's RewardTrainer; for `bench reward`.

The same two pairs at chat shape, from the same model. TRL learns a model: a forward and a backward
pass of a sequence classifier (LoRA and a head) over prompt and reply, twice a pair. Ours reads each
prompt once with both replies, without gradients, and moves a Gaussian belief over measures of the
text and of the hidden states. So the steps are equal in what goes in, not in what is learned.
Replies that were written here bring their hidden states along; the forward is counted all the same,
as for imported ones.
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from transformers import Qwen2ForSequenceClassification

from benchmarks import peer
from chatfeedback.engine.adapters import make_views
from chatfeedback.engine.scoring import dissect, score_replies
from chatfeedback.engine.updating import fast_arithmetic
from chatfeedback.records import PreferencePair
from chatfeedback.taste.basis import Basis, style_basis
from chatfeedback.taste.likelihoods import preference
from chatfeedback.taste.reward import RewardModel

STEPS = 3
PAIRS_PER_STEP = 2
HIDDEN_DIRECTIONS = 64


def compare_steps() -> tuple[dict[str, float], dict[str, float]]:
    """(figures, ratios): mean CPU seconds of a step; TRL in float32 and bfloat16, its faster one
    counts. A ratio above 1 means that ours is better."""
    ours, theirs = time_steps(bf16=False)
    ours_again, theirs_bf16 = time_steps(bf16=True)
    figures = {"step_ours_s": ours, "step_trl_s": theirs}
    figures |= {"step_ours_again_s": ours_again, "step_trl_bf16_s": theirs_bf16}
    return figures, {"step": min(theirs / ours, theirs_bf16 / ours_again)}


class OurSteps:
    """A belief that takes in a few pairs at a time."""

    def __init__(self, pairs: tuple[PreferencePair, ...]) -> None:
        live, _ = make_views(peer.make_model())
        self._model, self._anatomy, self._pairs = live.model, dissect(live.model), pairs
        self._basis = wide_basis(self._model.config.hidden_size)
        self._belief = RewardModel.prior(self._basis)
        self._at = 0

    def __call__(self) -> None:
        batch = [self._next() for _ in range(PAIRS_PER_STEP)]
        prompts = [pair.prompt_ids for pair in batch]
        replies = [[pair.chosen_ids, pair.rejected_ids] for pair in batch]
        with fast_arithmetic(self._model):
            features = score_replies(self._anatomy, peer.INFO.key, prompts, replies)
        for pair, sides, found in zip(batch, replies, features, strict=True):
            texts = [peer.to_text(side) for side in sides]
            phis = self._basis.phis(peer.to_text(pair.prompt_ids), texts, found)
            self._belief = self._belief.update(preference(phis[0], phis[1]))

    def _next(self) -> PreferencePair:
        self._at += 1
        return self._pairs[self._at % len(self._pairs)]


def wide_basis(hidden_size: int) -> Basis:
    """With hidden directions, as a fitted one has."""
    draw = np.random.default_rng(0).standard_normal((hidden_size, HIDDEN_DIRECTIONS))
    components = (draw / np.sqrt(hidden_size)).astype(np.float32)
    return replace(style_basis(peer.INFO.key, hidden_size), hidden_components=components)


def time_steps(*, bf16: bool) -> tuple[float, float]:
    """Mean CPU seconds of a step: (ours, TRL's), alternating. bf16 is TRL's autocast."""
    torch.set_num_threads(1)
    pairs = peer.make_pairs("chat", PAIRS_PER_STEP * STEPS)
    step = OurSteps(pairs)
    step()  # warm, as TRL's model is after its construction
    ours: list[float] = []
    theirs: list[float] = []
    make_trainer(pairs, bf16=bf16, callbacks=[peer.alternating(step, theirs, ours)]).train()
    return statistics.fmean(ours), statistics.fmean(theirs)


def make_trainer(pairs: tuple[PreferencePair, ...], *, bf16: bool, callbacks: list[Any]) -> Any:
    """TRL's reward trainer on a classifier with the body of the same model."""
    import datasets
    from trl import RewardConfig, RewardTrainer

    datasets.disable_progress_bars()
    rows = [
        {
            "prompt": peer.to_text(pair.prompt_ids),
            "chosen": " " + peer.to_text(pair.chosen_ids),
            "rejected": " " + peer.to_text(pair.rejected_ids),
        }
        for pair in pairs
    ]
    body = peer.make_model()
    classifier = Qwen2ForSequenceClassification(body.config)
    classifier.config.num_labels = 1
    classifier.score = torch.nn.Linear(body.config.hidden_size, 1, bias=False)
    classifier.model = body.model
    return RewardTrainer(
        model=classifier,
        args=RewardConfig(**peer.common_settings(PAIRS_PER_STEP, STEPS, bf16), max_length=2048),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=peer.make_tokenizer(),
        peft_config=peer.lora_config("SEQ_CLS"),
        callbacks=callbacks,
    )
