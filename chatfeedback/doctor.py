"""What `doctor` looks at: each check says what it found and, when something is wrong, what to do.

No torch in this process: the device is looked at by a short-lived child.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from chatfeedback.engine.adapter_files import verify
from chatfeedback.engine.memory import QUANTISED_BYTES, plan_memory
from chatfeedback.engine.model_files import (
    SMALL_MODEL_WEIGHTS,
    find_folder,
    read_shape,
    short_name,
)
from chatfeedback.errors import ChatFeedbackError
from chatfeedback.protocols import Queries
from chatfeedback.records import AdapterVersion

GB = 1e9
SPARE_GB = 1.0  # free disk space below which the next version or backup may not fit
BYTES_PER_WEIGHT = {"16 bit": 2.0, "nf4": 0.7}
STARTER = Path(__file__).parent / "starter" / "weights"
REINSTALL = "Run `python launch.py --rebuild`."
USE_CUDA = (
    "There is an NVIDIA driver, but this PyTorch cannot use it: choose CUDA under 'Get started' on "
    "pytorch.org, and run the command shown there with .venv's Python -m pip."
)
LOOK_AT_DEVICE = """
import json, torch
cuda = torch.cuda.is_available()
name = torch.cuda.get_device_name() if cuda else "CPU"
free = torch.cuda.mem_get_info()[0] if cuda else 0
half = cuda or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
seen = {"torch": torch.__version__, "device": name, "free_bytes": free, "halves": half}
print(json.dumps(seen))
"""


@dataclass(frozen=True)
class Check:
    """One finding. `fix` says what to do about it, if anything."""

    name: str
    ok: bool
    found: str
    fix: str = ""


def check_machine(
    folder: Path, model: str | None = None, quantisation: str = "none"
) -> list[Check]:
    """The installation, the device, memory and what the model needs of it, the disk."""
    device = look_at_device()
    checks = [check_python(), check_packages(), *check_device(device)]
    if isinstance(device, Device):
        checks += check_model(model, quantisation, device)
    return [*checks, check_disk(folder)]


def check_python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    fix = "" if sys.version_info >= (3, 11) else "Install Python 3.11 or newer."
    return Check("python", not fix, f"Python {version}, {sys.executable}", fix)


def check_packages() -> Check:
    """Every requirement of the project is installed in a version it allows."""
    wrong = list(unmet_requirements("chatfeedback"))
    found = "; ".join(wrong) or "all installed"
    return Check("packages", not wrong, found, REINSTALL if wrong else "")


def unmet_requirements(distribution: str) -> Iterator[str]:
    try:
        lines = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        lines = []
        yield f"{distribution} itself is not installed"
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield f"{requirement.name} is missing"
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name} is {version}, wanted {requirement.specifier}"


@dataclass(frozen=True)
class Device:
    """Where the model runs. halves: it multiplies 16-bit numbers at full speed."""

    name: str
    kind: str  # "cpu" or "cuda"
    torch: str
    free_bytes: int
    halves: bool


def look_at_device() -> Device | str:
    """What a child process with torch sees, or why torch does not start."""
    looked = subprocess.run(
        [sys.executable, "-c", LOOK_AT_DEVICE], capture_output=True, text=True, timeout=120
    )
    if looked.returncode != 0:
        return (looked.stderr.strip().splitlines() or ["no output"])[-1]
    seen = json.loads(looked.stdout)
    free = seen["free_bytes"] or psutil.virtual_memory().available
    kind = "cuda" if seen["free_bytes"] else "cpu"
    return Device(seen["device"], kind, seen["torch"], free, seen["halves"])


def check_device(device: Device | str) -> Iterator[Check]:
    """Where the model runs, and how large a model memory has room for."""
    if isinstance(device, str):
        yield Check("device", False, f"torch does not start: {device}", REINSTALL)
        return
    unused = device.kind == "cpu" and shutil.which("nvidia-smi") is not None
    yield Check("device", True, f"{device.name}, torch {device.torch}", USE_CUDA if unused else "")
    free = device.free_bytes
    sizes = [f"{free / each / GB:.0f}B in {kind}" for kind, each in BYTES_PER_WEIGHT.items()]
    enough = free > GB
    fix = "" if enough else "Close other programs: the app needs about 1 GB."
    found = f"{free / GB:.1f} GB free: models up to about {' or '.join(sizes)}"
    yield Check("memory", enough, found, fix)


def check_model(model: str | None, quantisation: str, device: Device) -> list[Check]:
    """What the model would take of the memory that is free now, as set and otherwise.

    Beside a running app this is what is left for another one.
    """
    try:
        folder = find_folder(model or STARTER, fetch=False)
        shape = read_shape(folder)
    except ChatFeedbackError as error:
        return [Check("model", False, str(error), "Choose another with --model.")]
    name = short_name(model) if model else "starter"
    itemsize = 2 if device.halves and shape.n_weights >= SMALL_MODEL_WEIGHTS else 4
    plans = {
        kind: plan_memory(
            shape,
            kind,
            device.free_bytes,
            itemsize=itemsize if kind == "none" else 2,
            device=device.kind,
        )
        for kind in ("none", *QUANTISED_BYTES)
    }
    chosen = plans.pop(quantisation)
    fitting = [kind for kind, plan in plans.items() if plan.chats]
    fix = f"Start with --quantize {fitting[0]}." if fitting else "Choose a smaller model."
    checks = [
        Check("model", chosen.chats, f"{name} {chosen.in_words()}", "" if chosen.chats else fix)
    ]
    if model:
        checks += [
            Check(f"model in {kind}", True, f"{name} {plan.in_words()}")
            for kind, plan in plans.items()
        ]
    return checks


def check_disk(folder: Path) -> Check:
    """The data folder can be written and has room."""
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    free_gb = shutil.disk_usage(nearest).free / GB
    found = f"{folder}, {free_gb:.1f} GB free"
    if not os.access(nearest, os.W_OK):
        return Check("data folder", False, found, "It cannot be written; choose another: --data.")
    fix = "" if free_gb > SPARE_GB else "Make room: a new version may not fit."
    return Check("data folder", not fix, found, fix)


def check_facts(queries: Queries) -> list[Check]:
    """What the database says is true: versions verify, no run or reply hangs in the air."""
    people = [person.person_id for person in queries.people()]
    versions = [version for person in people for version in queries.versions(person)]
    kept = [version for version in versions if version.state != "rejected"]
    damaged = [complaint for version in kept if (complaint := damage_of(version))]
    serving = [version for version in versions if version.state == "serving"]
    runs = [run for person in people for run in queries.runs(person)]
    failed = [run for run in runs if run.state == "failed"]
    return [
        check_database(queries),
        Check(
            "versions",
            not damaged,
            "; ".join(damaged) or f"{len(versions)}, {len(serving)} serving, all sound",
            "Serve another with `python launch.py rollback`." if damaged else "",
        ),
        Check("learning runs", True, f"{len(runs)} lately, {len(failed)} failed"),
    ]


def check_database(queries: Queries) -> Check:
    complaints = queries.complaints()
    fix = "With the app closed, put a copy from the folder backups in its place."
    return Check(
        "database", not complaints, "; ".join(complaints) or "sound", fix if complaints else ""
    )


def damage_of(version: AdapterVersion) -> str:
    """What is wrong with a version's folder; empty if it is as its manifest says."""
    try:
        verify(Path(version.folder), version.manifest_hash)
    except ChatFeedbackError as error:
        return str(error)
    return ""


def as_lines(checks: list[Check]) -> str:
    return "\n".join(
        f"{'ok ' if check.ok else 'BAD'}  {check.name}: {check.found}  {check.fix}".rstrip()
        for check in checks
    )
