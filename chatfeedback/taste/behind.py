"""Which of a person's choices speak for or against a trait: what stands behind a belief.

A choice speaks for "more of it" when the better reply has more of the measure than the worse one,
the more the further they are apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatfeedback.records import StoredReply
from chatfeedback.taste.features import STYLE_MEASURES, TYPICAL_SD, measure_reply
from chatfeedback.taste.preferences import Better, Judgement, Ranked, Reason, TraitSaid

LEAST_DIFFERENCE = 0.25
"""In typical standard deviations; replies closer than this say nothing about a trait."""


@dataclass(frozen=True)
class Behind:
    """One choice behind a trait.

    more: it speaks for more of the trait.
    strength: how far apart the replies are in it, in typical standard deviations.
    prompt, better, worse: what was asked and answered; empty where the person said it in words.
    """

    feedback_id: int
    more: bool
    strength: float
    prompt: str = ""
    better: str = ""
    worse: str = ""


def find_behind(
    judgements: Sequence[Judgement], reply: Callable[[int], StoredReply], measure: str, limit: int
) -> list[Behind]:
    """The choices that say most about a style measure, the strongest first.

    Args:
        judgements: what the log says.
        reply: looks a reply up.
        measure: a key of features.STYLE_MEASURES.
    """
    found = [each for said in judgements if (each := _read(said, reply, measure)) is not None]
    return sorted(found, key=lambda each: (-each.strength, -each.feedback_id))[:limit]


def _read(judgement: Judgement, reply: Callable[[int], StoredReply], measure: str) -> Behind | None:
    if isinstance(judgement, Better | Ranked):
        ids = judgement.reply_ids
        return _compare(judgement.feedback_id, reply(ids[0]), reply(ids[-1]), measure)
    if isinstance(judgement, TraitSaid) and judgement.measure == measure:
        return Behind(judgement.feedback_id, judgement.more, float("inf"))
    if isinstance(judgement, Reason) and judgement.measure == measure:
        about = reply(judgement.reply_id)
        return Behind(judgement.feedback_id, judgement.more, 2.0, about.prompt_text, "", about.text)
    return None


def _compare(
    feedback_id: int, better: StoredReply, worse: StoredReply, measure: str
) -> Behind | None:
    at = STYLE_MEASURES.index(measure)
    of_better, of_worse = (
        float(measure_reply(each.prompt_text, each.text)[at]) for each in (better, worse)
    )
    difference = (of_better - of_worse) / TYPICAL_SD[measure]
    if abs(difference) < LEAST_DIFFERENCE:
        return None
    return Behind(
        feedback_id, difference > 0, abs(difference), better.prompt_text, better.text, worse.text
    )
