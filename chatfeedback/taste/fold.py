"""What the log of feedback says now, kept in step with it click by click.

The log is append-only; what counts changes. An undone event counts no more, the last thumb on a
reply replaces the earlier ones, a second rewrite of a reply replaces the first, a reply that was
called wrong is no witness of taste, and "forget me" ends all that was said before it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import replace

from chatfeedback.records import StoredFeedback
from chatfeedback.taste.preferences import (
    WRONG,
    Flagged,
    Judgement,
    Lookups,
    Reason,
    TraitSaid,
    judge_event,
)


def judge(
    events: Sequence[StoredFeedback], lookups: Lookups, *, implicit: bool = False
) -> list[Judgement]:
    """All that the log says now, in the order in which it was said."""
    judgements = Judgements(lookups, implicit=implicit)
    judgements.take(events)
    return judgements.all()


class Judgements:
    """The judgements of a growing log, at the cost of its new events alone.

    Args:
        implicit: whether copying and asking for another answer count (a little).
    """

    def __init__(self, lookups: Lookups, *, implicit: bool = False) -> None:
        self._lookups = lookups
        self._implicit = implicit
        self._clear()
        self._log: list[StoredFeedback] = []

    def _clear(self) -> None:
        self._standing: dict[int, StoredFeedback] = {}  # nobody took these back
        self._rivals: dict[_Key, list[int]] = {}  # standing events that replace one another
        self._said: dict[int, list[Judgement]] = {}  # by the last of each rivals
        self._order: list[int] = []  # the keys of _said, sorted
        self._mentions: dict[int, set[int]] = {}  # reply id -> events that judge it
        self._waiting: set[int] = set()  # rewrites whose text is not stored yet
        self.clicks = 0  # events that count now: choices, ties, thumbs, rewrites, reasons
        self.began_after = 0  # the last "forget me" that stands; what was said before it is gone

    @property
    def last_id(self) -> int:
        """The last event taken in; 0 before any."""
        return self._log[-1].feedback_id if self._log else 0

    def all(self) -> list[Judgement]:
        """What the log says now, in the order in which it was said."""
        return [judgement for number in self._order for judgement in self._said[number]]

    def after(self, feedback_id: int) -> Iterator[tuple[int, list[Judgement]]]:
        """(feedback id, what it says) of the events after this one, in order."""
        for number in self._order[bisect_left(self._order, feedback_id + 1) :]:
            yield number, self._said[number]

    def clicks_after(self, feedback_id: int) -> int:
        """How many of `clicks` came after this event."""
        return sum(_is_click(said) for _, said in self.after(feedback_id))

    def take(self, events: Sequence[StoredFeedback]) -> int:
        """Take in new events, in order of arrival.

        Returns the id of the last event up to which everything stands as it did before.
        """
        stands = self.last_id
        self._log += events
        touched: list[int] = []
        for number in sorted(self._waiting):
            touched += self._say(number)
        for stored in events:
            if self._is_about_forgetting(stored):
                return self._start_over()
            if not stored.undone:
                touched += self._take_one(stored)
        return min([stands, *(number - 1 for number in touched)])

    def _is_about_forgetting(self, stored: StoredFeedback) -> bool:
        if stored.event.kind == "forget":
            return not stored.undone
        if stored.event.kind != "undo":
            return False
        at = bisect_left(self._log, stored.event.undoes or 0, key=lambda each: each.feedback_id)
        return self._log[at].event.kind == "forget"

    def _start_over(self) -> int:
        """Fold the whole log again, from the last "forget" that stands."""
        undone = {each.event.undoes for each in self._log if each.event.kind == "undo"}
        counts = [s for s in self._log if not s.undone and s.feedback_id not in undone]
        forgets = [s.feedback_id for s in counts if s.event.kind == "forget"]
        since = forgets[-1] if forgets else 0
        self._clear()
        self.began_after = since
        for stored in counts:
            if stored.feedback_id > since:
                self._take_one(stored)
        return 0

    def _take_one(self, stored: StoredFeedback) -> list[int]:
        """Returns the events whose judgements changed."""
        if stored.event.kind == "undo":
            return self._take_back(stored.event.undoes)
        key, number = _key(stored), stored.feedback_id
        if key is None:
            return []
        rivals = self._rivals.setdefault(key, [])
        touched = self._unsay(rivals[-1]) if rivals else []
        rivals.append(number)
        self._standing[number] = stored
        return touched + self._say(number) + self._said_wrong(stored)

    def _take_back(self, number: int | None) -> list[int]:
        stored = self._standing.pop(number or 0, None)
        if stored is None or (key := _key(stored)) is None:
            return []
        rivals, number = self._rivals[key], stored.feedback_id
        was_last = rivals[-1] == number
        rivals.remove(number)
        if not was_last:
            return []
        touched = self._unsay(number)
        if rivals:
            touched += self._say(rivals[-1])
        return touched + self._said_wrong(stored)

    def _said_wrong(self, stored: StoredFeedback) -> list[int]:
        """A reply was called wrong, or is no more: what is said of it means something else now."""
        event = stored.event
        if WRONG not in (event.flag, event.text if event.kind == "chip" else None):
            return []
        about = sorted(self._mentions.get(event.reply_id or 0, ()))
        return [number for each in about for number in self._say(each)]

    def _is_wrong(self, reply_id: int) -> bool:
        return bool(
            self._rivals.get(("chip", reply_id, WRONG))
            or self._rivals.get(("flag", reply_id, WRONG))
        )

    def _say(self, number: int) -> list[int]:
        """Let an event say what it says now; returns its id if that is anything new."""
        stored = self._standing[number]
        found = judge_event(stored, self._lookups, implicit=self._implicit)
        said = [self._marked(each) for each in found]
        if said == self._said.get(number):
            return []
        self._unsay(number)
        self._said[number] = said
        insort(self._order, number)
        self.clicks += _is_click(said)
        if self._waits(stored):
            self._waiting.add(number)
        for reply_id in _mentioned(said):
            self._mentions.setdefault(reply_id, set()).add(number)
        return [number]

    def _unsay(self, number: int) -> list[int]:
        said = self._said.pop(number, None)
        self._waiting.discard(number)
        if said is None:
            return []
        del self._order[bisect_left(self._order, number)]
        self.clicks -= _is_click(said)
        for reply_id in _mentioned(said):
            self._mentions[reply_id].discard(number)
        return [number]

    def _waits(self, stored: StoredFeedback) -> bool:
        """A rewrite whose text is not among the replies yet."""
        event = stored.event
        if event.kind != "edit" or event.reply_id is None:
            return False
        return self._lookups.rewritten(event.reply_id, event.text or "") is None

    def _marked(self, judgement: Judgement) -> Judgement:
        """With those of its replies that were called wrong."""
        if isinstance(judgement, Reason | TraitSaid | Flagged):
            return judgement
        wrong = tuple(reply_id for reply_id in judgement.reply_ids if self._is_wrong(reply_id))
        return replace(judgement, wrong=wrong)


_Key = tuple[object, ...]


def _key(stored: StoredFeedback) -> _Key | None:
    """Events with one key replace one another; None for those that never say anything."""
    event = stored.event
    match event.kind:
        case "pick" | "rank":
            return ("vote", event.comparison_id)
        case "chip":
            return ("chip", event.reply_id, event.text)
        case "flag":
            return ("flag", event.reply_id, event.flag)
        case "trait":
            return ("trait", event.trait)
        case "thumb" | "rating" | "edit" | "copy" | "regenerate":
            return (event.kind, event.reply_id)
    return None


def _is_click(said: Sequence[Judgement]) -> bool:
    return any(not isinstance(judgement, Flagged) for judgement in said)


def _mentioned(said: Sequence[Judgement]) -> set[int]:
    """The replies whose being wrong would change what is said."""
    judged = [j for j in said if not isinstance(j, Reason | TraitSaid | Flagged)]
    return {reply_id for judgement in judged for reply_id in judgement.reply_ids}
