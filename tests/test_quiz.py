"""The verified questions: what counts as the answer, and who is asked which of them."""

import itertools

import pytest

from chatfeedback.learning import quiz
from chatfeedback.learning.retention import Mix, interleave, mix, questions

PARTS = ("chat", "loss", "probe", "gate", "report")


@pytest.fixture(scope="module")
def mark():
    """Of a reply to a question, by the question's first words."""
    known = {
        question.prompt: question.mark
        for part in PARTS
        for question in questions(part, False)
        if question.mark is not None
    }

    def mark_reply(prompt, reply):
        [found] = [each for asked, each in known.items() if asked.startswith(prompt)]
        return found(reply)

    return mark_reply


@pytest.mark.parametrize(
    ("prompt", "reply"),
    [
        ("What is the capital of Brazil?", "The capital of Brazil is **Brasília**."),
        ("What is the capital of Brazil?", "BRASILIA!"),
        ("What is the capital of Canada?", "It's Ottawa's Parliament Hill that ... so: Ottawa."),
        ("What is the capital of Australia?", "It is not Sydney but Canberra."),
        ("What is the capital of Denmark?", "København, or Copenhagen."),
        ("Tell me the capital of Argentina.", "- Buenos\u00a0Aires 😊"),
        ("What is the chemical formula of water?", "Water is H₂O."),
        ("What is the chemical formula of water?", r"\(\text{H}_2\text{O}\)"),
        ("What is the chemical formula of carbon dioxide?", "$CO_2$"),
        ("At how many degrees Celsius does water freeze", "At 0°C (32°F)."),
        ("At how many degrees Celsius does water freeze", "Water freezes at zero degrees."),
        ("At how many degrees Celsius does water boil", "One hundred degrees, friend!"),
        ("What is 7 times 8?", "7 x 8 = 56."),
        ("What is 7 times 8?", "Fifty-six"),
        ("How many metres are there in a kilometre?", "There are 1,000 of them."),
        ("How many days does a leap year have?", "Three hundred and sixty-six days."),
        ("How many bones does an adult human have?", "about two hundred six"),
        ("How many hours are there in a day?", "A day has twenty-four hours."),
        ("How many legs does a spider have?", "Eight legs, unlike insects."),
        ("In which year did the Titanic sink?", "On 15 April 1912, in the Atlantic."),
        ('Who wrote "War and Peace"?', "Leo Tolstoy’s novel, from 1869"),
        ('What is the plural of the word "mouse"?', "'mice'"),
        ("What is a baby dog called?", "They are called puppies."),
    ],
)
def test_a_right_answer_is_marked_right_however_it_is_said(mark, prompt, reply):
    assert mark(prompt, reply) == 1.0


@pytest.mark.parametrize(
    ("prompt", "reply"),
    [
        ("What is the capital of Brazil?", "The capital of Brazil is Rio de Janeiro."),
        ("What is the capital of Australia?", "It is not Canberra, it is Sydney."),
        ("What is the capital of Australia?", "The capital isn't called Canberra. It is Perth."),
        ("Which city is the capital of Peru?", "The capital of Peru is Limassol."),
        ("At how many degrees Celsius does water freeze", "At 10 degrees, or 0.5 perhaps."),
        ("What is 7 times 8?", "7 times 8 is 54."),
        ("What is 7 times 8?", "It is 1956 or 56.5."),
        ("How many metres are there in a kilometre?", "10,000 metres."),
        ("How many legs does a spider have?", "A spider has 18 or six legs."),
        ("Which metal has the chemical symbol Fe?", "That is irony."),
        ("What does the abbreviation CPU stand for?", "Computer processing unit."),
        ("Who painted the Mona Lisa?", ""),
    ],
)
def test_a_wrong_answer_is_marked_wrong(mark, prompt, reply):
    assert mark(prompt, reply) == 0.0


def test_a_how_to_is_marked_by_the_share_of_its_steps():
    steps = ("water", "soap|lather*", "dry*|drying")
    assert quiz.mark_how_to(steps, "Lathering, then drying.") == pytest.approx(2 / 3)
    assert quiz.mark_how_to(steps, "Wet them with water, use soap, and dry them.") == 1.0
    assert quiz.mark_how_to(steps, "Do not use soap. Sing.") == 0.0


@pytest.mark.parametrize(
    ("prompt", "reply"),
    [
        (
            "How do I cook spaghetti?",
            "Bring a large pot of salted water to a boil, add the pasta, cook until al dente and "
            "drain it.",
        ),
        (
            "How do I send a letter by post?",
            "1. Put it in an envelope.\n2. Write the address.\n3. Stick on a stamp and post it.",
        ),
        (
            "How do I make a paper aeroplane?",
            "Fold a sheet in half lengthwise, fold the top corners in, then fold down the wings.",
        ),
        (
            "How do I wash a car by hand?",
            "Rinse it, wash it with a sponge and car shampoo, rinse again, dry with a towel.",
        ),
        (
            "How do I measure my pulse?",
            "Place two fingers on your wrist and count the beats for 30 seconds; then double it.",
        ),
    ],
)
def test_a_usual_how_to_tells_all_its_steps(mark, prompt, reply):
    assert mark(prompt, reply) == 1.0


def test_no_answer_stands_in_its_question():
    assert [each.prompt for each in quiz.facts() if quiz.mark_fact(each.answer, each.prompt)] == []
    told = [each.prompt for each in quiz.how_tos() if quiz.mark_how_to(each.steps, each.prompt)]
    assert told == []


def test_every_spelling_marks_the_reply_that_consists_of_it():
    for fact in quiz.facts():
        for spelling in fact.answer.split("|"):
            assert quiz.mark_fact(fact.answer, spelling.rstrip("*").upper()) == 1.0, fact


def test_there_are_enough_questions_and_none_twice():
    prompts = [each.prompt for each in (*quiz.facts(), *quiz.how_tos())]
    assert len(prompts) == len(set(prompts))
    assert len(quiz.facts()) >= 150
    assert len(quiz.how_tos()) >= 30
    assert all(len(each.steps) >= 3 for each in quiz.how_tos())


def test_every_part_asks_any_model_facts_how_tos_and_neutral_prompts_of_its_own():
    kinds = [{each.kind for each in questions(part, False)} for part in PARTS]
    assert kinds == [{"fact", "how_to", "other"}] * 5
    prompts = [{each.prompt for each in questions(part, False)} for part in PARTS]
    assert all(not one & other for one, other in itertools.combinations(prompts, 2))


def test_a_mix_holds_so_many_of_each_kind_and_a_small_gate_still_some_how_tos():
    chosen = mix(questions("gate", False), Mix(facts=9, how_tos=3, others=4))
    kinds = [each.kind for each in chosen]
    assert [kinds.count(kind) for kind in ("fact", "how_to", "other")] == [9, 3, 4]
    few = [each.kind for each in interleave(chosen, 5, how_to_share=0.4)]
    assert few.count("how_to") == 2
    assert "fact" in few
