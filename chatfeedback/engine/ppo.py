"""PPO: the policy answers prompts, the reward model pays, the policy learns to earn more.

Read `ppo_steps` from top to bottom. A step is one batch of the policy's own replies:

    draw → rate → a reward for each token → advantages → a few epochs of clipped updates

Schulman et al. 2017 (arXiv:1707.06347), for language models as in Ziegler et al. 2019
(arXiv:1909.08593). What all objectives share (the fresh start, the KL budget, retention, stopping,
publishing) is in `updating.py`, the arithmetic in `advantages.py`. Where this differs from other
implementations:

* It begins where the choices led by DPO, and their loss stays beside its own (`rollouts.py`).
* Log-probabilities come from the trainer's own forward, never from the sampler.
* The score is paid at the end-of-turn token, which is an action like any other.
* The value head reads the policy's last hidden state, but its gradient ends there: a few hundred
  replies are too few to let the critic's errors move the policy.
* The base's own replies to neutral prompts are held likely, as in every objective here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from chatfeedback.engine.adapters import CandidateView
from chatfeedback.engine.advantages import (
    adapt_kl_coef,
    clipped_policy_loss,
    clipped_share,
    clipped_value_loss,
    explained_variance,
    generalised_advantages,
    pad,
    shape_rewards,
    whiten,
)
from chatfeedback.engine.head import token_logprobs
from chatfeedback.engine.losses import kl_k3
from chatfeedback.engine.rollouts import (
    Rollouts,
    RolloutSource,
    describe,
    gather_said,
    improve,
    learn_pairs_first,
    next_rollouts,
)
from chatfeedback.engine.scoring import predicting_states, reply_ids
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
)
from chatfeedback.records import LearnRequest, LearnResult, LearnStep, PpoSettings


@dataclass(frozen=True)
class Experience:
    """One reply to learn from; each tensor is (its length,), as of when the reply was drawn.

    returns: what the value head should have said.  advantages: whitened over the batch.
    """

    reply: Reply
    logprobs: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor


def ppo_steps(
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
    after them (sums over the tokens of a minibatch, N of them):

        trial_coef x sum clipped_policy_loss / N + sum clipped_value_loss / N
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
    assert isinstance(settings, PpoSettings)
    with learning("ppo", view, base, request, sample_own, wait, is_cancelled) as run:
        source.get_to_know(request)
        critic = Critic(base.info.hidden_size, settings.value_learning_rate, view)
        run.keep("critic", critic.head)
        run.keep("critic_optimizer", critic.optimizer)
        kl_coef = run.numbers.setdefault("kl_coef", settings.kl_coef)
        said = gather_said(run)
        yield from learn_pairs_first(run, said)
        while run.goes_on():
            rollouts = next_rollouts(run, source, replies_per_prompt=1)
            batch, metrics = _make_experience(run, critic, rollouts, settings, kl_coef)
            metrics |= improve(run, said, batch, partial(_add_gradients, run, critic))
            kl_coef = adapt_kl_coef(
                kl_coef,
                metrics["ppo/rollout_kl_nats"],
                target_nats=settings.kl_target_nats,
                n_replies=len(batch),
                horizon=settings.kl_horizon,
            )
            run.numbers["kl_coef"] = kl_coef
            yield run.end_step(metrics)
        yield from run.publish()


class Critic:
    """The value head: last hidden state -> what the rest of the reply will earn.

    It starts at zero, which is what a reply like the base's own earns.
    """

    def __init__(self, hidden_size: int, learning_rate: float, view: CandidateView) -> None:
        self.head = nn.Linear(hidden_size, 1, device=view.anatomy.head.weight.device)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.optimizer = torch.optim.AdamW(
            self.head.parameters(), lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.0
        )

    def __call__(self, hidden: Tensor) -> Tensor:
        """(N, H) -> (N,); its gradient ends at the hidden states."""
        values: Tensor = self.head(hidden.detach().float())[:, 0]
        return values

    def update(self) -> None:
        """One step at a constant rate."""
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def _read(view: CandidateView, critic: Critic, replies: Sequence[Reply]) -> tuple[Tensor, Tensor]:
    """log p of the replies' tokens, and the values of the states they were drawn in, (N,) each."""
    whole, starts = sequences(replies)
    with fast_arithmetic(view.model):
        hidden = predicting_states(view.anatomy, whole, starts)
    ids = reply_ids(whole, starts, hidden.device)
    return token_logprobs(view.anatomy.head, hidden, ids), critic(hidden)


# --- from replies to advantages -----------------------------------------------------------


@torch.no_grad()
def _make_experience(
    run: Run, critic: Critic, rollouts: Rollouts, settings: PpoSettings, kl_coef: float
) -> tuple[list[Experience], Metrics]:
    logprobs: list[Tensor] = []
    values: list[Tensor] = []
    for part in run.view.micro_batches(rollouts.replies, reply_tokens):
        lengths = [len(reply) for _, reply in part]
        for found, each in zip((logprobs, values), _read(run.view, critic, part), strict=True):
            found += torch.split(each, lengths)
    (policy, is_reply_token), (expected, _) = pad(logprobs), pad(values)  # (R, T)
    rewards = shape_rewards(
        torch.from_numpy(rollouts.scores.value).to(policy),
        policy,
        pad(rollouts.base_logprobs)[0],
        is_reply_token,
        kl_coef=kl_coef,
    )
    advantages = generalised_advantages(
        rewards, expected, is_reply_token, gamma=settings.gamma, gae_lambda=settings.gae_lambda
    )
    returns, whitened = advantages + expected, whiten(advantages, is_reply_token)
    batch = [
        Experience(reply, logprobs[i], values[i], whitened[i, :n], returns[i, :n])
        for i, reply in enumerate(rollouts.replies)
        for n in [len(reply[1])]
    ]
    foreseen = explained_variance(expected[is_reply_token], returns[is_reply_token])
    return batch, describe("ppo", rollouts, logprobs) | {
        # price of a nat in this batch; rises while rollout_kl_nats is above its target
        "ppo/kl_coef": kl_coef,
        # share of the variance of the returns that the value head foresaw; rises from 0
        "ppo/explained_variance": float(foreseen),
    }


# --- from advantages to weights -----------------------------------------------------------


def _add_gradients(run: Run, critic: Critic, minibatch: Sequence[Experience]) -> Metrics:
    """Add those of the policy loss; the critic takes its own step."""
    settings = run.settings
    assert isinstance(settings, PpoSettings)
    n_tokens = sum(len(each.logprobs) for each in minibatch)
    total = dict.fromkeys(("policy_loss", "value_loss", "clip_share", "batch_kl_nats"), 0.0)
    for part in run.view.micro_batches(minibatch, lambda each: reply_tokens(each.reply)):
        logprobs, values = _read(run.view, critic, [each.reply for each in part])
        old_logprobs = torch.cat([each.logprobs for each in part])
        policy_loss = clipped_policy_loss(
            logprobs,
            old_logprobs,
            torch.cat([each.advantages for each in part]),
            clip_range=settings.clip_range,
        )
        value_loss = clipped_value_loss(
            values,
            torch.cat([each.values for each in part]),
            torch.cat([each.returns for each in part]),
            clip_range=settings.value_clip_range,
        )
        loss = settings.trial_coef * policy_loss + value_loss
        (loss / n_tokens).backward()  # type: ignore[no-untyped-call]
        new_logprobs = logprobs.detach()
        clipped = clipped_share(new_logprobs, old_logprobs, clip_range=settings.clip_range)
        # a token: sum max(-A rho, -A clip(rho)); near 0 at first, since A is whitened
        total["policy_loss"] += float(policy_loss.detach()) / n_tokens
        # a token: half the squared error of the value head, clipped; falls
        total["value_loss"] += float(value_loss.detach()) / n_tokens
        # tokens whose ratio to the old policy has left the clip range; above 0.3, steps are too big
        total["clip_share"] += float(clipped) * len(logprobs) / n_tokens
        # KL(old || new) a reply ("k3", the tokens are the old policy's): how far this batch has led
        total["batch_kl_nats"] += float(kl_k3(old_logprobs, new_logprobs).sum()) / len(minibatch)
    critic.update()
    return {f"ppo/{name}": value for name, value in total.items()}
