"""One DPO update: a refit from the base on all evidence, budgeted by KL.

Read `dpo_steps` from top to bottom; each helper below it is one of its lines. The run is an
iterator, one optimiser step for each `next()`, so whoever drives it decides when it goes on. It
starts from a fresh LoRA every time (versions do not drift, undone feedback is really gone) and
ends when the policy is a few nats away from the base, not after a fixed number of steps.

Not here: where pairs come from (`preferences`), whether the result may serve (`promotion`).
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from chatfeedback.engine import adapter_files
from chatfeedback.engine.adapters import CandidateView
from chatfeedback.engine.head import token_kl
from chatfeedback.engine.losses import dpo_loss, kl_on_own_samples, nll
from chatfeedback.engine.scoring import Ids, predicting_states, reply_logprobs
from chatfeedback.errors import InputRefused
from chatfeedback.records import (
    BaseInfo,
    Demonstration,
    DpoSettings,
    LearnRequest,
    LearnResult,
    LearnStep,
    PreferencePair,
)

DECAY_FROM = 0.6  # share of the run after which the learning rate falls ...
LOWEST_RATE = 0.1  # ... to this share of it at the end
OVERSHOOT = 1.4  # a look this far above the KL budget makes the policy walk back ...
WALK_BACKS = 4  # ... half the way, a quarter, an eighth, all of it
LOOK_EVERY = 5  # every fifth retention reply stays out of the loss and is only looked at

StopReason = Literal["steps", "kl_budget", "seconds", "cancelled", "diverged"]
Metrics = dict[str, float]
Reply = tuple[tuple[int, ...], tuple[int, ...]]  # prompt ids, reply ids
SampleOwn = Callable[[Any, Sequence[Ids], int], Sequence[Ids]]
Item = TypeVar("Item")


class Base(Protocol):
    """What learning must know about the base model."""

    @property
    def info(self) -> BaseInfo: ...

    @property
    def end_token_ids(self) -> tuple[int, ...]: ...


@dataclass(frozen=True)
class Evidence:
    """What a run learns from, with what the base makes of it (computed once).

    pairs: those whose chosen reply ends properly.
    reference: log-probability of each reply of the pairs under the base, nats.
    retention, retention_states: replies to keep likely, and the base's last hidden states that
        predict their tokens, (reply length, H) each.
    watched, watched_logprob: replies that are only looked at, and their mean log-probability a
        token under the base.
    """

    pairs: list[PreferencePair]
    reference: dict[Reply, float]
    retention: list[Demonstration]
    retention_states: list[Tensor]
    watched: list[Demonstration]
    watched_logprob: float


def dpo_steps(
    view: CandidateView,
    base: Base,
    request: LearnRequest,
    sample_own: SampleOwn,
    wait: Callable[[], None],
    is_cancelled: Callable[[], bool],
) -> Iterator[LearnStep | LearnResult]:
    """Learn from preference pairs; yields a LearnStep each step and, published, the LearnResult.

    Loss of a step (w = weight of a pair, sums over the step's replies and tokens):

        sum w dpo_loss / (pairs x mean weight of the run)
        + nll_coef x sum w nll(chosen tokens) / sum w (chosen tokens)
        + retention_coef x sum KL(base || policy) / retention tokens

    Deterministic given the request, unless the seconds budget ends it. When it is cancelled,
    closed or killed, no adapter folder exists; killed, it leaves a staging folder for the sweep.

    Args:
        view: the candidate view; its LoRA is reset here.
        base: identity and end-of-turn tokens of the base model.
        request: evidence, settings, seed and the folder to publish.
        sample_own: (model, prompts, seed) -> one reply a prompt, drawn as when serving, with the
            end-of-turn token where there is one.
        wait: called at layer boundaries; returns when learning may go on.
        is_cancelled: asked before every step.

    Raises:
        InputRefused: there is no usable pair.
        FileExistsError: the folder exists.
    """
    settings = request.settings
    assert request.probe_prompts, "a run needs prompts to look at its KL on"
    if Path(request.folder).exists():
        raise FileExistsError(f"Adapter folder {request.folder} exists; a version is written once.")
    started_s = time.thread_time()
    with view.waiting_at_layers(wait):
        view.reset(settings.rank, settings.alpha, request.seed)
        evidence = _prepare(view, base, request)
        optimizer = torch.optim.AdamW(view.parameters(), betas=(0.9, 0.99), weight_decay=0.0)
        last_good, kl_nats, metrics = view.snapshot(), 0.0, Metrics()
        stop: StopReason | None = None
        step, next_look = 0, settings.kl_every_steps
        while stop is None:
            if is_cancelled():
                return
            metrics = _learn_from_pairs(view, evidence, settings, request.seed, step)
            metrics |= _hold_retention(view, evidence, settings, request.seed, step)
            rate = settings.learning_rate * rate_at(step, settings, kl_nats)
            metrics |= _update(optimizer, view, rate)
            step += 1
            stop = _reason_to_stop(metrics, step, time.thread_time() - started_s, settings)
            if stop == "diverged":
                view.restore(last_good)
                metrics = {name: value for name, value in metrics.items() if math.isfinite(value)}
            elif stop or step == next_look:
                look = partial(_look, view, base, request, evidence, sample_own)
                metrics |= _walk_back(view, last_good, look, settings.kl_budget_nats)
                last_good, kl_nats = view.snapshot(), metrics["dpo/kl_nats"]
                stop = "kl_budget" if metrics["dpo/over_budget"] else stop
                next_look = step + steps_to_next_look(kl_nats, settings)
            yield LearnStep(step, settings.max_steps, metrics)
    if is_cancelled():
        return
    manifest_hash = _publish(view, base.info, request, step, stop, kl_nats)
    yield LearnResult(
        adapter_id=request.adapter_id,
        folder=request.folder,
        manifest_hash=manifest_hash,
        steps=step,
        stop_reason=stop,
        kl_nats=kl_nats,
        seconds=time.thread_time() - started_s,
        metrics=metrics,
    )


# --- before the first step ---------------------------------------------------------------


@torch.no_grad()
def _prepare(view: CandidateView, base: Base, request: LearnRequest) -> Evidence:
    pairs = [pair for pair in request.pairs if favours_finished(pair, base)]
    if not pairs:
        raise InputRefused(
            f"Nothing to learn from: none of the {len(request.pairs)} choices favours a reply that "
            "was finished. Choose between a few more answers first."
        )
    every = LOOK_EVERY if len(request.retention) >= LOOK_EVERY else len(request.retention) + 1
    watched = list(request.retention[every - 1 :: every])
    retention = [demo for at, demo in enumerate(request.retention, 1) if at % every]
    with view.as_reference(), _fast_arithmetic(view.model):
        return Evidence(
            pairs,
            _logprob_of_each(view, pairs),
            retention,
            _states_of_each(view, retention),
            watched,
            _mean_logprob(view, watched),
        )


def favours_finished(pair: PreferencePair, base: Base) -> bool:
    """Whether the chosen reply has its end-of-turn token: preferring a reply that was cut off
    would teach never to end."""
    return bool(pair.chosen_ids) and pair.chosen_ids[-1] in base.end_token_ids


def _logprob_of_each(view: CandidateView, pairs: list[PreferencePair]) -> dict[Reply, float]:
    replies = {(p.prompt_ids, ids) for p in pairs for ids in (p.chosen_ids, p.rejected_ids)}
    found: dict[Reply, float] = {}
    for batch in view.micro_batches(sorted(replies), lambda reply: len(reply[0]) + len(reply[1])):
        logprobs = reply_logprobs(view.anatomy, *_sequences(batch))
        found |= {reply: float(lp.sum()) for reply, lp in zip(batch, logprobs, strict=True)}
    return found


def _states_of_each(view: CandidateView, demos: list[Demonstration]) -> list[Tensor]:
    states: list[Tensor] = []
    for batch in view.micro_batches(demos, _demo_tokens):
        lengths = [len(demo.reply_ids) for demo in batch]
        states += [part.clone() for part in torch.split(_states(view, batch), lengths)]
    return states


def _mean_logprob(view: CandidateView, demos: list[Demonstration]) -> float:
    """Mean log-probability a reply token, nats; 0 without replies."""
    total = tokens = 0.0
    for batch in view.micro_batches(demos, _demo_tokens):
        logprobs = torch.cat(reply_logprobs(view.anatomy, *_demo_sequences(batch)))
        total, tokens = total + float(logprobs.sum()), tokens + len(logprobs)
    return total / max(1.0, tokens)


# --- one step ----------------------------------------------------------------------------


def _learn_from_pairs(
    view: CandidateView, evidence: Evidence, settings: DpoSettings, seed: int, step: int
) -> Metrics:
    """Add the gradients of the DPO loss and of the NLL anchor."""
    batch = choose_batch(evidence.pairs, settings.pairs_per_step, seed, step)
    mean_weight = sum(pair.weight for pair in evidence.pairs) / len(evidence.pairs)
    pair_count = len(batch) * mean_weight
    token_count = sum(pair.weight * len(pair.chosen_ids) for pair in batch)
    sums = {"dpo/loss": 0.0, "dpo/nll": 0.0, "dpo/reward_margin": 0.0, "dpo/accuracy": 0.0}
    for part in view.micro_batches(batch, _pair_tokens):
        replies = [(p.prompt_ids, p.chosen_ids) for p in part]
        replies += [(p.prompt_ids, p.rejected_ids) for p in part]
        with _fast_arithmetic(view.model):
            logprobs = reply_logprobs(view.anatomy, *_sequences(replies))
        chosen, rejected = logprobs[: len(part)], logprobs[len(part) :]
        margin = _sums(chosen) - _sums(rejected)
        reference = [evidence.reference[reply] for reply in replies]
        reference_margin = margin.new_tensor(reference[: len(part)]) - margin.new_tensor(
            reference[len(part) :]
        )
        weight = margin.new_tensor([pair.weight for pair in part])
        lengths = torch.tensor([len(lp) for lp in chosen], device=weight.device)
        loss = dpo_loss(margin, reference_margin, weight, beta=settings.beta) / pair_count
        anchor = nll(torch.cat(chosen), weight.repeat_interleave(lengths)) / token_count
        (loss + settings.nll_coef * anchor).backward()  # type: ignore[no-untyped-call]
        rewards = settings.beta * (margin.detach() - reference_margin)
        sums["dpo/loss"] += float(loss.detach())
        sums["dpo/nll"] += float(anchor.detach())
        sums["dpo/reward_margin"] += float(rewards.sum()) / len(batch)
        sums["dpo/accuracy"] += float((rewards > 0).sum()) / len(batch)
    return sums


def _hold_retention(
    view: CandidateView, evidence: Evidence, settings: DpoSettings, seed: int, step: int
) -> Metrics:
    """Add the gradient of KL(base || policy) on the base's own replies to neutral prompts."""
    if not evidence.retention or settings.retention_coef == 0:
        return {}
    known = list(zip(evidence.retention, evidence.retention_states, strict=True))
    batch = choose_batch(known, settings.retention_per_step, seed, step)
    token_count = sum(demo.weight * len(demo.reply_ids) for demo, _ in batch)
    total = 0.0
    for part in view.micro_batches(batch, lambda item: _demo_tokens(item[0])):
        demos = [demo for demo, _ in part]
        with _fast_arithmetic(view.model):
            states = _states(view, demos)
            kl = token_kl(view.anatomy.head, torch.cat([s for _, s in part]), states)
        lengths = torch.tensor([len(demo.reply_ids) for demo in demos], device=kl.device)
        weight = kl.new_tensor([demo.weight for demo in demos]).repeat_interleave(lengths)
        loss = (weight * kl).sum() / token_count
        (settings.retention_coef * loss).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return {"dpo/retention_kl": total}


def _update(optimizer: torch.optim.Optimizer, view: CandidateView, rate: float) -> Metrics:
    """One AdamW step with the gradient's norm clipped to 1."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    norm = torch.nn.utils.clip_grad_norm_(view.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return {"dpo/grad_norm": float(norm), "dpo/lr": rate}


def rate_at(step: int, settings: DpoSettings, kl_nats: float) -> float:
    """Share of the learning rate: linear warm-up, then full, then falling towards the end.

    How far the run is follows from its steps or from the KL budget used up, whichever is more, so
    that it nears its budget gently however many pairs there are.
    """
    warm = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    progress = max(step / settings.max_steps, kl_nats / settings.kl_budget_nats)
    left = (1.0 - progress) / (1.0 - DECAY_FROM)
    return warm * min(1.0, max(LOWEST_RATE, left))


def choose_batch(items: Sequence[Item], size: int, seed: int, step: int) -> list[Item]:
    """The items of this step: slices of an endless row of epochs, each shuffled by (seed, epoch).

    The same on any machine and in any process, whatever was drawn before.
    """
    size = min(size, len(items))
    places = np.arange(step * size, (step + 1) * size)
    orders = {
        epoch: np.random.default_rng((seed, epoch)).permutation(len(items))
        for epoch in set((places // len(items)).tolist())
    }
    return [items[orders[place // len(items)][place % len(items)]] for place in places.tolist()]


# --- when to stop ------------------------------------------------------------------------


def _reason_to_stop(
    metrics: Metrics, step: int, seconds: float, settings: DpoSettings
) -> StopReason | None:
    """seconds: at work on this run's thread, so neither waiting for replies to be written nor
    other programs use up the budget."""
    if not all(math.isfinite(value) for value in metrics.values()):
        return "diverged"
    if seconds > settings.seconds_budget:
        return "seconds"
    return "steps" if step == settings.max_steps else None


def steps_to_next_look(kl_nats: float, settings: DpoSettings) -> int:
    """`kl_every_steps`, or up to three times that while the KL is a small part of its budget: a
    look costs as much as several steps, and from so low nothing runs away unseen."""
    times = settings.kl_budget_nats / (4 * max(kl_nats, 1e-9))
    return settings.kl_every_steps * int(min(3, max(1, times)))


def _walk_back(
    view: CandidateView, last_good: list[Tensor], look: Callable[[], Metrics], budget_nats: float
) -> Metrics:
    """Look; if the KL is well over its budget, halve the way back to the last good weights until
    it is not. The view is left where the returned numbers hold. "dpo/over_budget" is 1 if
    the first look found the budget used up."""
    metrics = look()
    over_budget = float(metrics["dpo/kl_nats"] > budget_nats)
    weights = view.snapshot()
    for halvings in range(1, WALK_BACKS + 1):
        if metrics["dpo/kl_nats"] <= OVERSHOOT * budget_nats:
            break
        share = 0.5**halvings if halvings < WALK_BACKS else 0.0
        view.restore([good.lerp(far, share) for good, far in zip(last_good, weights, strict=True)])
        metrics = look()
    return metrics | {"dpo/over_budget": over_budget}


@torch.no_grad()
def _look(
    view: CandidateView,
    base: Base,
    request: LearnRequest,
    evidence: Evidence,
    sample_own: SampleOwn,
) -> Metrics:
    """Where the policy is: its KL from the base on its own replies, and what it still knows.

    The same random numbers every time, so that two looks differ by the policy, not by luck.
    """
    prompts = request.probe_prompts
    drawn = [tuple(ids) for ids in sample_own(view.model, prompts, request.seed)]
    replies: list[Reply] = list(zip(prompts, drawn, strict=True))
    policy, reference = [], []
    with _fast_arithmetic(view.model):
        for batch in view.micro_batches(replies, lambda reply: len(reply[0]) + len(reply[1])):
            policy.append(_sums(reply_logprobs(view.anatomy, *_sequences(batch))))
            with view.as_reference():
                reference.append(_sums(reply_logprobs(view.anatomy, *_sequences(batch))))
        drop = evidence.watched_logprob - _mean_logprob(view, evidence.watched)
    finished = sum(ids[-1:] != () and ids[-1] in base.end_token_ids for ids in drawn)
    return {
        "dpo/kl_nats": float(kl_on_own_samples(torch.cat(policy), torch.cat(reference))),
        "dpo/finished": finished / max(1, len(drawn)),
        "dpo/retention_drop_nats": drop,
    }


# --- the result --------------------------------------------------------------------------


def _publish(
    view: CandidateView,
    info: BaseInfo,
    request: LearnRequest,
    steps: int,
    stop: StopReason,
    kl_nats: float,
) -> str:
    folder = Path(request.folder)
    staging = adapter_files.staging_folder(folder)
    try:
        view.save(staging, info.name)
        return adapter_files.publish(
            staging,
            folder,
            {
                "adapter_id": request.adapter_id,
                "base_key": info.key,
                "parent": request.parent,
                "run_id": request.run_id,
                "data_hash": request.data_hash,
                "seed": request.seed,
                "settings": asdict(request.settings),
                "steps": steps,
                "stop_reason": stop,
                "kl_nats": kl_nats,
            },
        )
    finally:
        shutil.rmtree(staging, ignore_errors=True)


# --- shapes ------------------------------------------------------------------------------


def _pair_tokens(pair: PreferencePair) -> int:
    return len(pair.prompt_ids) + len(pair.chosen_ids) + len(pair.rejected_ids)


def _demo_tokens(demo: Demonstration) -> int:
    return len(demo.prompt_ids) + len(demo.reply_ids)


def _sequences(replies: Sequence[Reply]) -> tuple[list[Ids], list[int]]:
    """Whole sequences, and where each reply starts."""
    return [prompt + reply for prompt, reply in replies], [len(prompt) for prompt, _ in replies]


def _demo_sequences(demos: Sequence[Demonstration]) -> tuple[list[Ids], list[int]]:
    return _sequences([(demo.prompt_ids, demo.reply_ids) for demo in demos])


def _states(view: CandidateView, demos: Sequence[Demonstration]) -> Tensor:
    return predicting_states(view.anatomy, *_demo_sequences(demos))


def _sums(logprobs: Sequence[Tensor]) -> Tensor:
    """Log-probability of each whole reply, (replies,)."""
    return torch.stack([each.sum() for each in logprobs])


def _fast_arithmetic(model: Any) -> torch.autocast:
    """bfloat16 products where the processor has them; LoRA weights and sums stay float32."""
    device = next(model.parameters()).device.type
    if device == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast(device, torch.bfloat16, enabled=fast)
