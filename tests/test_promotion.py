"""The gate: what is harm, what is gain."""

import dataclasses

import pytest

from chatfeedback.asking.trials import BlindTrials
from chatfeedback.learning import quiz
from chatfeedback.learning.guards import watch_over_optimisation
from chatfeedback.learning.promotion import (
    Answers,
    Measures,
    _scales_allowed,
    examine,
    find_examples,
    find_harm,
    find_no_gain,
    find_relapse,
    gate_questions,
    kept_share,
    measure,
    recheck,
    say_gain,
    sequence_kl,
    share_error,
)
from chatfeedback.learning.retention import Question, interleave, questions
from chatfeedback.records import AdapterVersion, GateReport
from chatfeedback.rules.flags import Behaviour
from chatfeedback.settings import Settings
from tests.fakes import BASE, FakeEngine
from tests.sessions import running

GOOD = Measures(
    scale=1.0,
    better_than_base=0.95,
    better_than_serving=0.6,
    kl_nats=2.0,
    facts_share=1.0,
    how_to_share=0.99,
    finished_share=1.0,
    length_ratio=0.8,
)


def change(**changes):
    return dataclasses.replace(GOOD, **changes)


def replies(*texts):
    """One reply a text, as the fake engine would give it."""
    engine = FakeEngine()
    made = engine._reply(0, "prompt", None)
    return [dataclasses.replace(made, text=text) for text in texts]


def test_what_is_said_of_a_good_version_agrees_with_its_figures():
    assert say_gain(change(how_to_share=0.996)) == "Better for you, and nothing was forgotten."
    for lost in ({"facts_share": 0.96}, {"how_to_share": 0.99}):
        assert say_gain(change(**lost)) == "Better for you, and hardly anything was forgotten."


def test_a_good_candidate_does_no_harm_and_gains():
    assert find_harm(GOOD, Settings()) == []
    assert find_no_gain(GOOD, Settings()) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"facts_share": 0.9}, "facts"),
        ({"how_to_share": 0.5}, "how-to"),
        ({"finished_share": 0.9}, "end properly"),
        ({"kl_nats": 9.0}, "too far"),
        ({"length_ratio": 0.01}, "as long"),
        ({"distinct_ratio": 0.7}, "repeat themselves"),
    ],
)
def test_every_kind_of_harm_is_named(changes, word):
    [sentence] = find_harm(change(**changes), Settings())
    assert word in sentence


def test_facts_and_how_tos_are_not_averaged_together():
    assert find_harm(change(facts_share=1.2, how_to_share=0.8), Settings())


def test_a_model_without_a_quiz_is_not_blamed_for_it():
    assert find_harm(change(facts_share=None, how_to_share=None), Settings()) == []


def test_a_doubtful_gain_is_turned_down():
    assert "79%" in find_no_gain(change(better_than_base=0.79), Settings())[0]


def test_what_serves_now_is_not_replaced_by_something_worse():
    assert find_no_gain(change(better_than_serving=0.1), Settings())


class LikesShort:
    """A taste for which a letter less is a unit more."""

    @property
    def model(self):
        return self

    def phis(self, _prompt, replies):
        return [-len(each.text) for each in replies]

    def score(self, phis):
        return phis, [1.0] * len(phis)


def test_the_receipt_shows_what_changed_most_first_for_better_or_worse():
    before = Answers([replies("aaaa"), replies("same"), replies("aaa"), replies("a")], [])
    after = Answers([replies("aaa"), replies("same"), replies("a"), replies("aaaa")], [])
    found = find_examples(LikesShort(), ["little", "none", "better", "worse"], after, before)
    assert [each.prompt for each in found] == ["worse", "better", "little"]
    assert (found[0].before, found[0].after) == ("a", "aaaa")


def test_kl_is_the_mean_gap_between_policy_and_base():
    [one] = replies("x")
    near = dataclasses.replace(one, policy_logprob=one.features.base_logprob + 1.0)
    far = dataclasses.replace(one, policy_logprob=one.features.base_logprob + 4.0)
    assert sequence_kl([near, far]) == pytest.approx(2.5)


def test_kept_share_compares_marks_with_the_bases():
    question = Question("q", "fact", "?", lambda text: float("yes" in text))
    share = kept_share([question], [replies("yes", "no")], [replies("yes", "yes")], "fact")
    assert share == pytest.approx(0.5)


def test_no_two_parts_share_a_question():
    parts = ["chat", "loss", "probe", "gate", "report"]
    for is_starter in (True, False):
        ids = [{each.item_id for each in questions(part, is_starter)} for part in parts]
        assert sum(map(len, ids)) == len(set.union(*ids))


def test_every_part_of_the_quiz_holds_facts_and_how_tos():
    for part in ("chat", "loss", "probe", "gate", "report"):
        kinds = {question.kind for question in questions(part, True)}
        assert {"fact", "how_to"} <= kinds


def test_how_tos_keep_their_share_in_a_small_selection():
    chosen = interleave(questions("gate", True), 20, how_to_share=0.3)
    assert len(chosen) == 20
    assert sum(question.kind == "how_to" for question in chosen) == 6


# --- what was flagged, and blind trials that are lost --------------------------------------------

KNOWN = Behaviour("everybody knows", 5)


def answers(showing: int, of: int = 10) -> Answers:
    texts = ["As everybody knows, yes."] * showing + ["Yes."] * (of - showing)
    return Answers([], [replies(*texts)])


def test_a_flagged_behaviour_that_comes_back_is_turned_down():
    [sentence] = find_relapse([KNOWN], answers(6), answers(8), answers(0))
    assert "everybody knows" in sentence


def test_less_than_a_fifth_of_it_or_less_than_what_serves_is_progress():
    assert find_relapse([KNOWN], answers(1), answers(8), answers(0)) == []
    assert find_relapse([KNOWN], answers(4), answers(8), answers(6)) == []
    assert find_relapse([], answers(9), answers(1), answers(0)) == []


def serving(scale: float) -> AdapterVersion:
    report = GateReport(True, (), 0.99, 1.0, 1.0, 1.0, 1.0, 1.0, 0.7, 30, (), scale=scale)
    return AdapterVersion("a", 1, None, "base", "f", "h", "serving", 1, report, "2026-11-21")


def test_while_blind_trials_are_lost_nothing_as_strong_may_serve():
    lost = watch_over_optimisation(BlindTrials(3, 20), 0.99)
    assert _scales_allowed(Settings(), serving(1.0), lost) == [0.75, 0.5]
    assert _scales_allowed(Settings(), serving(0.5), lost) == (0.5,)


def test_without_such_trials_the_gate_is_as_it_was():
    for trials in (BlindTrials(), BlindTrials(3, 10), BlindTrials(12, 10)):
        finding = watch_over_optimisation(trials, 0.99)
        assert _scales_allowed(Settings(), serving(1.0), finding) == Settings().scales


# --- a model that is not the starter -------------------------------------------------------------


class Knows(FakeEngine):
    """Answers the verified questions rightly; with an adapter, only those of some kinds."""

    def __init__(self, forgets=(), ends=1.0):
        super().__init__()
        self.known = {each.prompt: ("fact", [each.answer]) for each in quiz.facts()}
        self.known |= {each.prompt: ("how_to", each.steps) for each in quiz.how_tos()}
        self.forgets = forgets
        self.ends = ends

    def sample(self, request):
        sampled = super().sample(request)
        return [
            [self._say(turns[-1].text, reply, request.adapter) for reply in drawn]
            for turns, drawn in zip(request.prompts, sampled, strict=True)
        ]

    def _say(self, prompt, reply, adapter):
        kind, spellings = self.known.get(prompt, ("other", []))
        if adapter and kind in self.forgets:
            spellings = []
        said = ", then ".join(each.split("|")[0].rstrip("*") for each in spellings)
        is_cut = (len(prompt) * 7919) % 100 >= 100 * self.ends
        stop = "length" if is_cut else "end"
        return dataclasses.replace(reply, text=f"So: {said}", stop_reason=stop)


class KnowsNothing(FakeEngine):
    """Answers every question with the same empty words."""

    def sample(self, request):
        return [
            [dataclasses.replace(reply, text="Who knows?") for reply in drawn]
            for drawn in super().sample(request)
        ]


def examine_with(engine, tmp_path):
    with running(tmp_path, engine) as session:
        taste = session.taste(session.default_person().person_id)
        version = AdapterVersion("a", 1, None, "base-1", "f", "h", "staged", 1, None, "2026-11-21")
        return examine(
            engine=engine,
            base=engine.base,
            taste=taste,
            version=version,
            serving=None,
            prompts=[f"Prompt {number}?" for number in range(40)],
            settings=dataclasses.replace(Settings(), min_better_probability=-1.0),
            seed=0,
        )


def test_a_real_model_is_asked_facts_and_how_tos_with_no_more_replies_than_before(tmp_path):
    engine = Knows()
    report = examine_with(engine, tmp_path)
    assert report.accepted
    assert (report.facts_share, report.how_to_share) == (1.0, 1.0)
    asked = engine.requests[-1]
    assert len(asked.prompts) * asked.n <= (24 + 10) * 4


@pytest.mark.parametrize(("kind", "word"), [("fact", "facts"), ("how_to", "how-to steps")])
def test_a_version_of_a_real_model_that_forgot_is_refused(tmp_path, kind, word):
    report = examine_with(Knows(forgets=(kind,)), tmp_path)
    assert not report.accepted
    assert report.reasons[0] == f"It forgot {word}: 0% of what the base model knows."


def test_a_base_that_knows_nothing_breaks_nothing_and_nothing_is_claimed(tmp_path):
    report = examine_with(KnowsNothing(), tmp_path)
    assert report.accepted
    assert (report.facts_share, report.how_to_share) == (None, None)
    assert "not known" in report.reasons[0]


def test_a_version_is_not_blamed_for_replies_that_the_base_leaves_unfinished_too(tmp_path):
    assert examine_with(Knows(ends=0.6), tmp_path).accepted


def test_nor_is_it_later_when_it_is_measured_once_more(tmp_path):
    engine = Knows(ends=0.6)
    with running(tmp_path, engine) as session:
        taste = session.taste(session.default_person().person_id)
        serving = AdapterVersion("a", 1, None, "base-1", "f", "h", "serving", 1, None, "2026-11-21")
        found = recheck(
            engine=engine,
            base=engine.base,
            taste=taste,
            serving=serving,
            settings=Settings(),
            seed=0,
        )
    assert not any(each.is_alarm for each in found)


def test_a_loss_within_one_standard_error_may_be_chance():
    lost = change(facts_share=0.93, facts_error=0.04)
    assert find_harm(lost, Settings()) == []
    assert find_harm(change(facts_share=0.91, facts_error=0.04), Settings())


def test_the_error_of_a_share_is_that_of_the_mean_loss_over_questions():
    question = Question("q", "fact", "?", lambda text: float("yes" in text))
    base = [replies("yes"), replies("yes")]
    # losses 0 and 1: sd .7071, over the root of 2 questions .5, over the base's mean 1
    error = share_error([question] * 2, [replies("yes"), replies("no")], base, "fact")
    assert error == pytest.approx(0.5)
    assert share_error([question], [replies("no")], [replies("yes")], "fact") == 0.0


def test_the_starter_is_asked_as_ever_and_gets_no_benefit_of_the_doubt():
    starter = dataclasses.replace(BASE, is_starter=True)
    asked, n = gate_questions(starter, Settings())
    assert asked == interleave(questions("gate", True), 72, how_to_share=0.4)
    assert n == 4
    plain = measure(Even(), [], asked[:1], *[Answers([], [replies("x")])] * 3, scale=1.0)
    assert (plain.facts_error, plain.how_to_error, plain.finished_limit) == (0.0, 0.0, 1.0)


class Even:
    """A taste that likes everything alike."""

    @property
    def model(self):
        return self

    def phis(self, _prompt, replies):
        return [0.0] * len(replies)

    def probability_better(self, _one, _other):
        return 0.5
