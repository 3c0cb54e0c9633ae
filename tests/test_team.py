"""Acting together: one more person, who knows what the others like alike and takes no side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from chatfeedback.errors import InputRefused
from chatfeedback.household import Household
from chatfeedback.learning.calibration import PoolPrompt, PoolReply
from chatfeedback.learning.dataset import label_pairs
from chatfeedback.learning.team import alike_in_disputed, members_pairs
from chatfeedback.records import FeedbackEvent, LearnRequest, PreferencePair, ReplyProgress
from chatfeedback.rules.flags import FLAG_WEIGHT
from chatfeedback.rules.principles import NO_RULES, count
from chatfeedback.session import Session
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.preferences import training_pairs
from chatfeedback.taste.taste import Taste
from tests.fakes import BASE, FakeEngine, features_of
from tests.sessions import BY_HAND, running
from ui.taste import VIEW
from ui.versions import show_clicks

LENIENT = dataclasses.replace(BY_HAND, min_better_probability=0.0, min_not_worse_probability=0.0)
ENOUGH = 12  # reactions of somebody who is heard
WORDS, EMOJI = (STYLE_MEASURES.index(name) for name in ("log_words", "emoji"))


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def session(tmp_path: Path, engine: FakeEngine) -> Iterator[Session]:
    with running(tmp_path, engine, LENIENT) as session:
        session.default_person()
        yield session


def say_about(session: Session, person_id: int, **traits: int) -> None:
    """Somebody says of themselves what they want more (1) or less (-1) of."""
    for name, value in traits.items():
        said = FeedbackEvent(f"{name}-{value}", "trait", trait=name, value=value)
        session.give_feedback(person_id, said)


def choose(session: Session, person_id: int, times: int = ENOUGH) -> None:
    """Somebody compares, and always likes the first answer better."""
    begun = len(session.queries.feedback(person_id))
    for number in range(begun, begun + times):
        chat = session.new_conversation(person_id)
        shown = list(session.compare(person_id, chat, f"question {number}", f"m{number}"))[-1]
        pick = FeedbackEvent(
            f"c{number}", "pick", comparison_id=shown.comparison_id, outcome="first"
        )
        session.give_feedback(person_id, pick)


@pytest.fixture
def two(session: Session) -> tuple[int, int]:
    """You and Ada: both want emoji, you want it long, she wants it short."""
    you, ada = session.default_person().person_id, session.add_person("Ada").person_id
    for person_id, length in ((you, 1), (ada, -1)):
        choose(session, person_id)
        say_about(session, person_id, log_words=length, emoji=1)
    return you, ada


# --- who it is ---------------------------------------------------------------------------------


def test_acting_together_takes_two_people(session):
    with pytest.raises(InputRefused, match="there is You alone"):
        session.act_together()


def test_the_team_is_made_once_and_stands_among_the_people(session):
    session.add_person("Ada")
    team = session.act_together()
    session.switch_person(1)
    assert session.act_together() == team == session.default_person() == session.team()
    assert [each.name for each in session.queries.people()] == ["You", "Ada", "Everyone"]


def test_a_name_that_somebody_has_is_not_taken_from_them(session):
    everyone = session.add_person("everyone")
    assert session.act_together().name == "Everyone together"
    assert session.team() != everyone


def test_the_team_is_nobodys_other_person(session, two):
    """It counts as no person of its own, and what it says does not come back to its people."""
    before = session.shared_taste().shares
    team = session.act_together().person_id
    choose(session, team)
    assert session.shared_taste().shares == before == {two[0]: 0.5, two[1]: 0.5}
    store = session.queries
    assert [each.person_id for each in Household(store).members()] == list(two)


# --- what it knows -----------------------------------------------------------------------------


def test_the_team_likes_what_all_like_and_takes_no_side_where_they_differ(session, two):
    team = session.taste(session.act_together().person_id)
    assert team.model.weights[EMOJI] > 0.3
    assert team.model.weights[WORDS] == 0.0
    assert team.clicks == 0
    assert team.clicks_heard == 2 * (ENOUGH + 2)


def test_what_is_said_together_comes_on_top(session, two):
    team = session.act_together().person_id
    say_about(session, team, log_words=-1)
    assert session.taste(team).model.weights[WORDS] < 0
    assert session.taste(two[0]).model.weights[WORDS] > 0


def test_who_said_little_is_not_heard_and_one_alone_does_not_speak_for_all(session):
    you = session.default_person().person_id
    choose(session, you)
    say_about(session, you, emoji=1)
    session.add_person("Ada")
    team = session.taste(session.act_together().person_id)
    assert team.clicks_heard == 0
    assert not team.model.weights.any()


def test_what_a_member_says_later_counts_when_they_act_together_again(session, two):
    team = session.act_together().person_id
    before = session.taste(team).model.weights[EMOJI]
    session.switch_person(two[0])
    say_about(session, two[0], emoji=-1)
    session.switch_person(team)
    assert session.taste(team).model.weights[EMOJI] < before


def test_somebody_new_is_one_of_them_at_once(session, two):
    team = session.act_together().person_id
    bo = session.add_person("Bo").person_id
    assert [each.person_id for each in session.taste(team).members] == [*two, bo]


def test_a_member_who_has_all_forgotten_is_heard_no_more(session, two):
    team = session.act_together().person_id
    session.give_feedback(two[1], FeedbackEvent("forget-it", "forget"))
    assert session.taste(team).heard == ()
    assert not session.taste(team).model.weights.any()


def test_what_the_team_has_forgotten_is_its_own_words_alone(session, two):
    team = session.act_together().person_id
    say_about(session, team, log_words=-1)
    session.give_feedback(team, FeedbackEvent("forget-it", "forget"))
    assert session.taste(team).model.weights[WORDS] == 0.0
    assert session.taste(team).clicks_heard == 2 * (ENOUGH + 2)
    assert session.taste(two[0]).clicks == ENOUGH + 2


def test_the_best_of_several_is_drawn_from_the_first_message_on(session, two):
    team = session.act_together().person_id
    assert session.taste(team).helps_to_choose()


# --- what must be kept ---------------------------------------------------------------------------


def test_everybodys_principles_hold_and_the_stricter_one_decides(session, two):
    session.set_principles(two[0], ["At most three sentences", "Never use emoji"])
    session.set_principles(two[1], ["At most one sentence", "Never use emoji"])
    team = session.act_together().person_id
    for number in range(4):
        chat = session.new_conversation(team)
        [said] = list(session.reply(team, chat, "hello", f"s{number}"))[-1].texts
        assert count("sentences", said) == 1
        assert count("emoji", said) == 0
    held = [each.principle.text for each in session.principle_effects(team)]
    assert held == ["At most three sentences", "Never use emoji", "At most one sentence"]


def test_principles_of_the_team_are_nobodys_own(session, two):
    team = session.act_together().person_id
    session.set_principles(team, ["Never use emoji"])
    session.set_principles(two[0], ["At most one sentence"])
    assert [each.text for each in session.principles(team)] == ["Never use emoji"]
    assert [each.principle.text for each in session.principle_effects(two[0])] == [
        "At most one sentence"
    ]


def ask_until_formal(session: Session, person_id: int, number: int) -> ReplyProgress:
    """The formal one of the fake engine's answers, which say the same in turn."""
    chat = session.new_conversation(person_id)
    shown = list(session.reply(person_id, chat, f"flag {number}", f"f{number}"))[-1]
    for _ in range(20):
        if "Certainly" in shown.texts[0]:
            return shown
        shown = list(session.regenerate(person_id, shown.message_id))[-1]
    pytest.fail(f"20 answers, and none of them formal: {shown.texts[0]}")


def test_what_one_of_them_flagged_ends_for_all_of_them_together(session, two):
    for number in range(5):
        shown = ask_until_formal(session, two[1], number)
        flag = FeedbackEvent(f"fl{number}", "flag", reply_id=shown.reply_ids[0], flag="biased")
        session.give_feedback(two[1], flag)
    team = session.act_together().person_id

    def allows(person_id: int) -> bool:
        rules = session._drawing.rules(
            person_id, session.taste(person_id), session.engine_state().base
        )
        return rules.allow("Certainly. In brief, this is a formal reply; one might")

    assert allows(two[0])
    assert not allows(two[1])
    assert not allows(team)


# --- what a version learns -----------------------------------------------------------------------


def test_a_version_learns_against_what_one_of_them_flagged(session, engine, two):
    chat = session.new_conversation(two[1])
    shown = list(session.reply(two[1], chat, "flag me", "f1"))[-1]
    flag = FeedbackEvent("fl1", "flag", reply_id=shown.reply_ids[0], flag="biased")
    session.give_feedback(two[1], flag)
    ours = learn(session, engine, session.act_together().person_id)
    flagged = session.taste(two[1]).reply(shown.reply_ids[0]).token_ids
    against = [pair.rejected_ids for pair in ours.pairs if pair.weight == FLAG_WEIGHT]
    assert against == [flagged]


def learn(session: Session, engine: FakeEngine, person_id: int) -> LearnRequest:
    """One run for this person; returns what the engine was asked to learn."""
    session.learn_now(person_id)
    session.wait_for_learning(person_id, timeout_s=30)
    return [each for each in engine.requests if isinstance(each, LearnRequest)][-1]


def own(pairs: Sequence[PreferencePair]) -> list[PreferencePair]:
    return [pair for pair in pairs if pair.source == "click"]


def by_member(team: Taste) -> list[list[PreferencePair]]:
    """The own pairs of each member, by whose replies they are made of."""
    said = members_pairs(team, team.basis.base_key)
    counts = [len(training_pairs(each.judgements, each, BASE.key)) for each in team.heard]
    ends = list(accumulate(counts))
    return [list(said[end - n : end]) for n, end in zip(counts, ends, strict=True)]


def wait_for_runs(session: Session, person_id: int, count: int) -> None:
    while len(session.queries.runs(person_id)) < count:
        session.wait_for_learning(person_id, timeout_s=0.1)
    session.wait_for_learning(person_id, timeout_s=30)


def test_two_people_get_a_version_together_and_keep_their_own(session, engine, two):
    mine = learn(session, engine, two[0])
    team = session.act_together().person_id
    ours = learn(session, engine, team)
    store = session.queries
    serving = store.serving(team, engine.base.key)
    list(session.reply(team, session.new_conversation(team), "hello", "r1"))

    assert engine.requests[-1].adapter.adapter_id == serving.adapter_id == ours.adapter_id
    assert store.serving(two[0], engine.base.key).adapter_id == mine.adapter_id
    assert store.serving(two[1], engine.base.key) is None
    assert store.runs(team)[0].clicks == 2 * (ENOUGH + 2)
    assert ours.data_hash != mine.data_hash


def test_a_version_learned_together_says_whose_say_it_is_and_where_no_side_is_taken(
    session, engine, two
):
    team = session.act_together().person_id
    learn(session, engine, team)
    [run] = session.queries.runs(team)
    assert json.loads(run.settings_json)["because"] == (
        "You act together; who has how much of the say: You 50 %, Ada 50 %. "
        "You differ on longer answers: no side is taken."
    )


def test_neither_the_card_nor_any_pair_takes_a_side(session, two):
    """Both want emoji, so one with and one without may be paired; not a long and a short one."""
    team = session.taste(session.act_together().person_id)
    counts = alike_in_disputed(team)
    prompt = "Is it?"
    plain, emoji, long = team.basis.phis(
        prompt,
        texts := ["It is.", "It is! 😊", "It is, and as was said before at length it will be so."],
        [features_of(prompt, text) for text in texts],
    )
    assert [each.name for each in session.shared_taste().disagreements] == ["log_words"]
    card = session.taste_card(team.person_id)
    assert "log_words" not in [wish.measure for wish in card.learned]
    assert counts(emoji, plain)
    assert not counts(long, plain)
    assert not counts(plain, long)


def test_what_they_differ_on_does_not_come_along_with_what_they_agree_on(session, two):
    """Short and plain (10), short with emoji (11), long and plain (12), long with emoji (13)."""
    team = session.taste(session.act_together().person_id)
    sure = dataclasses.replace(team.model, covariance=1e-6 * np.eye(len(team.model.mean)))
    team.belief = dataclasses.replace(team.belief, models=(sure, sure))
    long = "It is, and as was said here before at some length, it will go on to be so."
    texts = ("It is.", "It is. 😊", long, f"{long} 😊 😊 😊")
    replies = [
        PoolReply(text, (10 + at,), True, 1.0, features_of("q", text))
        for at, text in enumerate(texts)
    ]
    asked = PoolPrompt("q", "other", (1,), tuple(replies))
    [widest] = label_pairs(team, asked)
    [alike] = label_pairs(team, asked, NO_RULES, alike_in_disputed(team))
    assert (widest.chosen_ids, widest.rejected_ids) == ((13,), (10,))
    assert (alike.chosen_ids, alike.rejected_ids) == ((13,), (12,))


def test_what_they_settle_together_is_disputed_no_more(session, two):
    team = session.act_together().person_id
    assert [each.name for each in session.open_disputes()] == ["log_words"]
    say_about(session, team, log_words=-1)
    assert session.open_disputes() == []
    assert session.shared_taste().disagreements != ()


def test_what_they_agreed_on_before_they_differed_settles_nothing(session, two):
    ada = two[1]
    say_about(session, ada, log_words=1)
    session.act_together()
    assert session.open_disputes() == []
    other_mind = FeedbackEvent("other-mind", "trait", trait="log_words", value=-1)
    session.give_feedback(ada, other_mind)
    assert [each.name for each in session.open_disputes()] == ["log_words"]


def test_where_nobody_differs_every_own_pair_counts(session, engine):
    you, ada = session.default_person().person_id, session.add_person("Ada").person_id
    for person_id in (you, ada):
        choose(session, person_id)
    team = session.act_together().person_id
    assert session.shared_taste().disagreements == ()
    assert len(own(learn(session, engine, team).pairs)) == 2 * ENOUGH


def test_nobodys_own_pairs_weigh_more_than_a_third(session):
    people = [session.default_person().person_id]
    people += [session.add_person(name).person_id for name in ("Ada", "Bo", "Cy")]
    for person_id, times in zip(people, (40, ENOUGH, ENOUGH, ENOUGH), strict=True):
        choose(session, person_id, times)
    taste = session.taste(session.act_together().person_id)
    weights = [sum(pair.weight for pair in pairs) for pairs in by_member(taste)]
    assert 0.3 < max(weights) / sum(weights) <= 1 / 3


def test_a_click_that_a_member_takes_back_is_gone_from_the_next_version(session, engine):
    you, ada = session.default_person().person_id, session.add_person("Ada").person_id
    for person_id in (you, ada):
        choose(session, person_id)
    team = session.act_together().person_id
    before, believed = learn(session, engine, team), session.taste(team).model.before
    last = session.queries.feedback(ada)[-1].feedback_id
    session.give_feedback(ada, FeedbackEvent("undo-it", "undo", undoes=last))
    after = learn(session, engine, team)

    assert len(own(before.pairs)) - len(own(after.pairs)) == 1
    assert before.data_hash != after.data_hash
    assert session.taste(team).model.before.fingerprint != believed.fingerprint


def test_it_learns_by_itself_from_what_its_members_click(tmp_path, engine):
    eager = dataclasses.replace(LENIENT, learn_when_idle=True, clicks_per_run=5, idle_seconds=0.0)
    with running(tmp_path, engine, eager) as session:
        you, ada = session.default_person().person_id, session.add_person("Ada").person_id
        for person_id in (you, ada):
            session.pause_learning(person_id)
            choose(session, person_id)
        team = session.act_together().person_id
        wait_for_runs(session, team, 1)
        assert session.learning_status(team).clicks_until_learning == 5
        choose(session, ada, 4)
        assert session.learning_status(team).clicks_until_learning == 1
        choose(session, you, 1)
        wait_for_runs(session, team, 2)
        assert session.queries.runs(team)[0].reason == "5 new choices"


def test_it_learns_nothing_by_itself_while_somebody_acts_alone(tmp_path, engine):
    with running(tmp_path, engine, LENIENT) as session:
        session.default_person()
        ada = session.add_person("Ada").person_id
        team, household = session.act_together().person_id, Household(session._store)
        assert team in {each.person_id for each in household.awake()}
        session.switch_person(ada)
        assert {each.name for each in household.awake()} == {"You", "Ada"}


def test_of_its_members_a_version_tells_who_they_are_and_not_what_they_asked(session, engine, two):
    team = session.act_together().person_id
    learn(session, engine, team)
    [version] = session.queries.versions(team)
    assert show_clicks(session, team, version) == [
        "Heard You and Ada: their own choices, each within their share"
    ]
    assert not any(each.prompt.startswith("question") for each in version.report.examples)


def test_when_a_member_forgets_everything_what_was_learned_together_serves_no_more(
    session, engine, two
):
    mine = learn(session, engine, two[0])
    team = session.act_together().person_id
    learn(session, engine, team)
    VIEW.do(session, two[1], {"act": "forget-all", "client_id": "forget-all-1"})
    assert session.queries.serving(team, engine.base.key) is None
    assert session.queries.serving(two[0], engine.base.key).adapter_id == mine.adapter_id


def test_a_backup_brings_back_the_team_and_what_it_knew(session, two):
    team = session.act_together().person_id
    before, backup = session.taste(team).model.weights, session.data.back_up()
    session.give_feedback(two[1], FeedbackEvent("forget-it", "forget"))
    assert not session.taste(team).model.weights.any()
    session.data.restore(backup.name)
    assert session.team().person_id == team
    np.testing.assert_allclose(session.taste(team).model.weights, before, atol=0.05)


def test_with_nobody_to_hear_there_is_nothing_to_learn_together(session):
    session.add_person("Ada")
    with pytest.raises(InputRefused, match="two must have reacted 10 times each"):
        session.learn_now(session.act_together().person_id)


def test_other_ways_to_learn_are_open_to_a_team_too(session, engine, two):
    team = session.act_together().person_id
    session.learn_now(team, "kto")
    session.wait_for_learning(team, timeout_s=30)
    assert session.queries.runs(team)[0].method == "kto"
    assert [each for each in engine.requests if isinstance(each, LearnRequest)][-1].ratings
