"""Acting together: one more person, who knows what the others like alike and takes no side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatfeedback.errors import InputRefused
from chatfeedback.household import Household
from chatfeedback.records import FeedbackEvent
from chatfeedback.rules.principles import count
from chatfeedback.session import Session
from chatfeedback.taste.features import STYLE_MEASURES
from tests.fakes import FakeEngine
from tests.sessions import running

ENOUGH = 12  # reactions of somebody who is heard
WORDS, EMOJI = (STYLE_MEASURES.index(name) for name in ("log_words", "emoji"))


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def session(tmp_path: Path, engine: FakeEngine) -> Iterator[Session]:
    with running(tmp_path, engine) as session:
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


def test_what_one_of_them_flagged_ends_for_all_of_them_together(session, two):
    flagged = 0
    while flagged < 5:
        chat = session.new_conversation(two[1])
        shown = list(session.reply(two[1], chat, f"flag {flagged}", f"f{flagged}"))[-1]
        while "Certainly" not in shown.texts[0]:
            shown = list(session.regenerate(two[1], shown.message_id))[-1]
        flag = FeedbackEvent(f"fl{flagged}", "flag", reply_id=shown.reply_ids[0], flag="biased")
        session.give_feedback(two[1], flag)
        flagged += 1
    team = session.act_together().person_id

    def allows(person_id: int) -> bool:
        rules = session._drawing.rules(
            person_id, session.taste(person_id), session.engine_state().base
        )
        return rules.allow("Certainly. In brief, this is a formal reply; one might")

    assert allows(two[0])
    assert not allows(two[1])
    assert not allows(team)
