"""One DPO step against TRL's: seconds, peak memory, and the same losses.

TRL runs with the settings found fastest on a CPU (peer.make_trainer), in float32 and in bfloat16,
and the faster one counts. Its steps and ours alternate in one process: after each of its steps,
inside its own callback, one of ours is taken. Memory is the peak of a process of its own for each,
above the loaded model. Losses are compared in float32. A ratio above 1 means that ours is better.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

from benchmarks import peer
from chatfeedback.engine.adapters import CandidateView, make_views
from chatfeedback.engine.dpo import dpo_steps
from chatfeedback.records import DpoSettings, LearnRequest, LearnStep, PreferencePair

STEPS = 6
PAIRS_PER_STEP = 2
ROOT = Path(__file__).resolve().parents[1]
NEVER = 10**9


def run(json_path: Path | None) -> int:
    """Measure, print, and write `json_path` if given. Returns 0."""
    torch.set_num_threads(int(os.environ.get("CHATFEEDBACK_THREADS", "1")))
    figures, ratios = {"loss_difference": compare_losses()}, {}
    for shape in peer.SHAPES:
        ours, theirs = time_steps(shape, bf16=False)
        ours_again, theirs_bf16 = time_steps(shape, bf16=True)
        figures |= {f"{shape}_ours_s": ours, f"{shape}_trl_s": theirs}
        figures |= {f"{shape}_ours_again_s": ours_again, f"{shape}_trl_bf16_s": theirs_bf16}
        ratios[f"step_{shape}"] = min(theirs / ours, theirs_bf16 / ours_again)
    memory = {who: measure_memory(who) for who in ("ours", "trl")}
    figures |= {f"memory_{who}_mb": value for who, value in memory.items()}
    ratios["memory"] = memory["trl"] / memory["ours"]
    for name, value in {**figures, **ratios}.items():
        print(f"{name:20} {value:12.6g}")
    settings = {"steps": STEPS, "pairs_per_step": PAIRS_PER_STEP, "shapes": peer.SHAPES}
    report = {"name": "dpo", "ratios": ratios, "figures": figures, "settings": settings}
    if json_path:
        json_path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def our_steps(
    view: CandidateView, pairs: tuple[PreferencePair, ...], pairs_per_step: int = PAIRS_PER_STEP
) -> Iterator[LearnStep]:
    """Endless DPO steps of ours with TRL's settings: no anchor, no retention, no looks."""
    settings = DpoSettings(
        beta=peer.BETA,
        learning_rate=peer.RATE,
        rank=peer.RANK,
        alpha=peer.ALPHA,
        pairs_per_step=pairs_per_step,
        max_steps=NEVER,
        warmup_steps=0,
        nll_coef=0.0,
        retention_coef=0.0,
        kl_budget_nats=1e9,
        kl_every_steps=NEVER,
        seconds_budget=1e9,
    )
    request = LearnRequest(
        run_id="bench",
        folder=peer.staging_folder(),
        adapter_id="bench",
        pairs=pairs,
        retention=(),
        probe_prompts=((5, 6, 7),),
        settings=settings,
        seed=0,
    )
    base = peer.RandomBase()
    steps = dpo_steps(view, base, request, peer.no_samples, lambda: None, lambda: False)
    for step in steps:
        assert isinstance(step, LearnStep)
        yield step


def time_steps(shape: str, *, bf16: bool) -> tuple[float, float]:
    """Mean CPU seconds of a step: (ours, TRL's), alternating. bf16 is TRL's autocast."""
    pairs = peer.make_pairs(shape, PAIRS_PER_STEP * STEPS)
    _, view = make_views(peer.make_model())
    steps = our_steps(view, pairs)
    next(steps)  # prepares, as TRL's construction does
    ours: list[float] = []
    theirs: list[float] = []

    alternate = peer.alternating(lambda: next(steps), theirs, ours)
    trainer = peer.make_trainer(
        pairs, pairs_per_step=PAIRS_PER_STEP, steps=STEPS, bf16=bf16, callbacks=[alternate]
    )
    trainer.train()
    return statistics.fmean(ours), statistics.fmean(theirs)


def compare_losses(steps: int = 3) -> float:
    """Largest difference between the losses of both over the same pairs from the same LoRA."""
    pairs = peer.make_pairs("short", PAIRS_PER_STEP)
    trainer = peer.make_trainer(pairs, pairs_per_step=PAIRS_PER_STEP, steps=steps, sequential=True)
    _, view = make_views(peer.make_model())
    view.reset(peer.RANK, peer.ALPHA, 0)
    theirs = {name: weight for name, weight in trainer.model.named_parameters() if "lora_" in name}
    lora = [weight for name, weight in theirs.items() if ".ref." not in name]
    with torch.no_grad():
        for weight, mine in zip(lora, view.parameters(), strict=True):
            weight.copy_(mine)
    with in_float32():
        taken = our_steps(view, pairs)
        losses = [next(taken).metrics["dpo/loss"] for _ in range(steps)]
    trainer.train()
    logged = [each["loss"] for each in trainer.state.log_history if "loss" in each]
    return max(abs(ours - trl) for ours, trl in zip(losses, logged, strict=True))


@contextmanager
def in_float32() -> Iterator[None]:
    """Our engine multiplies in bfloat16 where the processor does; here it must not."""
    asked = torch.cpu._is_avx512_bf16_supported, torch.cpu._is_amx_tile_supported
    torch.cpu._is_avx512_bf16_supported = torch.cpu._is_amx_tile_supported = lambda: False
    try:
        yield
    finally:
        torch.cpu._is_avx512_bf16_supported, torch.cpu._is_amx_tile_supported = asked


def measure_memory(who: str) -> float:
    """Peak memory of three steps at chat shape above the loaded model, MB, in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.bench_dpo", who]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout.strip().splitlines()[-1])


def _steps_in_this_process(who: str) -> float:
    torch.set_num_threads(1)
    pairs = peer.make_pairs("chat", 3 * PAIRS_PER_STEP)
    if who == "trl":
        trainer = peer.make_trainer(pairs, pairs_per_step=PAIRS_PER_STEP, steps=3)
        before = psutil.Process().memory_info().rss / 2**20
        trainer.train()
    else:
        _, view = make_views(peer.make_model())
        steps = our_steps(view, pairs)
        before = psutil.Process().memory_info().rss / 2**20
        for _ in range(3):
            next(steps)
    return peer.peak_mb() - before


if __name__ == "__main__":
    print(_steps_in_this_process(sys.argv[1]))
