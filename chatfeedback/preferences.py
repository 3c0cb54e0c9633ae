"""What the log of feedback says now: events folded into judgements, judgements into pairs.

The log is append-only; what counts changes. An undone event counts no more, the last thumb on a
reply replaces the earlier ones, a second rewrite of a reply replaces the first. `judge` folds the
log; `news` says whether the reward model can simply go on or must be rebuilt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal, Protocol

from chatfeedback.records import Comparison, PreferencePair, StoredFeedback, StoredReply

THUMB_WEIGHT = 0.5
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


# --- what counts --------------------------------------------------------------------------


@dataclass(frozen=True)
class Better:
    """One reply is better than another reply to the same prompt."""

    feedback_id: int
    chosen_id: int
    rejected_id: int
    weight: float
    source: Literal["click", "edit"]


@dataclass(frozen=True)
class Equal:
    """Neither of two replies to one prompt is better."""

    feedback_id: int
    first_id: int
    second_id: int


@dataclass(frozen=True)
class Rated:
    """A thumb on one reply. `about_style` is False when the person said it was wrong: such a
    thumb must not teach brevity or any other style."""

    feedback_id: int
    reply_id: int
    up: bool
    weight: float
    about_style: bool = True


@dataclass(frozen=True)
class Reason:
    """The person wants more or less of one style measure than this reply has."""

    feedback_id: int
    reply_id: int
    measure: str
    more: bool


Judgement = Better | Equal | Rated | Reason


class Lookups(Protocol):
    """What folding needs to know about the ids in the log."""

    def comparison(self, comparison_id: int) -> Comparison: ...

    def reply(self, reply_id: int) -> StoredReply: ...

    def rewritten(self, reply_id: int, text: str) -> int | None:
        """The sibling that holds this rewrite of a reply; None while it is not stored."""


def judge(events: Sequence[StoredFeedback], lookups: Lookups) -> list[Judgement]:
    """All that the log says now, in the order in which it was said."""
    standing = [stored for stored in events if not stored.undone]
    undone = {stored.event.undoes for stored in standing if stored.event.kind == "undo"}
    standing = [stored for stored in standing if stored.feedback_id not in undone]
    wrong = {s.event.reply_id for s in standing if s.event.kind == "chip" and s.event.text == WRONG}
    said = [
        judgement for stored in _last_words(standing) for judgement in _judgements(stored, lookups)
    ]
    return [
        replace(j, about_style=False) if isinstance(j, Rated) and j.reply_id in wrong else j
        for j in said
    ]


def news(before: Sequence[Judgement], now: Sequence[Judgement]) -> Sequence[Judgement] | None:
    """The judgements to add to a model that knows `before`; None when it must be rebuilt."""
    if list(now[: len(before)]) == list(before):
        return now[len(before) :]
    return None


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


def _last_words(events: Sequence[StoredFeedback]) -> list[StoredFeedback]:
    """Only the last of the events that replace one another, at its own place in time."""
    last: dict[tuple[object, ...], StoredFeedback] = {}
    for stored in events:
        event = stored.event
        if event.kind == "pick":
            key: tuple[object, ...] = ("pick", event.comparison_id)
        elif event.kind == "chip":
            key = ("chip", event.reply_id, event.text)
        else:
            key = (event.kind, event.reply_id)
        last.pop(key, None)
        last[key] = stored
    return list(last.values())


def _judgements(stored: StoredFeedback, lookups: Lookups) -> list[Judgement]:
    match stored.event.kind:
        case "pick":
            return _from_pick(stored, lookups)
        case "thumb":
            return _from_thumb(stored)
        case "edit":
            return _from_edit(stored, lookups)
        case "chip":
            return _from_chip(stored)
    return []


def _from_pick(stored: StoredFeedback, lookups: Lookups) -> list[Judgement]:
    event, number = stored.event, stored.feedback_id
    if event.comparison_id is None:
        return []
    first, second = lookups.comparison(event.comparison_id).reply_ids[:2]
    match event.outcome:
        case "first":
            return [Better(number, first, second, 1.0, "click")]
        case "second":
            return [Better(number, second, first, 1.0, "click")]
        case "tie":
            return [Equal(number, first, second)]
        case "both_bad":
            return [Rated(number, reply, False, THUMB_WEIGHT) for reply in (first, second)]
    return []


def _from_thumb(stored: StoredFeedback) -> list[Judgement]:
    event = stored.event
    if event.reply_id is None or not event.value:
        return []
    return [Rated(stored.feedback_id, event.reply_id, event.value > 0, THUMB_WEIGHT)]


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


# --- pairs for the policy -----------------------------------------------------------------


def training_pairs(
    judgements: Sequence[Judgement], lookups: Lookups, base_key: str
) -> list[PreferencePair]:
    """Pairs for the policy update, oldest first: picks, rewrites, and liked against disliked
    replies to one message.

    Token ids belong to one base, so replies of another base are left out, and so are rewrites that
    have no ids yet. Weights halve every HALF_LIFE_JUDGEMENTS judgements; a pair said twice
    counts once, at its larger weight.
    """
    said = [j for j in judgements if isinstance(j, Better)] + _rated_apart(judgements, lookups)
    ages = {j.feedback_id: age for age, j in enumerate(reversed(judgements))}
    pairs: dict[tuple[int, int], PreferencePair] = {}
    for better in sorted(said, key=lambda j: j.feedback_id):
        chosen, rejected = lookups.reply(better.chosen_id), lookups.reply(better.rejected_id)
        if not _usable(chosen, base_key) or not _usable(rejected, base_key):
            continue
        weight = better.weight * 0.5 ** (ages[better.feedback_id] / HALF_LIFE_JUDGEMENTS)
        pair = PreferencePair(
            rejected.prompt_ids, chosen.token_ids, rejected.token_ids, weight, better.source
        )
        known = pairs.get((chosen.reply_id, rejected.reply_id))
        if known is None or known.weight < weight:
            pairs[chosen.reply_id, rejected.reply_id] = pair
    return list(pairs.values())


def _usable(reply: StoredReply, base_key: str) -> bool:
    return bool(reply.token_ids and reply.prompt_ids) and reply.base_key == base_key


def _rated_apart(judgements: Sequence[Judgement], lookups: Lookups) -> list[Better]:
    """Every liked reply against every disliked reply to the same message."""
    ratings: dict[int, list[Rated]] = {}
    for judgement in judgements:
        if isinstance(judgement, Rated):
            message_id = lookups.reply(judgement.reply_id).message_id
            ratings.setdefault(message_id, []).append(judgement)
    return [
        Better(
            max(liked.feedback_id, disliked.feedback_id),
            liked.reply_id,
            disliked.reply_id,
            liked.weight + disliked.weight,
            "click",
        )
        for rated in ratings.values()
        for liked in rated
        for disliked in rated
        if liked.up and not disliked.up and liked.reply_id != disliked.reply_id
    ]
