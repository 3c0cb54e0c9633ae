"""The pages beside the chat over the real session: every act works, and the page says so."""

import dataclasses
import json

import pytest

from chatfeedback.errors import InputRefused
from chatfeedback.records import FeedbackEvent, TraitBelief
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store
from tests.fakes import FakeEngine
from ui import learning, settings, taste, text
from ui.versions import show_report

LENIENT = dataclasses.replace(
    Settings(), min_better_probability=0.0, min_not_worse_probability=0.0, learn_when_idle=False
)
PAGES = (taste.VIEW, learning.VIEW, settings.VIEW)


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    store = open_store(tmp_path)
    session = Session(store, FakeEngine(), LENIENT, seed=0)
    session.wait_until_ready()
    yield session
    session.close()
    store.close()


@pytest.fixture
def version(session):
    """The id of a version learned from six choices; it serves."""
    me = session.default_person().person_id
    for number in range(6):
        talk = session.new_conversation(me)
        shown = list(session.compare(me, talk, f"question {number}", f"message-{number}"))[-1]
        pick = FeedbackEvent(
            f"pick-{number}", "pick", comparison_id=shown.comparison_id, outcome="first"
        )
        session.give_feedback(me, pick)
    session.learn_now(me)
    session.wait_for_learning(me, timeout_s=30)
    return session.queries.versions(me)[0].adapter_id


def draw(session, view, **see):
    """What the page shows; it can be sent to a browser."""
    shown = view.draw(session, session.default_person().person_id, {"see": see})
    json.dumps(shown)
    return shown


def do(session, view, act, **gesture):
    asked = {"act": act, "client_id": f"{act}-{len(gesture)}-0001", **gesture}
    return view.do(session, session.default_person().person_id, asked)


@pytest.mark.parametrize("view", PAGES, ids=lambda view: view.name)
def test_a_page_can_be_drawn_before_anything_was_said_and_after(session, view, request):
    assert draw(session, view)["headline"]
    request.getfixturevalue("version")
    assert draw(session, view)["headline"]


def test_a_version_names_the_choices_it_learned_from(session, version):
    [shown] = draw(session, learning.VIEW, clicks=version)["versions"]
    assert shown["clicks"][0] == "Chose an answer to “question 5”"


def test_while_the_model_is_loaded_the_base_is_not_said_to_serve(session, version):
    session._engine.phase = "loading"
    shown = draw(session, learning.VIEW)
    assert (shown["serving_base"], shown["versions"][0]["state"]) == (None, "serving")
    assert "answers you" not in shown["headline"]


def test_a_version_and_its_receipt_say_how_it_was_learned_and_why(session, version):
    said = "By DPO (one answer over another). You chose between answers."
    assert draw(session, learning.VIEW)["versions"][0]["because"] == said
    me = session.default_person().person_id
    assert learning.show_receipt(session, me, version)["because"] == said


def test_what_is_not_known_of_a_version_is_said_and_few_questions_have_an_error(session, version):
    report = session.queries.versions(session.default_person().person_id)[0].report
    report = dataclasses.replace(report, facts_share=None, how_to_share=0.931, how_to_error=0.04)
    found = {row["name"]: row["value"] for row in show_report(report)}
    assert found[text.FIGURES["facts"]] == "not known"
    assert found[text.FIGURES["how_to"]] == "93 % ± 4 %"


def test_every_guard_has_words_of_its_own(session, version):
    guards = draw(session, learning.VIEW)["guards"]
    assert len(guards) == len({each["asks"] for each in guards}) == len(text.GUARDS)


def test_learning_is_paused_and_resumed(session, version):
    do(session, learning.VIEW, "pause")
    assert draw(session, learning.VIEW)["run"]["title"] == "Paused"
    do(session, learning.VIEW, "resume")
    assert draw(session, learning.VIEW)["run"]["title"] == "Ready to learn"


def test_a_choice_about_learning_is_kept_and_a_wrong_one_explained(session):
    do(session, learning.VIEW, "choose", name="how_personal", value="0.5")
    do(session, learning.VIEW, "choose", name="quiet_from", value="3")
    shown = draw(session, learning.VIEW)["choices"]
    assert (shown["how_personal"], shown["quiet_from"]) == (0.5, 3)
    with pytest.raises(InputRefused, match="max steps is a number from 5 to 300; got '1'"):
        do(session, learning.VIEW, "choose", name="max_steps", value="1")


def test_a_blind_vote_reveals_the_versions_and_rates_them(session, version):
    do(session, learning.VIEW, "ask", first=version, second="", question="hello?")
    waiting = draw(session, learning.VIEW)["duel"]["open"]
    assert waiting["prompt"] == "hello?"
    assert version not in json.dumps(waiting)
    do(session, learning.VIEW, "vote", comparison_id=str(waiting["id"]), outcome="tie")
    shown = draw(session, learning.VIEW, voted=str(waiting["id"]))
    assert "was version 1" in shown["duel"]["revealed"]
    assert shown["versions"][0]["elo"]["elo"] == "1000"


def test_a_trait_is_called_wrong_and_the_belief_turns(session, version):
    [trait, *_] = draw(session, taste.VIEW)["traits"]
    do(session, taste.VIEW, "say", word="wrong", trait=trait["name"])
    after = {each["name"]: each for each in draw(session, taste.VIEW, all="yes")["traits"]}
    assert after[trait["name"]]["said"] == (-1 if trait["likes_more"] else 1)
    assert after[trait["name"]]["at"] * (1 if trait["likes_more"] else -1) < abs(trait["at"])


def test_forgetting_a_trait_takes_back_the_choices_behind_it(session, version):
    me = session.default_person().person_id
    behind = session.choices_behind(me, "log_words", limit=100)
    said = do(session, taste.VIEW, "forget", trait="log_words")
    assert said == f"{len(behind)} choices behind it no longer count."
    assert session.learning_status(me).clicks == 6 - len(behind)


def test_everything_is_forgotten_and_the_base_answers(session, version):
    do(session, taste.VIEW, "forget-all")
    assert draw(session, taste.VIEW)["headline"].startswith("Nothing is known yet.")
    assert draw(session, learning.VIEW)["serving_base"]


def test_the_card_is_written_switched_on_and_given_back(session):
    do(session, taste.VIEW, "card", card="Rhyme.")
    do(session, taste.VIEW, "card-switch", value=True)
    shown = draw(session, taste.VIEW)["card"]
    assert (shown["text"], shown["on"], shown["edited"]) == ("Rhyme.", True, True)
    do(session, taste.VIEW, "card-reset")
    assert not draw(session, taste.VIEW)["card"]["edited"]


def test_a_principle_is_kept_changed_and_removed(session):
    do(session, taste.VIEW, "principle-add", principle="never use emoji")
    [shown] = draw(session, taste.VIEW)["principles"]
    assert shown["kept_words"] == "kept by rule"
    assert "The base model breaks it in 25 % of its usual answers" in shown["does"]
    do(session, taste.VIEW, "principle-change", old="never use emoji", principle="be kind")
    [shown] = draw(session, taste.VIEW)["principles"]
    assert shown["kept_words"] == "judged by the model"
    do(session, taste.VIEW, "principle-remove", old="be kind")
    assert draw(session, taste.VIEW)["principles"] == []
    with pytest.raises(InputRefused, match="There is no principle 'be kind' any more"):
        do(session, taste.VIEW, "principle-remove", old="be kind")


def test_a_principle_that_nothing_can_keep_is_not_said_to_be_kept(session):
    session._engine.base = dataclasses.replace(session._engine.base, is_starter=True)
    assert do(session, taste.VIEW, "principle-add", principle="be kind") == text.PRINCIPLE_IDLE
    kept = do(session, taste.VIEW, "principle-add", principle="never use emoji")
    assert kept == text.PRINCIPLE_ADDED


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["emoji"], "no emoji is nearly certain"),
        (["emoji", "bold"], "no emoji and no bold text are nearly certain"),
        (["emoji", "bold", "code", "headings"],
         "no emoji, no bold text, no code and 1 more are nearly certain"),
    ],
)  # fmt: skip
def test_what_is_nearly_certain_is_said_as_one_would(names, says):
    beliefs = [TraitBelief(name, name, -1.0, 0.1, 0.01) for name in names]
    assert says in text.say_taste(7, beliefs)


def say_about_length(session, wants_more):
    """Ten words on one trait, so that what this person wants of it is clear."""
    me = session.default_person().person_id
    for number in range(10):
        list(session.reply(me, session.new_conversation(me), f"q{number}", f"{me}-m{number}"))
        value = 1 if wants_more else -1
        said = FeedbackEvent(f"{me}-t{number}", "thumb", reply_id=reply_id(session), value=value)
        session.give_feedback(me, said)
    session.give_feedback(
        me, FeedbackEvent(f"{me}-trait", "trait", trait="log_words", value=1 if wants_more else -1)
    )


def reply_id(session):
    me = session.default_person().person_id
    talk = session.queries.conversations(me)[0].conversation_id
    return session.queries.exchanges(me, talk)[0].reply_ids[0]


def test_two_people_see_what_they_share_and_where_they_differ(session):
    assert draw(session, taste.VIEW)["shared"] is None
    say_about_length(session, wants_more=True)
    do(session, settings.VIEW, "add", name="Ada")
    assert draw(session, taste.VIEW)["shared"]["traits"] == []
    say_about_length(session, wants_more=False)
    shared = draw(session, taste.VIEW)["shared"]
    assert shared["shares"] == "Who has how much of the say: You 50 %, Ada 50 %."
    assert "Longer answers: wanted by You, unwanted by Ada." in shared["differ"]


def test_acting_together_says_whose_say_it_is_and_where_no_side_is_taken(session):
    assert draw(session, settings.VIEW)["together"] is None
    say_about_length(session, wants_more=True)
    do(session, settings.VIEW, "add", name="Ada")
    assert draw(session, settings.VIEW)["together"]["heard"] == text.TOGETHER_UNHEARD
    say_about_length(session, wants_more=False)
    assert do(session, settings.VIEW, "together") == text.TOGETHER_NOW
    shown = draw(session, settings.VIEW)
    assert shown["together"] == {
        "acts": True,
        "heard": "Who has how much of the say: You 50 %, Ada 50 %.",
        "differ": ["Longer answers: wanted by You, unwanted by Ada."],
    }
    assert [(each["name"], each["team"]) for each in shown["people"]] == [
        ("You", False),
        ("Ada", False),
        ("Everyone", True),
    ]
    assert shown["people"][2]["has"] == "0 conversations, 0 choices, 0 versions"


def test_a_new_person_starts_with_nothing_and_switching_back_finds_everything(session, version):
    do(session, settings.VIEW, "add", name="Ada")
    assert draw(session, learning.VIEW)["versions"] == []
    do(session, settings.VIEW, "switch", person="1")
    assert draw(session, learning.VIEW)["versions"] != []


def test_everything_is_deleted_and_every_page_can_be_drawn_again(session, version):
    with pytest.raises(InputRefused, match="Nothing was deleted"):
        do(session, settings.VIEW, "erase", typed_word="")
    do(session, settings.VIEW, "erase", typed_word="delete")
    assert draw(session, settings.VIEW)["erase"]["is_done"]
    assert draw(session, learning.VIEW)["versions"] == []
    assert draw(session, taste.VIEW)["headline"].startswith("Nothing is known yet.")


def test_what_a_page_cannot_do_is_refused(session):
    with pytest.raises(InputRefused, match="'destroy'"):
        do(session, settings.VIEW, "destroy")
