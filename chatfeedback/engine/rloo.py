"""RLOO: PPO without a critic. The other replies to a prompt say what a reply should have earned.

Read `rloo_steps` from top to bottom. A step is one batch, several replies to each of some prompts:

    draw → rate → take off the price of KL → compare with the siblings → clipped updates

Ahmadian et al. 2024 (arXiv:2402.14740). A whole reply is one action: the log-ratio to the base
("k1") of all of it is taken off its score, and its whole log-probability is pushed up or down.
Nothing is learned about values and nothing but the policy is held in memory: the form for small
cards. The paper takes one update a batch; here a batch serves for a few, with PPO's clipped ratio,
since drawing replies is what takes the time; and it begins where the choices led by DPO, whose loss
stays beside its own (`rollouts.py`). What all objectives share is in `updating.py`, the arithmetic
in `advantages.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from chatfeedback.engine.adapters import CandidateView
from chatfeedback.engine.advantages import (
    adapt_kl_coef,
    clipped_policy_loss,
    clipped_share,
    leave_one_out_advantages,
    whiten,
)
from chatfeedback.engine.losses import kl_k3
from chatfeedback.engine.rollouts import (
    Rollouts,
    RolloutSource,
    describe,
    gather_said,
    improve,
    learn_pairs_first,
    logprobs_of,
    next_rollouts,
)
from chatfeedback.engine.scoring import reply_logprobs
from chatfeedback.engine.updating import (
    Base,
    Metrics,
    Reply,
    Run,
    SampleOwn,
    fast_arithmetic,
    learning,
    reply_tokens,
    sequences,
    sums,
)
from chatfeedback.records import LearnRequest, LearnResult, LearnStep, RlooSettings


@dataclass(frozen=True)
class Experience:
    """One reply to learn from; log-probability (nats) as of when it was drawn."""

    reply: Reply
    logprob: float
    advantage: float


def rloo_steps(
    view: CandidateView,
    base: Base,
    request: LearnRequest,
    sample_own: SampleOwn,
    source: RolloutSource,
    wait: Callable[[], None],
    is_cancelled: Callable[[], bool],
) -> Iterator[LearnStep | LearnResult]:
    """Learn from what replies earn; yields a LearnStep each batch and, published, the LearnResult.

    The first `pair_steps` are those of `dpo.dpo_steps`, where there are pairs. Loss of an update
    after them (N = tokens of a minibatch's replies):

        trial_coef x sum clipped_policy_loss(whole replies) / N
        + the loss of a DPO step (pairs, anchor, rewrites, retention)

    Deterministic given the request, unless the seconds budget ends it. When it is cancelled,
    closed or killed, no adapter folder exists; the same request then goes on from its last look.

    Args:
        source: draws replies and rates them. For the other arguments see `updating.learning`.

    Raises:
        InputRefused: there is no prompt to answer.
        FileExistsError: the folder exists.
    """
    settings = request.settings
    assert isinstance(settings, RlooSettings)
    assert settings.replies_per_prompt > 1, "a reply is compared with others to its prompt"
    with learning("rloo", view, base, request, sample_own, wait, is_cancelled) as run:
        source.get_to_know(request)
        kl_coef = run.numbers.setdefault("kl_coef", settings.kl_coef)
        said = gather_said(run)
        yield from learn_pairs_first(run, said)
        while run.goes_on():
            rollouts = next_rollouts(run, source, settings.replies_per_prompt)
            batch, metrics = _make_experience(run, rollouts, settings, kl_coef)
            metrics |= improve(run, said, batch, partial(_add_gradients, run))
            kl_coef = adapt_kl_coef(
                kl_coef,
                metrics["rloo/rollout_kl_nats"],
                target_nats=settings.kl_target_nats,
                n_replies=len(batch),
                horizon=settings.kl_horizon,
            )
            run.numbers["kl_coef"] = kl_coef
            yield run.end_step(metrics)
        yield from run.publish()


@torch.no_grad()
def _make_experience(
    run: Run, rollouts: Rollouts, settings: RlooSettings, kl_coef: float
) -> tuple[list[Experience], Metrics]:
    token_logprobs = logprobs_of(run.view, rollouts.replies)
    policy, base = sums(token_logprobs).double(), sums(rollouts.base_logprobs).double()  # (R,)
    rewards = torch.from_numpy(rollouts.scores.value).to(policy) - kl_coef * (policy - base)
    advantages = leave_one_out_advantages(rewards.view(-1, settings.replies_per_prompt)).flatten()
    # variance 1: the retention term and the gradient guard then mean the same for every taste
    scaled = whiten(advantages, torch.ones_like(advantages, dtype=torch.bool))
    batch = [
        Experience(reply, logprob, advantage)
        for reply, logprob, advantage in zip(
            rollouts.replies, policy.tolist(), scaled.tolist(), strict=True
        )
    ]
    return batch, describe("rloo", rollouts, token_logprobs) | {
        # price of a nat in this batch; rises while rollout_kl_nats is above its target
        "rloo/kl_coef": kl_coef,
        # standard deviation of the advantages before they are scaled: what there is to learn from
        "rloo/advantage_sd": float(advantages.std(correction=0)),
    }


def _add_gradients(run: Run, minibatch: Sequence[Experience]) -> Metrics:
    settings = run.settings
    assert isinstance(settings, RlooSettings)
    n_tokens = sum(len(each.reply[1]) for each in minibatch)
    total = dict.fromkeys(("policy_loss", "clip_share", "batch_kl_nats"), 0.0)
    for part in run.view.micro_batches(minibatch, lambda each: reply_tokens(each.reply)):
        with fast_arithmetic(run.view.model):
            replies = [each.reply for each in part]
            logprobs = sums(reply_logprobs(run.view.anatomy, *sequences(replies)))  # (replies,)
        old_logprobs = logprobs.new_tensor([each.logprob for each in part])
        loss = clipped_policy_loss(
            logprobs,
            old_logprobs,
            logprobs.new_tensor([each.advantage for each in part]),
            clip_range=settings.clip_range,
        )
        (settings.trial_coef * loss / n_tokens).backward()  # type: ignore[no-untyped-call]
        new_logprobs, share = logprobs.detach(), len(part) / len(minibatch)
        clipped = clipped_share(new_logprobs, old_logprobs, clip_range=settings.clip_range)
        # a token: sum max(-A rho, -A clip(rho)) over replies; near 0 at first
        total["policy_loss"] += float(loss.detach()) / n_tokens
        # replies whose ratio to the old policy has left the clip range
        total["clip_share"] += float(clipped) * share
        # KL(old || new) a reply ("k3" on the old policy's replies): how far this batch has led
        total["batch_kl_nats"] += float(kl_k3(old_logprobs, new_logprobs).mean()) * share
    return {f"rloo/{name}": value for name, value in total.items()}
