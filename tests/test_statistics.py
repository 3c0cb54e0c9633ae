"""What a log of feedback looks like: counted, weighed, and compared with itself."""

from __future__ import annotations

import itertools

import pytest

from chatfeedback.records import Comparison, FeedbackEvent, StoredFeedback
from chatfeedback.statistics import chance_of, count_feedback

_ids = itertools.count(1)


def said(kind: str, **fields: object) -> StoredFeedback:
    number = next(_ids)
    event = FeedbackEvent(f"client-{number}", kind, **fields)  # type: ignore[arg-type]
    return StoredFeedback(number, 1, event, "2026-11-21T09:00:00+00:00", undone=False)


def thumb(reply_id: int, value: int) -> StoredFeedback:
    return said("thumb", reply_id=reply_id, value=value)


def vote(comparison_id: int, outcome: str) -> StoredFeedback:
    return said("pick", comparison_id=comparison_id, outcome=outcome)


def two(comparison_id: int, why: str = "they differ") -> Comparison:
    return Comparison(comparison_id, 1, (2 * comparison_id, 2 * comparison_id + 1), why)


def test_what_was_replaced_undone_or_forgotten_is_not_counted() -> None:
    first, second = thumb(1, 1), thumb(1, -1)
    gone = thumb(2, 1)
    log = [thumb(9, 1), said("forget"), first, second, gone, said("undo", undoes=gone.feedback_id)]
    found = count_feedback(log, [])
    assert (found.total, found.likes, found.dislikes) == (1, 0, 1)
    assert found.consistency.changed == 1


def test_choices_are_counted_by_outcome_and_side() -> None:
    log = [vote(1, "first"), vote(2, "second"), vote(3, "tie"), vote(4, "first")]
    found = count_feedback(log, [two(1), two(2), two(3), two(4, why="imported")])
    assert (found.choices, found.ties, found.left, found.right) == (3, 1, 1, 1)


def test_thumbs_that_contradict_a_vote_are_noticed() -> None:
    shown = [two(1), two(2)]
    log = [vote(1, "first"), thumb(2, 1), thumb(3, -1), vote(2, "first"), thumb(4, -1), thumb(5, 1)]
    found = count_feedback(log, shown).consistency
    assert (found.repeated, found.agreeing, found.share) == (2, 1, 0.5)


@pytest.mark.parametrize(
    ("log", "warning"),
    [
        ([thumb(at, 1) for at in range(12)], "12 of your 12 thumbs are likes"),
        ([thumb(at, -1) for at in range(12)], "dislikes"),
        ([vote(at, "second") for at in range(1, 13)], "on the right in 12 of 12"),
        ([vote(at, "tie") for at in range(1, 13)], "ended without a winner"),
    ],
)
def test_one_sided_habits_are_told_in_plain_words(log, warning) -> None:
    found = count_feedback(log, [two(at) for at in range(1, 13)])
    assert any(warning in each for each in found.warnings)


def test_balanced_feedback_raises_no_warning() -> None:
    log = [thumb(100 + at, 1 if at % 2 else -1) for at in range(20)]
    log += [vote(at, "first" if at % 2 else "second") for at in range(1, 21)]
    assert count_feedback(log, [two(at) for at in range(1, 21)]).warnings == ()


def test_the_chance_of_a_one_sided_coin() -> None:
    assert chance_of(10, 10) == 2 / 2**10
    assert chance_of(5, 10) == 1.0
