"""What the policy writes, for PPO and RLOO: drawn, rated and read by the trainer's own arithmetic.

Rollouts are drawn at temperature 1 and without truncation, since the log-probabilities in the
losses are those of that distribution. The sampler's own log-probabilities are never used: its
arithmetic differs from the trainer's, and a ratio of the two would be off from the first step.

Before the first of them the policy learns the pairs, as by DPO alone, and it keeps them beside what
its replies earn: reinforcement learning from where imitation of the choices led, the reference
still the base (Ouyang et al. 2022, arXiv:2203.02155, eq. 2, with pairs for pretraining). A few
hundred replies from the base taught less a nat than the pairs do; and flags speak by pairs alone.

Legend: R replies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from chatfeedback.engine.adapters import CandidateView
from chatfeedback.engine.base_model import BaseModel
from chatfeedback.engine.dpo import finished_pairs, learn_from_pairs, reference_of
from chatfeedback.engine.personal_reward import DrawRollouts, PersonalReward, Scores
from chatfeedback.engine.scoring import Ids, reply_logprobs
from chatfeedback.engine.serving import draw_own_replies
from chatfeedback.engine.sft import finished_demonstrations, imitate
from chatfeedback.engine.updating import (
    Item,
    Metrics,
    Reference,
    Reply,
    Run,
    choose_batch,
    fast_arithmetic,
    reply_tokens,
    sequences,
)
from chatfeedback.errors import InputRefused
from chatfeedback.records import (
    Demonstration,
    LearnRequest,
    LearnStep,
    PreferencePair,
    RolloutPrompt,
    RolloutSettings,
    Sampling,
)

ROLLOUT_SAMPLING = Sampling(temperature=1.0, top_p=1.0, min_p=0.0, repetition_penalty=1.0)
PAIRS_BUDGET = 0.5  # share of the KL budget that the pairs alone may use up


class Reward(Protocol):
    """What replies earn."""

    def get_to_know(self, prompts: Sequence[RolloutPrompt], draw: DrawRollouts, seed: int) -> None:
        """Once, before the first reply is rated: all prompts that will be answered."""

    def __call__(self, prompts: Sequence[RolloutPrompt], replies: Sequence[Ids]) -> Scores:
        """Rate one reply to each of these prompts."""


@dataclass(frozen=True)
class RolloutSource:
    """Where rollouts come from, and what they earn."""

    draw: DrawRollouts
    reward: Reward

    def get_to_know(self, request: LearnRequest) -> None:
        """Find out what is usual on the prompts of a run.

        Raises:
            InputRefused: there are none.
        """
        if not request.rollout_prompts:
            raise InputRefused(
                "Nothing to learn from: there are 0 prompts to answer. Chat a little first."
            )
        self.reward.get_to_know(request.rollout_prompts, self.draw, request.seed)


def personal_source(view: CandidateView, base: BaseModel, request: LearnRequest) -> RolloutSource:
    """Replies drawn as `ROLLOUT_SAMPLING` says, paid by the request's reward model.

    Raises:
        InputRefused: the request has no reward model, or one of another base.
    """
    settings = request.settings
    assert isinstance(settings, RolloutSettings)
    if request.reward is None:
        raise InputRefused("Nothing says what a reply is worth: the request has no reward model.")
    reward = PersonalReward(
        view,
        base,
        base.template.text_of,
        request.reward,
        uncertainty_coef=settings.uncertainty_coef,
        unfinished_score=settings.unfinished_score,
        plausibility_coef=settings.plausibility_coef,
    )
    return RolloutSource(partial(draw_own_replies, base, sampling=ROLLOUT_SAMPLING), reward)


@dataclass(frozen=True)
class Rollouts:
    """One batch.

    base_logprobs: for each reply the log-probabilities of its tokens under the base, nats.
    """

    replies: list[Reply]
    scores: Scores
    base_logprobs: list[Tensor]


def next_rollouts(run: Run, source: RolloutSource, replies_per_prompt: int) -> Rollouts:
    """This step's batch: the policy as it is now answers some prompts, each so many times.

    Replies to one prompt stand side by side. Prompts and luck follow from (seed, step).
    """
    settings, request, view = run.settings, run.request, run.view
    assert isinstance(settings, RolloutSettings)
    size = max(1, settings.replies_per_step // replies_per_prompt)
    enough = list(request.rollout_prompts) * -(-size // len(request.rollout_prompts))
    chosen = choose_batch(enough, size, request.seed, run.step)
    prompts = [prompt for prompt in chosen for _ in range(replies_per_prompt)]
    drawn = source.draw(
        view.model, [prompt.prompt_ids for prompt in prompts], seed_of(request.seed, run.step)
    )
    replies = [(prompt.prompt_ids, tuple(ids)) for prompt, ids in zip(prompts, drawn, strict=True)]
    with view.as_reference():
        base_logprobs = logprobs_of(view, replies)
    return Rollouts(replies, source.reward(prompts, drawn), base_logprobs)


@dataclass(frozen=True)
class Said:
    """What the person chose and wrote themselves, with what the base makes of the choices."""

    pairs: list[PreferencePair]
    reference: Reference
    written: list[Demonstration]


def gather_said(run: Run) -> Said:
    """What a run by trial starts from; there may be nothing."""
    settings = run.settings
    assert isinstance(settings, RolloutSettings)
    pairs = finished_pairs(run.request.pairs, run.base)
    written = finished_demonstrations(run.request.demonstrations, run.base)
    return Said(pairs, reference_of(run, settings, pairs), written)


def learn_said(run: Run, said: Said, draw: int) -> Metrics:
    """Add the gradients of the DPO loss and of imitation, as `dpo_steps` does."""
    settings = run.settings
    assert isinstance(settings, RolloutSettings)
    if not said.pairs:
        return {}
    metrics = learn_from_pairs(run, settings, said.pairs, said.reference, draw)
    per_step, coef = settings.demonstrations_per_step, settings.sft_coef
    return metrics | imitate(run, said.written, per_step, coef)


def learn_pairs_first(run: Run, said: Said) -> Iterator[LearnStep]:
    """The first steps, on pairs alone, until they have used up their share of the KL budget."""
    settings = run.settings
    assert isinstance(settings, RolloutSettings)
    run.numbers.setdefault("first_trial", settings.pair_steps if said.pairs else 0)
    while run.step < run.numbers["first_trial"] and run.goes_on():
        run.look_within(settings.kl_every_steps)  # else it may be noticed when all is used up
        metrics = learn_said(run, said, draw=run.step)
        metrics |= run.hold_retention()
        metrics |= run.update()
        if run.kl_nats > PAIRS_BUDGET * settings.kl_budget_nats:
            run.numbers["first_trial"] = run.step + 1
        yield run.end_step(metrics)


def minibatches(run: Run, batch: Sequence[Item]) -> Iterator[list[Item]]:
    """Every reply of a batch once an epoch, in an order that follows from (seed, step, epoch)."""
    settings = run.settings
    assert isinstance(settings, RolloutSettings)
    for epoch in range(settings.epochs):
        order = np.random.default_rng((abs(run.request.seed), run.step, epoch))
        places = order.permutation(len(batch)).tolist()
        for start in range(0, len(places), settings.minibatch_replies):
            yield [batch[at] for at in places[start : start + settings.minibatch_replies]]


def improve(
    run: Run, said: Said, batch: Sequence[Item], add_gradients: Callable[[Sequence[Item]], Metrics]
) -> Metrics:
    """A few epochs of updates, fewer once the policy has moved far enough from the old one.

    Args:
        said: is learned beside the batch.
        add_gradients: adds those of a minibatch; of its metrics "<method>/batch_kl_nats" is
            KL(old || new) a reply.

    Returns:
        Means over the updates, and how many there were.
    """
    settings = run.settings
    assert isinstance(settings, RolloutSettings)
    most = settings.epochs * -(-len(batch) // settings.minibatch_replies)
    found: list[Metrics] = []
    for minibatch in minibatches(run, batch):
        metrics = add_gradients(minibatch)
        draw = run.step * most + len(found)
        metrics |= learn_said(run, said, draw)
        metrics |= run.hold_retention(draw)
        metrics |= run.update(settings.trial_pace)
        found.append(metrics)
        if metrics[f"{run.method}/batch_kl_nats"] > settings.batch_kl_nats:
            break
    means = {name: float(np.mean([each[name] for each in found])) for name in found[0]}
    # below epochs x minibatches: the batch used up its KL (batch_kl_nats)
    return means | {f"{run.method}/updates": float(len(found))}


@torch.no_grad()
def logprobs_of(view: CandidateView, replies: Sequence[Reply]) -> list[Tensor]:
    """log p of each reply's tokens under the view as it is, nats, by the trainer's arithmetic."""
    found: list[Tensor] = []
    for batch in view.micro_batches(replies, reply_tokens):
        with fast_arithmetic(view.model):
            found += reply_logprobs(view.anatomy, *sequences(batch))
    return found


def describe(method: str, rollouts: Rollouts, policy_logprobs: Sequence[Tensor]) -> Metrics:
    """What a batch earned, and how the policy wrote it.

    Args:
        method: "ppo" or "rloo".
        policy_logprobs: as `Rollouts.base_logprobs`, under the policy that drew the replies.
    """
    scores, ended = rollouts.scores, rollouts.scores.is_finished
    policy, base = torch.cat(list(policy_logprobs)), torch.cat(rollouts.base_logprobs)
    found = {
        # mean of what the replies are paid, the price of KL not yet taken off: must rise
        "score": float(scores.value.mean()),
        # the same without the penalties, finished replies only: reward model and plausibility
        "reward": float(scores.mean[ended].mean()) if ended.any() else 0.0,
        # how unsure the reward model is of a reply; rises when the policy leaves what it knows
        "reward_sd": float(scores.sd.mean()),
        # share of replies with an end of turn that are not blank
        "rollout_finished": float(ended.mean()),
        # mean length; a run away from the base often shows here first
        "rollout_tokens": len(policy) / len(policy_logprobs),
        # mean over replies of log policy(y) - log base(y): KL from the base, on these prompts
        "rollout_kl_nats": float((policy - base).sum()) / len(policy_logprobs),
        # mean of -log policy(token): what is left of the policy's variety, nats a token
        "entropy": -float(policy.mean()),
    }
    return {f"{method}/{name}": value for name, value in found.items()}


def seed_of(seed: int, step: int) -> int:
    """The seed of this step's draws: other luck every step, the same in every repetition."""
    return int(np.random.SeedSequence((abs(seed), step)).generate_state(1)[0])
