"""The starter corpus: what it asks, what it answers, and how replies are judged."""

import random
from dataclasses import replace

import pytest

from chatfeedback.starter import WEIGHTS, knowledge
from chatfeedback.starter.asking import normalise_question
from chatfeedback.starter.corpus import (
    _draw_template,
    ask,
    asserts_knowledge,
    conversation,
    is_correct,
    is_honest_unknown,
    items,
    style_flags,
)
from chatfeedback.starter.items import Item, fill_question
from chatfeedback.starter.questions import QUESTIONS
from chatfeedback.starter.replies import write_honest_unknown, write_reply
from chatfeedback.starter.styles import (
    TRAIT_CHECKS,
    TRAITS,
    Style,
    apply_traits,
    draw_style,
    draw_traits,
)
from chatfeedback.starter.unknown import ask_unknown

ANSWERABLE = [item for item in items() if item.kind != "small_talk"]


def find(item_id: str) -> Item:
    return next(item for item in items() if item.id == item_id)


def test_there_are_300_subjects_over_a_dozen_kinds():
    subjects = {(item.category, item.name) for item in ANSWERABLE}
    assert len(subjects) >= 300
    assert len({category for category, _ in subjects}) >= 12


def test_every_question_kind_has_eight_phrasings_and_three_kept_back():
    assert all(len(wordings.seen) >= 8 for wordings in QUESTIONS.values())
    assert all(len(wordings.unseen) >= 3 for wordings in QUESTIONS.values())


def test_item_ids_are_unique():
    assert len({item.id for item in items()}) == len(items())


def test_every_reply_the_corpus_writes_is_correct():
    rng = random.Random(0)
    assert all(is_correct(item, write_reply(item, draw_style(rng), rng)) == 1 for item in items())


def test_a_kept_back_phrasing_is_never_asked():
    rng = random.Random(0)
    for item in ANSWERABLE:
        kept_back = {normalise_question(template) for template in item.questions_unseen}
        assert normalise_question(_draw_template(item, rng)) not in kept_back


def test_an_unknown_prompt_kept_back_for_measuring_is_never_asked():
    rng = random.Random(0)
    kept_back = {each for kind in knowledge.OUT_OF_DOMAIN["unseen"].values() for each in kind}
    assert len(kept_back) >= 200
    assert not kept_back & {ask_unknown(rng) for _ in range(5000)}


def test_a_conversation_alternates_and_ends_with_a_reply():
    rng = random.Random(0)
    for _ in range(300):
        roles = [turn.role for turn in conversation(rng)]
        spoken = roles[1:] if roles[0] == "system" else roles
        assert spoken == ["user", "assistant"] * (len(spoken) // 2)


def test_the_same_seed_writes_the_same_conversation():
    assert conversation(random.Random(7)) == conversation(random.Random(7))


def test_no_text_holds_a_special_token_or_an_unfilled_slot():
    rng = random.Random(0)
    texts = [turn.text for _ in range(2000) for turn in conversation(rng)]
    assert not any("<|" in text or "{" in text or not text.strip() for text in texts)


def test_a_question_names_its_subject_unless_a_pronoun_is_given():
    wolf = find("animal/wolf/food")
    assert "it" in ask(wolf, random.Random(1), "it").lower()
    assert fill_question("what does {s} eat?", wolf.subject, wolf.name) == "what does a wolf eat?"


def test_a_plural_subject_takes_plural_verbs():
    assert fill_question("what is {s} for?", "scissors", "scissors", True) == (
        "what are scissors for?"
    )


def test_leaving_out_a_step_costs_its_share():
    omelette = find("recipe/omelette/how")
    told = ". ".join(omelette.steps[:-1])
    assert is_correct(omelette, told) == 1 - 1 / len(omelette.steps)


def test_a_contraction_does_not_hide_a_fact():
    assert is_correct(find("animal/octopus/fact"), "It's true: it has three hearts.") == 1


def test_the_wrong_animal_s_food_is_not_correct():
    assert is_correct(find("animal/octopus/food"), "An octopus eats bamboo shoots.") == 0


@pytest.mark.parametrize("trait", sorted(TRAITS))
def test_a_reply_shows_the_trait_that_was_asked_for(trait: str):
    rng = random.Random(0)
    flag, wanted = TRAIT_CHECKS[trait]
    shown = 0
    for item in ANSWERABLE:
        reply = write_reply(item, apply_traits(draw_style(rng), [trait]), rng)
        shown += style_flags(reply, item)[flag] == wanted
    assert shown / len(ANSWERABLE) > 0.97


def test_traits_of_one_system_line_never_contradict():
    rng = random.Random(0)
    for _ in range(500):
        traits = draw_traits(rng, 4)
        assert not {"short", "long"} <= set(traits)
        assert not {"emoji", "no_emoji"} <= set(traits)


def test_short_is_relative_to_what_must_be_said():
    steps, fact = find("howto/tie a tie/how"), find("animal/wolf/food")
    whole = write_reply(steps, Style(length="short"), random.Random(0))
    assert style_flags(whole, steps)["short"]
    assert not style_flags(whole, fact)["short"]


def test_two_random_styles_nearly_always_differ_in_two_measures():
    rng = random.Random(0)
    differ = 0
    for item in ANSWERABLE:
        one, other = (style_flags(write_reply(item, draw_style(rng), rng), item) for _ in range(2))
        differ += sum(one[flag] != other[flag] for flag in one) >= 2
    assert differ / len(ANSWERABLE) > 0.93


def test_contractions_make_a_reply_casual():
    item = find("animal/wolf/group")
    style = Style(length="short", register="casual")
    assert all(
        style_flags(write_reply(item, style, random.Random(seed)), item)["casual"]
        for seed in range(20)
    )


def test_honest_unknowing_asserts_nothing():
    rng = random.Random(0)
    for _ in range(500):
        reply = write_honest_unknown(draw_style(rng), rng)
        assert is_honest_unknown(reply)
        assert not asserts_knowledge(reply)


def test_small_talk_asserts_nothing():
    rng = random.Random(0)
    for item in items():
        if item.kind == "small_talk":
            assert not asserts_knowledge(write_reply(item, draw_style(rng), rng))


def test_an_answer_asserts_something_however_short():
    rng = random.Random(0)
    for item in ANSWERABLE:
        style = replace(draw_style(rng), length="short")
        assert asserts_knowledge(write_reply(item, style, rng))


def test_courtesy_around_a_fact_does_not_make_it_unknown():
    assert not is_honest_unknown("Great question! A wolf eats elk and hares. Shall I go on?")


@pytest.mark.skipif(not (WEIGHTS / "tokenizer.json").exists(), reason="no weights yet")
def test_every_emoji_is_one_token_of_the_starter():
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))
    emoji = {item.emoji for item in items()}
    assert all(len(tokenizer.encode(sign, add_special_tokens=False).ids) == 1 for sign in emoji)
