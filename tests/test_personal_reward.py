"""What PPO and RLOO are paid by: the person's taste, less what is not known of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chatfeedback.engine.adapters import make_views
from chatfeedback.engine.base_model import load_base
from chatfeedback.engine.objectives import learn_steps
from chatfeedback.engine.personal_reward import PersonalReward
from chatfeedback.engine.rollouts import personal_source
from chatfeedback.engine.serving import draw_own_replies
from chatfeedback.errors import InputRefused
from chatfeedback.records import (
    LearnRequest,
    LearnResult,
    PpoSettings,
    RewardSnapshot,
    RlooSettings,
    RolloutPrompt,
    Sampling,
    Turn,
)
from chatfeedback.taste.basis import style_basis
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.reward import PLAUSIBILITY
from tests.tiny_models import save_tiny_model

EXCLAMATIONS = STYLE_MEASURES.index("exclamations")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return load_base(save_tiny_model(tmp_path_factory.mktemp("tiny"), context_tokens=40))


@pytest.fixture(scope="module")
def view(base):
    view = make_views(base.model)[1]
    view.reset(4, 8.0, 0)
    return view


@pytest.fixture
def prompt(base):
    return RolloutPrompt("Hello", tuple(base.render([Turn("user", "Hello")])))


def snapshot(base, variance=0.0):
    """Somebody who likes exclamation marks; how surely, says the variance."""
    basis = style_basis(base.info.key, base.info.hidden_size)
    mean = np.zeros(basis.size)
    mean[EXCLAMATIONS] = 1.0
    return RewardSnapshot(basis.to_bytes(), mean, variance * np.eye(basis.size))


def make_reward(view, base, prompt, usual, variance=0.0, **coefs):
    """A reward that has got to know `usual` as the base's replies."""
    reward = PersonalReward(
        view,
        base,
        base.template.text_of,
        snapshot(base, variance),
        unfinished_score=-5.0,
        **{"uncertainty_coef": 0.5, **coefs},
    )
    ids = base.template.reply_ids(usual)
    reward.get_to_know([prompt], lambda model, prompts, seed: [ids] * len(prompts), 0)
    return reward


def rate(reward, base, prompt, *texts):
    replies = [base.template.reply_ids(text) for text in texts]
    return reward([prompt] * len(texts), replies)


def test_a_reply_like_the_bases_own_is_worth_nothing_for_certain(view, base, prompt):
    reward = make_reward(view, base, prompt, "Yes.", variance=1.0)
    scores = rate(reward, base, prompt, "Yes.")
    assert scores.value == pytest.approx([0.0], abs=1e-2)
    assert scores.sd == pytest.approx([0.0], abs=1e-3)


def test_what_the_person_likes_is_worth_more(view, base, prompt):
    """Log counts: log(1 + 3) exclamation marks, in typical standard deviations of 0.4."""
    scores = rate(make_reward(view, base, prompt, "Yes."), base, prompt, "Yes!!!", "Yes.")
    reward = make_reward(view, base, prompt, "Yes!!!")
    against = rate(reward, base, prompt, "Yes.")
    liked = np.log(4) / 0.4
    plain = make_reward(view, base, prompt, "Yes.")
    plausible = rate_plausibility(view, base, prompt, "Yes!!!", "Yes.")
    assert scores.mean[0] == pytest.approx(liked + plausible, abs=0.05)
    assert against.mean[0] == pytest.approx(-liked - plausible, abs=0.05)
    assert rate(plain, base, prompt, "Yes!!!").value == pytest.approx(scores.value[:1], abs=1e-6)


def test_plausibility_weighs_what_it_does_in_best_of_n():
    assert RlooSettings().plausibility_coef == PLAUSIBILITY


def test_without_plausibility_taste_alone_is_paid(view, base, prompt):
    reward = make_reward(view, base, prompt, "Yes.", plausibility_coef=0.0)
    scores = rate(reward, base, prompt, "Yes!!!")
    assert scores.mean == pytest.approx([np.log(4) / 0.4], abs=0.05)


def rate_plausibility(view, base, prompt, reply, usual):
    """PLAUSIBILITY x the difference of the mean log-probabilities, by the plain model."""
    import torch

    found = []
    for text in (reply, usual):
        ids = base.template.reply_ids(text)
        row = torch.tensor([[*prompt.prompt_ids, *ids]])
        with torch.no_grad():
            logits = base.model(input_ids=row).logits[0, len(prompt.prompt_ids) - 1 : -1]
        found.append(logits.float().log_softmax(-1).gather(1, torch.tensor(ids)[:, None]).mean())
    return PLAUSIBILITY * float(found[0] - found[1])


def test_what_is_not_known_is_taken_off(view, base, prompt):
    sure = make_reward(view, base, prompt, "Yes.")
    unsure = make_reward(view, base, prompt, "Yes.", variance=0.25, uncertainty_coef=2.0)
    before, after = rate(sure, base, prompt, "Yes!!!"), rate(unsure, base, prompt, "Yes!!!")
    assert after.mean == pytest.approx(before.mean)
    assert after.sd[0] > 0.5 * np.log(4) / 0.4  # the exclamation marks alone differ so much
    assert after.value[0] == pytest.approx(before.mean[0] - 2.0 * after.sd[0])


def test_an_unfinished_or_blank_reply_is_fined_whatever_it_says(view, base, prompt):
    reward = make_reward(view, base, prompt, "Yes.")
    ids = base.template.reply_ids("Yes!!!")
    scores = reward([prompt] * 3, [ids[:-1], base.template.reply_ids("  "), ids])
    assert scores.value[:2].tolist() == [-5.0, -5.0]
    assert scores.is_finished.tolist() == [False, False, True]


def test_the_adapter_of_the_policy_has_no_say_in_what_is_plausible(view, base, prompt):
    reward = make_reward(view, base, prompt, "Yes.")
    before = rate(reward, base, prompt, "No!")
    kept = view.snapshot()
    view.restore([weight + 0.1 for weight in kept])
    assert rate(reward, base, prompt, "No!").value == pytest.approx(before.value)
    view.restore(kept)


def test_a_reward_model_of_another_base_is_refused(view, base):
    other = replace(snapshot(base), basis=style_basis("other", 48).to_bytes())
    with pytest.raises(InputRefused, match="another base"):
        PersonalReward(
            view, base, base.template.text_of, other, uncertainty_coef=0.0, unfinished_score=0.0
        )


@pytest.mark.parametrize("kind", [PpoSettings, RlooSettings])
def test_a_request_learns_from_the_persons_own_reward(base, prompt, kind, tmp_path):
    """The whole way on a model that speaks gibberish: drawn, rated, learned, published."""
    view = make_views(base.model)[1]
    settings = kind(max_steps=1, replies_per_step=4, minibatch_replies=2, epochs=1, rank=4)
    request = LearnRequest(
        run_id="run",
        folder=str(tmp_path / "one"),
        adapter_id="one",
        pairs=(),
        retention=(),
        probe_prompts=(prompt.prompt_ids,),
        settings=settings,
        seed=0,
        rollout_prompts=(prompt,),
        reward=snapshot(base, 0.1),
    )

    def sample_own(model, prompts, seed):
        return draw_own_replies(base, model, prompts, seed, Sampling(max_new_tokens=8))

    def source_of(request):
        return personal_source(view, base, request)

    def run(request):
        return list(
            learn_steps(view, base, request, sample_own, lambda: None, lambda: False, source_of)
        )

    *steps, result = run(request)
    assert isinstance(result, LearnResult)
    assert len(steps) == 1
    with pytest.raises(InputRefused, match="no reward model"):
        run(replace(request, reward=None, folder=str(tmp_path / "two")))
