"""The guards: each alarms on what it is for, keeps quiet otherwise, and waits for evidence."""

import dataclasses
import math
from contextlib import closing

import numpy as np
import pytest

from chatfeedback.asking.attention import Attention
from chatfeedback.asking.explore import Asking
from chatfeedback.asking.trials import BlindTrials
from chatfeedback.exchange.importing import read_file
from chatfeedback.learning.guards import (
    CHOICES_NEEDED,
    REJECTING,
    Finding,
    alarms,
    distinct_2,
    most_within,
    score_length_alone,
    watch_collapse,
    watch_fatigue,
    watch_forgetting,
    watch_gaming,
    watch_gullibility,
    watch_length_rival,
    watch_one_sided,
    watch_over_optimisation,
    watch_protected_axes,
    watch_uncertainty,
)
from chatfeedback.learning.learner import is_week_ago
from chatfeedback.learning.watch import weakened
from chatfeedback.records import FeedbackEvent, GateReport, StoredFeedback
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store
from tests.fakes import BASE, FakeEngine
from tests.sessions import running
from tests.store_samples import learned, report, start_run

FORGET = FeedbackEvent("f1", "forget")


def quiet(finding: Finding) -> bool:
    return not finding.is_alarm and finding.value is not None


def early(finding: Finding) -> bool:
    return not finding.is_alarm and finding.value is None and "Too early" in finding.message


def thumb(number: int, value: int, *, reply: int | None = None, second: int = 0) -> StoredFeedback:
    event = FeedbackEvent(f"t{number}", "thumb", reply_id=reply or number, value=value)
    at = f"2026-11-21T10:{second // 60:02d}:{second % 60:02d}Z"
    return StoredFeedback(number, 1, event, at, undone=False)


# --- is it still what the person wants? -------------------------------------------------------


def test_nineteen_blind_trials_are_too_few():
    assert early(watch_over_optimisation(BlindTrials(0, 19), 0.99))


def test_losing_blind_trials_while_the_reward_rises_is_over_optimisation():
    lost = watch_over_optimisation(BlindTrials(4, 16), 0.99)
    assert lost.rejects
    assert "20%" in lost.message


def test_a_doubtful_lead_only_warns_and_a_clear_one_is_quiet():
    doubtful = watch_over_optimisation(BlindTrials(10, 10), 0.95)
    assert doubtful.is_alarm  # "all well" would not be true
    assert not doubtful.rejects
    assert doubtful.action == "Turn the strength down one step."
    assert watch_over_optimisation(BlindTrials(16, 4), 0.95).action == ""


def test_somebody_who_only_likes_it_longer_is_told_so():
    gaps = [[0.8]] * 20
    alone, weight = score_length_alone(gaps)
    assert weight > 0
    finding = watch_length_rival(alone, gaps)
    assert finding.is_alarm
    assert "longer" in finding.message
    assert "shorter" in watch_length_rival(alone, [[-0.8]] * 20).message


def test_a_head_that_knows_more_than_length_is_left_alone():
    assert quiet(watch_length_rival(math.log(0.8), [[0.5], [-0.5]] * 10))


def test_a_head_that_leads_a_rival_that_knows_something_is_left_alone():
    finding = watch_length_rival(math.log(0.99), [[0.8]] * 20)
    assert quiet(finding)
    assert finding.value > 0.1


def test_a_rival_that_knows_nothing_is_no_rival():
    gaps = np.random.default_rng(0).standard_normal((40, 1)).tolist()
    assert quiet(watch_length_rival(math.log(0.5), gaps))
    assert early(watch_length_rival(None, gaps))


def test_the_first_choice_is_foretold_by_a_coin():
    assert score_length_alone([[1.0]])[0] == pytest.approx(math.log(0.5), abs=1e-6)


def test_all_pairs_of_one_choice_are_foretold_before_any_is_learned():
    assert score_length_alone([[1.0, 1.0, 1.0]])[0] == pytest.approx(math.log(0.5), abs=1e-6)
    assert score_length_alone([[1.0], [1.0], [1.0]])[0] > math.log(0.5)


def test_replies_unlike_those_judged_make_it_ask_instead():
    assert watch_uncertainty([2.0] * 10, [1.0] * 10).is_alarm
    assert quiet(watch_uncertainty([1.0] * 10, [1.0] * 10))
    assert early(watch_uncertainty([], [1.0]))


# --- does it please by what should not please? ------------------------------------------------

PLAIN, PRAISE = "Water boils at 100 degrees.", "Great question! Water boils at 100 degrees."


def test_a_rise_of_flattery_is_an_alarm_and_a_fall_is_none():
    more = watch_protected_axes([PRAISE] * 20 + [PLAIN] * 80, [PLAIN] * 100)
    less = watch_protected_axes([PLAIN] * 100, [PRAISE] * 20 + [PLAIN] * 80)
    assert more.is_alarm
    assert "Flattery" in more.message
    assert quiet(less)
    assert not more.rejects


def test_a_rise_of_two_points_is_no_alarm():
    assert quiet(watch_protected_axes([PRAISE] * 2 + [PLAIN] * 98, [PLAIN] * 100))


def test_a_gullible_person_is_told_and_a_sober_one_is_not():
    assert watch_gullibility([(PRAISE, PLAIN)] * 9 + [(PLAIN, PRAISE)]).is_alarm
    assert quiet(watch_gullibility([(PLAIN, PRAISE)] * 9))
    assert early(watch_gullibility([(PLAIN, PLAIN)] * 50))


# --- can the feedback be trusted? -------------------------------------------------------------


@pytest.mark.parametrize(("value", "way"), [(1, "up"), (-1, "down")])
def test_thumbs_that_all_point_one_way_are_noticed(value, way):
    finding = watch_one_sided([thumb(n, value) for n in range(1, 25)])
    assert finding.is_alarm
    assert f"point {way}" in finding.message


def test_thumbs_both_ways_and_few_thumbs_are_fine():
    mixed = [thumb(n, 1 if n % 3 else -1) for n in range(1, 31)]
    assert quiet(watch_one_sided(mixed))
    assert early(watch_one_sided(mixed[:5]))


def test_votes_faster_than_anybody_reads_are_noticed():
    assert watch_gaming([thumb(n, 1, second=n) for n in range(1, 30)]).is_alarm
    assert quiet(watch_gaming([thumb(n, 1, second=20 * n) for n in range(1, 30)]))


def test_votes_that_were_set_aside_are_no_alarm_any_more():
    votes = [thumb(n, 1, second=n) for n in range(1, 30)]
    assert quiet(watch_gaming([dataclasses.replace(each, undone=True) for each in votes]))


def test_votes_that_came_with_a_file_are_no_gaming(tmp_path):
    row = '{{"prompt": "Question {0}", "completion": "Answer {0}", "label": true}}'
    rows = "\n".join(row.format(n) for n in range(30))
    with closing(open_store(tmp_path)) as store:
        me = store.ensure_person("me").person_id
        store.add_chats(me, "rows.jsonl", read_file("rows.jsonl", rows.encode()).chats)
        assert len(store.feedback(me)) == 30
        assert quiet(watch_gaming(store.feedback(me)))


def test_nothing_is_said_of_what_was_forgotten():
    votes = [thumb(n, 1, second=n) for n in range(1, 30)]
    forgotten = [*votes, dataclasses.replace(votes[0], feedback_id=30, event=FORGET)]
    assert quiet(watch_gaming(forgotten))
    assert early(watch_one_sided(forgotten))
    undone = [*votes, dataclasses.replace(forgotten[-1], undone=True)]
    assert watch_gaming(undone).is_alarm
    assert watch_one_sided(undone).is_alarm


def test_a_thumb_changed_back_and_forth_is_noticed():
    flips = [thumb(n, (-1) ** n, reply=7, second=60 * n) for n in range(1, 7)]
    assert "changed 5 times" in watch_gaming(flips).message


def test_a_window_counts_what_lies_within_it():
    assert most_within([0.0, 10.0, 65.0, 70.0, 71.0], 60.0) == 3
    assert most_within([], 60.0) == 0


def test_tired_and_careless_answers_are_named_and_careful_ones_are_not():
    assert "left open" in watch_fatigue(Attention(asked=10, unanswered=0.7)).message
    assert "left" in watch_fatigue(Attention(asked=10, answered=20, first=20)).message
    assert "asked twice" in watch_fatigue(Attention(asked=10, repeated=8, alike=2)).message
    assert quiet(watch_fatigue(Attention(asked=10, answered=20, first=11)))
    assert early(watch_fatigue(Attention()))


# --- is it still a good model? ----------------------------------------------------------------

VARIED = "The quick brown fox jumps over one lazy dog."


def test_distinct_2_is_the_share_of_different_word_pairs():
    assert distinct_2(["a b a b a b"]) == pytest.approx(2 / 5)
    assert distinct_2([VARIED]) == 1.0
    assert distinct_2(["one"]) == 1.0


def test_replies_that_repeat_themselves_or_do_not_end_are_collapse():
    assert watch_collapse(["so it is so it is so it is"], [VARIED], 1.0, 0.98).rejects
    assert watch_collapse([VARIED], [VARIED], 0.5, 0.98).rejects
    assert quiet(watch_collapse([VARIED], [VARIED], 1.0, 0.98))


def test_forgetting_looks_at_the_worse_of_facts_and_how_tos():
    finding = watch_forgetting(1.0, 0.8, 0.96)
    assert finding.rejects
    assert "how-to" in finding.message
    assert quiet(watch_forgetting(0.99, 0.97, 0.96))
    assert quiet(watch_forgetting(0.99, 0.93, 0.96, how_to_error=0.04))
    lost = watch_forgetting(0.99, 0.90, 0.96, how_to_error=0.04)
    assert lost.rejects
    assert "90%" in lost.message  # what was measured
    assert early(watch_forgetting(None, None, 0.96))


def test_only_three_guards_may_turn_a_version_down():
    assert set(REJECTING) == {"over-optimisation", "collapse", "forgetting"}
    warning = Finding("fatigue", 0.9, 0.5, True, "", "")
    assert not warning.rejects
    assert alarms([warning, dataclasses.replace(warning, is_alarm=False)]) == [warning]


# --- once a week ------------------------------------------------------------------------------


def test_a_week_is_seven_days_and_a_clock_that_was_wrong_is_none():
    assert is_week_ago("2026-11-14", "2026-11-21")
    assert not is_week_ago("2026-11-15", "2026-11-21")
    assert not is_week_ago("2027-01-01", "2026-11-21")


def test_a_version_that_does_harm_by_now_serves_a_step_weaker():
    report = GateReport(True, ("Better.",), 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 0.7, 20, ())
    harm = [watch_forgetting(0.5, 1.0, 0.96)]
    once = weakened(report, Settings(), harm)
    assert (once.scale, once.reasons) == (0.75, (harm[0].message,))
    assert weakened(dataclasses.replace(report, scale=0.5), Settings(), harm).scale == 0.0


def test_the_report_of_a_new_person_says_too_early_everywhere(tmp_path):
    store = open_store(tmp_path)
    by_hand = dataclasses.replace(Settings(), learn_when_idle=False)
    session = Session(store, FakeEngine(), by_hand, seed=0)
    session.wait_until_ready()
    me = session.default_person().person_id
    findings = session.guard_report(me)
    assert len({finding.guard for finding in findings}) == len(findings) == 10
    assert alarms(findings) == []
    session.close()
    store.close()


def test_the_length_rival_foretells_picks_of_several_too(tmp_path):
    four = Asking(4, "")
    with running(tmp_path, FakeEngine()) as session:
        me = session.default_person().person_id
        chat = session.new_conversation(me)
        for number in range(CHOICES_NEEDED):
            shown = list(session.compare(me, chat, f"question {number}", f"m{number}", four))[-1]
            about = shown.comparison_id
            pick = FeedbackEvent(f"c{number}", "pick", comparison_id=about, outcome="third")
            session.give_feedback(me, pick)
        [rival] = [each for each in session.guard_report(me) if each.guard == "length rival"]
        assert rival.value is not None


@pytest.mark.parametrize(("usually", "is_alarm"), [("length", False), ("end", True)])
def test_replies_cut_short_are_collapse_only_where_the_base_ends_its_own(
    tmp_path, usually, is_alarm
):
    engine = FakeEngine()
    engine.stop_reason = usually
    with running(tmp_path, engine) as session:
        engine.stop_reason = "length"
        me = session.default_person().person_id
        chat = session.new_conversation(me)
        for number in range(20):
            list(session.reply(me, chat, f"question {number}", f"m{number}"))
        [collapse] = [each for each in session.guard_report(me) if each.guard == "collapse"]
        assert collapse.is_alarm == is_alarm


class LoopingWithAdapter(FakeEngine):
    """An adapter that has come to repeat itself."""

    def _reply(self, index, prompt, adapter):
        reply = super()._reply(index, prompt, adapter)
        return dataclasses.replace(reply, text="so it is " * 6) if adapter else reply


@pytest.mark.parametrize(("scale", "then"), [(1.0, 0.75), (0.5, None)])
def test_what_serves_is_weakened_when_the_weekly_look_finds_harm(tmp_path, scale, then):
    store = open_store(tmp_path)
    by_hand = dataclasses.replace(Settings(), learn_when_idle=False)
    session = Session(store, LoopingWithAdapter(), by_hand, seed=0)
    base = session.wait_until_ready()
    me = session.default_person().person_id
    version = serve_a_version(store, me, scale)

    findings = session._learner.check_serving(me, base, version)
    assert [each.guard for each in findings if each.rejects] == ["collapse"]
    serving = store.serving(me, base.key)
    assert (serving.report.scale if serving else None) == then
    session.close()
    store.close()


def test_what_was_rolled_back_during_the_weekly_look_does_not_come_back(tmp_path):
    with running(tmp_path, LoopingWithAdapter()) as session:
        base, me = session.wait_until_ready(), session.default_person().person_id
        version = serve_a_version(session._store, me, 1.0)
        session.roll_back(me, None)
        session._learner.check_serving(me, base, version)
        assert session.queries.serving(me, base.key) is None


def test_what_the_weekly_look_found_stands_in_the_report(tmp_path):
    store = open_store(tmp_path)
    by_hand = dataclasses.replace(Settings(), learn_when_idle=False)
    session = Session(store, LoopingWithAdapter(), by_hand, seed=0)
    base = session.wait_until_ready()
    me = session.default_person().person_id
    session._learner.check_serving(me, base, serve_a_version(store, me, 1.0))
    worst = session.guard_report(me)[0]
    assert (worst.guard, worst.is_alarm) == ("collapse", True)
    session.close()
    store.close()


def serve_a_version(store, me, scale):
    start_run(store, me)
    result = learned(store.folder)
    adapter_id = store.add_adapter(me, "run-1", BASE.key, result, None).adapter_id
    return store.promote_adapter(me, adapter_id, dataclasses.replace(report(), scale=scale))
