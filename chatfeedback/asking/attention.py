"""How a person deals with questions: whether they still answer them, and with what care."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chatfeedback.asking.trials import beta_cdf, chosen_replies, standing
from chatfeedback.protocols import Store
from chatfeedback.records import IMPORTED, REPEAT, Comparison, StoredFeedback

WINDOW = 10
"""Newest questions that tell whether somebody has had enough of them."""

ASKED_BEFORE = "asked_before"
"""The setting that keeps which question was the newest when the rate of asking was last set."""

CONSISTENT_SHARE = 0.65
SURE = 0.8


@dataclass(frozen=True)
class Attention:
    """unanswered: share of the newest questions that were left open.
    answered: all answered pairs; of these, `first` picked the reply shown first.
    repeated: pairs that were asked twice; of these, `alike` got the same answer.
    """

    asked: int = 0
    unanswered: float = 0.0
    answered: int = 0
    first: int = 0
    repeated: int = 0
    alike: int = 0

    @property
    def first_share(self) -> float | None:
        """Share of answers that picked the reply shown first; None before any."""
        return self.first / self.answered if self.answered else None

    @property
    def always_one_side(self) -> bool:
        """Hardly chance: three of four answers, and more, pick the same place."""
        high = 1 - beta_cdf(1 + self.first, 1 + self.answered - self.first, 0.75)
        low = beta_cdf(1 + self.first, 1 + self.answered - self.first, 0.25)
        return max(high, low) > SURE and self.answered >= WINDOW

    @property
    def contradicts_itself(self) -> bool:
        """Repeated questions are answered alike less than 65 % of the time, P > 0.8."""
        below = beta_cdf(1 + self.alike, 1 + self.repeated - self.alike, CONSISTENT_SHARE)
        return self.repeated >= 5 and below > SURE

    @property
    def tired(self) -> bool:
        """Most of the newest questions were left open."""
        return self.asked >= 5 and self.unanswered > 0.5

    @property
    def readiness(self) -> float:
        """How much of the person's rate to use: 1, half, or 0 (ask nothing)."""
        if self.contradicts_itself or (self.asked >= WINDOW and self.unanswered >= 0.9):
            return 0.0
        return 0.5 if self.tired or self.always_one_side else 1.0


def attention_of(store: Store, person_id: int) -> Attention:
    """A person's attention since they last said how often they want to be asked: whoever says it
    anew is asked anew."""
    since = int(store.setting(person_id, ASKED_BEFORE, "0"))
    return read_attention(store.comparisons(person_id), store.feedback(person_id), since)


def note_rate_was_set(store: Store, person_id: int) -> None:
    """What was asked so far says nothing any more of how questions are answered."""
    newest = max((each.comparison_id for each in store.comparisons(person_id)), default=0)
    store.set_setting(person_id, ASKED_BEFORE, str(newest))


def read_attention(
    comparisons: Sequence[Comparison], events: Sequence[StoredFeedback], since: int = 0
) -> Attention:
    """Attention as the log has it.

    Args:
        comparisons: all there are, oldest first; nobody was asked those that came with a file.
        since: the newest one that does not count any more.
    """
    everything = [each for each in comparisons if each.why != IMPORTED]
    comparisons = [each for each in everything if each.comparison_id > since]
    chosen = chosen_replies(events)
    ranked = {each.event.comparison_id for each in standing(events) if each.event.kind == "rank"}
    newest = comparisons[-WINDOW:]
    answered = [
        place
        for each in comparisons
        if len(each.reply_ids) == 2
        for place in [chosen.get(each.comparison_id)]
        if place is not None
    ]
    open_now = [each for each in newest if each.comparison_id not in chosen.keys() | ranked]
    alike = _repeats_alike(everything, chosen, since)
    return Attention(
        asked=len(newest),
        unanswered=len(open_now) / len(newest) if newest else 0.0,
        answered=len(answered),
        first=answered.count(0),
        repeated=len(alike),
        alike=sum(alike),
    )


def _repeats_alike(
    comparisons: Sequence[Comparison], chosen: dict[int, int | None], since: int
) -> list[bool]:
    """For each answered repeat, whether it named the same reply as the question it repeats."""
    firsts: dict[frozenset[int], int] = {}
    alike = []
    for each in comparisons:
        place = chosen.get(each.comparison_id)
        if place is None:
            continue
        pair, winner = frozenset(each.reply_ids), each.reply_ids[place]
        if each.why == REPEAT and pair in firsts and each.comparison_id > since:
            alike.append(firsts[pair] == winner)
        elif each.why != REPEAT:
            firsts[pair] = winner
    return alike
