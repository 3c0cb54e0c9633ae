"""Folding a growing log: the same as folding all of it, and what still stands is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_preferences import Log

from chatfeedback.records import StoredFeedback
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.fold import Judgements, judge
from chatfeedback.taste.preferences import WRONG, Better, Flagged, Judgement, judge_event

GESTURES = ("pick", "rank", "thumb", "rating", "edit", "chip", "trait", "flag", "comment", "undo")


def fold_slowly(log: Log) -> list[Judgement]:
    """What the log says, straight from the rules: a specification, not a program."""
    undone = {stored.event.undoes for stored in log.events}
    counts = [s for s in log.events if s.feedback_id not in undone and s.event.kind != "undo"]
    for stored in list(counts):
        if stored.event.kind == "forget":
            counts = [s for s in counts if s.feedback_id > stored.feedback_id]
    wrong = {s.event.reply_id for s in counts if WRONG in (s.event.flag, s.event.text)}
    last = {replaces(stored): stored for stored in counts}
    said = [each for s in last.values() for each in judge_event(s, log)]
    marked = [
        replace(j, wrong=tuple(r for r in j.reply_ids if r in wrong)) if hasattr(j, "wrong") else j
        for j in said
    ]
    return sorted(marked, key=lambda judgement: judgement.feedback_id)


def replaces(stored: StoredFeedback) -> tuple[object, ...]:
    event = stored.event
    kind = "vote" if event.kind in ("pick", "rank") else event.kind
    text = event.text if event.kind == "chip" else None
    return kind, event.reply_id, event.comparison_id, text, event.trait, event.flag


def say_anything(log: Log, rng: np.random.Generator) -> None:
    """One random gesture."""
    reply_id, kind = int(rng.integers(1, 9)), str(rng.choice(GESTURES, p=[0.18] + [0.82 / 9] * 9))
    match kind:
        case "pick":
            outcome = str(rng.choice(["first", "second", "tie", "both_bad"]))
            log.say("pick", comparison_id=int(rng.integers(1, 4)), outcome=outcome)
        case "rank":
            shown = log.comparisons[int(rng.integers(1, 4))]
            order = tuple(int(each) for each in rng.permutation(shown.reply_ids))
            log.say("rank", comparison_id=shown.comparison_id, order=order)
        case "thumb":
            log.say("thumb", reply_id=reply_id, value=int(rng.integers(-1, 2)))
        case "rating":
            log.say("rating", reply_id=reply_id, value=int(rng.integers(1, 6)))
        case "edit":
            text = f"Rewritten in the way number {rng.integers(5)}."
            if rng.random() < 0.5:
                log.edit(reply_id, text)
            else:
                log.say("edit", reply_id=reply_id, text=text)  # perhaps not stored yet
        case "chip":
            log.say("chip", reply_id=reply_id, text=str(rng.choice([WRONG, "too long", "?"])))
        case "trait":
            trait = STYLE_MEASURES[int(rng.integers(3))]
            log.say("trait", trait=trait, value=int(rng.integers(-1, 2)))
        case "flag":
            log.say("flag", reply_id=reply_id, flag=str(rng.choice([WRONG, "harmful"])))
        case "comment":
            log.say("comment", reply_id=reply_id, text="Hm.")
        case "undo":
            undone = {stored.event.undoes for stored in log.events}
            takes = [
                s.feedback_id
                for s in log.events
                if s.event.kind != "undo" and s.feedback_id not in undone
            ]
            if takes:
                log.say("undo", undoes=int(rng.choice(takes)))
    if rng.random() < 0.02:
        log.say("forget")


@pytest.mark.parametrize("seed", range(12))
def test_folding_click_by_click_equals_folding_the_whole_log(seed):
    rng, log = np.random.default_rng(seed), Log()
    folded, taken = Judgements(log), 0
    for _ in range(120):
        say_anything(log, rng)
        before = folded.all()
        stands = folded.take(log.events[taken:])
        taken = len(log.events)

        assert folded.all() == fold_slowly(log)
        assert up_to(before, stands) == up_to(folded.all(), stands)
        assert folded.clicks == len(clicks(folded.all()))
    assert judge(log.events, log) == folded.all()


def up_to(judgements: list[Judgement], feedback_id: int) -> list[Judgement]:
    return [judgement for judgement in judgements if judgement.feedback_id <= feedback_id]


def clicks(judgements: list[Judgement]) -> set[int]:
    return {j.feedback_id for j in judgements if not isinstance(j, Flagged)}


def test_a_new_event_lets_all_earlier_ones_stand():
    log = Log()
    log.say("pick", comparison_id=1, outcome="first")
    folded = Judgements(log)
    folded.take(log.events)
    log.say("thumb", reply_id=3, value=1)

    assert folded.take(log.events[1:]) == 1


def test_an_undo_a_changed_thumb_and_wrong_reach_back():
    log = Log()
    log.say("pick", comparison_id=2, outcome="first")
    log.say("thumb", reply_id=1, value=-1)
    folded = Judgements(log)
    folded.take(log.events)
    log.say("thumb", reply_id=1, value=1)
    assert folded.take(log.events[2:]) == 1
    log.say("chip", reply_id=3, text=WRONG)
    assert folded.take(log.events[3:]) == 0
    log.say("undo", undoes=1)
    assert folded.take(log.events[4:]) == 0


def test_a_log_read_after_an_undo_says_the_same():
    log = Log()
    log.say("undo", undoes=log.say("pick", comparison_id=1, outcome="first"))
    log.events[0] = replace(log.events[0], undone=True)

    assert judge(log.events, log) == []


def test_a_rewrite_counts_as_soon_as_its_text_is_stored():
    log = Log()
    log.say("edit", reply_id=1, text="Something else entirely.")
    folded = Judgements(log)
    folded.take(log.events)
    assert folded.all() == []

    log.edit(1, "Something else entirely.")
    log.events.pop()
    assert folded.take([]) == 0
    assert [type(each) for each in folded.all()] == [Better]
