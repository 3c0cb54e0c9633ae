"""An adapter folder is complete or absent, and damage is noticed before it serves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from chatfeedback import faults
from chatfeedback.engine import adapter_files
from chatfeedback.engine.adapter_files import publish, staging_folder, sweep, verify
from chatfeedback.errors import AdapterDamaged

TENSORS = {"a.lora_A.weight": np.ones((2, 3), np.float32)}
FAULTS = [name for name in faults.POINTS if name.startswith("adapter.")]


def stage(adapters, adapter_id, tensors=TENSORS):
    staging = staging_folder(adapters / adapter_id)
    (staging / adapter_files.CONFIG).write_text('{"r": 2}')
    save_file(tensors, staging / adapter_files.WEIGHTS)
    return staging


def published(adapters, adapter_id="one"):
    staging = stage(adapters, adapter_id)
    publish(staging, adapters / adapter_id, {"base_key": "base"})
    return adapters / adapter_id


def test_a_published_folder_verifies(tmp_path):
    manifest_hash = publish(stage(tmp_path, "one"), tmp_path / "one", {"base_key": "base"})
    assert verify(tmp_path / "one", manifest_hash) == manifest_hash
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_the_manifest_lists_files_tensors_and_facts(tmp_path):
    manifest = adapter_files.read_manifest(published(tmp_path))
    assert manifest["base_key"] == "base"
    assert manifest["tensors"] == {"a.lora_A.weight": [2, 3]}
    assert set(manifest["files"]) == {adapter_files.CONFIG, adapter_files.WEIGHTS}


def test_a_version_is_written_only_once(tmp_path):
    published(tmp_path)
    with pytest.raises(FileExistsError, match="only once"):
        publish(stage(tmp_path, "one"), tmp_path / "one", {})


def test_weights_that_are_not_finite_are_never_published(tmp_path):
    staging = stage(tmp_path, "one", {"a": np.array([1.0, np.nan], np.float32)})
    with pytest.raises(AdapterDamaged, match="not finite"):
        publish(staging, tmp_path / "one", {})
    assert not (tmp_path / "one").exists()


# --- damage ------------------------------------------------------------------------------


def remove_weights(folder):
    (folder / adapter_files.WEIGHTS).unlink()


def cut_weights_short(folder):
    path = folder / adapter_files.WEIGHTS
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(folder):
    path = folder / adapter_files.WEIGHTS
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def add_a_file(folder):
    (folder / "extra.py").write_text("")


def lose_the_manifest(folder):
    (folder / adapter_files.MANIFEST).unlink()


def garble_the_manifest(folder):
    (folder / adapter_files.MANIFEST).write_text("[]")


def change_the_config(folder):
    (folder / adapter_files.CONFIG).write_text('{"r": 3}')


def rename_a_tensor_and_forge_the_manifest(folder):
    path = folder / adapter_files.WEIGHTS
    save_file({"other": np.ones((2, 3), np.float32)}, path)
    _forge(folder)


def write_nan_and_forge_the_manifest(folder):
    save_file(
        {"a.lora_A.weight": np.full((2, 3), np.nan, np.float32)}, folder / adapter_files.WEIGHTS
    )
    _forge(folder)


def _forge(folder):
    manifest = adapter_files.read_manifest(folder)
    manifest["files"] = {
        name: adapter_files._fingerprint(folder / name) for name in manifest["files"]
    }
    (folder / adapter_files.MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "damage",
    [
        remove_weights,
        cut_weights_short,
        flip_a_bit,
        add_a_file,
        lose_the_manifest,
        garble_the_manifest,
        change_the_config,
        rename_a_tensor_and_forge_the_manifest,
        write_nan_and_forge_the_manifest,
    ],
    ids=lambda damage: damage.__name__,
)
def test_damage_is_noticed(tmp_path, damage):
    folder = published(tmp_path)
    verify(folder)
    damage(folder)
    with pytest.raises(AdapterDamaged, match="Roll back"):
        verify(folder)


def test_another_manifest_than_the_database_names_is_noticed(tmp_path):
    with pytest.raises(AdapterDamaged, match="manifest"):
        verify(published(tmp_path), "0" * 64)


def test_a_missing_folder_is_damage(tmp_path):
    with pytest.raises(AdapterDamaged, match="cannot be read"):
        verify(tmp_path / "gone")


def test_a_header_that_claims_to_be_huge_is_damage(tmp_path):
    folder = published(tmp_path)
    (folder / adapter_files.WEIGHTS).write_bytes(b"\xff" * 16)
    with pytest.raises(AdapterDamaged, match="no readable header"):
        adapter_files.read_tensor_shapes(folder / adapter_files.WEIGHTS)


# --- sweeping and crashes ----------------------------------------------------------------


def test_the_sweep_keeps_known_folders_only(tmp_path):
    published(tmp_path, "known")
    published(tmp_path, "unknown")
    stage(tmp_path, "half")
    (tmp_path / "a file.txt").write_text("not ours")
    assert sorted(sweep(tmp_path, ["known"])) == [".staging-half", "unknown"]
    assert {path.name for path in tmp_path.iterdir()} == {"known", "a file.txt"}


def test_sweeping_a_folder_that_does_not_exist_yet_is_fine(tmp_path):
    assert sweep(tmp_path / "adapters", []) == []


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_adapter_files import stage
from chatfeedback.engine.adapter_files import publish
adapters = Path(sys.argv[1])
publish(stage(adapters, "new"), adapters / "new", {})
"""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_crash_leaves_the_old_state_or_the_complete_new_folder(tmp_path, fault):
    old = published(tmp_path, "old")
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), str(Path(__file__).parent)],
        env={**os.environ, faults.VARIABLE: fault},
        cwd=Path(__file__).parents[1],
    )
    assert child.returncode == faults.KILLED
    verify(old)
    new = tmp_path / "new"
    renamed = FAULTS.index(fault) >= FAULTS.index("adapter.after_rename")
    assert new.exists() == renamed
    if renamed:
        verify(new)
    sweep(tmp_path, ["old", "new"])
    assert {path.name for path in tmp_path.iterdir()} == ({"old", "new"} if renamed else {"old"})


def test_a_run_after_a_crash_starts_with_an_empty_staging_folder(tmp_path):
    (stage(tmp_path, "one") / "left over").write_text("")
    folder = tmp_path / "one"
    publish(stage(tmp_path, "one"), folder, {})
    assert not (folder / "left over").exists()
