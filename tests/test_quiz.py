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
        ("How many metres are there in a kilometre?", "A thousand, or one thousand."),
        ("How many years are there in a century?", "A century is a hundred years."),
        ("What is 100 minus 37?", "63\n100 less 37 is just that."),
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
        ("How many metres are there in a kilometre?", "Ten thousand metres."),
        ("How many metres are there in a kilometre?", "One hundred thousand."),
        ("How many years are there in a century?", "Ten hundred."),
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


USUAL = """
Place the eggs in a pan of water, bring it to a boil, turn off the heat, wait ten minutes, then
move them into ice water.

Bring fresh water to a boil, pour it over the bag, let it steep for 3-5 minutes, take the bag out
and add milk if you like.

1. Wet your hands with clean water. 2. Apply soap. 3. Scrub for at least 20 seconds. 4. Rinse. 5.
Dry with a clean towel.

Take the wheel off, use tire levers to pull out the tube, find the hole and patch it, put it back,
then pump it up.

Dig a hole deeper than the root ball, set the plant in, fill it with soil and water it thoroughly.

Put a pea-sized amount of toothpaste on the brush and move in small circles for two minutes. Spit
it out, and floss daily.

Place your letter in an envelope, write the address on the front, put on a stamp, and drop it in a
mailbox.

Rinse off loose dirt with a hose, wash from the top down with a mitt and car shampoo, rinse again,
then dry with a microfiber towel.

Combine one cup of rice and two cups of water, bring to a boil, cover with a lid, and simmer for
18 minutes.

Bring a large pot of salted water to a boil, add the pasta, cook until al dente, and drain.

Set the iron to the right temperature for the fabric, lay the shirt on an ironing board, start
with the collar, then the cuffs and the body.

Move the furniture and cover the floor with drop cloths. Clean the wall, tape the edges, apply
primer, then roll on two coats with a roller, letting each dry.

Connect your phone with a USB cable, open the Photos app, select the pictures and click Import.
You can also use iCloud.

Use at least 12 characters with a mix of upper- and lowercase letters, numbers and symbols; the
longer the better.

Rinse the cut under running water, press a clean cloth on it until the bleeding stops, and put on
a bandage.

Heat some butter or oil in a pan, crack the egg into it, and cook it until the white is set.

Take two slices of bread, spread peanut butter on one and jelly on the other, and put them
together.

Whisk flour, milk, an egg and baking powder. Pour the batter on a hot griddle; when bubbles form,
flip it.

Sort your clothes by colour, add detergent, choose the right cycle, press start, and hang
everything up or tumble dry.

Choose the spot and mark it with a pencil, hammer in a nail, hang the picture and check that it is
level.

Connect the red cable to the positive terminals and the black one to the negative and to bare
metal; start the other engine, then yours.

Wash the area with soap and water, sterilise tweezers with alcohol, grip the end of the splinter
and pull it out.

Fill a pot with soil, push the seed in an inch deep, water it, and put it on a sunny windowsill.

Heat oil in a pot with three kernels; when they pop, add the rest, put on the lid and shake now
and then.

Spray the glass with a cleaner, wipe it down with a cloth or a squeegee, and buff it dry so that
there are no streaks.

Research the company, practise answers to common questions, pick suitable clothes and arrive
early.

Squeeze the juice of four lemons, stir in sugar until it dissolves, add cold water and ice.

Put two fingers on your wrist, below the thumb, and count the beats for 30 seconds; multiply by
two.

Chop onions, carrots and celery, soften them in oil, add vegetable stock, simmer for 20 minutes
and season with salt and pepper.

Thread a needle and knot the end. Bring it up through the fabric and the button's holes several
times, then tie it off.

Sweep or vacuum first, fill a bucket with water and cleaner, wring the mop out, and work backwards
to the door.

Put the plate in the middle, the fork on the left, the knife and spoon on the right, and the glass
above the knife.

Stick a finger an inch into the soil; if it is dry, pour until it runs out of the drainage holes,
and empty the saucer.

Put slices of bread into a toaster, push the lever down, wait until golden brown, and spread
butter on them.

Cut a sheet of wrapping paper to size, put the box in the middle, fold the sides over and fasten
them with tape. Add a ribbon.

Fold a sheet in half lengthwise, fold the top corners to the middle, fold again, then fold down
the wings.

Unplug it, take out the food, leave the door open until the ice melts, then wipe it dry.

Put the filter in, add ground coffee, pour hot water over it slowly and let it drip.
"""


@pytest.mark.parametrize(
    ("how_to", "reply"), list(zip(quiz.how_tos(), USUAL.split("\n\n"), strict=True))
)
def test_a_usual_answer_to_a_how_to_tells_all_its_steps(how_to, reply):
    assert quiz.mark_how_to(how_to.steps, reply) == 1.0


def test_the_usual_answer_to_another_how_to_does_not():
    replies = USUAL.split("\n\n")
    for at, how_to in enumerate(quiz.how_tos()):
        others = [quiz.mark_how_to(how_to.steps, each) for each in replies[:at] + replies[at + 1 :]]
        assert max(others) < 1.0, how_to.prompt


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
