"""The benchmark's arithmetic, and its people."""

import dataclasses
import random

import numpy as np
import pytest

from chatfeedback.learning.retention import questions
from chatfeedback.records import GeneratedReply, ReplyFeatures
from chatfeedback.simulation.choices import (
    bootstrap_interval,
    find_temperature,
    self_consistency,
    win_rate,
)
from chatfeedback.simulation.judging import Judge, Row, pick_of_groups
from chatfeedback.simulation.people import PEOPLE, careless, person_of, say_wishes
from chatfeedback.simulation.simulate import Plan, _keep, _kept, summarise

ROW = Row(
    "anna",
    10,
    "B",
    win=0.6,
    win_low=0.5,
    win_high=0.7,
    facts=1.0,
    how_to=0.9,
    kl_nats=None,
    finished=1.0,
)


def test_win_counts_ties_as_half():
    served, base = np.array([[1.0, 2.0]]), np.array([[1.0, 3.0]])
    # 1 = 1 (half), 1 < 3, 2 > 1 (win), 2 < 3: 1.5 of 4
    assert win_rate(served, base) == pytest.approx(0.375)


def test_win_rate_of_better_replies_is_above_a_half():
    assert win_rate(np.array([[2.0]]), np.array([[1.0]])) == 1.0


def test_a_coin_toss_agrees_with_itself_half_the_time():
    assert self_consistency(np.zeros(4), 1.0) == pytest.approx(0.5)


def test_the_temperature_found_gives_the_consistency_asked_for():
    gaps = np.random.default_rng(0).normal(0, 2, 500)
    temperature = find_temperature(gaps, 0.775)
    assert self_consistency(gaps, temperature) == pytest.approx(0.775, abs=1e-4)


def test_the_interval_of_equal_people_has_no_width():
    assert bootstrap_interval([0.7, 0.7, 0.7], seed=0) == (pytest.approx(0.7), pytest.approx(0.7))


def a_reply(text):
    state = np.zeros(4, np.float16)
    return GeneratedReply(
        index=0,
        text=text,
        prompt_ids=(1,),
        token_ids=(2, 3),
        stop_reason="end",
        policy_logprob=-5.0,
        features=ReplyFeatures("base", state, state, -5.0, 2),
        first_token_ms=1.0,
        reply_ms=2.0,
    )


class Silent:
    """An engine that answers every prompt with the same words."""

    def sample(self, request):
        return [[a_reply("It is so.") for _ in range(request.n)] for _ in request.prompts]


@pytest.fixture
def judge_of():
    return lambda person: Judge(Silent(), person, limit=3, rounds=1, seed=0)


def test_while_nothing_is_learned_the_base_need_not_answer_again(judge_of):
    judge = judge_of(PEOPLE[0])
    first = judge._served(None, 2, seed=5)
    assert [id(reply) for each in first for reply in each] == [
        id(reply) for each in judge._served(None, 2, seed=6) for reply in each
    ]
    assert judge._served(None, 2, seed=6, lines=["No emoji."] * 3)[0][0] is not first[0][0]


class LongestIsBest:
    """A taste for length, and nothing else."""

    def choose(self, prompt, replies):
        return int(np.argmax([len(reply.text) for reply in replies]))


def test_best_of_n_serves_one_reply_of_each_group():
    replies = [a_reply(text) for text in ("It is a tool.", "A tool for digging.", "Long.", "No.")]
    served = pick_of_groups(LongestIsBest(), "What is a spade?", replies, 2)
    assert [reply.text for reply in served] == ["A tool for digging.", "Long."]


def test_what_flatters_more_than_a_plain_sample_is_not_served_to_simulated_people_either():
    replies = [a_reply(text) for text in ("A tool.", "Great question! A tool.", "A tool to dig.")]
    [served] = pick_of_groups(LongestIsBest(), "What is a spade?", replies, 3)
    assert served.text == "A tool to dig."


def test_the_curve_is_the_mean_over_people():
    rows = [ROW, dataclasses.replace(ROW, person="ben", win=0.8)]
    [point] = summarise(rows, seed=0)
    assert point["win"] == pytest.approx(0.7)
    assert point["win_low"] <= 0.7 <= point["win_high"]


def test_the_seeds_of_one_person_are_not_several_people():
    rows = [dataclasses.replace(ROW, win=win) for win in (0.4, 0.8)]
    [point] = summarise(rows, seed=0)
    assert point["win_low"] == pytest.approx(point["win_high"])


def test_a_person_who_was_simulated_is_taken_from_the_folder(tmp_path):
    plan = Plan(people=3, clicks=5, seed=1)
    outcome = ([ROW], {"oracle_best_of_8": 0.9})
    _keep(outcome, tmp_path, plan, 2)
    assert _kept(tmp_path, dataclasses.replace(plan, people=24), 2) == outcome
    assert _kept(tmp_path, dataclasses.replace(plan, clicks=10), 2) is None
    assert _kept(tmp_path, plan, 1) is None


def test_a_style_prompt_says_the_strongest_wishes_that_have_words():
    assert (
        say_wishes(PEOPLE[0])
        == "Short answers, answer directly, no preamble, no question at the end."
    )
    assert say_wishes(PEOPLE[1]) == "Use bullet points, long, detailed answers, give an example."


def test_a_careless_person_takes_the_first_more_often_than_somebody_careful(judge_of):
    careful, hasty = (judge_of(person) for person in (PEOPLE[0], careless(PEOPLE[0])))
    rng = random.Random(0)
    shares = [
        np.mean([judge.prefers_first(-50.0, 50.0, rng) for _ in range(2000)])
        for judge in (careful, hasty)
    ]
    assert shares[0] == 0.0
    assert shares[1] == pytest.approx(0.05 + 0.95 * 0.1, abs=0.02)


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.name)
def test_a_complete_answer_beats_any_style(person):
    from chatfeedback.starter import corpus

    items = {item.id: item for item in corpus.items()}
    for question in random.Random(0).sample(questions("chat", True), 40):
        right = " ".join(items[question.item_id].sentences[:1])
        if question.mark(right) == 1.0:
            for wrong in ("Sure thing! 😊 No idea, friend!", "It is so.", "- one\n- two\n- three"):
                assert person.utility(question, right) > person.utility(question, wrong)


def test_the_contextual_person_wants_short_facts_and_long_how_tos():
    contextual = next(person for person in PEOPLE if person.name == "contextual")
    assert contextual.weights["short"] > 0 > contextual.for_how_to["short"]


def test_people_beyond_the_six_kinds_have_other_quirks():
    first, second = person_of(0, 0), person_of(len(PEOPLE), 0)
    assert first.weights == second.weights
    assert first.name != second.name
