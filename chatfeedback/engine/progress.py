"""How far a learning run has come, on disk, so that a run that was killed goes on where it was.

Written at every look at the KL: the LoRA weights, the optimiser's state, the step, and what the
objective itself must remember. Random numbers need no entry of their own: all are drawn from
(seed, step). A file that is cut short, or that another request left, counts for nothing: the run
then begins anew, which gives the same version.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from chatfeedback.engine.adapter_files import progress_folder
from chatfeedback.records import LearnRequest

logger = logging.getLogger(__name__)

FILE = "progress.pt"
FORMAT = 3  # what a run keeps; files of another format count for nothing
UNIMPORTANT = ("folder", "adapter_id", "parent")
"""Fields of a request that change from attempt to attempt and never the numbers."""


def save(request: LearnRequest, base_key: str, state: dict[str, Any]) -> None:
    """Replace the run's progress by `state`; after a crash one of the two is there, whole.

    Args:
        state: tensors, numbers, strings, and dicts and lists of them.
    """
    folder = progress_folder(Path(request.folder).parent, request.run_id)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{FILE}.new"
    with unfinished.open("wb") as file:
        torch.save({"request": fingerprint(request, base_key), "state": state}, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / FILE)


def load(request: LearnRequest, base_key: str, device: torch.device) -> dict[str, Any] | None:
    """What `save` kept for this very request on this very base; None if there is nothing."""
    path = progress_folder(Path(request.folder).parent, request.run_id) / FILE
    if not path.exists():
        return None
    try:
        kept = torch.load(path, map_location=device, weights_only=True)
        state: dict[str, Any] = kept["state"]
        if kept["request"] == fingerprint(request, base_key):
            return state
        logger.info("run %s has other evidence than before: it begins anew", request.run_id)
    except Exception as error:  # torch.load raises whatever its readers raise
        logger.warning("%s cannot be read (%s): the run begins anew", path, error)
    return None


def fingerprint(request: LearnRequest, base_key: str) -> str:
    """Tells requests apart by all that has a part in what is learned."""
    digest = hashlib.sha256(f"{FORMAT};{base_key};".encode())
    for field in fields(request):
        value = getattr(request, field.name)
        if field.name == "reward" and value is not None:
            for part in (value.basis, value.mean.tobytes(), value.covariance.tobytes()):
                digest.update(part)
        elif field.name not in UNIMPORTANT:
            digest.update(f"{field.name}={value!r};".encode())
    return digest.hexdigest()
