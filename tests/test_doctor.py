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
from chatfeedback.doctor import Check
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
    monkeypatch.setattr(
        doctor, "check_machine", lambda folder: [Check("device", False, "none", "x")]
    )
    assert cli.main(["doctor", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert {check["name"] for check in found["checks"]} == {
        "device",
        "database",
        "versions",
        "learning runs",
    }
