"""The taste card: only what is sure, in words, and the person's own words first."""

from dataclasses import replace

import pytest

from chatfeedback.errors import InputRefused
from chatfeedback.taste.basis import style_basis
from chatfeedback.taste.card import (
    LONGEST_CARD,
    CardEdit,
    check_card_text,
    learned_wishes,
    say_wish,
    write_card,
)
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.likelihoods import towards
from chatfeedback.taste.reward import RewardModel

FACT, HOW_TO = "Who wrote Hamlet?", "How do I bake bread?"


@pytest.fixture
def prior() -> RewardModel:
    return RewardModel.prior(style_basis("base", 4))


def taught(model: RewardModel, measure: str, *, more: bool, prompts=(FACT, HOW_TO), times=5):
    for _ in range(times):
        for prompt in prompts:
            model = model.update(towards(model.basis.step(prompt, measure, 2.0), more=more))
    return model


def test_nothing_known_is_an_empty_card(prior):
    card = write_card(prior, None, on=True)
    assert (card.text, card.learned, card.line_for(FACT)) == ("", (), "")


def test_a_sure_trait_is_said_in_its_direction(prior):
    assert "no emoji" in write_card(taught(prior, "emoji", more=False), None, on=True).text.lower()
    assert "use emoji" in write_card(taught(prior, "emoji", more=True), None, on=True).text.lower()


def test_a_trait_that_never_depends_on_the_question_is_said_in_its_direction(prior):
    assert write_card(taught(prior, "bold", more=True), None, on=True).text != ""
    more, less = (
        [wish.text for wish in learned_wishes(taught(prior, "bold", more=more))]
        for more in (True, False)
    )
    assert "put key words in bold" in more
    assert "no bold text" in less


def test_one_click_is_not_enough_for_a_wish(prior):
    once = prior.update(towards(prior.basis.step(FACT, "formal_words", 0.5), more=True))
    assert learned_wishes(once) == ()


@pytest.mark.parametrize(("sds", "is_said"), [(0.70, False), (0.95, True)])  # P = .76, .83
def test_a_wish_needs_to_be_right_four_times_out_of_five(prior, sds, is_said):
    at = STYLE_MEASURES.index("bold")
    mean = prior.mean.copy()
    mean[at] = sds * prior.covariance[at, at] ** 0.5
    said = [wish.text for wish in learned_wishes(replace(prior, mean=mean))]
    assert ("put key words in bold" in said) is is_said


def test_a_wish_for_one_kind_of_question_says_so(prior):
    model = taught(prior, "log_words", more=False, prompts=[FACT])
    model = taught(model, "log_words", more=True, prompts=[HOW_TO])
    text = write_card(model, None, on=True).text.lower()
    assert "short answers for quick questions" in text
    assert "long, detailed answers for how-tos and explanations" in text


def test_of_wishes_for_one_kind_of_question_the_model_is_told_those_that_apply(prior):
    model = taught(prior, "log_words", more=False, prompts=[FACT])
    model = taught(model, "log_words", more=True, prompts=[HOW_TO])
    card = write_card(taught(model, "emoji", more=False), None, on=True)
    told = card.line_for(FACT).lower().strip(".").split(", ")
    assert {"short answers", "no emoji"} <= set(told)
    assert "long, detailed answers" in card.line_for(HOW_TO).lower()
    assert "short answers" not in card.line_for(HOW_TO).lower()
    assert "for quick questions" not in card.line_for(FACT)


def test_wishes_that_no_question_meets_together_do_not_contradict_each_other(prior):
    model = taught(prior, "log_words", more=False, prompts=[FACT], times=8)
    model = taught(model, "log_words", more=True, prompts=[HOW_TO], times=8)
    model = taught(model, "examples", more=True, prompts=[HOW_TO])
    model = taught(model, "examples", more=False, prompts=[FACT])
    assert "give an example for how-tos" in write_card(model, None, on=True).text


def test_the_card_goes_into_the_system_line_only_when_it_is_on(prior):
    model = taught(prior, "emoji", more=False)
    assert write_card(model, None, on=False).line_for(FACT) == ""
    assert write_card(model, None, on=True).line_for(FACT) == "No emoji."


def test_the_persons_wording_wins_and_later_learning_is_only_proposed(prior):
    model = taught(prior, "emoji", more=False)
    known = tuple(wish.name for wish in learned_wishes(model))
    edit = CardEdit("Always rhyme.", known)
    assert write_card(model, edit, on=True).line_for(FACT) == "Always rhyme."
    assert write_card(model, edit, on=True).proposed == ()

    later = write_card(taught(model, "bold", more=True), edit, on=True)
    assert later.text == "Always rhyme."
    assert [wish.measure for wish in later.proposed] == ["bold"]


def test_an_edit_survives_being_stored():
    edit = CardEdit("Be “brief”.", ("emoji-always",))
    assert CardEdit.from_json(edit.to_json()) == edit
    assert CardEdit.from_json("") is None


def test_an_emptied_card_stays_empty(prior):
    model = taught(prior, "emoji", more=False)
    assert write_card(model, CardEdit("", ()), on=True).line_for(FACT) == ""


def test_a_card_that_is_too_long_is_refused_with_its_length():
    with pytest.raises(InputRefused, match=str(LONGEST_CARD + 1)):
        check_card_text("x" * (LONGEST_CARD + 1))


def test_contradictory_wishes_do_not_stand_side_by_side(prior):
    model = taught(prior, "formal_words", more=True, times=8)
    model = taught(model, "casual_words", more=True, times=3)
    text = write_card(model, None, on=True).text.lower()
    assert "formal tone" in text
    assert "casual tone" not in text


def test_every_wish_is_about_a_measure_there_is():
    said = [measure for measure in STYLE_MEASURES if say_wish(measure, more=False)]
    assert len(said) > 15
    assert say_wish("no such measure", more=True) == ""
