"""What a run learns from: labels are sure, right replies win, wrong ones never do."""

import dataclasses
import io
import json
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest

from chatfeedback.errors import PromptTooLong
from chatfeedback.learning.calibration import PoolPrompt, PoolReply, calibrate
from chatfeedback.learning.dataset import (
    LABELLED_WEIGHT,
    add_trials,
    gather_retention,
    label_pairs,
    rollout_prompts,
)
from chatfeedback.records import (
    DpoSettings,
    FeedbackEvent,
    LearnRequest,
    RlooSettings,
    RolloutPrompt,
)
from chatfeedback.settings import Settings
from chatfeedback.taste.basis import Basis
from chatfeedback.taste.likelihoods import NUISANCES
from chatfeedback.taste.preferences import Better
from chatfeedback.taste.taste import Taste
from storage.store import open_store
from tests.fakes import BASE, FakeEngine, features_of
from tests.sessions import running

SHORT, LONG = "Bread.", "It is bread, and bread is what it is, as was said before at length."


@pytest.fixture(scope="module")
def calibration():
    return calibrate(FakeEngine(), BASE)


@pytest.fixture
def taste(tmp_path, calibration):
    """Somebody who is known to like short answers."""
    store = open_store(tmp_path)
    me = store.ensure_person("You").person_id
    taste = Taste(store, me, calibration.basis, Settings())
    short, long = calibration.basis.phis(
        "q", [SHORT, LONG], [features("q", SHORT), features("q", LONG)]
    )
    towards_short = np.append(short - long, np.zeros(len(NUISANCES)))
    n = len(taste.model.mean)
    believe(taste, mean=towards_short, covariance=1e-6 * np.eye(n))
    yield taste
    store.close()


def believe(taste, **what):
    model = dataclasses.replace(taste.model, **what)
    taste.belief = dataclasses.replace(taste.belief, models=(model, model))


def features(prompt, text):
    """Equally plausible, whatever the text."""
    return dataclasses.replace(features_of(prompt, text), base_logprob=-1.0, n_tokens=1)


def pool(*replies):
    """A pool prompt with (text, is right) replies; the ids tell them apart."""
    return PoolPrompt(
        "q",
        "fact",
        (1,),
        tuple(
            PoolReply(text, (10 + at,), True, 1.0 if right else 0.0, features("q", text))
            for at, (text, right) in enumerate(replies)
        ),
    )


def test_the_liked_right_reply_is_chosen_over_the_other_right_one(taste):
    [pair] = label_pairs(taste, pool((LONG, True), (SHORT, True)))
    assert (pair.chosen_ids, pair.rejected_ids) == ((11,), (10,))
    assert (pair.weight, pair.source) == (LABELLED_WEIGHT, "reward_model")


def test_a_pleasing_wrong_reply_loses_to_a_right_one(taste):
    [pair] = label_pairs(taste, pool((LONG, True), (SHORT, False)))
    assert (pair.chosen_ids, pair.rejected_ids) == ((10,), (11,))


def test_nothing_is_labelled_where_no_reply_is_right(taste):
    assert label_pairs(taste, pool((LONG, False), (SHORT, False))) == []


def test_an_unsure_model_labels_nothing(taste):
    believe(taste, covariance=1e6 * np.eye(len(taste.model.mean)))
    assert label_pairs(taste, pool((LONG, True), (SHORT, True))) == []


def test_only_right_replies_are_held(calibration):
    wrong = pool((LONG, False), (SHORT, True))
    held = gather_retention(dataclasses.replace(calibration, pool=(wrong,)))
    assert [demo.reply_ids for demo in held] == [(11,)]


def test_a_calibration_is_read_back_as_it_was_written(calibration):
    again = type(calibration).from_bytes(calibration.to_bytes())
    assert again.basis.fingerprint == calibration.basis.fingerprint
    assert again.probe_prompts == calibration.probe_prompts
    first, second = calibration.pool[3].replies[2], again.pool[3].replies[2]
    assert (first.text, first.token_ids, first.mark) == (second.text, second.token_ids, second.mark)
    assert np.array_equal(first.features.hidden, second.features.hidden)
    assert first.features.base_logprob_mean == pytest.approx(second.features.base_logprob_mean)


def test_a_real_model_is_asked_what_it_should_know_in_as_many_replies_as_before(calibration):
    assert sum(len(each.replies) for each in calibration.pool) == 10 * 8
    kinds = {each.kind: each.replies[0].mark is not None for each in calibration.pool}
    assert kinds == {"fact": True, "how_to": True, "other": False}
    assert len(calibration.probe_prompts) == 10


def test_a_base_that_was_only_asked_neutral_prompts_is_asked_anew_and_no_click_is_lost(tmp_path):
    with running(tmp_path, FakeEngine()) as session:
        me = session.default_person().person_id
        rate(session, me)
        before = session.taste(me).clicks
    with closing(open_store(tmp_path)) as store:
        store.save_basis(BASE.key, of_format(1, store.load_basis(BASE.key)))
    engine = FakeEngine()
    with running(tmp_path, engine) as session:
        assert session.taste(me).clicks == before == 1
        assert session.taste(me).basis.base_key == BASE.key
    assert len(engine.requests[0].prompts) == 20


def rate(session, me):
    chat = session.new_conversation(me)
    shown = list(session.reply(me, chat, "What is bread?", "m1"))[-1]
    session.give_feedback(me, FeedbackEvent("c1", "thumb", reply_id=shown.reply_ids[0], value=1))


class OfLittleRoom(FakeEngine):
    """Its base cannot read a thousand characters."""

    def _refuse(self, request):
        if any(len(turn.text) > 1000 for turns in request.prompts for turn in turns):
            raise PromptTooLong("The message alone does not fit.")

    def sample(self, request):
        self._refuse(request)
        return super().sample(request)

    def score(self, request):
        self._refuse(request)
        return super().score(request)


def test_a_choice_about_more_than_the_base_can_read_does_not_end_every_run(tmp_path):
    """It came with a file, or from before the base was changed."""
    row = {"prompt": "Read this. " * 100, "chosen": "A better answer.", "rejected": "Worse."}
    with running(tmp_path, OfLittleRoom()) as session:
        me = session.default_person().person_id
        session.data.import_file(me, "rows.jsonl", json.dumps(row).encode())
        session.learn_now(me)
        session.wait_for_learning(me, timeout_s=30)
        [run] = session._store.runs(me)
        assert run.state in ("promoted", "rejected"), run.outcome


def of_format(number, blob):
    """The same calibration as another version of the app would have stored it."""
    with np.load(io.BytesIO(blob)) as file:
        arrays = dict(file)
    changed = io.BytesIO()
    np.savez_compressed(changed, **arrays | {"format": np.array(number)})
    return changed.getvalue()


def request_of(settings, pairs):
    return LearnRequest("r", "f", "a", tuple(pairs), (), (), settings, 0)


def test_a_run_by_trial_is_paid_by_the_reward_model_and_keeps_its_pairs(taste, calibration):
    pairs = label_pairs(taste, pool((LONG, True), (SHORT, True)))
    request = add_trials(request_of(RlooSettings(), pairs), taste, calibration)
    size = calibration.basis.size
    assert request.pairs == tuple(pairs)
    assert np.array_equal(request.reward.mean, taste.model.mean[:size])
    assert request.reward.covariance.shape == (size, size)
    assert Basis.from_bytes(request.reward.basis).fingerprint == calibration.basis.fingerprint
    assert request.rollout_prompts[0].prompt_ids == calibration.pool[0].prompt_ids


def test_other_runs_stay_as_they_are(taste, calibration):
    request = request_of(DpoSettings(), label_pairs(taste, pool((LONG, True), (SHORT, True))))
    assert add_trials(request, taste, calibration) is request


class Chosen:
    """Three choices: two to one prompt, and one from before the base was changed."""

    judgements = tuple(Better(n, 10 + n, 20 + n, 1.0, "click") for n in (1, 2, 3))

    def reply(self, reply_id):
        prompt, base_key = {11: ("old", "other"), 12: ("mine", BASE.key), 13: ("mine", BASE.key)}[
            reply_id
        ]
        return SimpleNamespace(prompt_text=prompt, prompt_ids=(1, 2), base_key=base_key)


def test_the_persons_own_prompts_come_first_and_none_twice(calibration):
    prompts = rollout_prompts(Chosen(), calibration, own=2, neutral=3)
    assert prompts[0] == RolloutPrompt("mine", (1, 2))
    assert [each.prompt_ids for each in prompts[1:]] == [
        each.prompt_ids for each in calibration.pool[:3]
    ]
