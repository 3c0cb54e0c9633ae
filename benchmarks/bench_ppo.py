"""One PPO step against TRL's: 16 replies drawn, rated and learned from in 3 epochs.

TRL has no PPO since 1.10, so 1.9 runs in a Python of its own, named by CHATFEEDBACK_TRL_PPO:

    python -m venv .venv-trl-ppo
    .venv-trl-ppo/bin/pip install "trl[peft]==1.9.*"
    CHATFEEDBACK_TRL_PPO=.venv-trl-ppo/bin/python python launch.py bench ppo

Without it TRL's RLOO (of the release that is installed) stands in, against ours; `settings.peer` of
the report says which. The two processes take turns, step by step; CPU seconds. TRL runs in float32
and in bfloat16, and the faster one counts. Both draw 64 tokens a reply at temperature 1, with equal
numbers of epochs and minibatches and a value head on a frozen body. TRL asks a second model of the
same size for the reward and a third for the values; we rate with the policy's own base. A ratio
above 1 means that ours is better.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import peer
from benchmarks.ppo_shape import (
    EPOCHS,
    MINIBATCH,
    NEW_TOKENS,
    REPLIES_PER_STEP,
    STEPS,
    make_prompts,
)
from benchmarks.reward_trl import wide_basis
from chatfeedback.engine.adapters import CandidateView, make_views
from chatfeedback.engine.personal_reward import PersonalReward
from chatfeedback.engine.ppo import ppo_steps
from chatfeedback.engine.rloo import rloo_steps
from chatfeedback.engine.rollouts import ROLLOUT_SAMPLING, RolloutSource
from chatfeedback.engine.serving import draw_own_replies
from chatfeedback.records import (
    LearnRequest,
    LearnResult,
    LearnStep,
    PpoSettings,
    RewardSnapshot,
    RlooSettings,
    RolloutPrompt,
    RolloutSettings,
)

ROOT = Path(__file__).resolve().parents[1]
NEVER = 10**9
REPLIES_PER_PROMPT = 4  # of RLOO


def run(json_path: Path | None) -> int:
    """Measure, print, and write `json_path` if given. Returns 0."""
    torch.set_num_threads(1)
    python = os.environ.get("CHATFEEDBACK_TRL_PPO", "")
    time_steps = partial(time_ppo, python) if python else time_rloo
    ours, theirs = time_steps(bf16=False)
    ours_again, theirs_bf16 = time_steps(bf16=True)
    figures = {"ours_s": ours, "trl_s": theirs}
    figures |= {"ours_again_s": ours_again, "trl_bf16_s": theirs_bf16}
    ratios = {"step": min(theirs / ours, theirs_bf16 / ours_again)}
    for name, value in {**figures, **ratios}.items():
        print(f"{name:20} {value:10.4g}")
    settings = {
        "peer": "TRL 1.9's PPO" if python else "TRL's RLOO, against ours",
        "steps": STEPS,
        "replies_per_step": REPLIES_PER_STEP,
        "epochs": EPOCHS if python else 1,
        "new_tokens": NEW_TOKENS,
    }
    print(settings["peer"])
    report = {"name": "ppo", "ratios": ratios, "figures": figures, "settings": settings}
    if json_path:
        json_path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


@dataclass(frozen=True)
class DrawingBase(peer.RandomBase):
    """What drawing replies must know of a base model."""

    model: Any
    info = replace(peer.INFO, context_tokens=2048)
    kv_tokens = 100_000


def our_steps(
    view: CandidateView, settings: RolloutSettings, prompts: list[tuple[int, ...]]
) -> Iterator[LearnStep | LearnResult]:
    """Endless steps of ours: no retention, no looks, paid by a reward model of random taste."""
    base = DrawingBase(view.model)
    basis = wide_basis(view.model.config.hidden_size)
    taste = np.random.default_rng(0).standard_normal(basis.size)
    snapshot = RewardSnapshot(basis.to_bytes(), taste, np.eye(basis.size))
    request = LearnRequest(
        run_id="bench",
        folder=peer.staging_folder(),
        adapter_id="bench",
        pairs=(),
        retention=(),
        probe_prompts=((5, 6, 7),),
        settings=settings,
        seed=0,
        rollout_prompts=tuple(RolloutPrompt(peer.to_text(ids), ids) for ids in prompts),
    )
    reward = PersonalReward(
        view, base, peer.to_text, snapshot, uncertainty_coef=0.5, unfinished_score=-1.0
    )
    sampling = replace(ROLLOUT_SAMPLING, max_new_tokens=NEW_TOKENS)
    draw = partial(draw_own_replies, base, sampling=sampling)  # type: ignore[arg-type]
    steps = rloo_steps if isinstance(settings, RlooSettings) else ppo_steps
    source = RolloutSource(draw, reward)
    return steps(view, base, request, peer.no_samples, source, lambda: None, lambda: False)


def common() -> dict[str, Any]:
    return {
        "learning_rate": peer.RATE,
        "rank": peer.RANK,
        "alpha": peer.ALPHA,
        "replies_per_step": REPLIES_PER_STEP,
        "max_steps": NEVER,
        "kl_budget_nats": 1e9,
        "kl_every_steps": NEVER,
        "batch_kl_nats": 1e9,
        "seconds_budget": 1e9,
        "retention_coef": 0.0,
    }


def time_ppo(python: str, *, bf16: bool) -> tuple[float, float]:
    """Mean CPU seconds of a step: (ours, TRL's)."""
    settings = PpoSettings(**common(), minibatch_replies=MINIBATCH, epochs=EPOCHS)
    _, view = make_views(peer.make_model())
    steps = our_steps(view, settings, make_prompts())
    ours, theirs = [], []
    command = [python, "-m", "benchmarks.ppo_trl", *(["bf16"] if bf16 else [])]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for _ in range(STEPS + 1):
            if not (line := child.stdout.readline()):
                raise RuntimeError(f"TRL's PPO stopped; try: {' '.join(command)}")
            theirs.append(float(line))
            ours.append(cpu_seconds(steps))
            child.stdin.write("on\n")
            child.stdin.flush()
    return statistics.fmean(ours[1:]), statistics.fmean(theirs[1:])  # the first ones prepare


def cpu_seconds(steps: Iterator[object]) -> float:
    started = time.process_time()
    next(steps)
    return time.process_time() - started


def time_rloo(*, bf16: bool) -> tuple[float, float]:
    """Mean CPU seconds of a step: (ours, TRL's), one update a batch, four replies a prompt."""
    settings = RlooSettings(
        **common(),
        minibatch_replies=REPLIES_PER_STEP,
        epochs=1,
        replies_per_prompt=REPLIES_PER_PROMPT,
    )
    prompts = make_prompts()[: REPLIES_PER_STEP // REPLIES_PER_PROMPT]
    _, view = make_views(peer.make_model())
    steps = our_steps(view, settings, prompts)
    next(steps)  # prepares
    ours: list[float] = []
    theirs: list[float] = []
    alternate = peer.alternating(lambda: next(steps), theirs, ours)
    make_rloo_trainer(prompts, bf16=bf16, callbacks=[alternate]).train()
    return statistics.fmean(ours[1:]), statistics.fmean(theirs[1:])


def make_rloo_trainer(prompts: list[tuple[int, ...]], *, bf16: bool, callbacks: list[Any]) -> Any:
    """TRL's RLOO, paid by a function that costs nothing."""
    import datasets
    from trl import RLOOConfig, RLOOTrainer

    datasets.disable_progress_bars()
    rows = [{"prompt": peer.to_text(ids)} for ids in prompts] * (STEPS + 1)
    config = RLOOConfig(
        **peer.common_settings(REPLIES_PER_STEP, STEPS + 1, bf16),
        num_generations=REPLIES_PER_PROMPT,
        max_completion_length=NEW_TOKENS,
        temperature=1.0,
        beta=0.05,
    )
    return RLOOTrainer(
        model=peer.make_model(),
        reward_funcs=lambda completions, **_: [float(len(each)) for each in completions],
        args=config,
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=peer.make_tokenizer(),
        peft_config=peer.lora_config(),
        callbacks=callbacks,
    )
