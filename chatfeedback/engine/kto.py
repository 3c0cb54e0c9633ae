"""One KTO update: liked replies become likelier than usual, disliked ones less likely.

Read `kto_steps` from top to bottom. What all objectives share is in `updating.py`.

The reference point, "than usual", is the mean log-ratio of policy to base on the policy's own
replies, not below 0. Here these are the replies of the last look at the KL: drawn from the policy a
few steps ago, of prompts the loss never sees, and none of them is a reply under judgement. So it is
right for a single thumb as for many, where estimates from the other replies of a batch need large
batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chatfeedback.engine.adapters import CandidateView
from chatfeedback.engine.losses import kto_loss
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
    reply_tokens,
    sequences,
    sums,
)
from chatfeedback.errors import InputRefused
from chatfeedback.records import KtoSettings, LearnRequest, LearnResult, LearnStep, RatedReply


def kto_steps(
    view: CandidateView,
    base: Base,
    request: LearnRequest,
    sample_own: SampleOwn,
    wait: Callable[[], None],
    is_cancelled: Callable[[], bool],
) -> Iterator[LearnStep | LearnResult]:
    """Learn from thumbs; yields a LearnStep each step and, published, the LearnResult.

    Loss of a step (w = weight of a thumb):

        sum w kto_loss / (thumbs x mean weight of the run)
        + sft_coef x mean nll of the person's own rewrites, where there are any
        + retention_coef x sum KL(base || policy) / retention tokens

    Likes and dislikes weigh the same in all, however many there are of each.
    Otherwise as `dpo.dpo_steps`.

    Raises:
        InputRefused: there is no usable thumb.
        FileExistsError: the folder exists.
    """
    settings = request.settings
    assert isinstance(settings, KtoSettings)
    with learning("kto", view, base, request, sample_own, wait, is_cancelled) as run:
        rated = usable_ratings(request.ratings, base)
        balance = balance_kinds(rated)
        written = finished_demonstrations(request.demonstrations, base)
        reference = Reference(run, [_reply(each) for each in rated])
        while run.goes_on():
            metrics = _learn_from_ratings(run, settings, rated, balance, reference)
            metrics |= imitate(run, written, settings.demonstrations_per_step, settings.sft_coef)
            metrics |= run.hold_retention()
            metrics |= run.update()
            yield run.end_step(metrics)
        yield from run.publish()


@dataclass(frozen=True)
class Balance:
    """What a like and what a dislike count for."""

    liked: float
    disliked: float


def usable_ratings(ratings: Sequence[RatedReply], base: Base) -> list[RatedReply]:
    """All but likes of replies that were cut off: these would teach never to end.

    Raises:
        InputRefused: there are none.
    """
    usable = [
        each
        for each in ratings
        if each.reply_ids and (not each.is_liked or is_finished(each.reply_ids, base))
    ]
    if not usable:
        raise InputRefused(
            f"Nothing to learn from: none of the {len(ratings)} rated replies was finished. "
            "Rate a few more answers first."
        )
    return usable


def balance_kinds(rated: Sequence[RatedReply]) -> Balance:
    """Weights with which likes and dislikes come to the same sum, and both to the sum they had."""
    liked = sum(each.weight for each in rated if each.is_liked)
    disliked = sum(each.weight for each in rated if not each.is_liked)
    if not liked or not disliked:
        return Balance(1.0, 1.0)
    half = (liked + disliked) / 2
    return Balance(half / liked, half / disliked)


def _learn_from_ratings(
    run: Run,
    settings: KtoSettings,
    rated: list[RatedReply],
    balance: Balance,
    reference: Reference,
) -> Metrics:
    """Add the gradient of the KTO loss."""
    view, reference_point = run.view, max(0.0, run.kl_nats)
    batch = choose_batch(rated, settings.replies_per_step, run.request.seed, run.step)
    count = len(batch) * sum(each.weight for each in rated) / len(rated)
    total = {"kto/loss": 0.0, "kto/accuracy": 0.0}
    for part in view.micro_batches(batch, lambda each: reply_tokens(_reply(each))):
        replies = [_reply(each) for each in part]
        with fast_arithmetic(view.model):
            logprobs = reply_logprobs(view.anatomy, *sequences(replies))
        logprob = sums(logprobs)
        log_ratio = logprob - logprob.new_tensor(reference.of(replies, logprobs))
        is_liked = log_ratio.new_tensor([each.is_liked for each in part]).bool()
        loss = (
            kto_loss(
                log_ratio,
                is_liked,
                log_ratio.new_tensor([each.weight for each in part]),
                reference_point=reference_point,
                beta=settings.beta,
                liked_weight=balance.liked,
                disliked_weight=balance.disliked,
            )
            / count
        )
        loss.backward()  # type: ignore[no-untyped-call]
        total["kto/loss"] += float(loss.detach())
        is_right = (log_ratio.detach() > reference_point) == is_liked
        total["kto/accuracy"] += float(is_right.sum()) / len(batch)
    return total | {"kto/reference_point": reference_point}


def _reply(each: RatedReply) -> Reply:
    return each.prompt_ids, each.reply_ids
