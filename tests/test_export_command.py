"""`export --version`: what was learned, taken out as a PEFT folder or merged into its base."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from chatfeedback import cli, commands
from chatfeedback.engine import adapter_files
from chatfeedback.engine.adapters import make_views
from chatfeedback.engine.model_files import base_key
from chatfeedback.errors import NotFound
from tests.tiny_models import save_tiny_model


def test_an_unknown_or_ambiguous_version_is_told_with_those_there_are() -> None:
    versions = [
        {"person": who, "number": 1, "adapter_id": f"a-{who}", "state": "serving"}
        for who in ("Ada", "Ben")
    ]
    assert commands.find_version(versions, "a-Ben") is versions[1]
    with pytest.raises(NotFound, match=r"more than one version '1'.*a-Ada \(Ada\), a-Ben \(Ben\)"):
        commands.find_version(versions, "1")
    with pytest.raises(NotFound, match="no version '7'"):
        commands.find_version(versions, "7")


def test_merged_feedback_is_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export", str(tmp_path / "x"), "--merged"]) == 1
    assert "--merged is for weights" in capsys.readouterr().err


def test_a_version_is_exported_at_the_strength_it_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "version"
    model = AutoModelForCausalLM.from_pretrained(save_tiny_model(tmp_path / "base"))
    _, candidate = make_views(model)
    candidate.reset(4, 8.0, 0)
    staging = adapter_files.staging_folder(folder)
    candidate.save(staging, "base")
    adapter_files.publish(staging, folder, {})
    version = {
        "person": "You", "number": 3, "adapter_id": "a", "state": "serving", "folder": str(folder),
        "base_key": base_key(tmp_path / "base", "nf4"), "report": {"scale": 0.5},
    }  # fmt: skip
    monkeypatch.setattr(commands, "list_versions", lambda _: [version])
    data, out = tmp_path / "data", tmp_path / "out"
    assert cli.main(["export", str(out), "--version", "3", "--data", str(data)]) == 0
    assert json.loads((out / "adapter_config.json").read_text())["lora_alpha"] == 4.0
    wish = ["export", str(tmp_path / "whole"), "--version", "serving", "--merged"]
    assert cli.main([*wish, "--data", str(data), "--model", str(tmp_path / "base")]) == 0
    assert (tmp_path / "whole" / "model.safetensors").is_file()
    assert cli.main([*wish, "--data", str(data)]) == 1  # the starter is not its base
