"""The taste card: only what is sure, in words, and the person's own words first."""

from dataclasses import replace

import pytest

from chatfeedback.errors import InputRefused
from chatfeedback.starter.questions import SYSTEM_LINES
from chatfeedback.taste.basis import style_basis
from chatfeedback.taste.card import (
    KNOWN_TO_STARTER,
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


def card_of(model: RewardModel, edit: CardEdit | None = None, *, on: bool = True):
    return write_card(model, edit, on=on, for_starter=False)


def wishes_of(model: RewardModel):
    return learned_wishes(model, for_starter=False)


def test_nothing_known_is_an_empty_card(prior):
    card = card_of(prior)
    assert (card.text, card.learned, card.line_for(FACT)) == ("", (), "")


def test_a_sure_trait_is_said_in_its_direction(prior):
    assert "no emoji" in card_of(taught(prior, "emoji", more=False)).text.lower()
    assert "use emoji" in card_of(taught(prior, "emoji", more=True)).text.lower()


def test_a_trait_that_never_depends_on_the_question_is_said_in_its_direction(prior):
    assert card_of(taught(prior, "bold", more=True)).text != ""
    more, less = (
        [wish.text for wish in wishes_of(taught(prior, "bold", more=more))]
        for more in (True, False)
    )
    assert "put key words in bold" in more
    assert "no bold text" in less


def test_one_click_is_not_enough_for_a_wish(prior):
    once = prior.update(towards(prior.basis.step(FACT, "formal_words", 0.5), more=True))
    assert wishes_of(once) == ()


@pytest.mark.parametrize(("sds", "is_said"), [(0.70, False), (0.95, True)])  # P = .76, .83
def test_a_wish_needs_to_be_right_four_times_out_of_five(prior, sds, is_said):
    at = STYLE_MEASURES.index("bold")
    mean = prior.mean.copy()
    mean[at] = sds * prior.covariance[at, at] ** 0.5
    said = [wish.text for wish in wishes_of(replace(prior, mean=mean))]
    assert ("put key words in bold" in said) is is_said


def test_a_wish_for_one_kind_of_question_says_so(prior):
    model = taught(prior, "log_words", more=False, prompts=[FACT])
    model = taught(model, "log_words", more=True, prompts=[HOW_TO])
    text = card_of(model).text.lower()
    assert "short answers for quick questions" in text
    assert "long, detailed answers for how-tos and explanations" in text


def test_of_wishes_for_one_kind_of_question_the_model_is_told_those_that_apply(prior):
    model = taught(prior, "log_words", more=False, prompts=[FACT])
    model = taught(model, "log_words", more=True, prompts=[HOW_TO])
    card = card_of(taught(model, "emoji", more=False))
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
    assert "give an example for how-tos" in card_of(model).text


def test_the_card_goes_into_the_system_line_only_when_it_is_on(prior):
    model = taught(prior, "emoji", more=False)
    assert card_of(model, on=False).line_for(FACT) == ""
    assert card_of(model).line_for(FACT) == "No emoji."


def test_the_persons_wording_wins_and_later_learning_is_only_proposed(prior):
    model = taught(prior, "emoji", more=False)
    known = tuple(wish.name for wish in wishes_of(model))
    edit = CardEdit("Always rhyme.", known)
    assert card_of(model, edit).line_for(FACT) == "Always rhyme."
    assert card_of(model, edit).proposed == ()

    later = card_of(taught(model, "bold", more=True), edit)
    assert later.text == "Always rhyme."
    assert [wish.measure for wish in later.proposed] == ["bold"]


def test_an_edit_survives_being_stored():
    edit = CardEdit("Be “brief”.", ("emoji-always",))
    assert CardEdit.from_json(edit.to_json()) == edit
    assert CardEdit.from_json("") is None


def test_an_emptied_card_stays_empty(prior):
    model = taught(prior, "emoji", more=False)
    assert card_of(model, CardEdit("", ())).line_for(FACT) == ""


def test_a_card_that_is_too_long_is_refused_with_its_length():
    with pytest.raises(InputRefused, match=str(LONGEST_CARD + 1)):
        check_card_text("x" * (LONGEST_CARD + 1))


def test_contradictory_wishes_do_not_stand_side_by_side(prior):
    model = taught(prior, "formal_words", more=True, times=8)
    model = taught(model, "casual_words", more=True, times=3)
    text = card_of(model).text.lower()
    assert "formal tone" in text
    assert "casual tone" not in text


def test_every_wish_is_about_a_measure_there_is():
    said = [measure for measure in STYLE_MEASURES if say_wish(measure, more=False)]
    assert len(said) > 15
    assert say_wish("no such measure", more=True) == ""


def test_the_starter_is_told_only_what_it_was_taught_to_read(prior):
    model = taught(taught(prior, "bold", more=True), "emoji", more=False)
    assert "put key words in bold" in card_of(model).text.lower()
    assert write_card(model, None, on=True, for_starter=True).text == "No emoji."


def test_the_starter_was_taught_every_wish_that_it_is_told():
    taught_lines = {line for phrasings in SYSTEM_LINES.values() for line in phrasings.seen}
    assert {say_wish(measure, more=more) for measure, more in KNOWN_TO_STARTER} <= taught_lines
