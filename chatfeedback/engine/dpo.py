"""One DPO update: the policy learns to tell chosen replies from rejected ones.

Read `dpo_steps` from top to bottom. What all objectives share (the fresh start, the KL budget,
retention, stopping, publishing) is in `updating.py`.

Not here: where pairs come from (`preferences`), whether the result may serve (`promotion`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from chatfeedback.engine.adapters import CandidateView
from chatfeedback.engine.losses import dpo_loss, ipo_loss, nll
from chatfeedback.engine.scoring import reply_logprobs
from chatfeedback.engine.sft import finished_demonstrations, imitate
from chatfeedback.engine.updating import (
    Base,
    Metrics,
    Reference,
    Reply,
    Run,
    SampleOwn,
    choose_batch,
    fast_arithmetic,
    is_finished,
    learning,
    means,
    per_token,
    sequences,
    sums,
)
from chatfeedback.errors import InputRefused
from chatfeedback.records import (
    DpoSettings,
    LearnRequest,
    LearnResult,
    LearnStep,
    PreferencePair,
)


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
        + sft_coef x the same of the person's own rewrites, where there are any
        + retention_coef x sum KL(base || policy) / retention tokens

    Deterministic given the request, unless the seconds budget ends it. When it is cancelled,
    closed or killed, no adapter folder exists; the same request then goes on from its last look.
    For the arguments see `updating.learning`.

    Raises:
        InputRefused: there is no usable pair.
        FileExistsError: the folder exists.
    """
    settings = request.settings
    assert isinstance(settings, DpoSettings)
    with learning("dpo", view, base, request, sample_own, wait, is_cancelled) as run:
        pairs = usable_pairs(request.pairs, base)
        written = finished_demonstrations(request.demonstrations, base)
        reference = reference_of(run, settings, pairs)
        while run.goes_on():
            metrics = learn_from_pairs(run, settings, pairs, reference)
            metrics |= imitate(run, written, settings.demonstrations_per_step, settings.sft_coef)
            metrics |= run.hold_retention()
            metrics |= run.update()
            yield run.end_step(metrics)
        yield from run.publish()


def usable_pairs(pairs: Sequence[PreferencePair], base: Base) -> list[PreferencePair]:
    """The finished ones.

    Raises:
        InputRefused: there are none.
    """
    usable = finished_pairs(pairs, base)
    if not usable:
        raise InputRefused(
            f"Nothing to learn from: none of the {len(pairs)} choices favours a reply that "
            "was finished. Choose between a few more answers first."
        )
    return usable


def finished_pairs(pairs: Sequence[PreferencePair], base: Base) -> list[PreferencePair]:
    """Those whose chosen reply has its end-of-turn token: preferring a reply that was cut off
    would teach never to end."""
    return [pair for pair in pairs if is_finished(pair.chosen_ids, base)]


def reference_of(run: Run, settings: DpoSettings, pairs: list[PreferencePair]) -> Reference:
    """What the base makes of both replies of every pair; made before the first step."""
    first = choose_batch(pairs, settings.pairs_per_step, run.request.seed, 0) if pairs else []
    return Reference(run, _replies(pairs), _replies(first))


def learn_from_pairs(
    run: Run,
    settings: DpoSettings,
    pairs: list[PreferencePair],
    reference: Reference,
    draw: int | None = None,
) -> Metrics:
    """Add the gradients of the DPO loss and of the NLL anchor.

    draw: which batch of the pairs, by default that of this step; the first one is 0.
    """
    view = run.view
    draw = run.step if draw is None else draw
    batch = choose_batch(pairs, settings.pairs_per_step, run.request.seed, draw)
    mean_weight = sum(pair.weight for pair in pairs) / len(pairs)
    pair_count = len(batch) * mean_weight
    token_count = sum(pair.weight * len(pair.chosen_ids) for pair in batch)
    total = {"dpo/loss": 0.0, "dpo/nll": 0.0, "dpo/reward_margin": 0.0, "dpo/accuracy": 0.0}
    for part in view.micro_batches(batch, _pair_tokens):
        replies = _replies(part)
        with fast_arithmetic(view.model):
            logprobs = reply_logprobs(view.anatomy, *sequences(replies))
        chosen, rejected = logprobs[: len(part)], logprobs[len(part) :]
        base = reference.of(replies, logprobs)
        if settings.loss == "sigmoid":
            margin = sums(chosen) - sums(rejected)
        else:
            margin = means(chosen) - means(rejected)
            base = [
                logprob / max(1, len(ids)) for logprob, (_, ids) in zip(base, replies, strict=True)
            ]
        reference_margin = margin.new_tensor(base[: len(part)]) - margin.new_tensor(
            base[len(part) :]
        )
        weight = margin.new_tensor([pair.weight for pair in part])
        loss = _loss(settings, margin, reference_margin, weight) / pair_count
        token_weight = per_token(
            [pair.weight for pair in part], [p.chosen_ids for p in part], weight
        )
        anchor = nll(torch.cat(chosen), token_weight) / token_count
        (loss + settings.nll_coef * anchor).backward()  # type: ignore[no-untyped-call]
        rewards = settings.beta * (margin.detach() - reference_margin)
        total["dpo/loss"] += float(loss.detach())
        total["dpo/nll"] += float(anchor.detach())
        total["dpo/reward_margin"] += float(rewards.sum()) / len(batch)
        total["dpo/accuracy"] += float((rewards > 0).sum()) / len(batch)
    return total


def _loss(
    settings: DpoSettings, margin: Tensor, reference_margin: Tensor, weight: Tensor
) -> Tensor:
    """() of the variant that is set."""
    if settings.loss == "ipo":
        return ipo_loss(margin, reference_margin, weight, beta=settings.beta)
    return dpo_loss(
        margin,
        reference_margin,
        weight,
        beta=settings.beta,
        label_smoothing=settings.label_smoothing,
    )


def _replies(pairs: Sequence[PreferencePair]) -> list[Reply]:
    """The chosen ones, then the rejected ones."""
    chosen = [(pair.prompt_ids, pair.chosen_ids) for pair in pairs]
    return chosen + [(pair.prompt_ids, pair.rejected_ids) for pair in pairs]


def _pair_tokens(pair: PreferencePair) -> int:
    return len(pair.prompt_ids) + len(pair.chosen_ids) + len(pair.rejected_ids)
