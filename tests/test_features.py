"""What the measures of replies and prompts see, one habit of writing at a time."""

import math

import numpy as np
import pytest

from chatfeedback.taste.features import (
    FAMILIES,
    LABELS,
    PROMPT_MEASURES,
    STYLE_MEASURES,
    TYPICAL_SD,
    measure_prompt,
    measure_reply,
)


def measured(text: str, prompt: str = "Why is the sky blue?") -> dict[str, float]:
    return dict(zip(STYLE_MEASURES, measure_reply(prompt, text).tolist(), strict=True))


def asked(prompt: str) -> dict[str, float]:
    return dict(zip(PROMPT_MEASURES, measure_prompt(prompt).tolist(), strict=True))


@pytest.mark.parametrize("text", ["", " \n\n ", "😀", "...", "a" * 100_000, "1) ", "```\n", "中文"])
def test_any_text_gives_finite_numbers(text):
    values = measure_reply(text, text)

    assert values.dtype == np.float32
    assert values.shape == (len(STYLE_MEASURES),)
    assert np.isfinite(values).all()


def test_every_measure_has_a_label_and_a_scale():
    assert set(LABELS) == set(TYPICAL_SD) == set(STYLE_MEASURES)
    assert len(set(LABELS.values())) == len(STYLE_MEASURES)


def test_length_is_the_log_of_the_number_of_words():
    assert measured("It scatters blue light.")["log_words"] == pytest.approx(math.log(5))


@pytest.mark.parametrize(
    ("measure", "with_it", "without"),
    [
        ("bullet_lines", "Two reasons:\n- air\n- light", "Two reasons - air and light."),
        ("numbered_lines", "1. Heat\n2) Stir", "Heat 1. Then stir 2 times."),
        ("headings", "## Why\nBecause.", "#1 reason: because."),
        ("bold", "It is **air**.", "It is 2 * 3 * 4."),
        ("code", "Call `run()`.", "Call run()."),
        ("emoji", "Blue light 😊", "Blue light :)"),
        ("exclamations", "Blue!", "Blue."),
        ("ends_with_question", "Blue. Want more? 😊", "Want more? Blue."),
        ("opening", "Sure! It is air.", "It is air, to be sure."),
        ("opening", "What a good question! It is air.", "That is a question of air."),
        ("closing_offer", "Air. Let me know if that helps.", "Air lets light through."),
        ("warm_words", "Lovely to hear. Enjoy!", "Air scatters light."),
        ("hedges", "It may be air.", "It is air."),
        ("formal_words", "Therefore, it is air.", "So it is air."),
        ("casual_words", "Yeah, basically air.", "Indeed, it is air."),
        ("contractions", "It's air.", "It is the sky's air."),
        ("examples", "For example, at dawn.", "At dawn."),
        ("first_person", "I say air.", "They say air."),
        ("second_person", "You see air.", "They see air."),
        ("apologies", "Sorry, I don't know.", "It is air."),
        ("prompt_overlap", "The sky is blue because of air.", "Because of air."),
        ("parentheses", "Air (mostly nitrogen).", "Air, mostly nitrogen."),
        ("parentheses", "Air (mostly).", r"Air, \(N_2\)."),
        ("numbers", "About 400 nm.", "About a wavelength."),
        ("repeats", "It is air, it is air, it is air.", "It is air, water and light."),
    ],
)
def test_a_habit_of_writing_raises_its_measure(measure, with_it, without):
    assert measured(with_it)[measure] > measured(without)[measure]


def test_typographic_apostrophes_count_like_plain_ones():
    assert measured("It’s air. Don’t worry.") == measured("It's air. Don't worry.")


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("How do I bake bread?", "asks_steps"),
        ("Teach me to juggle", "asks_steps"),
        ("Explain tides", "asks_explanation"),
        ("tell me about otters", "asks_explanation"),
        ("Suggest some books", "asks_ideas"),
    ],
)
def test_a_prompt_that_asks_for_much_is_told_by_its_words(prompt, kind):
    assert asked(prompt)[kind] == 1.0
    assert asked(prompt)["asks_for_much"] == 1.0


@pytest.mark.parametrize("prompt", ["Who wrote Emma?", "How long is a year?", "capital of Peru"])
def test_a_prompt_for_one_fact_asks_for_little(prompt):
    assert asked(prompt)["asks_for_much"] == 0.0


def test_families_name_real_measures_and_leave_each_a_part_of_its_own():
    for name in STYLE_MEASURES:
        shared = sum(family.get(name, 0.0) ** 2 for family in FAMILIES.values())
        assert shared < 1.0
    assert {name for family in FAMILIES.values() for name in family} <= set(STYLE_MEASURES)
