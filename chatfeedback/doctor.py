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
from chatfeedback.errors import ChatFeedbackError
from chatfeedback.protocols import Queries
from chatfeedback.records import AdapterVersion

GB = 1e9
SPARE_GB = 1.0  # free disk space below which the next version or backup may not fit
BYTES_PER_WEIGHT = {"16 bit": 2.0, "nf4": 0.7}
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
print(json.dumps({"torch": torch.__version__, "device": name, "free_bytes": free}))
"""


@dataclass(frozen=True)
class Check:
    """One finding. `fix` says what to do about it, if anything."""

    name: str
    ok: bool
    found: str
    fix: str = ""


def check_machine(folder: Path) -> list[Check]:
    """The installation, the device, memory, the disk."""
    return [check_python(), check_packages(), *check_device(), check_disk(folder)]


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


def check_device() -> Iterator[Check]:
    """Where the model runs, and how large a model memory has room for."""
    looked = subprocess.run(
        [sys.executable, "-c", LOOK_AT_DEVICE], capture_output=True, text=True, timeout=120
    )
    if looked.returncode != 0:
        why = (looked.stderr.strip().splitlines() or ["no output"])[-1]
        yield Check("device", False, f"torch does not start: {why}", REINSTALL)
        return
    seen = json.loads(looked.stdout)
    unused = seen["device"] == "CPU" and shutil.which("nvidia-smi") is not None
    hint = USE_CUDA if unused else ""
    yield Check("device", True, f"{seen['device']}, torch {seen['torch']}", hint)
    free_bytes = seen["free_bytes"] or psutil.virtual_memory().available
    sizes = [f"{free_bytes / each / GB:.0f}B in {kind}" for kind, each in BYTES_PER_WEIGHT.items()]
    enough = free_bytes > GB
    fix = "" if enough else "Close other programs: the app needs about 1 GB."
    found = f"{free_bytes / GB:.1f} GB free: models up to about {' or '.join(sizes)}"
    yield Check("memory", enough, found, fix)


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
