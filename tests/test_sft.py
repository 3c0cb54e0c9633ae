"""SFT imitates what the person wrote: its reply's tokens and its end, nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatfeedback.engine.adapters import make_views
from chatfeedback.errors import InputRefused
from chatfeedback.records import Demonstration, SftSettings
from tests.tiny_runs import END, finish, learn, logprob, make_request, tiny_model

SETTINGS = SftSettings(
    rank=4,
    alpha=8.0,
    learning_rate=5e-3,
    demonstrations_per_step=2,
    max_steps=8,
    warmup_steps=2,
    kl_every_steps=2,
    kl_budget_nats=1000.0,
)
WRITTEN = Demonstration((5, 38, 6), (12, 13, 14, END))


def request(folder, *demonstrations, **changes):
    demonstrations = demonstrations or (WRITTEN,)
    return make_request(folder, SETTINGS, pairs=(), demonstrations=demonstrations, **changes)


def test_a_written_answer_becomes_likely(tmp_path):
    view = make_views(tiny_model())[1]
    finish(request(tmp_path / "one"), view=view)
    before = logprob(tiny_model(), WRITTEN.prompt_ids, WRITTEN.reply_ids)
    assert logprob(view.model, WRITTEN.prompt_ids, WRITTEN.reply_ids) > before + 1


def test_the_first_loss_is_that_of_the_reply_alone_its_end_included(tmp_path):
    first = next(learn(request(tmp_path / "one")))
    of_reply = logprob(tiny_model(), WRITTEN.prompt_ids, WRITTEN.reply_ids)
    assert first.metrics["sft/nll"] == pytest.approx(-of_reply / 4, rel=0.01)


def test_a_heavier_demonstration_counts_more(tmp_path):
    light = Demonstration((5, 37, 6), (20, END))
    first = next(learn(request(tmp_path / "one", replace(WRITTEN, weight=3.0), light)))
    heavy = logprob(tiny_model(), WRITTEN.prompt_ids, WRITTEN.reply_ids)
    other = logprob(tiny_model(), light.prompt_ids, light.reply_ids)
    assert first.metrics["sft/nll"] == pytest.approx(-(3 * heavy + other) / (3 * 4 + 2), rel=0.01)


def test_what_was_cut_off_is_not_imitated(tmp_path):
    cut_off = replace(WRITTEN, reply_ids=(12, 13))
    with pytest.raises(InputRefused, match="none of the 1 written answers"):
        next(learn(request(tmp_path / "one", cut_off)))


def test_the_kl_budget_holds_here_too(tmp_path):
    _, result = finish(request(tmp_path / "one", kl_budget_nats=0.3, max_steps=60))
    assert result.stop_reason == "kl_budget"
    assert result.kl_nats <= 1.4 * 0.3
