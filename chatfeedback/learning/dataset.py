"""What one learning run learns from: all evidence that counts now, as plain records.

Pairs come from the person's reactions and, since ten clicks are few, from the reward model: on a
pool of the base's own replies to neutral prompts it labels a better and a worse one where it is
sure. A reply that is known to be wrong or unfinished is never the better one, and the most
pleasing of them is the worse one for just that: a short wrong answer must never win.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from chatfeedback.learning.calibration import Calibration, PoolPrompt
from chatfeedback.records import (
    Demonstration,
    KtoSettings,
    LearnRequest,
    ListwiseSettings,
    PreferencePair,
    RankedReplies,
    RatedReply,
    RewardSnapshot,
    RolloutPrompt,
    RolloutSettings,
    SftSettings,
    StoredReply,
)
from chatfeedback.rules.principles import NO_RULES, Rules, may_be_better
from chatfeedback.taste.likelihoods import Matrix, Vector
from chatfeedback.taste.preferences import (
    Better,
    MayTeach,
    Ranked,
    training_demonstrations,
    training_pairs,
    training_rankings,
    training_ratings,
)
from chatfeedback.taste.reward import PLAUSIBILITY
from chatfeedback.taste.taste import Taste

LABEL_CERTAINTY = 1.0
"""Standard deviations between two replies for the reward model's label to count."""

LABELLED_WEIGHT = 0.7
"""What a labelled pair counts for, against 1 for a click."""

Counts = Callable[[Vector, Vector], bool]
"""Whether a pair of (better, worse) replies, given by their phis, may teach."""


def always(better: Vector, worse: Vector) -> bool:
    """Every pair may."""
    return True


def gather_pairs(
    taste: Taste, calibration: Calibration, rules: Rules = NO_RULES, counts: Counts = always
) -> tuple[PreferencePair, ...]:
    """The person's own pairs and the labelled ones (of which `counts` tells who may teach),
    without those whose better reply breaks the rules, or is more flattering than the other."""
    labelled = (
        pair for each in calibration.pool for pair in label_pairs(taste, each, rules, counts)
    )
    return (*own_pairs(taste, calibration.base_key, rules), *labelled)


def own_pairs(
    taste: Taste,
    base_key: str,
    rules: Rules = NO_RULES,
    counts: Counts = always,
) -> list[PreferencePair]:
    """What the person's reactions themselves say, as pairs."""
    within_rules = _may_teach(rules)

    def may_teach(chosen: StoredReply, rejected: StoredReply | None) -> bool:
        if not within_rules(chosen, rejected):
            return False
        return counts is always or rejected is None or both_count(chosen, rejected)

    def both_count(chosen: StoredReply, rejected: StoredReply) -> bool:
        both = (chosen, rejected)
        texts, features = [each.text for each in both], [each.features for each in both]
        better, worse = taste.basis.phis(rejected.prompt_text, texts, features)
        return counts(better, worse)

    return training_pairs(taste.lasting_judgements, taste, base_key, may_teach)


def _may_teach(rules: Rules) -> MayTeach:
    """What keeps the rules and flatters no more than what it is better than."""
    return lambda chosen, rejected: may_be_better(
        chosen.text, rejected.text if rejected else "", rules
    )


def label_pairs(
    taste: Taste, each: PoolPrompt, rules: Rules = NO_RULES, counts: Counts = always
) -> list[PreferencePair]:
    """The reward model's choices among the base's replies to one prompt: none, one or two.

    The best right reply is better than the worst right one (of those that may be paired), where the
    model is sure of it; and better than the most pleasing wrong one, which it would otherwise learn
    to like.
    """
    values, phis = rate(taste, each)
    right = [at for at, reply in enumerate(each.replies) if reply.is_right]
    wrong = [at for at, reply in enumerate(each.replies) if not reply.is_right]
    allowed = [at for at in right if rules.allow(each.replies[at].text)]
    if not allowed:
        return []
    pairs = []
    paired = [(a, b) for a in allowed for b in right if a != b and counts(phis[a], phis[b])]
    if paired:
        better, worse = max(paired, key=lambda pair: values[pair[0]] - values[pair[1]])
        gap, sd = taste.model.compare(phis[better], phis[worse])
        no_flattery = may_be_better(each.replies[better].text, each.replies[worse].text, rules)
        if no_flattery and gap > LABEL_CERTAINTY * sd:
            pairs.append(_pair(each, better, worse))
    if wrong:
        best = max(allowed, key=lambda at: values[at])
        pairs.append(_pair(each, best, max(wrong, key=lambda at: values[at])))
    return pairs


def rate(taste: Taste, each: PoolPrompt) -> tuple[Vector, Matrix]:
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


def add_evidence(
    request: LearnRequest, taste: Taste, base_key: str, rules: Rules = NO_RULES
) -> LearnRequest:
    """The request with what its objective learns from, besides pairs or in their place; of this,
    too, nothing that breaks the rules or flatters.

    Rankings are learned as such, not as the pairs they consist of. For KTO both sides of a pair
    are rated replies, the chosen one liked: so the reward model's labels count there too.
    """
    said = (taste.lasting_judgements, taste, base_key, _may_teach(rules))
    written = tuple(training_demonstrations(*said))
    request = replace(request, demonstrations=written)
    match request.settings:
        case ListwiseSettings():
            rankings = tuple(training_rankings(*said))
            pairs = tuple(pair for pair in request.pairs if not _is_within(pair, rankings))
            return replace(request, rankings=rankings, pairs=pairs)
        case KtoSettings():
            ratings = (*training_ratings(*said), *rate_sides(request.pairs))
            return replace(request, ratings=_once(ratings), pairs=())
        case SftSettings():
            return replace(request, pairs=())
    return request


def rate_sides(pairs: Sequence[PreferencePair]) -> list[RatedReply]:
    """Each pair as a like and a dislike that count half of it."""
    return [
        RatedReply(pair.prompt_ids, reply_ids, is_liked, pair.weight / 2)
        for pair in pairs
        for reply_ids, is_liked in ((pair.chosen_ids, True), (pair.rejected_ids, False))
    ]


def _is_within(pair: PreferencePair, rankings: Sequence[RankedReplies]) -> bool:
    return pair.source == "click" and any(
        pair.prompt_ids == each.prompt_ids
        and {pair.chosen_ids, pair.rejected_ids} <= {*each.replies}
        for each in rankings
    )


def _once(ratings: Sequence[RatedReply]) -> tuple[RatedReply, ...]:
    """What is said twice of a reply counts once, at its larger weight."""
    heaviest: dict[tuple[object, ...], RatedReply] = {}
    for each in ratings:
        key = (each.prompt_ids, each.reply_ids, each.is_liked)
        if key not in heaviest or heaviest[key].weight < each.weight:
            heaviest[key] = each
    return tuple(heaviest.values())


def add_trials(request: LearnRequest, taste: Taste, calibration: Calibration) -> LearnRequest:
    """For PPO and RLOO, besides the pairs: the prompts to answer anew, the person's own and the
    pool's, and the reward model that pays."""
    if not isinstance(request.settings, RolloutSettings):
        return request
    size, model = taste.basis.size, taste.model
    snapshot = RewardSnapshot(
        taste.basis.to_bytes(), model.mean[:size], model.covariance[:size, :size]
    )
    prompts = rollout_prompts(taste, calibration)
    return replace(request, rollout_prompts=prompts, reward=snapshot)


def rollout_prompts(
    taste: Taste, calibration: Calibration, own: int = 24, neutral: int = 48
) -> tuple[RolloutPrompt, ...]:
    """The person's own, newest first, then neutral ones for breadth; none twice."""
    asked = [
        RolloutPrompt(reply.prompt_text, reply.prompt_ids)
        for reply in _chosen(taste, calibration.base_key)
    ]
    pool = [RolloutPrompt(each.prompt, each.prompt_ids) for each in calibration.pool]
    return tuple(dict.fromkeys([*dict.fromkeys(asked)][:own] + pool[:neutral]))


def own_prompts(taste: Taste, limit: int = 24) -> list[str]:
    """Prompts of the person's own choices, newest first, none twice."""
    prompts = [reply.prompt_text for reply in _chosen(taste, taste.basis.base_key)]
    return list(dict.fromkeys(prompts))[:limit]


def _chosen(taste: Taste, base_key: str) -> list[StoredReply]:
    """The best replies of the person's choices, newest first, of those that this base has read:
    another's prompt may be longer than it can."""
    chosen = [j.reply_ids[0] for j in taste.judgements if isinstance(j, Better | Ranked)]
    replies = [taste.reply(reply_id) for reply_id in reversed(chosen)]
    return [reply for reply in replies if reply.prompt_ids and reply.base_key == base_key]
