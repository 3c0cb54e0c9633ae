"""One KTO step against TRL's: four rated replies at chat shape, on the same model.

TRL runs with the settings found fastest on a CPU, in float32 and in bfloat16, and the faster one
counts; its reference log-probabilities are computed before, as ours are. It takes its reference
point from a second forward over mismatched replies, we take ours from the last look at the KL, so
the losses differ while the work that is asked for, one step on these replies, is the same. Steps
alternate in one process; CPU seconds. A ratio above 1 means that ours is better.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks import peer
from chatfeedback.engine.adapters import CandidateView, make_views
from chatfeedback.engine.kto import kto_steps
from chatfeedback.records import (
    KtoSettings,
    LearnRequest,
    LearnResult,
    LearnStep,
    PreferencePair,
    RatedReply,
)

STEPS = 3
REPLIES_PER_STEP = 4
NEVER = 10**9


def run(json_path: Path | None) -> int:
    """Measure, print, and write `json_path` if given. Returns 0."""
    torch.set_num_threads(int(os.environ.get("CHATFEEDBACK_THREADS", "1")))
    ours, theirs = time_steps(bf16=False)
    ours_again, theirs_bf16 = time_steps(bf16=True)
    figures = {"ours_s": ours, "trl_s": theirs}
    figures |= {"ours_again_s": ours_again, "trl_bf16_s": theirs_bf16}
    ratios = {"step": min(theirs / ours, theirs_bf16 / ours_again)}
    for name, value in {**figures, **ratios}.items():
        print(f"{name:20} {value:10.4g}")
    settings = {"steps": STEPS, "replies_per_step": REPLIES_PER_STEP, "shape": "chat"}
    report = {"name": "kto", "ratios": ratios, "figures": figures, "settings": settings}
    if json_path:
        json_path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def make_ratings() -> tuple[RatedReply, ...]:
    """Replies to prompts of their own, liked and disliked in turn."""
    pairs = peer.make_pairs("chat", REPLIES_PER_STEP * STEPS)
    return tuple(
        RatedReply(pair.prompt_ids, pair.chosen_ids, at % 2 == 0, 1.0)
        for at, pair in enumerate(pairs)
    )


def our_steps(
    view: CandidateView, ratings: tuple[RatedReply, ...]
) -> Iterator[LearnStep | LearnResult]:
    """Endless KTO steps of ours with TRL's settings: no retention, no looks."""
    settings = KtoSettings(
        beta=peer.BETA,
        learning_rate=peer.RATE,
        rank=peer.RANK,
        alpha=peer.ALPHA,
        replies_per_step=REPLIES_PER_STEP,
        max_steps=NEVER,
        warmup_steps=0,
        retention_coef=0.0,
        kl_budget_nats=1e9,
        kl_every_steps=NEVER,
        seconds_budget=1e9,
    )
    no_pairs: tuple[PreferencePair, ...] = ()
    request = LearnRequest(
        run_id="bench",
        folder=peer.staging_folder(),
        adapter_id="bench",
        pairs=no_pairs,
        retention=(),
        probe_prompts=((5, 6, 7),),
        settings=settings,
        seed=0,
        ratings=ratings,
    )
    base = peer.RandomBase()
    return kto_steps(view, base, request, peer.no_samples, lambda: None, lambda: False)


def time_steps(*, bf16: bool) -> tuple[float, float]:
    """Mean CPU seconds of a step: (ours, TRL's). bf16 is TRL's autocast."""
    ratings = make_ratings()
    _, view = make_views(peer.make_model())
    steps = our_steps(view, ratings)
    next(steps)  # prepares, as TRL's construction does
    ours: list[float] = []
    theirs: list[float] = []
    alternate = peer.alternating(lambda: next(steps), theirs, ours)
    make_trainer(ratings, bf16=bf16, callbacks=[alternate]).train()
    return statistics.fmean(ours), statistics.fmean(theirs)


def make_trainer(ratings: tuple[RatedReply, ...], *, bf16: bool, callbacks: list[Any]) -> Any:
    """TRL's KTO trainer; it insists on taking the rows in order."""
    import datasets
    from trl import KTOConfig, KTOTrainer

    datasets.disable_progress_bars()
    rows = [
        {
            "prompt": peer.to_text(each.prompt_ids),
            "completion": " " + peer.to_text(each.reply_ids),
            "label": each.is_liked,
        }
        for each in ratings
    ]
    config = KTOConfig(
        **peer.common_settings(REPLIES_PER_STEP, STEPS, bf16),
        beta=peer.BETA,
        precompute_ref_log_probs=True,
        max_length=2048,
    )
    return KTOTrainer(
        model=peer.make_model(),
        args=config,
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=peer.make_tokenizer(),
        peft_config=peer.lora_config(),
        callbacks=callbacks,
    )
