"""What one learning run learns from: all evidence that counts now, as plain records.

Pairs come from the person's reactions and, since ten clicks are few, from the reward model: on a
pool of the base's own replies to neutral prompts it labels a better and a worse one where it is
sure. A reply that is known to be wrong or unfinished is never the better one, and the most
pleasing of them is the worse one for just that: a short wrong answer must never win.
"""

from __future__ import annotations

import numpy as np

from chatfeedback.calibration import Calibration, PoolPrompt
from chatfeedback.preferences import Better, Ranked, training_pairs
from chatfeedback.records import Demonstration, PreferencePair
from chatfeedback.reward import PLAUSIBILITY, Matrix, Vector
from chatfeedback.taste import Taste

LABEL_CERTAINTY = 1.0
"""Standard deviations between two replies for the reward model's label to count."""

LABELLED_WEIGHT = 0.7
"""What a labelled pair counts for, against 1 for a click."""


def gather_pairs(taste: Taste, calibration: Calibration) -> tuple[PreferencePair, ...]:
    """The person's own pairs and the labelled ones."""
    own = training_pairs(taste.judgements, taste, calibration.base_key)
    return (*own, *(pair for each in calibration.pool for pair in label_pairs(taste, each)))


def label_pairs(taste: Taste, each: PoolPrompt) -> list[PreferencePair]:
    """The reward model's choices among the base's replies to one prompt: none, one or two.

    The best right reply is better than the worst right one, where the model is sure of it; and
    better than the most pleasing wrong one, which it would otherwise learn to like.
    """
    values, phis = _rate(taste, each)
    right = [at for at, reply in enumerate(each.replies) if reply.is_right]
    wrong = [at for at, reply in enumerate(each.replies) if not reply.is_right]
    if not right:
        return []
    best = max(right, key=lambda at: values[at])
    pairs = []
    worst = min(right, key=lambda at: values[at])
    gap, sd = taste.model.compare(phis[best], phis[worst])
    if best != worst and gap > LABEL_CERTAINTY * sd:
        pairs.append(_pair(each, best, worst))
    if wrong:
        pairs.append(_pair(each, best, max(wrong, key=lambda at: values[at])))
    return pairs


def _rate(taste: Taste, each: PoolPrompt) -> tuple[Vector, Matrix]:
    """What the replies are worth, plausibility included, and their phis."""
    features = [reply.features for reply in each.replies]
    phis = taste.basis.phis(each.prompt, [reply.text for reply in each.replies], features)
    plausibility = np.array([feature.base_logprob_mean for feature in features])
    return taste.model.score(phis)[0] + PLAUSIBILITY * plausibility, phis


def _pair(each: PoolPrompt, chosen: int, rejected: int) -> PreferencePair:
    return PreferencePair(
        each.prompt_ids,
        each.replies[chosen].token_ids,
        each.replies[rejected].token_ids,
        LABELLED_WEIGHT,
        "reward_model",
    )


def gather_retention(calibration: Calibration) -> tuple[Demonstration, ...]:
    """The base's own right replies to neutral prompts: what must stay likely."""
    return tuple(
        Demonstration(each.prompt_ids, reply.token_ids)
        for each in calibration.pool
        for reply in [reply for reply in each.replies if reply.is_right][:2]
    )


def own_prompts(taste: Taste, limit: int = 24) -> list[str]:
    """Prompts of the person's own choices, newest first, none twice."""
    chosen = [j.reply_ids[0] for j in taste.judgements if isinstance(j, Better | Ranked)]
    prompts = [taste.reply(reply_id).prompt_text for reply_id in reversed(chosen)]
    return list(dict.fromkeys(prompts))[:limit]
