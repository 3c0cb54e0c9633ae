"""What an event of the log says by itself, as judgements, and what these give the policy.

Which events count, since some are undone or replaced by later ones, is for fold.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal, Protocol

from chatfeedback.records import (
    MEASURED_ONLY,
    Comparison,
    Demonstration,
    Flag,
    PreferencePair,
    RankedReplies,
    RatedReply,
    StoredFeedback,
    StoredReply,
)
from chatfeedback.taste.likelihoods import RATING_WEIGHT, THUMB_WEIGHT

IMPLICIT_WEIGHT = 0.2
"""What copying an answer, or asking for another one, counts for where a person switched it on."""

TYPO = 0.02
"""Rewrites that change less of the text than this mend a typo and say nothing about taste."""
COMPARED_BY_CHARACTER = 600
HALF_LIFE_JUDGEMENTS = 200.0


@dataclass(frozen=True)
class Chip:
    """A reason. `measure` is the style measure it speaks of, None when it is not about style."""

    name: str  # as it stands in FeedbackEvent.text, and on the button
    measure: str | None
    more: bool = False


PLACES = ("first", "second", "third", "fourth")
"""Outcomes of a pick that name a reply, by its place as shown."""

WRONG = "wrong"
CHIPS: tuple[Chip, ...] = (
    Chip(WRONG, None),
    Chip("too long", "log_words"),
    Chip("too short", "log_words", more=True),
    Chip("too formal", "formal_words"),
    Chip("too casual", "casual_words"),
    Chip("not friendly", "warm_words", more=True),
    Chip("too chatty", "opening"),
    Chip("too many emoji", "emoji"),
    Chip("needs a list", "bullet_lines", more=True),
    Chip("needs an example", "examples", more=True),
)
_CHIP_BY_NAME = {chip.name: chip for chip in CHIPS}


# --- judgements --------------------------------------------------------------------------


@dataclass(frozen=True)
class Better:
    """One reply is better than another reply to the same prompt.

    wrong (here and below): those of its replies that the person called wrong; what that explains
    must teach neither brevity nor any other style.
    """

    feedback_id: int
    chosen_id: int
    rejected_id: int
    weight: float
    source: Literal["click", "edit"]
    wrong: tuple[int, ...] = ()

    @property
    def reply_ids(self) -> tuple[int, ...]:
        return self.chosen_id, self.rejected_id


@dataclass(frozen=True)
class Equal:
    """No reply of several to one prompt is better than the others."""

    feedback_id: int
    reply_ids: tuple[int, ...]
    wrong: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ranked:
    """Three or more replies to one prompt, best first; after the first `n_ranked` in no order."""

    feedback_id: int
    reply_ids: tuple[int, ...]
    n_ranked: int
    wrong: tuple[int, ...] = ()


@dataclass(frozen=True)
class Rated:
    """A thumb on one reply."""

    feedback_id: int
    reply_id: int
    up: bool
    weight: float
    wrong: tuple[int, ...] = ()

    @property
    def reply_ids(self) -> tuple[int, ...]:
        return (self.reply_id,)


@dataclass(frozen=True)
class Starred:
    """From 1 (worst) to 5 stars for one reply."""

    feedback_id: int
    reply_id: int
    stars: int
    wrong: tuple[int, ...] = ()

    @property
    def reply_ids(self) -> tuple[int, ...]:
        return (self.reply_id,)


@dataclass(frozen=True)
class Reason:
    """The person wants more or less of one style measure than this reply has."""

    feedback_id: int
    reply_id: int
    measure: str
    more: bool


@dataclass(frozen=True)
class TraitSaid:
    """The person says of themselves that they want more or less of one style measure."""

    feedback_id: int
    measure: str
    more: bool


@dataclass(frozen=True)
class Flagged:
    """A reply that is harmful, biased or wrong. No matter of taste: it teaches no style."""

    feedback_id: int
    reply_id: int
    flag: Flag


Judgement = Better | Equal | Ranked | Rated | Starred | Reason | TraitSaid | Flagged


class Lookups(Protocol):
    """What folding needs to know about the ids in the log."""

    def comparison(self, comparison_id: int) -> Comparison: ...

    def reply(self, reply_id: int) -> StoredReply: ...

    def rewritten(self, reply_id: int, text: str) -> int | None:
        """The sibling that holds this rewrite of a reply; None while it is not stored."""


@lru_cache(maxsize=4096)
def edit_weight(original: str, rewritten: str) -> float:
    """How many clicks a rewrite is worth, from 1 to 3 by how much it changes; 0 for a typo."""
    distance = edit_distance(original, rewritten)
    return 0.0 if distance < TYPO else min(3.0, 1.0 + 4.0 * distance)


def edit_distance(a: str, b: str) -> float:
    """Share of the text that differs, from 0 (same) to 1 (nothing in common): of the characters,
    or of the words where comparing characters would take longer than a click may."""
    a, b = a.strip(), b.strip()
    if max(len(a), len(b)) <= COMPARED_BY_CHARACTER:
        return 1.0 - SequenceMatcher(None, a, b, autojunk=False).ratio()
    return 1.0 - SequenceMatcher(None, a.split(), b.split(), autojunk=False).ratio()


def judge_event(
    stored: StoredFeedback, lookups: Lookups, *, implicit: bool = False
) -> list[Judgement]:
    """What one event says by itself.

    Args:
        implicit: whether copying an answer, or asking for another one, counts (a little).
    """
    match stored.event.kind:
        case "pick":
            return _from_pick(stored, lookups)
        case "rank":
            return _from_rank(stored, lookups)
        case "thumb":
            return _from_thumb(stored)
        case "rating":
            return _from_rating(stored)
        case "edit":
            return _from_edit(stored, lookups)
        case "chip":
            return _from_chip(stored)
        case "trait":
            return _from_trait(stored)
        case "flag":
            return _from_flag(stored)
        case "copy" | "regenerate" if implicit:
            return _from_use(stored)
    return []


def _from_pick(stored: StoredFeedback, lookups: Lookups) -> list[Judgement]:
    event, number = stored.event, stored.feedback_id
    if event.comparison_id is None:
        return []
    comparison = lookups.comparison(event.comparison_id)
    shown = comparison.reply_ids
    if comparison.why in MEASURED_ONLY:
        return []
    if event.outcome == "tie":
        return [Equal(number, shown)]
    if event.outcome == "both_bad":
        return [Rated(number, reply_id, False, THUMB_WEIGHT) for reply_id in shown]
    place = PLACES.index(event.outcome or "first")
    if place >= len(shown):
        return []
    return [_best_first(number, (shown[place],), shown)]


def _from_rank(stored: StoredFeedback, lookups: Lookups) -> list[Judgement]:
    event = stored.event
    if event.comparison_id is None or not event.order:
        return []
    comparison = lookups.comparison(event.comparison_id)
    if comparison.why in MEASURED_ONLY:
        return []
    return [_best_first(stored.feedback_id, event.order, comparison.reply_ids)]


def _best_first(number: int, order: tuple[int, ...], shown: tuple[int, ...]) -> Judgement:
    """Some of the replies shown are better than the rest, the first of them most."""
    rest = tuple(reply_id for reply_id in shown if reply_id not in order)
    if len(shown) == 2:
        chosen, rejected = (*order, *rest)
        return Better(number, chosen, rejected, 1.0, "click")
    return Ranked(number, (*order, *rest), min(len(order), len(shown) - 1))


def _from_thumb(stored: StoredFeedback) -> list[Judgement]:
    event = stored.event
    if event.reply_id is None or not event.value:
        return []
    return [Rated(stored.feedback_id, event.reply_id, event.value > 0, THUMB_WEIGHT)]


def _from_rating(stored: StoredFeedback) -> list[Judgement]:
    event = stored.event
    if event.reply_id is None or event.value is None:
        return []
    return [Starred(stored.feedback_id, event.reply_id, event.value)]


def _from_edit(stored: StoredFeedback, lookups: Lookups) -> list[Judgement]:
    event = stored.event
    if event.reply_id is None or not event.text:
        return []
    chosen_id = lookups.rewritten(event.reply_id, event.text)
    weight = edit_weight(lookups.reply(event.reply_id).text, event.text)
    if chosen_id is None or weight == 0.0:
        return []
    return [Better(stored.feedback_id, chosen_id, event.reply_id, weight, "edit")]


def _from_chip(stored: StoredFeedback) -> list[Judgement]:
    event = stored.event
    chip = _CHIP_BY_NAME.get(event.text or "")
    if event.reply_id is None or chip is None or chip.measure is None:
        return []
    return [Reason(stored.feedback_id, event.reply_id, chip.measure, chip.more)]


def _from_trait(stored: StoredFeedback) -> list[Judgement]:
    event = stored.event
    if event.trait is None or not event.value:
        return []
    return [TraitSaid(stored.feedback_id, event.trait, event.value > 0)]


def _from_flag(stored: StoredFeedback) -> list[Judgement]:
    event = stored.event
    if event.reply_id is None or event.flag is None:
        return []
    return [Flagged(stored.feedback_id, event.reply_id, event.flag)]


def _from_use(stored: StoredFeedback) -> list[Judgement]:
    event = stored.event
    if event.reply_id is None:
        return []
    return [Rated(stored.feedback_id, event.reply_id, event.kind == "copy", IMPLICIT_WEIGHT)]


# --- evidence for the policy -----------------------------------------------------------------


MayTeach = Callable[[StoredReply, StoredReply | None], bool]
"""Whether it may be learned that a reply is better than another or, with None, that it is good."""


def everything(_chosen: StoredReply, _rejected: StoredReply | None) -> bool:
    """All may be learned."""
    return True


def training_pairs(
    judgements: Sequence[Judgement],
    lookups: Lookups,
    base_key: str,
    may_teach: MayTeach = everything,
) -> list[PreferencePair]:
    """Pairs for the policy update, oldest first: picks, rankings, rewrites, and liked against
    disliked replies to one message.

    Token ids belong to one base, so replies of another base are left out, and so are rewrites that
    have no ids yet. Weights halve every HALF_LIFE_JUDGEMENTS judgements; a pair said twice
    counts once, at its larger weight.
    """
    said = [j for j in judgements if isinstance(j, Better)]
    said += [pair for j in judgements if isinstance(j, Ranked) for pair in _pairs_of(j)]
    said += _rated_apart(judgements, lookups)
    recency = _recency(judgements)
    pairs: dict[tuple[int, int], PreferencePair] = {}
    for better in sorted(said, key=lambda j: j.feedback_id):
        chosen, rejected = lookups.reply(better.chosen_id), lookups.reply(better.rejected_id)
        if not _usable(chosen, base_key) or not _usable(rejected, base_key):
            continue
        if not may_teach(chosen, rejected):
            continue
        weight = better.weight * recency[better.feedback_id]
        pair = PreferencePair(
            rejected.prompt_ids, chosen.token_ids, rejected.token_ids, weight, better.source
        )
        known = pairs.get((chosen.reply_id, rejected.reply_id))
        if known is None or known.weight < weight:
            pairs[chosen.reply_id, rejected.reply_id] = pair
    return list(pairs.values())


def training_rankings(
    judgements: Sequence[Judgement],
    lookups: Lookups,
    base_key: str,
    may_teach: MayTeach = everything,
) -> list[RankedReplies]:
    """Rankings for the policy update, oldest first; otherwise as `training_pairs`.

    Left out of a ranking are replies of another base, and those above one that they may not be
    better than; what is left of it must still rank something.
    """
    recency, found = _recency(judgements), []
    for judgement in judgements:
        if not isinstance(judgement, Ranked):
            continue
        replies = [lookups.reply(reply_id) for reply_id in judgement.reply_ids]
        usable = [
            _usable(reply, base_key)
            and (
                place >= judgement.n_ranked
                or all(may_teach(reply, worse) for worse in replies[place + 1 :])
            )
            for place, reply in enumerate(replies)
        ]
        kept = tuple(r.token_ids for r, is_usable in zip(replies, usable, strict=True) if is_usable)
        n_ranked = min(sum(usable[: judgement.n_ranked]), len(kept) - 1)
        if n_ranked > 0:
            weight = recency[judgement.feedback_id]
            found.append(RankedReplies(replies[0].prompt_ids, kept, n_ranked, weight))
    return found


def training_ratings(
    judgements: Sequence[Judgement],
    lookups: Lookups,
    base_key: str,
    may_teach: MayTeach = everything,
) -> list[RatedReply]:
    """Thumbs, stars and flags for the policy update, oldest first; otherwise as `training_pairs`.
    Three stars say neither good nor bad."""
    recency, found = _recency(judgements), []
    for judgement in judgements:
        if not isinstance(judgement, Rated | Starred | Flagged):
            continue
        reply, opinion = lookups.reply(judgement.reply_id), _opinion(judgement)
        counts = opinion < 0 or (opinion > 0 and may_teach(reply, None))
        if counts and _usable(reply, base_key):
            weight = abs(opinion) * recency[judgement.feedback_id]
            found.append(RatedReply(reply.prompt_ids, reply.token_ids, opinion > 0, weight))
    return found


def training_demonstrations(
    judgements: Sequence[Judgement],
    lookups: Lookups,
    base_key: str,
    may_teach: MayTeach = everything,
) -> list[Demonstration]:
    """Answers the person rewrote, oldest first; otherwise as `training_pairs`."""
    recency, found = _recency(judgements), []
    for judgement in judgements:
        if isinstance(judgement, Better) and judgement.source == "edit":
            written, original = (lookups.reply(reply_id) for reply_id in judgement.reply_ids)
            if _usable(written, base_key) and original.prompt_ids and may_teach(written, original):
                weight = judgement.weight * recency[judgement.feedback_id]
                found.append(Demonstration(original.prompt_ids, written.token_ids, weight))
    return found


def _recency(judgements: Sequence[Judgement]) -> dict[int, float]:
    """What each event counts for by its age, 0 to 1."""
    ages = {j.feedback_id: age for age, j in enumerate(reversed(judgements))}
    return {number: 0.5 ** (age / HALF_LIFE_JUDGEMENTS) for number, age in ages.items()}


def _pairs_of(ranked: Ranked) -> list[Better]:
    """Each ranked reply against all that come after it; a place counts one click in all."""
    pairs = []
    for place, better in enumerate(ranked.reply_ids[: ranked.n_ranked]):
        rest = ranked.reply_ids[place + 1 :]
        pairs += [Better(ranked.feedback_id, better, w, 1 / len(rest), "click") for w in rest]
    return pairs


def _usable(reply: StoredReply, base_key: str) -> bool:
    return bool(reply.token_ids and reply.prompt_ids) and reply.base_key == base_key


def _rated_apart(judgements: Sequence[Judgement], lookups: Lookups) -> list[Better]:
    """Every liked reply against every disliked reply to the same message."""
    opinions: dict[int, list[tuple[Rated | Starred | Flagged, float]]] = {}
    for judgement in judgements:
        if isinstance(judgement, Rated | Starred | Flagged):
            message_id = lookups.reply(judgement.reply_id).message_id
            opinions.setdefault(message_id, []).append((judgement, _opinion(judgement)))
    return [
        Better(
            max(liked.feedback_id, disliked.feedback_id),
            liked.reply_id,
            disliked.reply_id,
            high - low,
            "click",
        )
        for about in opinions.values()
        for liked, high in about
        for disliked, low in about
        if high > 0 > low and liked.reply_id != disliked.reply_id
    ]


def _opinion(judgement: Rated | Starred | Flagged) -> float:
    """What one word on one reply is worth in clicks, < 0 when it is against the reply."""
    match judgement:
        case Rated():
            return judgement.weight if judgement.up else -judgement.weight
        case Starred():
            return RATING_WEIGHT * (judgement.stars - 3) / 2
        case Flagged():
            return -THUMB_WEIGHT
