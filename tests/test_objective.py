"""What a run minimises follows from what there is to learn from, and it says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatfeedback.errors import InputRefused
from chatfeedback.learning.dataset import add_evidence, own_pairs, rate_sides
from chatfeedback.learning.objective import (
    EvidenceCounts,
    choose_objective,
    count_evidence,
    objective_asked_for,
    run_settings,
)
from chatfeedback.records import (
    BaseInfo,
    DpoSettings,
    KtoSettings,
    LearnRequest,
    ListwiseSettings,
    PreferencePair,
    RatedReply,
    RunSettings,
    SftSettings,
)
from chatfeedback.rules.principles import NO_RULES, Rules, read_check
from chatfeedback.settings import Settings
from chatfeedback.taste.preferences import (
    HALF_LIFE_JUDGEMENTS,
    training_demonstrations,
    training_rankings,
    training_ratings,
)
from tests.test_preferences import BASE, Log, stored_reply

STARTER = BaseInfo("starter", "starter", True, 512, 8, 1, "cpu", "float32", "none")
REAL = replace(STARTER, is_starter=False)


# --- the choice --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "objective"),
    [
        (EvidenceCounts(choices=3), "dpo"),
        (EvidenceCounts(choices=1, ratings=30), "dpo"),
        (EvidenceCounts(rewrites=1, ratings=30), "dpo"),
        (EvidenceCounts(ratings=3), "kto"),
        (EvidenceCounts(choices=9, rankings=1), "listwise"),
        (EvidenceCounts(), "dpo"),
    ],
)
def test_the_evidence_decides(counts, objective):
    assert choose_objective(counts, None, Settings())[0] == objective


def test_the_reason_is_a_sentence():
    assert choose_objective(EvidenceCounts(ratings=3), None, Settings())[1] == (
        "You rated answers one by one and compared none."
    )


def test_what_is_set_is_done():
    fixed = Settings(objective="kto")
    assert choose_objective(EvidenceCounts(choices=9), 0.9, fixed) == ("kto", "It is set so.")


def test_nobody_learns_by_trial_unasked():
    assert choose_objective(EvidenceCounts(choices=99), 0.99, Settings())[0] == "dpo"


def test_learning_by_trial_needs_a_reward_model_that_foretells_choices():
    asked = Settings(by_trial="rloo", min_trial_agreement=0.7, min_trial_choices=20)
    enough = EvidenceCounts(choices=15, rankings=5)
    assert choose_objective(enough, 0.7, asked)[0] == "rloo"
    assert choose_objective(enough, 0.69, asked)[0] == "listwise"
    assert choose_objective(enough, None, asked)[0] == "listwise"
    assert choose_objective(EvidenceCounts(choices=19), 0.9, asked)[0] == "dpo"


def test_why_learning_by_trial_must_wait_is_said():
    asked = Settings(by_trial="ppo")
    _, why = choose_objective(EvidenceCounts(choices=30), 0.61, asked)
    assert "waits until 70%" in why
    assert "now 61% of 30" in why


def test_learning_by_trial_needs_room_in_memory():
    asked, enough = Settings(by_trial="rloo"), EvidenceCounts(choices=30)
    objective, why = choose_objective(enough, 0.9, asked, has_room=False)
    assert objective == "dpo"
    assert why.endswith("Learning by trial needs more memory than is free.")


# --- asked for by hand -------------------------------------------------------------------


@pytest.mark.parametrize("method", ["dpo", "kto", "ppo", "rloo"])
def test_what_is_asked_for_is_done_on_any_choices(method):
    assert objective_asked_for(method, EvidenceCounts(choices=1), REAL) == method


def test_auto_asks_for_nothing():
    assert objective_asked_for("auto", EvidenceCounts(), REAL) is None


def test_imitation_needs_a_rewritten_answer():
    assert objective_asked_for("sft", EvidenceCounts(rewrites=1), REAL) == "sft"
    with pytest.raises(InputRefused, match="0 of them, and 7 choices and 2 ratings"):
        objective_asked_for("sft", EvidenceCounts(choices=4, rankings=3, ratings=2), REAL)


@pytest.mark.parametrize("method", ["ppo", "rloo"])
def test_trial_without_room_in_memory_is_refused_by_name(method):
    cramped = replace(REAL, room_for_rollouts=False)
    with pytest.raises(InputRefused, match=f"{method.upper()} answers prompts anew"):
        objective_asked_for(method, EvidenceCounts(choices=30), cramped)
    assert objective_asked_for("dpo", EvidenceCounts(choices=30), cramped) == "dpo"
    assert objective_asked_for(method, EvidenceCounts(choices=30), None) == method


def test_judgements_are_counted_by_what_they_are():
    log = Log()
    log.say("pick", comparison_id=1, outcome="first")
    log.say("rank", comparison_id=3, order=(5, 6, 7, 8))
    log.say("thumb", reply_id=4, value=1)
    log.say("rating", reply_id=3, value=2)
    log.edit(2, "Something else entirely, much longer.")
    assert count_evidence(log.judgements()) == EvidenceCounts(1, 1, 1, 2)


# --- the settings of a run ---------------------------------------------------------------


def test_dpo_on_the_starter_is_as_it_was_measured():
    assert run_settings("dpo", Settings(), STARTER) == DpoSettings()


def test_real_models_take_far_smaller_steps():
    for objective in ("dpo", "listwise", "kto", "sft", "rloo", "ppo"):
        assert run_settings(objective, Settings(), REAL).learning_rate == 5e-5


@pytest.mark.parametrize(
    ("n_parameters", "n_reactions", "rank"),
    [
        (500_000_000, 20, 16),
        (500_000_000, 500, 32),
        (7_000_000_000, 20, 8),
        (7_000_000_000, 900, 16),
    ],
)
def test_the_rank_follows_from_the_model_and_the_reactions(n_parameters, n_reactions, rank):
    base = replace(REAL, n_parameters=n_parameters)
    for objective in ("dpo", "kto", "ppo"):
        found = run_settings(objective, Settings(), base, n_reactions)
        assert (found.rank, found.alpha) == (rank, 2.0 * rank)


@pytest.mark.parametrize("objective", ["dpo", "listwise", "kto", "sft", "rloo", "ppo"])
def test_how_far_a_version_may_go_holds_for_every_objective(objective):
    careful = Settings(dpo=DpoSettings(kl_budget_nats=1.5))
    found = run_settings(objective, careful, STARTER)
    assert isinstance(found, RunSettings)
    assert found.kl_budget_nats == 1.5


# --- the evidence ------------------------------------------------------------------------


@pytest.fixture
def log():
    return Log()


def test_a_ranking_is_one_piece_of_evidence(log):
    log.say("rank", comparison_id=3, order=(7, 5, 6, 8))
    [ranking] = training_rankings(log.judgements(), log, BASE)
    assert ranking.replies == ((17,), (15,), (16,), (18,))
    assert (ranking.prompt_ids, ranking.n_ranked, ranking.weight) == ((1, 2), 3, 1.0)


def test_the_best_of_four_ranks_one(log):
    log.say("pick", comparison_id=3, outcome="third")
    [ranking] = training_rankings(log.judgements(), log, BASE)
    assert ranking.replies[0] == (17,)
    assert (ranking.n_ranked, ranking.n_picks) == (1, 1)


def test_replies_of_another_base_drop_out_of_a_ranking(log):
    log.replies[5] = stored_reply(5, 3, "elsewhere", base_key="another")
    log.say("rank", comparison_id=3, order=(7, 5, 6, 8))
    [ranking] = training_rankings(log.judgements(), log, BASE)
    assert ranking.replies == ((17,), (16,), (18,))
    assert ranking.n_ranked == 2


def test_thumbs_and_stars_are_ratings(log):
    log.say("thumb", reply_id=1, value=-1)
    log.say("rating", reply_id=3, value=5)
    log.say("rating", reply_id=4, value=3)
    down, stars = training_ratings(log.judgements(), log, BASE)
    assert (down.reply_ids, down.is_liked) == ((11,), False)
    assert (stars.reply_ids, stars.is_liked) == ((13,), True)
    assert down.weight == pytest.approx(0.5 * 0.5 ** (2 / HALF_LIFE_JUDGEMENTS))


def test_a_rewrite_is_a_demonstration(log):
    new_id = log.edit(3, "Something else entirely, much longer.")
    log.say("pick", comparison_id=1, outcome="first")
    [demo] = training_demonstrations(log.judgements(), log, BASE)
    assert (demo.prompt_ids, demo.reply_ids) == ((1, 2), (10 + new_id,))
    assert demo.weight == pytest.approx(3.0 * 0.5 ** (1 / HALF_LIFE_JUDGEMENTS))


class Heard:
    """A taste that has heard a log."""

    def __init__(self, log):
        self.judgements = self.lasting_judgements = log.judgements()
        self.reply = log.reply


def evidence(log, settings, rules=NO_RULES):
    taste = Heard(log)
    pairs = tuple(own_pairs(taste, BASE, rules))
    request = LearnRequest("run", "folder", "a", pairs, (), (), settings, seed=0)
    return pairs, add_evidence(request, taste, BASE, rules)


def test_dpo_learns_from_pairs_and_imitates_rewrites(log):
    log.say("pick", comparison_id=1, outcome="first")
    log.edit(3, "Something else entirely, much longer.")
    pairs, request = evidence(log, DpoSettings())
    assert request.pairs == pairs
    assert len(request.demonstrations) == 1


def test_dpo_on_choices_alone_learns_from_pairs_alone(log):
    log.say("pick", comparison_id=1, outcome="first")
    pairs, request = evidence(log, DpoSettings())
    assert (request.pairs, request.demonstrations) == (pairs, ())
    assert (request.rankings, request.ratings) == ((), ())


def test_rankings_are_not_learned_a_second_time_as_pairs(log):
    log.say("pick", comparison_id=1, outcome="first")
    log.say("rank", comparison_id=3, order=(7, 5, 6, 8))
    pairs, request = evidence(log, ListwiseSettings())
    assert len(pairs) == 7
    assert [pair.chosen_ids for pair in request.pairs] == [(11,)]
    assert len(request.rankings) == 1


def test_kto_rates_both_sides_of_a_pair(log):
    log.say("thumb", reply_id=4, value=1)
    log.say("pick", comparison_id=1, outcome="first")
    _, request = evidence(log, KtoSettings())
    said = {each.reply_ids: each.is_liked for each in request.ratings}
    assert said == {(14,): True, (11,): True, (12,): False}
    assert request.pairs == ()


def test_a_pair_counts_as_much_as_its_two_sides():
    pair = PreferencePair((1,), (2,), (3,), 0.7, "reward_model")
    assert rate_sides([pair]) == [
        RatedReply((1,), (2,), True, 0.35),
        RatedReply((1,), (3,), False, 0.35),
    ]


def test_a_reply_liked_twice_counts_once(log):
    log.say("thumb", reply_id=1, value=1)
    log.say("pick", comparison_id=1, outcome="first")
    _, request = evidence(log, KtoSettings())
    assert [each.is_liked for each in request.ratings if each.reply_ids == (11,)] == [True]


FLATTERY = "What a brilliant question! It is bread."
BRIEF = Rules((read_check("at most five words"),))


def test_a_flattering_favourite_teaches_in_no_objective(log):
    log.replies[7] = replace(log.replies[7], text=FLATTERY)
    log.say("rank", comparison_id=3, order=(7, 5, 6, 8))
    log.say("thumb", reply_id=7, value=1)
    pairs, listwise = evidence(log, ListwiseSettings())
    _, kto = evidence(log, KtoSettings())
    assert {pair.chosen_ids for pair in pairs} == {(15,), (16,)}
    assert [each.replies for each in listwise.rankings] == [((15,), (16,), (18,))]
    assert (17,) not in {each.reply_ids for each in kto.ratings if each.is_liked}


def test_what_breaks_a_principle_teaches_in_no_objective(log):
    new_id = log.edit(3, "This rewritten answer has more than five words.")
    log.replies[7] = replace(log.replies[7], text="This has more words than five.")
    log.say("thumb", reply_id=7, value=1)
    log.say("pick", comparison_id=3, outcome="third")
    pairs, listwise = evidence(log, ListwiseSettings(), BRIEF)
    _, kto = evidence(log, KtoSettings(), BRIEF)
    assert (pairs, listwise.demonstrations, listwise.rankings) == ((), (), ())
    assert not {(17,), (10 + new_id,)} & {each.reply_ids for each in kto.ratings if each.is_liked}


def test_a_disliked_reply_teaches_whatever_it_says(log):
    log.replies[7] = replace(log.replies[7], text=FLATTERY)
    log.say("thumb", reply_id=7, value=-1)
    _, kto = evidence(log, KtoSettings(), BRIEF)
    assert [(each.reply_ids, each.is_liked) for each in kto.ratings] == [((17,), False)]


def test_sft_imitates_rewrites_alone(log):
    log.edit(3, "Something else entirely, much longer.")
    _, request = evidence(log, SftSettings())
    assert (len(request.demonstrations), request.pairs) == (1, ())
