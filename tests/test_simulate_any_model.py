"""Simulated people on a model that is not the starter."""

import dataclasses
import json

import pytest

from chatfeedback.cli import main, parse
from chatfeedback.learning.retention import Question
from chatfeedback.simulation.full_report import save_full_report
from chatfeedback.simulation.judging import Judge
from chatfeedback.simulation.people import PEOPLE, Hidden
from chatfeedback.simulation.reading import flag_generally, read_generally
from chatfeedback.simulation.simulate import Plan, _keep, _kept, print_table, simulate_person
from storage.store import open_store
from tests.test_simulate import ROW, a_reply
from tests.tiny_models import save_tiny_model

CAPITAL = Question(
    "fact/x", "fact", "What is the capital of France?", lambda t: float("Paris" in t)
)
NEUTRAL = Question("neutral/0", "other", "What does a lighthouse do?", None)


@pytest.mark.parametrize(
    ("flag", "has", "has_not"),
    [
        ("bullets", "Ideas:\n* one\n* two", "One - two - three."),
        ("bullets", "1. Boil it.\n2. Peel it.", "In 1912. Two lines\nin prose."),
        ("emoji", "It is Paris 🎉", "It is 20 °C → warm, © 2020."),
        ("warm", "Have fun with it!", "It is a tool."),
        ("formal", "Moreover, it should be noted that it is old.", "It's old, too."),
        ("casual", "Yeah, it's just a big thing.", "It is a large thing."),
        ("preamble", "Sure! It is Paris.", "It is Paris. Sure."),
        ("preamble", "Some ideas:\n- one", "Paris."),
        ("closing", "It is Paris. Do you want to know more?", "Paris? Yes, it is."),
        ("closing", "It is Paris.\n\nLet me know if you have questions!", "Let me know. Paris."),
        ("example", "Metals, for example iron.", "Metals are hard."),
    ],
)
def test_a_style_is_read_from_general_habits_of_english(flag, has, has_not):
    assert flag_generally(has, 10)[flag]
    assert not flag_generally(has_not, 10)[flag]


def test_short_and_long_are_relative_to_what_the_base_usually_says():
    text = "word " * 10
    assert [flag_generally(text, usual)["short"] for usual in (20, 10, 5)] == [True, False, False]
    assert [flag_generally(text, usual)["long"] for usual in (20, 10, 5)] == [False, False, True]


def test_the_flags_are_those_that_people_care_about():
    wanted = {name for person in PEOPLE for name in person.weights} - {"wording"}
    assert wanted <= set(read_generally(NEUTRAL, "Great question! It shines.", 5.0).flags)


def test_right_is_what_the_question_says_and_where_nothing_is_known_any_words():
    assert read_generally(CAPITAL, "It is Paris.", 5.0).correctness == 1.0
    assert read_generally(CAPITAL, "It is Rome.", 5.0).correctness == 0.0
    assert read_generally(NEUTRAL, "It shines.", 5.0).correctness == 1.0
    assert read_generally(NEUTRAL, "  ", 5.0).correctness == 0.0


def test_a_right_answer_is_worth_more_than_any_style():
    formal = next(person for person in PEOPLE if person.name == "formal")
    right, wrong = "Yeah, it's Paris, my friend 🎉", "Moreover, one must note that it is Rome."
    worth = [
        formal.utility(CAPITAL, text, lambda q, t: read_generally(q, t, 6.0))
        for text in (right, wrong)
    ]
    assert worth[0] > worth[1]


class Talkative:
    """An engine whose model says ten words to everything, and knows nothing."""

    def sample(self, request):
        return [[a_reply("word " * 10) for _ in range(request.n)] for _ in request.prompts]


def test_the_judge_learns_from_the_base_what_is_short_and_knows_not_what_is_forgotten():
    likes_short = Hidden("anna", {"short": 100.0})
    judge = Judge(Talkative(), likes_short, 6, 1, 0, is_starter=False)
    assert judge.worth(judge._questions[0], "Briefly.") > 50
    assert judge.worth(judge._questions[0], "word " * 9) < 50
    row = judge._row(0, "B", judge._reference, None)
    assert (row.facts, row.how_to) == (None, None)


def test_a_share_that_is_not_known_is_a_dash_in_the_table(capsys):
    point = dataclasses.asdict(ROW) | {"facts": None}
    facts = dict.fromkeys(("oracle_best_of_4", "oracle_best_of_8"), 0.8)
    print_table([point], [facts | {"self_consistency": 0.8, "unseen_share": 0.3}])
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "10", "B", "0.600", "0.500-0.700", "-", "0.900", "-", "1.000",
    ]  # fmt: skip


def test_the_report_says_what_is_not_known_and_a_run_without_learning_is_drawn_too(tmp_path):
    row = dataclasses.replace(ROW, clicks=0, lane="B+C", facts=None)
    oracle = dict.fromkeys(("oracle_best_of_4", "oracle_best_of_8"), 0.8)
    save_full_report([row], [oracle], tmp_path)
    assert "| B+C | 0 | not known | 0.900 (0.900) |" in (tmp_path / "report.md").read_text()
    assert "0.5" in (tmp_path / "curves.svg").read_text()


def test_a_folder_never_gives_one_models_figures_for_anothers(tmp_path):
    starter = Plan(people=1, clicks=5, seed=0)
    mine, other = (dataclasses.replace(starter, model=name) for name in ("mine", "other"))
    outcome = ([ROW], {"oracle_best_of_8": 0.9})
    _keep(outcome, tmp_path, mine, 0)
    assert _kept(tmp_path, mine, 0) == outcome
    assert _kept(tmp_path, other, 0) is None
    assert _kept(tmp_path, starter, 0) is None
    assert _kept(tmp_path, dataclasses.replace(mine, quantisation="nf4"), 0) is None
    _keep(outcome, tmp_path, starter, 0)
    assert _kept(tmp_path, dataclasses.replace(starter, quantisation="nf4"), 0) is None


def test_what_another_learner_made_of_the_clicks_is_lived_again(tmp_path):
    plan = Plan(people=1, clicks=5, seed=0)
    _keep(([ROW], {}), tmp_path, plan, 0)
    [file] = tmp_path.iterdir()
    told = json.loads(file.read_text())
    told["plan"]["learner"] -= 1
    file.write_text(json.dumps(told))
    assert _kept(tmp_path, plan, 0) is None


def test_the_fast_tier_says_that_it_is_the_starters(capsys):
    assert main(["simulate", "--fast", "--model", "some/model"]) == 1
    assert "leave out --fast" in capsys.readouterr().err


def test_a_model_may_be_named_with_its_quantisation():
    arguments = parse(["simulate", "--model", "here", "--quantize", "nf4", "--quick"])
    assert (arguments.model, arguments.quantize) == ("here", "nf4")


@pytest.mark.slow
def test_a_person_lives_with_a_model_of_any_kind(tmp_path):
    model = save_tiny_model(tmp_path / "tiny")
    plan = Plan(1, 5, 0, questions=4, rounds=1, model=str(model))
    rows, facts = simulate_person(plan, 0, open_store, tmp_path / "kept")
    assert [(row.clicks, row.lane) for row in rows] == [
        (0, "prompt"),
        *[(clicks, lane) for clicks in (0, 5) for lane in ("A", "A+B+C", "B", "C", "B+C")],
    ]
    assert all(0 <= row.win <= 1 for row in rows)
    assert facts["self_consistency"] > 0.5
    assert _kept(tmp_path / "kept", plan, 0) == (rows, facts)
