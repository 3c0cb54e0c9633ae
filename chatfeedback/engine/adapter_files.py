"""Adapter folders on disk: written once, complete or absent, verified before they serve.

    adapters/<adapter id>/adapter_config.json         PEFT's format; plain PEFT can load it
                          adapter_model.safetensors
                          manifest.json               what must be here: sizes, hashes, tensors
    adapters/.staging-<adapter id>/                   being written; swept at the next start
    adapters/.staging-<run id>/                       how far a run has come, to resume from

The manifest's own SHA-256 is the adapter's fingerprint and lies in the database. No torch here.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from chatfeedback.errors import AdapterDamaged
from chatfeedback.faults import point

MANIFEST = "manifest.json"
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
STAGING_PREFIX = ".staging-"


def staging_folder(folder: Path) -> Path:
    """Make an empty staging folder beside `folder`, dropping what a killed run left there."""
    staging = folder.parent / f"{STAGING_PREFIX}{folder.name}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    return staging


def progress_folder(adapters: Path, run_id: str) -> Path:
    """Where a run keeps what it needs to go on after it was killed."""
    return adapters / f"{STAGING_PREFIX}{run_id}"


def forget_progress(adapters: Path, run_id: str) -> None:
    """The run has ended, or is not to go on."""
    shutil.rmtree(progress_folder(adapters, run_id), ignore_errors=True)


def publish(staging: Path, folder: Path, facts: dict[str, Any]) -> str:
    """Turn a staging folder into the adapter folder `folder`; both must share a parent.

    After a crash at any moment `folder` is either absent or complete.

    Args:
        staging: holds exactly CONFIG and WEIGHTS.
        folder: final name; must not exist.
        facts: what else the manifest records (base_key, parent, run_id, data_hash, metrics ...).

    Returns:
        The manifest hash, to be stored with the adapter.

    Raises:
        FileExistsError: `folder` exists; adapter folders are never overwritten.
        AdapterDamaged: the weights hold a number that is not finite.
    """
    if folder.exists():
        raise FileExistsError(f"Adapter folder {folder} exists; a version is written only once.")
    _require_finite(staging / WEIGHTS)
    point("adapter.half_staged")
    manifest = {
        "format": 1,
        "files": {path.name: _fingerprint(path) for path in sorted(staging.iterdir())},
        "tensors": read_tensor_shapes(staging / WEIGHTS),
        **facts,
    }
    (staging / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), "utf-8")
    point("adapter.staged")
    for path in staging.iterdir():
        _fsync(path)
    _fsync(staging)
    point("adapter.before_rename")
    staging.rename(folder)
    point("adapter.after_rename")
    _fsync(folder.parent)
    point("adapter.published")
    return _sha256(folder / MANIFEST)


def verify(folder: Path, manifest_hash: str | None = None) -> str:
    """Check every byte of an adapter folder against its manifest; return the manifest hash.

    Args:
        folder: the adapter folder.
        manifest_hash: the hash the database holds; None skips that comparison.

    Raises:
        AdapterDamaged: anything is missing, added, cut short, altered or not finite.
    """
    manifest = read_manifest(folder)
    found_hash = _sha256(folder / MANIFEST)
    if manifest_hash is not None and found_hash != manifest_hash:
        raise _damaged(folder, f"its manifest is {found_hash[:12]}, expected {manifest_hash[:12]}")
    names = {path.name for path in folder.iterdir()}
    expected = {MANIFEST, *manifest["files"]}
    if names != expected:
        difference = ", ".join(sorted(names ^ expected))
        raise _damaged(folder, f"files are missing or do not belong there: {difference}")
    for name, fingerprint in manifest["files"].items():
        if (found := _fingerprint(folder / name)) != fingerprint:
            raise _damaged(folder, f"{name} is {found}, the manifest says {fingerprint}")
    if read_tensor_shapes(folder / WEIGHTS) != manifest["tensors"]:
        raise _damaged(folder, f"{WEIGHTS} holds other tensors than the manifest lists")
    _require_finite(folder / WEIGHTS)
    return found_hash


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest as a dict, with at least "files" and "tensors".

    Raises:
        AdapterDamaged: there is none, or it cannot be read.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(folder, f"{MANIFEST} cannot be read ({error})") from error
    if not isinstance(manifest, dict) or not {"files", "tensors"} <= manifest.keys():
        raise _damaged(folder, f"{MANIFEST} lists neither files nor tensors")
    return manifest


def sweep(
    adapters: Path, known_ids: Iterable[str], unfinished_runs: Iterable[str] = ()
) -> list[str]:
    """Remove staging folders and folders the database does not name; return their names.

    Only for start-up, before any run: a run in progress has a staging folder. The progress of
    `unfinished_runs`, which will go on, is kept.
    """
    known = set(known_ids) | {progress_folder(adapters, run_id).name for run_id in unfinished_runs}
    removed = []
    for path in sorted(adapters.iterdir()) if adapters.is_dir() else []:
        if path.is_dir() and path.name not in known:
            shutil.rmtree(path)
            removed.append(path.name)
    return removed


def read_tensor_shapes(path: Path) -> dict[str, list[int]]:
    """Names and shapes from the header of a safetensors file, without reading the weights.

    Raises:
        AdapterDamaged: the file is absent or its header is not one of safetensors.
    """
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return {name: spec["shape"] for name, spec in header.items() if name != "__metadata__"}
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        MemoryError,
        OverflowError,
    ) as error:
        raise _damaged(path.parent, f"{path.name} has no readable header ({error})") from error


def _require_finite(path: Path) -> None:
    try:
        tensors = load_file(path)
    except Exception as error:  # safetensors raises its own SafetensorError and OSError
        raise _damaged(path.parent, f"{path.name} cannot be read ({error})") from error
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise _damaged(path.parent, f"{name} holds numbers that are not finite")


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open a folder; NTFS journals the rename itself
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(folder: Path, why: str) -> AdapterDamaged:
    return AdapterDamaged(
        f"Adapter {folder.name} in {folder.parent} is damaged: {why}. "
        "Roll back to another version, or restore the folder from a backup."
    )
