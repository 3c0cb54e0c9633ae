"""One update on rankings: the best reply before the rest, the next before what is left, and so on.

Listwise DPO. A pair is a ranking of two, on which it is DPO exactly, so both are learned together.
Read `listwise_steps` from top to bottom. What all objectives share is in `updating.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from chatfeedback.engine.adapters import CandidateView
from chatfeedback.engine.losses import nll, plackett_luce_loss
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
    per_token,
    sequences,
    sums,
)
from chatfeedback.errors import InputRefused
from chatfeedback.records import (
    LearnRequest,
    LearnResult,
    LearnStep,
    ListwiseSettings,
    PreferencePair,
    RankedReplies,
)


def listwise_steps(
    view: CandidateView,
    base: Base,
    request: LearnRequest,
    sample_own: SampleOwn,
    wait: Callable[[], None],
    is_cancelled: Callable[[], bool],
) -> Iterator[LearnStep | LearnResult]:
    """Learn from rankings and pairs; yields a LearnStep each step and, published, the LearnResult.

    Loss of a step (w = weight of a ranking, a pick = one place of it):

        sum w plackett_luce_loss / (rankings x mean (weight x picks) of the run)
        + nll_coef x sum w nll(tokens of the best reply) / sum w (those tokens)
        + sft_coef x mean nll of the person's own rewrites, where there are any
        + retention_coef x sum KL(base || policy) / retention tokens

    Otherwise as `dpo.dpo_steps`.

    Raises:
        InputRefused: there is no usable ranking.
        FileExistsError: the folder exists.
    """
    settings = request.settings
    assert isinstance(settings, ListwiseSettings)
    with learning("listwise", view, base, request, sample_own, wait, is_cancelled) as run:
        rankings = usable_rankings(request, base)
        written = finished_demonstrations(request.demonstrations, base)
        reference = Reference(run, _replies(rankings))
        while run.goes_on():
            metrics = _learn_from_rankings(run, settings, rankings, reference)
            metrics |= imitate(run, written, settings.demonstrations_per_step, settings.sft_coef)
            metrics |= run.hold_retention()
            metrics |= run.update()
            yield run.end_step(metrics)
        yield from run.publish()


def usable_rankings(request: LearnRequest, base: Base) -> list[RankedReplies]:
    """Rankings, then pairs, without replies that were cut off but stand before others: preferring
    these would teach never to end.

    Raises:
        InputRefused: none is left.
    """
    said = [*request.rankings, *(_as_ranking(pair) for pair in request.pairs)]
    usable = [kept for ranking in said if len((kept := _keep_finished(ranking, base)).replies) > 1]
    if not usable:
        raise InputRefused(
            f"Nothing to learn from: none of the {len(said)} rankings and choices favours a reply "
            "that was finished. Rank or choose between a few more answers first."
        )
    return usable


def _as_ranking(pair: PreferencePair) -> RankedReplies:
    return RankedReplies(pair.prompt_ids, (pair.chosen_ids, pair.rejected_ids), 1, pair.weight)


def _keep_finished(ranking: RankedReplies, base: Base) -> RankedReplies:
    """Ranked replies only where they are finished; those that come last as they are."""
    ranked = ranking.replies[: ranking.n_picks]
    kept = tuple(ids for ids in ranked if is_finished(ids, base))
    rest = tuple(ids for ids in ranking.replies[ranking.n_picks :] if ids)
    return replace(ranking, replies=(kept + rest) if kept else (), n_ranked=len(kept))


def _learn_from_rankings(
    run: Run,
    settings: ListwiseSettings,
    rankings: list[RankedReplies],
    reference: Reference,
) -> Metrics:
    """Add the gradients of the Plackett-Luce loss and of the NLL anchor."""
    view = run.view
    batch = choose_batch(rankings, settings.rankings_per_step, run.request.seed, run.step)
    count = len(batch) * sum(each.weight * each.n_picks for each in rankings) / len(rankings)
    token_count = sum(each.weight * len(each.replies[0]) for each in batch)
    pick_count = sum(each.n_picks for each in batch)
    total = {"listwise/loss": 0.0, "listwise/nll": 0.0, "listwise/accuracy": 0.0}
    for part in view.micro_batches(batch, _ranking_tokens):
        replies, sizes = _replies(part), [len(each.replies) for each in part]
        with fast_arithmetic(view.model):
            logprobs = reply_logprobs(view.anatomy, *sequences(replies))
        log_ratio = sums(logprobs)
        log_ratio = log_ratio - log_ratio.new_tensor(reference.of(replies, logprobs))
        rewards, is_reply = _rows(settings.beta * log_ratio, sizes)
        n_picks = torch.tensor([each.n_picks for each in part], device=rewards.device)
        weights = [each.weight for each in part]
        loss = plackett_luce_loss(rewards, is_reply, n_picks, rewards.new_tensor(weights)) / count
        firsts = [sum(sizes[:at]) for at in range(len(part))]
        best = torch.cat([logprobs[first] for first in firsts])
        token_weight = per_token(weights, [each.replies[0] for each in part], best)
        anchor = nll(best, token_weight) / token_count
        (loss + settings.nll_coef * anchor).backward()  # type: ignore[no-untyped-call]
        total["listwise/loss"] += float(loss.detach())
        total["listwise/nll"] += float(anchor.detach())
        total["listwise/accuracy"] += _right_picks(rewards.detach(), is_reply, n_picks) / pick_count
    return total


def _rows(values: Tensor, sizes: list[int]) -> tuple[Tensor, Tensor]:
    """One row a ranking: values (R, K), 0 on padding, and is_reply (R, K) bool."""
    rows = torch.nn.utils.rnn.pad_sequence(list(torch.split(values, sizes)), batch_first=True)
    places = torch.arange(rows.shape[1], device=rows.device)
    return rows, places < torch.tensor(sizes, device=rows.device)[:, None]


def _right_picks(rewards: Tensor, is_reply: Tensor, n_picks: Tensor) -> int:
    """How many picks have a larger reward than all that comes after them."""
    known = rewards.masked_fill(~is_reply, -torch.inf)
    later = known.flip(1).cummax(1).values.flip(1)[:, 1:]  # (R, K - 1) best of the later places
    place = torch.arange(later.shape[1], device=later.device)
    return int(((known[:, :-1] > later) & (place < n_picks[:, None])).sum())


def _replies(rankings: Sequence[RankedReplies]) -> list[Reply]:
    return [(each.prompt_ids, ids) for each in rankings for ids in each.replies]


def _ranking_tokens(ranking: RankedReplies) -> int:
    return len(ranking.prompt_ids) + sum(len(ids) for ids in ranking.replies)
