"""One SFT update: the policy imitates replies that the person wrote.

Read `sft_steps` from top to bottom. What all objectives share is in `updating.py`. The other
objectives use `imitate` for rewrites among their evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from chatfeedback.engine.adapters import CandidateView
from chatfeedback.engine.losses import nll
from chatfeedback.engine.scoring import reply_logprobs
from chatfeedback.engine.updating import (
    Base,
    Metrics,
    Run,
    SampleOwn,
    choose_batch,
    demo_replies,
    demo_tokens,
    fast_arithmetic,
    is_finished,
    learning,
    per_token,
    sequences,
)
from chatfeedback.errors import InputRefused
from chatfeedback.records import Demonstration, LearnRequest, LearnResult, LearnStep, SftSettings


def sft_steps(
    view: CandidateView,
    base: Base,
    request: LearnRequest,
    sample_own: SampleOwn,
    wait: Callable[[], None],
    is_cancelled: Callable[[], bool],
) -> Iterator[LearnStep | LearnResult]:
    """Learn from demonstrations; yields a LearnStep each step and, published, the LearnResult.

    Loss of a step (w = weight of a demonstration):

        sum w nll(its reply's tokens, the end-of-turn token included) / sum w (those tokens)
        + retention_coef x sum KL(base || policy) / retention tokens

    Otherwise as `dpo.dpo_steps`.

    Raises:
        InputRefused: no demonstration ends properly.
        FileExistsError: the folder exists.
    """
    settings = request.settings
    assert isinstance(settings, SftSettings)
    with learning("sft", view, base, request, sample_own, wait, is_cancelled) as run:
        written = finished_demonstrations(request.demonstrations, base)
        if not written:
            raise InputRefused(
                f"Nothing to imitate: none of the {len(request.demonstrations)} written answers "
                "ends properly. Rewrite an answer, or import some, first."
            )
        while run.goes_on():
            metrics = imitate(run, written, settings.demonstrations_per_step, coef=1.0)
            metrics |= run.hold_retention()
            metrics |= run.update()
            yield run.end_step(metrics)
        yield from run.publish()


def finished_demonstrations(written: Sequence[Demonstration], base: Base) -> list[Demonstration]:
    """Those with an end-of-turn token: imitating what was cut off would teach never to end."""
    return [demo for demo in written if is_finished(demo.reply_ids, base)]


def imitate(run: Run, written: list[Demonstration], per_step: int, coef: float) -> Metrics:
    """Add coef x the gradient of the mean negative log-likelihood of a few demonstrations."""
    if not written or coef == 0:
        return {}
    view = run.view
    batch = choose_batch(written, per_step, run.request.seed, run.step)
    token_count = sum(demo.weight * len(demo.reply_ids) for demo in batch)
    total = 0.0
    for part in view.micro_batches(batch, demo_tokens):
        with fast_arithmetic(view.model):
            logprobs = torch.cat(reply_logprobs(view.anatomy, *sequences(demo_replies(part))))
        weight = per_token(
            [demo.weight for demo in part], [demo.reply_ids for demo in part], logprobs
        )
        loss = nll(logprobs, weight) / token_count
        (coef * loss).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return {"sft/nll": total}
