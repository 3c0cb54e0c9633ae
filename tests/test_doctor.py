"""What doctor finds, and what it says to do about it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chatfeedback import cli, doctor
from chatfeedback.doctor import Check, Device
from chatfeedback.engine.adapter_files import verify
from storage.store import Store, open_store
from tests.store_samples import BASE, learned, report, start_run
from tests.test_adapter_files import published


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


def serve_a_version(store: Store) -> Path:
    """A version whose folder is really there; returns the folder."""
    me = store.ensure_person("You").person_id
    result = learned(store.folder, "one")
    manifest_hash = verify(published(store.folder / "adapters", "one"))
    run_id = start_run(store, me)
    store.add_adapter(me, run_id, BASE, replace(result, manifest_hash=manifest_hash), None)
    store.promote_adapter(me, "one", report())
    return Path(result.folder)


def named(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def test_an_empty_data_folder_is_well(store: Store) -> None:
    assert all(check.ok for check in doctor.check_facts(store))


def test_a_missing_or_wrong_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "demo-1.dist-info"
    info.mkdir()
    lines = ["Name: demo", "Version: 1", "Requires-Dist: absent>=2", "Requires-Dist: numpy<1"]
    lines += ["Requires-Dist: other; extra == 'test'", "Requires-Dist: more; sys_platform == 'no'"]
    (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines]))
    monkeypatch.syspath_prepend(tmp_path)
    absent, numpy = doctor.unmet_requirements("demo")
    assert absent == "absent is missing"
    assert numpy.startswith("numpy is ")
    assert numpy.endswith("wanted <1")


def test_a_damaged_adapter_folder_is_found(store: Store, tmp_path: Path) -> None:
    folder = serve_a_version(store)
    assert named(doctor.check_facts(store), "versions").ok
    (folder / "adapter_model.safetensors").write_bytes(b"junk")
    found = named(doctor.check_facts(store), "versions")
    assert not found.ok
    assert "rollback" in found.fix


def test_a_reference_to_nothing_is_found(store: Store, tmp_path: Path) -> None:
    store.add_conversation(store.ensure_person("You").person_id, "A chat")
    with closing(sqlite3.connect(tmp_path / "chatfeedback.db")) as careless:
        careless.execute("DELETE FROM person")
        careless.commit()
    found = named(doctor.check_facts(store), "database")
    assert not found.ok
    assert "conversation" in found.found


def test_json_says_whether_all_is_well(
    data_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "check_machine", lambda *_: [Check("device", False, "none", "x")])
    assert cli.main(["doctor", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert {check["name"] for check in found["checks"]} == {
        "device",
        "database",
        "versions",
        "learning runs",
    }


# --- the model in this memory ------------------------------------------------------------

LAPTOP = Device("CPU", "cpu", "2.13", 8 * 10**9, halves=True)


def test_the_starter_fits_and_learns_on_a_small_laptop() -> None:
    (check,) = doctor.check_model(None, "none", LAPTOP)
    assert check.ok
    assert "starter chats and learns in" in check.found


def test_a_model_that_does_not_fit_says_which_quantisation_would(tmp_path: Path) -> None:
    describe_model(tmp_path / "big", layers=32, hidden=4096)
    checks = doctor.check_model(str(tmp_path / "big"), "none", LAPTOP)
    assert [check.name for check in checks] == ["model", "model in nf4", "model in int8"]
    assert not checks[0].ok
    assert "big does not fit: needs" in checks[0].found
    assert checks[0].fix == "Start with --quantize nf4."
    assert "chats" in checks[1].found


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    (check,) = doctor.check_model(str(tmp_path), "none", LAPTOP)
    assert not check.ok
    assert "config.json is missing" in check.found


def describe_model(folder: Path, layers: int, hidden: int) -> None:
    """Config and weight headers, without the weights."""
    folder.mkdir()
    inner, heads = 3 * hidden, hidden // 128
    config = {"hidden_size": hidden, "intermediate_size": inner, "vocab_size": 32000}
    config |= {"num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": 8}
    (folder / "config.json").write_text(json.dumps(config))
    shapes = [[hidden, hidden], [hidden, hidden], [inner, hidden], [inner, hidden], [inner, hidden]]
    tensors = {f"{i}.{j}": each for i in range(layers) for j, each in enumerate(shapes)}
    header = {n: {"dtype": "BF16", "shape": s, "data_offsets": [0, 0]} for n, s in tensors.items()}
    data = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(data).to_bytes(8, "little") + data)
