"""What every learning run does, whatever its objective.

A run is a refit from the base, an iterator with one step for each `next()`, so whoever drives it
decides when it goes on. An objective's file (`dpo.py`, `kto.py` ...) is a loop over this `Run`:

    with learning(...) as run:
        while run.goes_on():
            metrics = <the objective adds its gradients>
            metrics |= run.hold_retention()     # the base's own replies to neutral prompts stay
            metrics |= run.update()             # one AdamW step
            yield run.end_step(metrics)         # look at the KL now and then; stop?
        yield from run.publish()

It begins with a fresh LoRA every time (versions do not drift, undone feedback is really gone) and
ends when the policy is a few nats away from the base, not after a fixed number of steps. The base
is the reference, never the last version. Killed, it goes on from its last look (`progress.py`), to
the same version bit for bit.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from chatfeedback.engine import adapter_files, progress
from chatfeedback.engine.adapters import CandidateView
from chatfeedback.engine.head import token_kl
from chatfeedback.engine.losses import kl_on_own_samples
from chatfeedback.engine.scoring import Ids, predicting_states, reply_logprobs
from chatfeedback.records import (
    BaseInfo,
    Demonstration,
    LearnRequest,
    LearnResult,
    LearnStep,
    RunSettings,
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
"""(model, prompts, seed) -> one reply a prompt, drawn as when serving, with the end-of-turn token
where there is one."""
Item = TypeVar("Item")


class Base(Protocol):
    """What learning must know about the base model."""

    @property
    def info(self) -> BaseInfo: ...

    @property
    def end_token_ids(self) -> tuple[int, ...]: ...


class Stateful(Protocol):
    """What a run can keep and give back: a module, an optimiser."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...


@dataclass(frozen=True)
class Retention:
    """What must stay as it is, with what the base makes of it (computed once).

    held, held_states: replies to keep likely, and the base's last hidden states that predict their
        tokens, (reply length, H) each.
    watched, watched_logprob: replies that are only looked at, and their mean log-probability a
        token under the base.
    """

    held: list[Demonstration]
    held_states: list[Tensor]
    watched: list[Demonstration]
    watched_logprob: float


@contextmanager
def learning(
    method: str,
    view: CandidateView,
    base: Base,
    request: LearnRequest,
    sample_own: SampleOwn,
    wait: Callable[[], None],
    is_cancelled: Callable[[], bool],
) -> Iterator[Run]:
    """A run that is about to take its first step, or its next one if it was killed before.

    Args:
        method: what the metrics are named after ("dpo" -> "dpo/loss").
        view: the candidate view; its LoRA is reset here.
        base: identity and end-of-turn tokens of the base model.
        request: evidence, settings, seed and the folder to publish.
        sample_own: draws the replies on which the KL is looked at.
        wait: called at layer boundaries; returns when learning may go on.
        is_cancelled: asked before every step.

    Raises:
        FileExistsError: the folder exists.
    """
    assert request.probe_prompts, "a run needs prompts to look at its KL on"
    if Path(request.folder).exists():
        raise FileExistsError(f"Adapter folder {request.folder} exists; a version is written once.")
    with view.waiting_at_layers(wait):
        yield Run(method, view, base, request, sample_own, is_cancelled)


class Run:
    """A run under way.

    Attributes:
        step: optimiser steps taken.
        kl_nats: KL from the base at the last look, nats a reply; 0 before the first.
        is_at_base: the policy is the base still, because nothing was learned yet.
        stop: why it ended; None while it goes on.
        numbers: what the objective itself must remember if the run is killed.
    """

    def __init__(
        self,
        method: str,
        view: CandidateView,
        base: Base,
        request: LearnRequest,
        sample_own: SampleOwn,
        is_cancelled: Callable[[], bool],
    ) -> None:
        self.method, self.view, self.base, self.request = method, view, base, request
        self.settings: RunSettings = request.settings
        self._sample_own, self._is_cancelled = sample_own, is_cancelled
        self._started_s = time.thread_time()
        view.reset(self.settings.rank, self.settings.alpha, request.seed)
        self._retention = _prepare_retention(view, request.retention)
        self._optimizer = torch.optim.AdamW(view.parameters(), betas=(0.9, 0.99), weight_decay=0.0)
        self._kept: dict[str, Stateful] = {"optimizer": self._optimizer}
        self.step, self.kl_nats = 0, 0.0
        self.stop: StopReason | None = None
        self.numbers: dict[str, float] = {}
        self._cancelled = False
        self._metrics: Metrics = {}
        self._next_look = self.settings.kl_every_steps
        self.is_at_base = True
        self._resumed = progress.load(request, base.info.key, view.parameters()[0].device)
        if self._resumed is not None:
            self._go_on_from(self._resumed)
        self._last_good = view.snapshot()

    def keep(self, name: str, thing: Stateful) -> None:
        """Save a part of the objective's own with the run; a resumed run gets it back at once."""
        self._kept[name] = thing
        if self._resumed is not None:
            thing.load_state_dict(self._resumed["kept"][name])

    # --- one step --------------------------------------------------------------------------

    def goes_on(self) -> bool:
        """Whether there is another step to take: nobody cancelled it and nothing ended it."""
        self._cancelled = self._cancelled or self._is_cancelled()
        return self.stop is None and not self._cancelled

    def hold_retention(self, draw: int | None = None) -> Metrics:
        """Add the gradient of KL(base || policy) on the base's own replies to neutral prompts.

        draw: which batch of them, by default that of this step.
        """
        view, settings = self.view, self.settings
        if not self._retention.held or settings.retention_coef == 0:
            return {}
        known = list(zip(self._retention.held, self._retention.held_states, strict=True))
        draw = self.step if draw is None else draw
        batch = choose_batch(known, settings.retention_per_step, self.request.seed, draw)
        token_count = sum(demo.weight * len(demo.reply_ids) for demo, _ in batch)
        total = 0.0
        for part in view.micro_batches(batch, lambda item: demo_tokens(item[0])):
            demos = [demo for demo, _ in part]
            with fast_arithmetic(view.model):
                states = _states(view, demos)
                kl = token_kl(view.anatomy.head, torch.cat([s for _, s in part]), states)
            weight = per_token([demo.weight for demo in demos], [d.reply_ids for d in demos], kl)
            loss = (weight * kl).sum() / token_count
            (settings.retention_coef * loss).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return {f"{self.method}/retention_kl": total}

    def update(self, pace: float = 1.0) -> Metrics:
        """One AdamW step, `pace` times as large as usual, with the gradient's norm clipped to 1."""
        rate = self.settings.learning_rate * rate_at(self.step, self.settings, self.kl_nats) * pace
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        norm = torch.nn.utils.clip_grad_norm_(self.view.parameters(), 1.0)
        self._optimizer.step()
        self.is_at_base = False
        self._optimizer.zero_grad(set_to_none=True)
        return {f"{self.method}/grad_norm": float(norm), f"{self.method}/lr": rate}

    def end_step(self, metrics: Metrics) -> LearnStep:
        """Count the step, look at the KL when it is time to, and find out whether to stop."""
        self.step += 1
        self.stop = self._reason_to_stop(metrics)
        if self.stop == "diverged":
            self.view.restore(self._last_good)
            metrics = {name: value for name, value in metrics.items() if math.isfinite(value)}
        elif self.stop or self.step == self._next_look:
            metrics = metrics | self._take_a_look()
        self._metrics = metrics
        return LearnStep(self.step, self.settings.max_steps, metrics)

    def look_within(self, steps: int) -> None:
        """Let the next look come no later than after this many steps."""
        self._next_look = min(self._next_look, self.step + steps)

    def _reason_to_stop(self, metrics: Metrics) -> StopReason | None:
        """Seconds are those at work on this run's thread, so neither waiting for replies to be
        written nor other programs use up the budget."""
        if not all(math.isfinite(value) for value in metrics.values()):
            return "diverged"
        if self._seconds() > self.settings.seconds_budget:
            return "seconds"
        return "steps" if self.step == self.settings.max_steps else None

    def _seconds(self) -> float:
        return time.thread_time() - self._started_s

    def _take_a_look(self) -> Metrics:
        found = walk_back(self.view, self._last_good, self.look, self.settings.kl_budget_nats)
        self._last_good, self.kl_nats = self.view.snapshot(), found["kl_nats"]
        self.stop = "kl_budget" if found["over_budget"] else self.stop
        self._next_look = self.step + steps_to_next_look(self.kl_nats, self.settings)
        if self.stop is None:
            self._save()
        return {f"{self.method}/{name}": value for name, value in found.items()}

    @torch.no_grad()
    def look(self) -> Metrics:
        """Where the policy is: its KL from the base on its own replies, and what it still knows.

        The same random numbers every time, so that two looks differ by the policy, not by luck.
        """
        view, prompts = self.view, self.request.probe_prompts
        drawn = [tuple(ids) for ids in self._sample_own(view.model, prompts, self.request.seed)]
        replies: list[Reply] = list(zip(prompts, drawn, strict=True))
        policy, reference = [], []
        with fast_arithmetic(view.model):
            for batch in view.micro_batches(replies, reply_tokens):
                policy.append(sums(reply_logprobs(view.anatomy, *sequences(batch))))
                with view.as_reference():
                    reference.append(sums(reply_logprobs(view.anatomy, *sequences(batch))))
            watched = self._retention.watched
            drop = self._retention.watched_logprob - _mean_logprob(view, watched)
        finished = sum(is_finished(ids, self.base) for ids in drawn)
        return {
            "kl_nats": float(kl_on_own_samples(torch.cat(policy), torch.cat(reference))),
            "finished": finished / max(1, len(drawn)),
            "retention_drop_nats": drop,
        }

    # --- the end ---------------------------------------------------------------------------

    def publish(self) -> Iterator[LearnResult]:
        """Write the adapter folder and give the result; nothing if the run was cancelled."""
        if self._cancelled:
            return
        assert self.stop is not None
        request = self.request
        yield LearnResult(
            adapter_id=request.adapter_id,
            folder=request.folder,
            manifest_hash=self._write(self.stop),
            steps=self.step,
            stop_reason=self.stop,
            kl_nats=self.kl_nats,
            seconds=self._seconds(),
            metrics=self._metrics,
        )

    def _write(self, stop: StopReason) -> str:
        request, folder = self.request, Path(self.request.folder)
        staging = adapter_files.staging_folder(folder)
        facts = {
            "adapter_id": request.adapter_id,
            "method": self.method,
            "base_key": self.base.info.key,
            "parent": request.parent,
            "run_id": request.run_id,
            "data_hash": request.data_hash,
            "seed": request.seed,
            "settings": asdict(request.settings),
            "steps": self.step,
            "stop_reason": stop,
            "kl_nats": self.kl_nats,
        }
        try:
            self.view.save(staging, self.base.info.name)
            manifest_hash = adapter_files.publish(staging, folder, facts)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        adapter_files.forget_progress(folder.parent, request.run_id)
        return manifest_hash

    # --- being killed ----------------------------------------------------------------------

    def _save(self) -> None:
        """Only at looks, when the weights are the last good ones."""
        state = {
            "weights": self._last_good,
            "kept": {name: thing.state_dict() for name, thing in self._kept.items()},
            "numbers": self.numbers,
            "step": self.step,
            "next_look": self._next_look,
            "kl_nats": self.kl_nats,
            "seconds": self._seconds(),
        }
        progress.save(self.request, self.base.info.key, state)

    def _go_on_from(self, state: dict[str, Any]) -> None:
        self.is_at_base = False
        self.view.restore(state["weights"])
        self._optimizer.load_state_dict(state["kept"]["optimizer"])
        self.numbers, self.step = state["numbers"], state["step"]
        self._next_look, self.kl_nats = state["next_look"], state["kl_nats"]
        self._started_s -= state["seconds"]


# --- before the first step ---------------------------------------------------------------


@torch.no_grad()
def _prepare_retention(view: CandidateView, demos: Sequence[Demonstration]) -> Retention:
    every = LOOK_EVERY if len(demos) >= LOOK_EVERY else len(demos) + 1
    watched = list(demos[every - 1 :: every])
    held = [demo for at, demo in enumerate(demos, 1) if at % every]
    with view.as_reference(), fast_arithmetic(view.model):
        states = _states_of_each(view, held)
        return Retention(held, states, watched, _mean_logprob(view, watched))


@torch.no_grad()
def reference_logprobs(view: CandidateView, replies: Iterable[Reply]) -> dict[Reply, float]:
    """Log-probability of each reply under the base, nats; each is read once while it is loaded."""
    known = {reply: view.references.get(*reply) for reply in set(replies)}
    found = {reply: logprob for reply, logprob in known.items() if logprob is not None}
    with view.as_reference(), fast_arithmetic(view.model):
        for batch in view.micro_batches(sorted(known.keys() - found.keys()), reply_tokens):
            logprobs = reply_logprobs(view.anatomy, *sequences(batch))
            for reply, each in zip(batch, logprobs, strict=True):
                found[reply] = float(each.sum())
                view.references.keep(*reply, found[reply])
    return found


class Reference:
    """Log-probability of each reply under the base, nats.

    The replies of the first step have it from that step's own forward: the policy is still the
    base then. The others are read by the base before.

    Args:
        run: keeps them if it is killed.
        replies: all that will be asked for.
        first: those of the first step, if its forward is to tell.
    """

    def __init__(self, run: Run, replies: Sequence[Reply], first: Sequence[Reply] = ()) -> None:
        self._run, self._replies = run, sorted(set(replies))
        self._found: dict[Reply, float] = {}
        run.keep("reference", self)
        if not self._found:
            self._found = reference_logprobs(run.view, set(replies) - set(first))

    def of(self, replies: Sequence[Reply], policy: Sequence[Tensor]) -> list[float]:
        """Of these replies. policy: the policy's log-probabilities, a tensor of tokens each."""
        if self._run.is_at_base:
            for reply, logprobs in zip(replies, policy, strict=True):
                self._found.setdefault(reply, float(logprobs.detach().sum()))
                self._run.view.references.keep(*reply, self._found[reply])
        if missing := set(replies) - self._found.keys():
            self._found |= reference_logprobs(self._run.view, missing)
        return [self._found[reply] for reply in replies]

    def state_dict(self) -> dict[str, Any]:
        return {"logprobs": [self._found.get(reply) for reply in self._replies]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        known = zip(self._replies, state_dict["logprobs"], strict=True)
        self._found = {reply: logprob for reply, logprob in known if logprob is not None}


def is_finished(reply_ids: Sequence[int], base: Base) -> bool:
    """Whether a reply has its end-of-turn token."""
    return bool(reply_ids) and reply_ids[-1] in base.end_token_ids


def _states_of_each(view: CandidateView, demos: list[Demonstration]) -> list[Tensor]:
    states: list[Tensor] = []
    for batch in view.micro_batches(demos, demo_tokens):
        lengths = [len(demo.reply_ids) for demo in batch]
        states += [part.clone() for part in torch.split(_states(view, batch), lengths)]
    return states


def _mean_logprob(view: CandidateView, demos: list[Demonstration]) -> float:
    """Mean log-probability a reply token, nats; 0 without replies."""
    total = tokens = 0.0
    for batch in view.micro_batches(demos, demo_tokens):
        logprobs = torch.cat(reply_logprobs(view.anatomy, *sequences(demo_replies(batch))))
        total, tokens = total + float(logprobs.sum()), tokens + len(logprobs)
    return total / max(1.0, tokens)


# --- schedules ---------------------------------------------------------------------------


def rate_at(step: int, settings: RunSettings, kl_nats: float) -> float:
    """Share of the learning rate: linear warm-up, then full, then falling towards the end.

    How far the run is follows from its steps or from the KL budget used up, whichever is more, so
    that it nears its budget gently however many pairs there are.
    """
    warm = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    progress = max(step / settings.max_steps, kl_nats / settings.kl_budget_nats)
    left = (1.0 - progress) / (1.0 - DECAY_FROM)
    return warm * min(1.0, max(LOWEST_RATE, left))


def steps_to_next_look(kl_nats: float, settings: RunSettings) -> int:
    """`kl_every_steps`, or up to three times that while the KL is a small part of its budget: a
    look costs as much as several steps, and from so low nothing runs away unseen."""
    times = settings.kl_budget_nats / (4 * max(kl_nats, 1e-9))
    return settings.kl_every_steps * int(min(3, max(1, times)))


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


def walk_back(
    view: CandidateView, last_good: list[Tensor], look: Callable[[], Metrics], budget_nats: float
) -> Metrics:
    """Look; if the KL is well over its budget, halve the way back to the last good weights until
    it is not. The view is left where the returned numbers hold. "over_budget" is 1 if the first
    look found the budget used up."""
    metrics = look()
    over_budget = float(metrics["kl_nats"] > budget_nats)
    weights = view.snapshot()
    for halvings in range(1, WALK_BACKS + 1):
        if metrics["kl_nats"] <= OVERSHOOT * budget_nats:
            break
        share = 0.5**halvings if halvings < WALK_BACKS else 0.0
        view.restore([good.lerp(far, share) for good, far in zip(last_good, weights, strict=True)])
        metrics = look()
    return metrics | {"over_budget": over_budget}


# --- shapes ------------------------------------------------------------------------------


def reply_tokens(reply: Reply) -> int:
    """Tokens of the whole sequence: what a micro-batch counts."""
    return len(reply[0]) + len(reply[1])


def demo_tokens(demo: Demonstration) -> int:
    return len(demo.prompt_ids) + len(demo.reply_ids)


def demo_replies(demos: Sequence[Demonstration]) -> list[Reply]:
    return [(demo.prompt_ids, demo.reply_ids) for demo in demos]


def sequences(replies: Sequence[Reply]) -> tuple[list[Ids], list[int]]:
    """Whole sequences, and where each reply starts."""
    return [prompt + reply for prompt, reply in replies], [len(prompt) for prompt, _ in replies]


def sums(logprobs: Sequence[Tensor]) -> Tensor:
    """Log-probability of each whole reply, (replies,)."""
    return torch.stack([each.sum() for each in logprobs])


def means(logprobs: Sequence[Tensor]) -> Tensor:
    """Mean log-probability a token of each reply, (replies,); 0 for one without tokens."""
    return torch.stack([each.sum() / max(1, len(each)) for each in logprobs])


def per_token(weights: Sequence[float], replies: Sequence[Sequence[int]], like: Tensor) -> Tensor:
    """Each reply's weight once a token, (tokens of all replies,)."""
    lengths = torch.tensor([len(reply) for reply in replies], device=like.device)
    return like.new_tensor(weights).repeat_interleave(lengths)


def _states(view: CandidateView, demos: Sequence[Demonstration]) -> Tensor:
    return predicting_states(view.anatomy, *sequences(demo_replies(demos)))


def fast_arithmetic(model: Any) -> torch.autocast:
    """bfloat16 products where the processor has them; LoRA weights and sums stay float32."""
    device = next(model.parameters()).device.type
    if device == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast(device, torch.bfloat16, enabled=fast)
