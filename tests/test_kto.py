"""KTO learns from thumbs, from a single one too, and knows what is usual."""

from __future__ import annotations

import pytest

from chatfeedback.engine.adapters import make_views
from chatfeedback.engine.kto import Balance, balance_kinds
from chatfeedback.errors import InputRefused
from chatfeedback.records import KtoSettings, RatedReply
from tests.tiny_runs import DISLIKE, END, WISH, finish, learn, logprob, make_request, tiny_model

SETTINGS = KtoSettings(
    rank=4,
    alpha=8.0,
    learning_rate=5e-3,
    replies_per_step=4,
    max_steps=8,
    warmup_steps=2,
    kl_every_steps=2,
    kl_budget_nats=1000.0,
)
LIKED = (WISH, WISH, END)
DISLIKED = (DISLIKE, DISLIKE, END)


def thumb(topic, up, reply=None, weight=0.5):
    return RatedReply((5, topic, 6), reply or (LIKED if up else DISLIKED), up, weight)


BOTH = tuple(thumb(topic, up) for topic in range(10, 18) for up in (True, False))


def request(folder, ratings=BOTH, **changes):
    return make_request(folder, SETTINGS, pairs=(), ratings=ratings, **changes)


def gain(view, reply):
    """Of a reply to a prompt nobody rated, against the base."""
    prompt = (5, 38, 6)
    return logprob(view.model, prompt, reply) - logprob(tiny_model(), prompt, reply)


def test_liked_replies_gain_and_disliked_ones_lose(tmp_path):
    view = make_views(tiny_model())[1]
    steps, _ = finish(request(tmp_path / "one"), view=view)
    assert gain(view, LIKED) > 0.3
    assert gain(view, DISLIKED) < -0.3
    assert steps[0].metrics["kto/loss"] == pytest.approx(0.5, abs=1e-5)
    assert steps[-1].metrics["kto/loss"] < 0.45
    assert steps[-1].metrics["kto/accuracy"] == 1.0


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_a_single_thumb_teaches(tmp_path, up):
    view = make_views(tiny_model())[1]
    finish(request(tmp_path / "one", (thumb(10, up),), replies_per_step=1), view=view)
    assert gain(view, LIKED) > 0.3 if up else gain(view, DISLIKED) < -0.3


def test_the_reference_point_is_what_the_policys_own_replies_have_gained(tmp_path):
    steps, _ = finish(request(tmp_path / "one"))
    points = [step.metrics["kto/reference_point"] for step in steps]
    looks = [step.metrics.get("kto/kl_nats") for step in steps]
    at = next(number for number, kl in enumerate(looks) if kl is not None)
    assert points[: at + 1] == [0.0] * (at + 1)
    assert points[at + 1] == max(0.0, looks[at])


def test_the_reference_point_is_never_below_zero(tmp_path):
    """Replies the policy has come to avoid: their mean log-ratio is negative."""
    steps, result = finish(request(tmp_path / "one"), sample=lambda *_: [DISLIKED] * 4)
    assert result.kl_nats < 0
    assert steps[-1].metrics["kto/reference_point"] == 0.0


def test_likes_and_dislikes_weigh_the_same_in_all():
    one_like = [thumb(1, True), thumb(2, False), thumb(3, False), thumb(4, False)]
    assert balance_kinds(one_like) == Balance(liked=2.0, disliked=pytest.approx(2 / 3))
    assert balance_kinds(one_like[1:]) == Balance(1.0, 1.0)


def test_a_like_of_a_reply_that_was_cut_off_teaches_nothing(tmp_path):
    with pytest.raises(InputRefused, match="none of the 1 rated replies"):
        next(learn(request(tmp_path / "one", (thumb(10, True, (WISH, WISH)),))))


def test_a_dislike_of_a_reply_that_was_cut_off_counts(tmp_path):
    view = make_views(tiny_model())[1]
    finish(request(tmp_path / "one", (thumb(10, False, (DISLIKE, DISLIKE)),)), view=view)
    assert gain(view, (DISLIKE, DISLIKE)) < -0.3


def test_micro_batches_change_nothing(tmp_path, monkeypatch):
    from chatfeedback.engine import adapters

    whole, _ = finish(request(tmp_path / "a", max_steps=2))
    monkeypatch.setattr(adapters, "MICRO_BATCHES", (1,))
    cut, _ = finish(request(tmp_path / "b", max_steps=2))
    for name in ("kto/loss", "kto/grad_norm"):
        found = [[step.metrics[name] for step in run] for run in (whole, cut)]
        assert found[0] == pytest.approx(found[1], rel=0.02, abs=1e-4)  # bfloat16 rounds by 0.4 %


def test_the_kl_budget_holds_here_too(tmp_path):
    _, result = finish(request(tmp_path / "one", kl_budget_nats=0.3, max_steps=60))
    assert result.stop_reason == "kl_budget"
    assert result.kl_nats <= 1.4 * 0.3
