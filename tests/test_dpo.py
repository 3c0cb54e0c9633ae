"""A DPO refit, on a tiny random model: it learns, keeps within its budget and leaves no debris."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from chatfeedback import faults
from chatfeedback.engine import adapters, updating
from chatfeedback.engine.adapter_files import read_manifest, sweep, verify
from chatfeedback.engine.adapters import make_views
from chatfeedback.engine.references import References
from chatfeedback.engine.scoring import reply_logprobs
from chatfeedback.engine.updating import (
    Reference,
    choose_batch,
    rate_at,
    reference_logprobs,
    steps_to_next_look,
)
from chatfeedback.errors import InputRefused
from chatfeedback.records import AdapterUse, Demonstration
from tests.tiny_runs import (
    DISLIKE,
    END,
    SETTINGS,
    WISH,
    TinyBase,
    finish,
    learn,
    logprob,
    make_request,
    margin,
    pair,
    sample_own,
    tiny_model,
    weights_of,
)

# --- learning ----------------------------------------------------------------------------


def test_a_disliked_reply_is_less_likely_after_the_update(tmp_path):
    live, candidate = make_views(tiny_model())
    _, result = finish(make_request(tmp_path / "one"), view=candidate)
    unseen = pair(38)
    before = margin(live.model, unseen)
    live.use(AdapterUse("one", result.folder))
    assert margin(live.model, unseen) > before + 0.5


def test_the_first_step_starts_at_the_base(tmp_path):
    first = next(learn(make_request(tmp_path / "one")))
    assert first.metrics["dpo/loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert first.metrics["dpo/reward_margin"] == pytest.approx(0, abs=1e-6)
    assert first.metrics["dpo/retention_kl"] == pytest.approx(0, abs=1e-6)


def test_metrics_show_the_learning(tmp_path):
    steps, result = finish(make_request(tmp_path / "one"))
    assert steps[-1].metrics["dpo/loss"] < steps[0].metrics["dpo/loss"]
    assert steps[-1].metrics["dpo/accuracy"] == 1.0
    assert steps[-1].metrics["dpo/kl_nats"] == result.kl_nats
    assert [step.step for step in steps] == list(range(1, 9))
    assert {"dpo/nll", "dpo/grad_norm", "dpo/lr"} <= steps[0].metrics.keys()
    assert {"dpo/finished", "dpo/retention_drop_nats"} <= steps[-1].metrics.keys()


def test_opposite_tastes_go_opposite_ways(tmp_path):
    found = []
    for name, chosen, rejected in (("a", WISH, DISLIKE), ("b", DISLIKE, WISH)):
        view = make_views(tiny_model())[1]
        pairs = tuple(pair(topic, 1.0, chosen, rejected) for topic in range(10, 20))
        finish(make_request(tmp_path / name, pairs=pairs), view=view)
        found.append(margin(view.model, pair(38)))
    assert found[0] > found[1] + 0.5


def test_a_base_in_bfloat16_learns_too(tmp_path):
    view = make_views(tiny_model().to(torch.bfloat16))[1]
    steps, _ = finish(make_request(tmp_path / "one"), view=view)
    assert steps[-1].metrics["dpo/loss"] < 0.9 * steps[0].metrics["dpo/loss"]


@pytest.fixture
def in_32_bits(monkeypatch):
    """No processor of this machine multiplies bfloat16."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)


def losses_by_trie_and_by_rows(folder):
    found = []
    for name, shares_prefixes in (("trie", True), ("rows", False)):
        view = make_views(tiny_model(), shares_prefixes=shares_prefixes)[1]
        steps, _ = finish(make_request(folder / name, max_steps=3), view=view)
        found.append([step.metrics["dpo/loss"] for step in steps])
    return found


@pytest.mark.usefixtures("in_32_bits")
def test_plain_rows_learn_what_the_trie_learns(tmp_path):
    by_trie, by_rows = losses_by_trie_and_by_rows(tmp_path)
    assert by_trie == pytest.approx(by_rows, rel=1e-5)


def test_where_products_are_of_16_bits_they_do_so_but_for_rounding(tmp_path):
    by_trie, by_rows = losses_by_trie_and_by_rows(tmp_path)
    assert by_trie == pytest.approx(by_rows, rel=0.03)  # each product rounds by 0.4 %


def test_a_heavier_pair_pulls_harder(tmp_path):
    """Two pairs that contradict each other: the weight decides."""
    agree, contradict = pair(10, 3.0), pair(10, 0.5, DISLIKE, WISH)
    contradict = replace(contradict, chosen_ids=agree.rejected_ids, rejected_ids=agree.chosen_ids)
    view = make_views(tiny_model())[1]
    finish(make_request(tmp_path / "one", pairs=(agree, contradict)), view=view)
    assert margin(view.model, agree) > margin(tiny_model(), agree)


@pytest.mark.parametrize(
    "variant",
    [
        {"label_smoothing": 0.1},
        {"loss": "length_normalised", "beta": 1.0},
        {"loss": "ipo", "beta": 0.5},
    ],
    ids=["smoothed", "length_normalised", "ipo"],
)
def test_every_variant_learns_the_wish(tmp_path, variant):
    view = make_views(tiny_model())[1]
    steps, _ = finish(make_request(tmp_path / "one", **variant), view=view)
    assert steps[-1].metrics["dpo/loss"] < steps[0].metrics["dpo/loss"]
    assert margin(view.model, pair(38)) > margin(tiny_model(), pair(38)) + 0.3


def test_ipo_looks_for_a_margin_a_token(tmp_path):
    first = next(learn(make_request(tmp_path / "one", loss="ipo", beta=0.5)))
    assert first.metrics["dpo/loss"] == pytest.approx(1.0, abs=1e-5)  # (0 - 1 / (2 beta))^2


def test_a_rewrite_among_the_evidence_is_imitated(tmp_path):
    written = Demonstration((5, 38, 6), (12, 13, END))
    view = make_views(tiny_model())[1]
    steps, _ = finish(make_request(tmp_path / "one", demonstrations=(written,)), view=view)
    assert steps[-1].metrics["sft/nll"] < steps[0].metrics["sft/nll"] - 0.3
    before = logprob(tiny_model(), written.prompt_ids, written.reply_ids)
    assert logprob(view.model, written.prompt_ids, written.reply_ids) > before + 1


def test_retention_holds_the_base_where_nobody_asked_for_change(tmp_path):
    found = []
    for name, coef in (("hardly", 1e-6), ("strongly", 30.0)):
        steps, _ = finish(make_request(tmp_path / name, retention_coef=coef))
        found.append(steps[-1].metrics["dpo/retention_kl"])
    assert found[1] < 0.5 * found[0]


def test_the_nll_anchor_keeps_the_chosen_reply_likely(tmp_path):
    found = []
    for name, coef in (("without", 0.0), ("with", 5.0)):
        steps, _ = finish(make_request(tmp_path / name, nll_coef=coef))
        found.append(steps[-1].metrics["dpo/nll"])
    assert found[1] < found[0]


def test_a_refit_forgets_the_run_before(tmp_path):
    view = make_views(tiny_model())[1]
    first, _ = finish(make_request(tmp_path / "a"), view=view)
    finish(make_request(tmp_path / "b", seed=5), view=view)
    again, _ = finish(make_request(tmp_path / "c"), view=view)
    assert [s.metrics for s in again] == [s.metrics for s in first]


def test_the_same_seed_gives_the_same_weights_whatever_happened_to_the_global_one(tmp_path):
    torch.manual_seed(1)
    _, a = finish(make_request(tmp_path / "a"))
    torch.manual_seed(2)
    _, b = finish(make_request(tmp_path / "b"))
    assert weights_of(a) == weights_of(b)


def test_cutting_a_step_into_micro_batches_changes_nothing(tmp_path, monkeypatch):
    whole, _ = finish(make_request(tmp_path / "a", max_steps=2))
    monkeypatch.setattr(adapters, "MICRO_BATCHES", (1,))
    cut, _ = finish(make_request(tmp_path / "b", max_steps=2))
    for name in ("dpo/loss", "dpo/nll", "dpo/retention_kl", "dpo/grad_norm"):
        found = [[step.metrics[name] for step in run] for run in (whole, cut)]
        assert found[0] == pytest.approx(found[1], rel=0.02, abs=1e-4)  # bfloat16 rounds by 0.4 %


def test_a_reply_shared_by_many_pairs_is_rated_once(tmp_path):
    view = make_views(tiny_model())[1]
    view.reset(4, 8.0, 0)
    one, other = pair(10), (8, END)
    replies = [(one.prompt_ids, ids) for ids in (one.chosen_ids, one.rejected_ids, other)]
    assert len(reference_logprobs(view, replies + replies)) == 3


def test_what_one_run_has_read_the_next_one_need_not(tmp_path):
    view = make_views(tiny_model())[1]
    view.reset(4, 8.0, 0)
    replies = [((5, 10, 6), (WISH, END)), ((5, 11, 6), (8, END))]
    forwards = []
    view.model.base_model.register_forward_pre_hook(lambda *_: forwards.append(1))
    first = reference_logprobs(view, replies)
    assert len(forwards) == 1
    assert reference_logprobs(view, replies) == first
    assert len(forwards) == 1


def test_a_reply_is_known_by_its_prompt_too():
    known = References(most=2)
    known.keep((5, 6), (7,), -1.0)
    assert known.get((5, 6), (7,)) == -1.0
    assert known.get((5,), (6, 7)) is None


def test_beyond_so_many_replies_the_one_not_asked_for_longest_is_given_up():
    known = References(most=2)
    for reply in (1, 2):
        known.keep((5,), (reply,), -float(reply))
    known.get((5,), (1,))
    known.keep((5,), (3,), -3.0)
    assert [known.get((5,), (reply,)) for reply in (1, 2, 3)] == [-1.0, None, -3.0]


# --- endings -----------------------------------------------------------------------------


def test_the_base_does_not_read_the_replies_of_the_first_step(tmp_path):
    view = make_views(tiny_model())[1]
    forwards = []
    view.model.base_model.register_forward_pre_hook(lambda *_: forwards.append(1))
    next(learn(make_request(tmp_path / "one", pairs_per_step=10, retention=()), view=view))
    assert len(forwards) == 1


@pytest.mark.usefixtures("in_32_bits")
def test_the_first_steps_replies_are_rated_as_by_the_base(tmp_path):
    view = make_views(tiny_model())[1]
    pairs = make_request(tmp_path / "one").pairs
    replies = [(each.prompt_ids, each.chosen_ids) for each in pairs]
    view.reset(4, 8.0, seed=0)
    found = Reference(FirstStep(view), replies, replies[:3]).of(
        replies[:3], reply_logprobs(view.anatomy, *updating.sequences(replies[:3]))
    )
    view.references = References()
    wanted = reference_logprobs(view, replies)
    assert found == pytest.approx([wanted[reply] for reply in replies[:3]])


@pytest.mark.usefixtures("in_32_bits")
def test_a_reply_first_seen_after_a_step_is_rated_by_the_base_all_the_same(tmp_path):
    view = make_views(tiny_model())[1]
    view.reset(4, 8.0, seed=0)
    reply = ((5, 10, 6), (WISH, WISH, END))
    wanted = reference_logprobs(view, [reply])[reply]
    view.references = References()
    with torch.no_grad():
        for weight in view.parameters():
            weight.add_(0.1)
    policy = reply_logprobs(view.anatomy, *updating.sequences([reply]))
    later = replace(FirstStep(view), is_at_base=False)
    assert Reference(later, [reply], [reply]).of([reply], policy) == pytest.approx([wanted])
    assert float(policy[0].detach().sum()) != pytest.approx(wanted)


def test_the_policy_is_the_base_until_its_first_update(tmp_path):
    view, request = make_views(tiny_model())[1], make_request(tmp_path / "one")
    with updating.learning(
        "dpo", view, TinyBase(), request, sample_own, lambda: None, lambda: False
    ) as run:
        assert run.is_at_base
        run.update()
        assert not run.is_at_base


@dataclass
class FirstStep:
    """A run that was never killed."""

    view: adapters.CandidateView
    is_at_base: bool = True

    def keep(self, name, thing):
        """Nothing was kept before."""


def test_a_choice_of_an_unfinished_reply_teaches_nothing(tmp_path):
    cut_off = replace(pair(10), chosen_ids=(WISH, WISH))
    with pytest.raises(InputRefused, match="1 choices"):
        next(learn(make_request(tmp_path / "one", pairs=(cut_off,))))


def test_the_end_of_turn_token_counts(tmp_path):
    """Between a reply that ends and one that does not, only the end token can teach."""
    ends = replace(pair(10), chosen_ids=(WISH, END), rejected_ids=(WISH, WISH, WISH))
    view = make_views(tiny_model())[1]
    finish(make_request(tmp_path / "one", pairs=(ends,)), view=view)
    assert margin(view.model, ends) > margin(tiny_model(), ends) + 0.1


# --- stopping ----------------------------------------------------------------------------


def test_the_kl_budget_ends_the_run(tmp_path):
    steps, result = finish(make_request(tmp_path / "one", kl_budget_nats=0.3, max_steps=60))
    assert result.stop_reason == "kl_budget"
    assert len(steps) < 60
    assert result.kl_nats <= updating.OVERSHOOT * 0.3


def test_an_overshoot_walks_back_into_the_budget(tmp_path):
    view = make_views(tiny_model())[1]
    request = make_request(tmp_path / "one", kl_budget_nats=0.3, learning_rate=0.01, warmup_steps=1)
    steps, result = finish(request, view=view, sample=lambda *_: [(WISH, WISH, END)] * 4)
    assert result.stop_reason == "kl_budget"
    assert 0 < result.kl_nats <= updating.OVERSHOOT * 0.3
    assert steps[-1].metrics["dpo/over_budget"] == 1.0
    assert margin(view.model, pair(38)) > margin(tiny_model(), pair(38))


def test_a_policy_that_cannot_be_brought_back_is_the_last_good_one(tmp_path):
    def far_away(model, prompts, seed):
        return [(WISH,) * 9 for _ in prompts]  # what the base never says

    view = make_views(tiny_model())[1]
    request = make_request(tmp_path / "one", kl_budget_nats=1e-6, learning_rate=0.1)
    _, result = finish(request, view=view, sample=far_away)
    assert (result.stop_reason, result.kl_nats) == ("kl_budget", pytest.approx(0, abs=1e-6))
    assert margin(view.model, pair(10)) == pytest.approx(margin(tiny_model(), pair(10)), abs=1e-5)


def test_a_run_that_diverges_keeps_its_last_good_weights(tmp_path):
    view = make_views(tiny_model())[1]
    steps = learn(make_request(tmp_path / "one"), view=view)
    for _ in range(3):
        next(steps)
    with torch.no_grad():
        view.parameters()[0].fill_(float("nan"))
    *_, result = steps
    assert (result.stop_reason, result.steps) == ("diverged", 4)
    assert all(torch.isfinite(weight).all() for weight in view.parameters())
    verify(Path(result.folder))


def test_the_seconds_budget_ends_the_run_with_a_look(tmp_path):
    steps, result = finish(make_request(tmp_path / "one", seconds_budget=0.0))
    assert (result.stop_reason, len(steps)) == ("seconds", 1)
    assert "dpo/kl_nats" in steps[0].metrics


def test_time_spent_waiting_for_replies_does_not_count(tmp_path):
    waits, started_s = [], time.monotonic()

    def wait():
        waits.append(threading.Event().wait(0.01))

    _, result = finish(make_request(tmp_path / "one", max_steps=2), wait=wait)
    assert result.seconds < time.monotonic() - started_s - 0.01 * len(waits) + 0.01


def test_looks_use_the_same_luck_every_time(tmp_path):
    seeds = []

    def sample(model, prompts, seed):
        seeds.append(seed)
        return sample_own(model, prompts, seed)

    finish(make_request(tmp_path / "one"), sample=sample)
    assert len(seeds) >= 2
    assert len(set(seeds)) == 1


def test_a_version_is_never_overwritten(tmp_path):
    (tmp_path / "one").mkdir()
    with pytest.raises(FileExistsError, match="once"):
        next(learn(make_request(tmp_path / "one")))


def test_a_cancelled_run_leaves_nothing_behind(tmp_path):
    steps = learn(make_request(tmp_path / "one"), is_cancelled=iter([False, True]).__next__)
    assert len(list(steps)) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_closed_run_leaves_nothing_behind_and_frees_the_layers(tmp_path):
    view = make_views(tiny_model())[1]
    waits = []
    steps = learn(make_request(tmp_path / "one"), view=view, wait=lambda: waits.append(1))
    next(steps)
    steps.close()
    before = len(waits)
    view.model(input_ids=torch.tensor([[5, 6]]))
    assert len(waits) == before
    assert list(tmp_path.iterdir()) == []


def test_no_warning_reaches_the_log(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        finish(make_request(tmp_path / "one", max_steps=2))


# --- the schedule ------------------------------------------------------------------------


def test_the_rate_warms_up_holds_and_falls():
    settings = replace(SETTINGS, warmup_steps=4, max_steps=100, kl_budget_nats=2.0)
    assert rate_at(0, settings, 0.0) == 0.25
    assert rate_at(50, settings, 0.0) == 1.0
    assert rate_at(80, settings, 0.0) == pytest.approx(0.5)
    assert rate_at(99, settings, 0.0) == pytest.approx(0.1)
    assert rate_at(50, settings, 1.6) == pytest.approx(0.5)  # 80 % of the budget is used up


def test_looks_become_frequent_as_the_budget_is_used_up():
    settings = replace(SETTINGS, kl_every_steps=5, kl_budget_nats=2.4)
    assert [steps_to_next_look(kl, settings) for kl in (-0.1, 0.1, 0.25, 0.4, 2.0)] == [
        15, 15, 10, 5, 5,
    ]  # fmt: skip


def test_every_item_comes_once_an_epoch():
    items = list("abcdefg")
    drawn = [x for step in range(7) for x in choose_batch(items, 3, seed=1, step=step)]
    for epoch in range(3):
        assert sorted(drawn[7 * epoch : 7 * epoch + 7]) == items
    assert drawn[:7] != drawn[7:14]


def test_a_batch_is_never_larger_than_what_there_is():
    assert sorted(choose_batch([1, 2], 8, seed=0, step=5)) == [1, 2]


# --- the folder --------------------------------------------------------------------------


def test_the_manifest_says_where_the_version_comes_from(tmp_path):
    _, result = finish(make_request(tmp_path / "one", max_steps=1))
    manifest = read_manifest(tmp_path / "one")
    assert verify(tmp_path / "one") == result.manifest_hash
    assert (manifest["base_key"], manifest["parent"]) == ("key", "before")
    assert (manifest["run_id"], manifest["data_hash"]) == ("run", "abc")
    assert manifest["settings"]["beta"] == SETTINGS.beta


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.tiny_runs import finish, make_request
finish(make_request(Path(sys.argv[1]) / "one", max_steps=1))
"""


def test_a_run_killed_while_publishing_leaves_only_what_the_sweep_removes(tmp_path):
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), str(Path(__file__).parents[1])],
        env={**os.environ, faults.VARIABLE: "adapter.before_rename"},
        cwd=Path(__file__).parents[1],
    )
    assert child.returncode == faults.KILLED
    assert [path.name for path in tmp_path.iterdir()] == [".staging-one"]
    sweep(tmp_path, [])
    assert list(tmp_path.iterdir()) == []
    finish(make_request(tmp_path / "one", max_steps=1))
    verify(tmp_path / "one")
