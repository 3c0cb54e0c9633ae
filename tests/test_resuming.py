"""A run that is killed goes on from its last look, to the same version bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from chatfeedback.engine import progress
from chatfeedback.engine.adapter_files import STAGING_PREFIX, forget_progress, sweep
from chatfeedback.errors import InputRefused
from chatfeedback.records import DpoSettings, KtoSettings, ListwiseSettings, SftSettings
from tests.test_kto import BOTH
from tests.test_listwise import ALL
from tests.test_sft import WRITTEN
from tests.tiny_runs import END, finish, learn, make_request, weights_of

EVIDENCE = {"ratings": BOTH, "rankings": ALL, "demonstrations": (WRITTEN,)}
SETTINGS = {
    "rank": 4,
    "alpha": 8.0,
    "learning_rate": 5e-3,
    "max_steps": 8,
    "warmup_steps": 2,
    "kl_every_steps": 1,
    "kl_budget_nats": 1000.0,
}


def request(folder, kind=DpoSettings, **changes):
    return make_request(folder, kind(**SETTINGS), **EVIDENCE, **changes)


def kill_after(steps, run):
    """Take some steps, then never come back: the iterator is kept, so nothing is cleaned up."""
    for _ in range(steps):
        next(run)
    return run


@pytest.mark.parametrize("kind", [DpoSettings, ListwiseSettings, KtoSettings, SftSettings])
def test_killed_and_resumed_equals_uninterrupted(tmp_path, kind):
    whole_steps, whole = finish(request(tmp_path / "a" / "one", kind))
    killed = kill_after(5, learn(request(tmp_path / "b" / "one", kind)))
    steps, resumed = finish(request(tmp_path / "b" / "one-2", kind))
    assert weights_of(resumed) == weights_of(whole)
    assert [step.step for step in steps] == [5, 6, 7, 8]  # the last look was at step 4
    assert [step.metrics for step in steps] == [step.metrics for step in whole_steps[4:]]
    assert (resumed.steps, resumed.kl_nats) == (whole.steps, whole.kl_nats)
    killed.close()


CHILD = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.test_resuming import request
from tests.tiny_runs import learn
for number, step in enumerate(learn(request(Path(sys.argv[1]) / "one")), 1):
    if number == 5:
        os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_process_that_was_killed_loses_nothing(tmp_path):
    root = str(Path(__file__).parents[1])
    child = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path / "b"), root], cwd=root)
    assert child.returncode == -9
    _, whole = finish(request(tmp_path / "a" / "one"))
    steps, resumed = finish(request(tmp_path / "b" / "one-2"))
    assert steps[0].step > 1
    assert weights_of(resumed) == weights_of(whole)


def test_a_run_that_was_cancelled_goes_on_when_it_is_asked_for_again(tmp_path):
    """So that a paused run, or one that an app took with it, is not begun anew."""
    asked = iter([False] * 4 + [True])
    assert len(list(learn(request(tmp_path / "one"), is_cancelled=lambda: next(asked)))) == 4
    steps, _ = finish(request(tmp_path / "one"))
    assert steps[0].step > 1


def test_other_evidence_begins_anew(tmp_path):
    kill_after(5, learn(request(tmp_path / "one"))).close()
    first = next(learn(request(tmp_path / "one", seed=1)))
    assert first.step == 1


def test_progress_that_is_cut_short_counts_for_nothing(tmp_path):
    kill_after(5, learn(request(tmp_path / "one"))).close()
    [file] = tmp_path.glob(f"{STAGING_PREFIX}run/*")
    file.write_bytes(file.read_bytes()[:1000])
    _, begun_anew = finish(request(tmp_path / "one"))
    _, whole = finish(request(tmp_path / "a" / "one"))
    assert weights_of(begun_anew) == weights_of(whole)


def test_a_run_that_ended_leaves_only_its_version(tmp_path):
    finish(request(tmp_path / "one"))
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_the_progress_of_a_run_that_may_go_on_survives_the_sweep(tmp_path):
    kill_after(5, learn(request(tmp_path / "one"))).close()
    sweep(tmp_path, [], unfinished_runs=["run"])
    assert [path.name for path in tmp_path.iterdir()] == [f"{STAGING_PREFIX}run"]
    sweep(tmp_path, [])
    assert list(tmp_path.iterdir()) == []


def test_progress_can_be_forgotten(tmp_path):
    kill_after(5, learn(request(tmp_path / "one"))).close()
    forget_progress(tmp_path, "run")
    assert list(tmp_path.iterdir()) == []


def test_a_request_is_known_by_all_that_is_learned_from(tmp_path):
    one = request(tmp_path / "one")
    known = progress.fingerprint(one, "base")
    assert (
        progress.fingerprint(replace(one, folder="x", adapter_id="x", parent="x"), "base") == known
    )
    others = [
        replace(one, pairs=one.pairs[:-1]),
        replace(one, ratings=()),
        replace(one, settings=replace(one.settings, beta=0.5)),
        replace(one, seed=3),
    ]
    assert known not in [progress.fingerprint(other, "base") for other in others]
    assert progress.fingerprint(one, "another base") != known


def test_nothing_to_learn_from_leaves_nothing_behind(tmp_path):
    unfinished = tuple(replace(pair, chosen_ids=(7,)) for pair in request(tmp_path / "one").pairs)
    with pytest.raises(InputRefused):
        next(learn(request(tmp_path / "one", pairs=unfinished)))
    assert END not in unfinished[0].chosen_ids
    assert list(tmp_path.iterdir()) == []
