"""What a person's feedback looks like from outside: how much, how balanced, how consistent.

Plain counting over the reactions that stand; the reward model has no part in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb

from chatfeedback.records import IMPORTED, Comparison, FeedbackEvent, StoredFeedback
from chatfeedback.taste.preferences import PLACES

ENOUGH = 10
"""Reactions of a sort before anything is said about their balance."""

ONE_SIDED = 0.9
UNLIKELY = 0.01
"""How rarely chance alone may do this before it is called a habit."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Consistency:
    """Statements "this answer is better than that one" that were made more than once.

    repeated: pairs of answers that several reactions speak of; agreeing: those where all say the
    same. changed: reactions that a later one turned round.
    """

    repeated: int
    agreeing: int
    changed: int

    @property
    def share(self) -> float | None:
        """Share of repeated statements that agree; None without any."""
        return self.agreeing / self.repeated if self.repeated else None


@dataclass(frozen=True)
class Statistics:
    """Counts of what stands, and what is odd about them, in whole sentences."""

    total: int
    kinds: Mapping[str, int]
    likes: int
    dislikes: int
    stars: tuple[int, int, int, int, int]
    choices: int
    ties: int
    both_bad: int
    left: int  # choices between two shown here, where the one on the left won
    right: int
    reasons: Mapping[str, int]
    consistency: Consistency
    warnings: tuple[str, ...]


def count_feedback(
    events: Sequence[StoredFeedback], comparisons: Sequence[Comparison]
) -> Statistics:
    """Statistics of a whole log, in order of arrival; what does not count is left out."""
    shown = {each.comparison_id: each for each in comparisons}
    standing = standing_events(events)
    said = last_words(standing)
    thumbs = Counter(each.value for each in said if each.kind == "thumb")
    stars = Counter(each.value for each in said if each.kind == "rating")
    picks = [each for each in said if each.kind == "pick"]
    outcomes: Counter[str | None] = Counter(each.outcome for each in picks)
    sides: Counter[str | None] = Counter(
        each.outcome for each in picks if is_two_sided(shown.get(each.comparison_id or 0))
    )
    ranked = sum(1 for each in said if each.kind == "rank")
    choices = ranked + sum(outcomes[place] for place in PLACES)
    found = Statistics(
        total=len(said),
        kinds=Counter(each.kind for each in said),
        likes=thumbs[1],
        dislikes=thumbs[-1],
        stars=(stars[1], stars[2], stars[3], stars[4], stars[5]),
        choices=choices,
        ties=outcomes["tie"],
        both_bad=outcomes["both_bad"],
        left=sides["first"],
        right=sides["second"],
        reasons=Counter(each.text for each in said if each.kind == "chip" and each.text),
        consistency=measure_consistency(standing, said, shown),
        warnings=(),
    )
    return Statistics(**vars(found) | {"warnings": tuple(warn(found))})


def standing_events(events: Sequence[StoredFeedback]) -> list[FeedbackEvent]:
    """Events that count: not undone, not set aside, not before the last "forget me"."""
    undone = {each.event.undoes for each in events if each.event.kind == "undo"}
    counts = [
        each.event
        for each in events
        if not each.undone and each.feedback_id not in undone and each.event.kind != "undo"
    ]
    forgets = [at for at, event in enumerate(counts) if event.kind == "forget"]
    return counts[forgets[-1] + 1 :] if forgets else counts


def last_words(events: Sequence[FeedbackEvent]) -> list[FeedbackEvent]:
    """Without events that a later one on the same thing replaces, and thumbs taken back."""
    last: dict[tuple[object, ...], FeedbackEvent] = {}
    for event in events:
        last[about(event)] = event
    return [each for each in last.values() if not (each.kind == "thumb" and each.value == 0)]


def about(event: FeedbackEvent) -> tuple[object, ...]:
    """What an event speaks of; a later event about the same replaces it."""
    if event.kind in ("pick", "rank"):
        return "vote", event.comparison_id
    if event.kind in ("thumb", "rating", "edit"):
        return event.kind, event.reply_id
    if event.kind == "chip":
        return event.kind, event.reply_id, event.text
    return ("trait", event.trait) if event.kind == "trait" else (event.client_id,)


def is_two_sided(comparison: Comparison | None) -> bool:
    """Whether two answers stood side by side here, so that left and right mean something."""
    return comparison is not None and len(comparison.reply_ids) == 2 and comparison.why != IMPORTED


# --- consistency ---------------------------------------------------------------------------------


def measure_consistency(
    standing: Sequence[FeedbackEvent],
    said: Sequence[FeedbackEvent],
    shown: Mapping[int, Comparison],
) -> Consistency:
    """Which statements are made twice, and whether they agree."""
    statements: dict[Pair, set[bool]] = {}
    times: Counter[Pair] = Counter()
    for better, worse in statements_of(said, shown):
        pair = (min(better, worse), max(better, worse))
        statements.setdefault(pair, set()).add(better < worse)
        times[pair] += 1
    repeated = [pair for pair, n in times.items() if n > 1]
    return Consistency(
        repeated=len(repeated),
        agreeing=sum(len(statements[pair]) == 1 for pair in repeated),
        changed=count_changes(standing),
    )


def statements_of(said: Sequence[FeedbackEvent], shown: Mapping[int, Comparison]) -> Iterator[Pair]:
    """(better reply, worse reply), once for each reaction that says so.

    Thumbs and stars speak of the pairs that were also voted on: a liked answer against a disliked
    one, more stars against fewer.
    """
    grades: dict[str, dict[int, int]] = {"thumb": {}, "rating": {}}
    voted: set[Pair] = set()
    for event in said:
        for better, worse in voted_pairs(event, shown):
            voted.add((min(better, worse), max(better, worse)))
            yield better, worse
        if event.kind in grades and event.reply_id is not None and event.value is not None:
            grades[event.kind][event.reply_id] = event.value
    for first, second in voted:
        for grade in grades.values():
            gap = grade.get(first, 0) - grade.get(second, 0)
            if first in grade and second in grade and gap:
                yield (first, second) if gap > 0 else (second, first)


def voted_pairs(event: FeedbackEvent, shown: Mapping[int, Comparison]) -> list[Pair]:
    """What one vote says of the replies it was about."""
    comparison = shown.get(event.comparison_id or 0)
    if comparison is None:
        return []
    replies = comparison.reply_ids
    if event.kind == "pick" and event.outcome in PLACES:
        best = replies[PLACES.index(event.outcome)]
        return [(best, each) for each in replies if each != best]
    if event.kind == "rank" and event.order:
        left = [each for each in replies if each not in event.order]
        return [
            (better, worse)
            for place, better in enumerate(event.order)
            for worse in (*event.order[place + 1 :], *left)
        ]
    return []


def count_changes(standing: Sequence[FeedbackEvent]) -> int:
    """Thumbs and votes that a later one turned round."""
    last: dict[tuple[object, ...], object] = {}
    changes = 0
    for event in standing:
        if event.kind not in ("thumb", "pick", "rank") or event.value == 0:
            continue
        now = event.value or event.outcome or event.order
        changes += last.get(about(event), now) != now
        last[about(event)] = now
    return changes


# --- what is odd ---------------------------------------------------------------------------------


def warn(found: Statistics) -> Iterator[str]:
    """Habits that teach less than they could, or something that is not meant."""
    thumbs = found.likes + found.dislikes
    if thumbs >= ENOUGH and max(found.likes, found.dislikes) >= ONE_SIDED * thumbs:
        mostly, rare = ("likes", "dislike") if found.likes >= found.dislikes else (
            "dislikes", "like"
        )  # fmt: skip
        yield (
            f"{max(found.likes, found.dislikes)} of your {thumbs} thumbs are {mostly}. From one "
            f"side alone it cannot tell what makes the difference: {rare} an answer now and then."
        )
    sided = found.left + found.right
    if sided >= ENOUGH and chance_of(max(found.left, found.right), sided) < UNLIKELY:
        side = "left" if found.left > found.right else "right"
        yield (
            f"You chose the answer on the {side} in {max(found.left, found.right)} of {sided} "
            "comparisons. Which side an answer is on is chance, so this may be habit rather than "
            "taste. Read both before you choose."
        )
    votes = found.choices + found.ties + found.both_bad
    if votes >= ENOUGH and found.ties + found.both_bad > 0.6 * votes:
        yield (
            f"{found.ties + found.both_bad} of your {votes} comparisons ended without a winner. "
            "A small preference teaches more than none: choose the one you would rather keep."
        )
    share = found.consistency.share
    if share is not None and found.consistency.repeated >= 5 and share < 0.7:
        yield (
            f"Where you judged the same two answers more than once, you agreed with yourself in "
            f"{found.consistency.agreeing} of {found.consistency.repeated} cases. It then learns "
            "slowly: look through your choices and correct what was a slip."
        )


def chance_of(more: int, n: int) -> float:
    """P that one side of a fair coin comes up at least `more` of n times, whichever side."""
    return min(1.0, float(2 * sum(comb(n, k) for k in range(more, n + 1)) / 2**n))
