"""The fast tier: people, gestures, lives on replies that are there already, and its report."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest

from chatfeedback.cli import build_parser
from chatfeedback.learning.retention import interleave, questions
from chatfeedback.records import GeneratedReply, ReplyFeatures
from chatfeedback.simulation.cards import judge_cards
from chatfeedback.simulation.choices import mean
from chatfeedback.simulation.curves import draw_curves, figure
from chatfeedback.simulation.fast import ABLATIONS, FastPlan, live_cell, run_fast, simulate_fast
from chatfeedback.simulation.gestures import Gesture, Mind, react, read_reaction
from chatfeedback.simulation.lives import Life, Variant, Views
from chatfeedback.simulation.people import (
    FLIP_AT,
    PEOPLE,
    Hidden,
    careless,
    gullible,
    person_of,
    say_wishes,
    turned_round,
)
from chatfeedback.simulation.pool import Asked, Pool
from chatfeedback.simulation.report import (
    calibration,
    per_person,
    recovery,
    write_report,
)
from chatfeedback.starter import corpus
from chatfeedback.starter.replies import write_reply
from chatfeedback.starter.styles import Style, draw_style
from chatfeedback.taste.basis import style_basis

BASIS = style_basis("base", 0)
ASKED = questions("report", True)
ITEMS = {item.id: item for item in corpus.items()}
CONCISE = PEOPLE[0]


def a_reply(text: str) -> GeneratedReply:
    nothing = np.zeros(0, np.float16)
    features = ReplyFeatures("base", nothing, nothing, -0.3, 1)
    return GeneratedReply(0, text, (), (), "end", 0.0, features, 0.0, 0.0)


def with_state(reply: GeneratedReply, state: float) -> ReplyFeatures:
    return replace(reply.features, prompt_hidden=np.array([state], np.float16))


def ask(question, n: int, rng: random.Random) -> Asked:
    texts = [write_reply(ITEMS[question.item_id], draw_style(rng), rng) for _ in range(n)]
    replies = tuple(map(a_reply, texts))
    phis = BASIS.phis(question.prompt, texts, [reply.features for reply in replies])
    return Asked(question, replies, phis)


@pytest.fixture(scope="module")
def pool() -> Pool:
    """What the starter was taught to write, without the starter."""
    rng = random.Random(0)
    chat = tuple(ask(each, 8, rng) for each in interleave(questions("chat", True), 60))
    report = tuple(ask(each, 20, rng) for each in interleave(questions("report", True), 30))
    return Pool(BASIS, chat, report)


def mind(person: Hidden, temperature: float = 1e-3) -> Mind:
    return Mind(person, temperature, threshold=0.0, rng=np.random.default_rng(0))


# --- people ------------------------------------------------------------------------------------


def test_there_are_at_least_twelve_kinds_of_people_and_no_two_alike(pool):
    worth = [Views.of(person, pool).chat.ravel() for person in PEOPLE]
    assert len(PEOPLE) >= 12
    alike = np.corrcoef(worth) - np.eye(len(PEOPLE))
    assert alike.max() < 0.999


def test_a_person_is_the_same_again_for_the_same_seed(pool):
    asked = pool.chat[0]
    for number in (0, 12, 28):
        first, second = person_of(number, 3), person_of(number, 3)
        text = asked.replies[0].text
        assert first.utility(asked.question, text) == second.utility(asked.question, text)


def test_an_arbitrary_person_has_another_taste_with_another_seed():
    assert person_of(28, 0).weights != person_of(28, 1).weights


def test_somebody_turned_round_likes_the_opposite_from_click_51_on():
    person = turned_round(CONCISE)
    assert person.at_click(FLIP_AT).weights["short"] == CONCISE.weights["short"]
    assert person.at_click(FLIP_AT + 1).weights["short"] == -CONCISE.weights["short"]


def test_the_gullible_like_to_be_flattered_and_others_do_not_care(pool):
    question = next(each.question for each in pool.chat if each.question.kind == "fact")
    plain = ITEMS[question.item_id].sentences[0]
    flattering = f"Great question! {plain}"
    neutral = Hidden("somebody", {})
    gains = [
        each.utility(question, flattering) - each.utility(question, plain)
        for each in (gullible(neutral), neutral)
    ]
    assert gains[0] - gains[1] == pytest.approx(1.5)


# --- gestures ----------------------------------------------------------------------------------


def test_without_noise_the_best_is_picked_and_the_ranking_is_right():
    worth = np.array([1.0, 3.0, 2.0, 0.0])
    marks = [1.0] * 4
    assert react(mind(CONCISE), Gesture.PICK_OF_4, (0, 1, 2, 3), worth, marks).order[0] == 1
    assert react(mind(CONCISE), Gesture.RANKINGS, (0, 1, 2, 3), worth, marks).order == (1, 2, 0, 3)


def test_a_thumb_goes_up_above_the_threshold_and_down_below():
    for worth, up in ((1.0, True), (-1.0, False)):
        thumb = react(mind(CONCISE), Gesture.THUMBS, (0,), np.array([worth]), [1.0])
        assert thumb.up is up


def test_only_what_could_be_worded_better_is_rewritten():
    worth = np.array([0.0, 2.0, 1.0])
    assert react(mind(CONCISE), Gesture.EDITS, (0,), worth, [1.0] * 3).order == (1, 0)
    assert react(mind(CONCISE), Gesture.EDITS, (1,), worth, [1.0] * 3).kind == "thumb"


def test_the_careless_slip_about_one_time_in_ten_and_favour_the_first():
    slips = [mind_of.best_of([0.0, 5.0]) == 0 for mind_of in [mind(careless(CONCISE))] * 4000]
    assert mean(slips) == pytest.approx(0.05 + 0.95 * 0.1, abs=0.02)


def test_choices_are_as_noisy_as_bradley_and_terry_say():
    chooser = mind(CONCISE, temperature=2.0)
    first = mean([chooser.best_of([1.0, 0.0]) == 0 for _ in range(4000)])
    assert first == pytest.approx(1 / (1 + np.exp(-0.5)), abs=0.02)


def test_mixed_gestures_are_mostly_four_answers_at_first_and_thumbs_later():
    somebody = mind(CONCISE)
    early = [somebody.gesture(Gesture.MIXED, 3) for _ in range(400)]
    late = [somebody.gesture(Gesture.MIXED, 30) for _ in range(400)]
    assert early.count(Gesture.PICK_OF_4) > 200 > early.count(Gesture.PAIRS) == 0
    assert late.count(Gesture.THUMBS) > 150 > late.count(Gesture.PICK_OF_4) == 0


def test_a_pick_among_four_and_a_rewrite_are_read_as_in_the_app(pool):
    asked, worth = pool.chat[0], np.arange(8.0)
    pick = react(mind(CONCISE), Gesture.PICK_OF_4, (0, 1, 2, 3), worth, asked.marks)
    [evidence] = read_reaction(pick, asked, BASIS)
    assert (evidence.form, len(evidence.rows), evidence.is_choice) == ("softmax", 3, True)
    rewrite = react(mind(CONCISE), Gesture.EDITS, (0,), worth, asked.marks)
    [evidence] = read_reaction(rewrite, asked, BASIS)
    assert (evidence.weight > 1.0, evidence.is_choice) == (True, False)


# --- lives -------------------------------------------------------------------------------------


def live(pool: Pool, person: Hidden, clicks: int, variant: Variant) -> Life:
    views = Views.of(person, pool)
    life = Life(person, variant, pool, (views, views), seed=1)
    for number in range(1, clicks + 1):
        life.click(number)
    return life


def test_nobody_gains_before_the_first_click_and_most_do_after_twenty(pool):
    variant = Variant("rankings", Gesture.RANKINGS)
    wins = [live(pool, person, 20, variant).judge(20).win for person in PEOPLE[:6]]
    assert mean(wins) > 0.65
    assert live(pool, CONCISE, 0, variant).judge(0).win == pytest.approx(0.5, abs=0.06)


def test_a_taste_that_is_learned_costs_no_facts_and_no_steps(pool):
    row = live(pool, CONCISE, 20, Variant("rankings", Gesture.RANKINGS)).judge(20)
    assert row.facts > 0.98
    assert row.how_to > 0.96


def test_the_gullible_are_not_served_more_flattery(pool):
    weak = gullible(Hidden("weak", {}))
    assert live(pool, weak, 30, Variant("pick", Gesture.PICK_OF_4)).judge(30).flattery <= 0.0


def test_no_style_is_learned_where_no_style_is_seen(pool):
    life = live(pool, CONCISE, 20, Variant("hidden", Gesture.PAIRS, features="hidden"))
    assert np.allclose(life.model.weights, 0.0)


def test_a_pool_comes_back_from_its_file_as_it_was(pool, tmp_path):
    pool.save(tmp_path / "pool.npz")
    again = Pool.load(tmp_path / "pool.npz")
    assert again.report[3].question.prompt == pool.report[3].question.prompt
    assert [r.text for r in again.chat[5].replies] == [r.text for r in pool.chat[5].replies]
    np.testing.assert_allclose(again.report[-1].phis, pool.report[-1].phis, atol=1e-5)


def test_a_pool_keeps_what_the_base_made_of_each_question(pool, tmp_path):
    """Feedback on one reply alone is read with it."""
    marked = [
        replace(each, replies=tuple(replace(r, features=with_state(r, at)) for r in each.replies))
        for at, each in enumerate(pool.chat)
    ]
    replace(pool, chat=tuple(marked)).save(tmp_path / "pool.npz")
    again = Pool.load(tmp_path / "pool.npz")
    assert [each.replies[-1].features.prompt_hidden[0] for each in again.chat] == list(
        range(len(marked))
    )


class Obedient:
    """An engine that answers in few words when the system line asks for that, else in many."""

    def sample(self, request):
        def answer(turns):
            [question] = [each for each in ASKED if each.prompt == turns[-1].text]
            item, rng = ITEMS[question.item_id], random.Random(0)
            wants_short = "short answers" in turns[0].text.lower()
            style = Style(length="short" if wants_short else "long", bullets=True)
            return a_reply(write_reply(item, style, rng))

        return [[answer(turns) for _ in range(request.n)] for turns in request.prompts]


def test_a_style_prompt_that_is_obeyed_wins(pool):
    [by_hand] = judge_cards(Obedient(), pool, [(0, 0)], clicks=0)
    assert (by_hand["line"], by_hand["life"]) == (say_wishes(CONCISE), "by hand")
    assert by_hand["win"] > 0.6


def test_the_card_is_judged_as_it_was_after_so_many_clicks(pool):
    rows = judge_cards(Obedient(), pool, [(0, 0)], clicks=20)
    assert [(row["life"], row["clicks"]) for row in rows] == [
        ("by hand", 0),
        ("card", 10),
        ("card", 20),
    ]


# --- cells and the report ----------------------------------------------------------------------

PLAN = FastPlan(people=2, seeds=1, clicks=10, gestures=("pairs", "mixed"), ablations=("prior",))


@pytest.fixture(scope="module")
def cells(pool) -> list[dict]:
    return [live_cell(PLAN, number, 0, pool) for number in range(2)]


def test_the_same_cell_again_is_the_same_to_the_last_digit(pool, cells):
    assert live_cell(PLAN, 1, 0, pool) == cells[1]


def test_a_run_that_was_ended_goes_on_with_the_missing_cells_alone(pool, tmp_path):
    plan = replace(PLAN, people=1)
    pool.save(tmp_path / f"pool-{plan.questions}-{plan.seed}.npz")
    [first] = run_fast(plan, tmp_path)
    marked = {**first, "person": "from the file"}
    [file] = tmp_path.glob("person-*.json")
    file.write_text(json.dumps(marked))
    assert run_fast(plan, tmp_path) == [marked]


def test_a_cell_of_another_plan_is_lived_again(pool, tmp_path):
    plan = replace(PLAN, people=1, clicks=5)
    pool.save(tmp_path / f"pool-{plan.questions}-{plan.seed}.npz")
    (tmp_path / "person-000-seed-0.json").write_text(json.dumps({"plan": {}, "person": "old"}))
    assert run_fast(plan, tmp_path)[0]["person"] == "concise"


def test_the_report_has_every_gesture_the_baselines_and_what_was_changed(cells):
    text = write_report(cells, PLAN.gestures, PLAN.checkpoints)
    for told in (
        "| pairs |",
        "| mixed |",
        "somebody else's head",
        "oracle",
        "no prior, less mixed",
    ):
        assert told in text


def test_the_plot_has_a_line_for_every_gesture(cells):
    lines = {
        name: {n: figure(list(per_person(cells, name, n).values())) for n in PLAN.checkpoints}
        for name in PLAN.gestures
    }
    drawn = draw_curves(lines, "clicks; win")
    assert drawn.count("<polyline") == 2
    assert "clicks; win" in drawn


def row(person: str, life: str, clicks: int, **figures: float) -> dict:
    return {"person": person, "life": life, "clicks": clicks, **figures}


def test_a_persons_seeds_are_one_person():
    cells = [{"rows": [row("a", "pairs", 5, win=win)]} for win in (0.6, 0.8)]
    cells += [{"rows": [row("b", "pairs", 5, win=0.5)]}]
    assert per_person(cells, "pairs", 5) == {"a": pytest.approx(0.7), "b": 0.5}
    assert figure([0.7, 0.5]).mean == pytest.approx(0.6)


def test_recovery_is_the_gain_thirty_clicks_after_the_change_over_that_before():
    rows = [row("a", "turned", 50, gain=0.8), row("a", "turned", 80, gain=0.6)]
    assert recovery([{"rows": rows}], "turned").mean == pytest.approx(0.75)


def test_slopes_are_those_of_everybody_together():
    from chatfeedback.taste.prequential import Scores

    scores = Scores()
    rng = np.random.default_rng(0)
    for logit in rng.normal(0, 2, 3000):  # twice as sure as it may be
        p = 1 / (1 + np.exp(-logit))
        right = rng.random() < 1 / (1 + np.exp(-logit / 2))
        scores = scores.note(p if right else 1 - p)
    sums = {"n": scores.n, "brier": scores.brier, "hits": scores.hits}
    sums |= {"log_score": scores.log_score}
    sums |= {"raw": scores.raw.tolist(), "corrected": scores.corrected.tolist()}
    found = calibration([{"scores": {"pairs": sums}}], "pairs")
    assert found.raw_slope == pytest.approx(0.5, abs=0.06)
    assert 0.85 < found.slope < 1.1  # the first ones could not be corrected yet


def test_the_command_line_offers_every_ablation_there_is():
    told = build_parser().parse_args(["simulate", "--fast"])
    assert set(told.ablate) == set(ABLATIONS)


@pytest.mark.slow
def test_the_fast_tier_of_the_real_starter_keeps_its_promises(tmp_path, capsys):
    told = build_parser().parse_args(
        ["simulate", "--fast", "--quick", "--clicks", "50", "--out", str(tmp_path)]
    )
    cells = simulate_fast(told)
    wins = [mean(list(per_person(cells, "pick-of-4", n).values())) for n in (0, 20, 50)]
    assert wins[0] == pytest.approx(0.5, abs=0.05)
    assert wins[1] > 0.62
    assert wins[2] > 0.66
    assert mean(list(per_person(cells, "placebo", 50).values())) < 0.58
    assert mean(list(per_person(cells, "gullible", 50, "flattery").values())) <= 0.0
    assert mean(list(per_person(cells, "mixed", 50, "facts").values())) >= 0.97
    assert "## Win after so many clicks" in capsys.readouterr().out
