"""The launcher, tried for real on a project that needs nothing from the network."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import launch
from launch import Installed, LaunchError

LAUNCHER = Path(launch.__file__)
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "demo"
version = "1"
"""
BACKEND = '''
"""The smallest build backend: an editable wheel, without setuptools."""
import pathlib, zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    root = pathlib.Path(__file__).parent
    metadata = "Metadata-Version: 2.1\\nName: demo\\nVersion: 1\\nProvides-Extra: test\\n"
    for requirement in (root / "needs.txt").read_text().split():
        metadata += f"Requires-Dist: {requirement}\\n"
    with zipfile.ZipFile(f"{wheel_directory}/demo-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("demo.pth", str(root))
        wheel.writestr("demo-1.dist-info/METADATA", metadata)
        wheel.writestr("demo-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr("demo-1.dist-info/RECORD", "")
    return "demo-1-py3-none-any.whl"
'''
CLI = """
import sys
def main(argv):
    print("ran with", *argv)
    return 7 if "fail" in argv else 0
"""
NO_INDEX = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "http://127.0.0.1:9/",
    "PIP_RETRIES": "1",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose .venv is made once for all tests of this file."""
    return tmp_path_factory.mktemp("checkout").resolve()


@pytest.fixture
def project(checkout: Path) -> Path:
    """A checkout with the real launcher and a command line that says what it got."""
    (checkout / "chatfeedback").mkdir(exist_ok=True)
    shutil.copy(LAUNCHER, checkout)
    (checkout / "pyproject.toml").write_text(PYPROJECT)
    (checkout / "constraints.txt").write_text("")
    (checkout / "needs.txt").write_text("")
    (checkout / "backend.py").write_text(BACKEND)
    (checkout / "chatfeedback" / "cli.py").write_text(CLI)
    return checkout


def package_info(project: Path) -> Path:
    """Where pip keeps what it knows of the installed project."""
    folders = [
        *project.glob(".venv/lib/python*/site-packages"),
        project / ".venv/Lib/site-packages",
    ]
    return folders[0] / "demo-1.dist-info"


def start(project: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(project / "launch.py"), *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **NO_INDEX, **environment},
    )


def test_the_first_run_installs_and_the_next_only_runs(project: Path) -> None:
    shutil.rmtree(project / ".venv", ignore_errors=True)
    first, second = start(project, "hello"), start(project, "hello", "you")
    assert "Installed in" in first.stdout
    assert first.stdout.endswith("ran with hello\n")
    assert second.stdout == "ran with hello you\n"


def test_the_commands_exit_code_is_the_launchers(project: Path) -> None:
    assert start(project, "fail").returncode == 7


def test_a_changed_pyproject_installs_again(project: Path) -> None:
    start(project)
    (project / "pyproject.toml").write_text(PYPROJECT + "# changed\n")
    assert "Installed in" in start(project).stdout
    assert "Installed in" not in start(project).stdout


def test_an_extra_is_installed_once_and_stays(project: Path) -> None:
    start(project)
    assert "Installed in" in start(project, "bench").stdout
    assert "Installed in" not in start(project, "bench").stdout
    assert "Installed in" not in start(project).stdout


def test_the_run_after_an_interrupted_installation_completes_it(project: Path) -> None:
    start(project)
    info = package_info(project)
    (info / "INSTALLER").unlink()  # pip was killed while it copied this package
    (project / ".venv" / launch.STAMP.name).unlink()
    assert start(project, "hello").stdout.endswith("ran with hello\n")
    assert (info / "INSTALLER").exists()


def test_a_broken_venv_is_rebuilt_only_when_told_to(project: Path) -> None:
    start(project)
    for path in [*project.glob(".venv/bin/python*"), *project.glob(".venv/Scripts/python*")]:
        path.unlink()
    refused = start(project)
    assert refused.returncode == 1
    assert "python launch.py --rebuild" in refused.stderr
    assert start(project, "--rebuild", "hello").stdout.endswith("ran with hello\n")


def test_a_half_made_venv_is_made_anew_without_asking(project: Path) -> None:
    shutil.rmtree(project / ".venv", ignore_errors=True)
    (project / ".venv" / "bin").mkdir(parents=True)
    assert start(project, "hello").stdout.endswith("ran with hello\n")


def test_without_a_network_it_says_so_and_the_next_run_goes_on(project: Path) -> None:
    (project / "needs.txt").write_text("a-package-from-the-index")
    (project / "pyproject.toml").write_text(PYPROJECT + "# needs the network\n")
    offline = start(project)
    (project / "needs.txt").write_text("")
    assert offline.returncode == 1
    assert "The first start needs the network once" in offline.stderr
    assert start(project, "hello").stdout.endswith("ran with hello\n")


def test_an_incomplete_installation_is_named_with_its_remedy(project: Path) -> None:
    (project / "chatfeedback" / "cli.py").write_text("import a_module_that_is_not_there")
    broken = start(project)
    assert broken.returncode == 1
    assert "a_module_that_is_not_there" in broken.stderr
    assert "--rebuild" in broken.stderr


# --- one thing at a time -------------------------------------------------------------------


def test_an_old_python_can_read_the_launcher() -> None:
    ast.parse(LAUNCHER.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_an_old_python_is_told_what_is_needed_before_anything_else_happens() -> None:
    pretend = (
        "import sys, runpy; sys.version_info = (3, 9, 2); sys.version = '3.9.2 (main)';"
        f"runpy.run_path({str(LAUNCHER)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "chatfeedback needs Python 3.11 or newer; this is Python 3.9.2. Install a newer one"
    )


def test_a_python_without_ensurepip_names_the_debian_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launch, "find_spec", lambda name: None if name == "ensurepip" else object())
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    with pytest.raises(LaunchError, match=f"apt install python{version}-venv"):
        launch.make_venv()


def test_an_intel_mac_is_refused_before_anything_is_downloaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launch.sys, "platform", "darwin")
    monkeypatch.setattr(launch.platform, "machine", lambda: "x86_64")
    with pytest.raises(LaunchError, match="Intel Mac"):
        launch.refuse_unsupported_platforms()


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("ERROR: [Errno 28] No space left on device", "the disk is full"),
        ("WARNING: Retrying: Failed to establish a new connection", "no connection"),
        ("SSLError(CERTIFICATE_VERIFY_FAILED)", "certificate"),
        ("Collecting x\nERROR: No matching distribution found for x\n", "found for x"),
        ("", "no output"),
    ],
)
def test_a_failed_installation_is_explained(output: str, told: str) -> None:
    assert told in launch.explain_failure(output, "The installation failed")


def test_a_full_disk_does_not_end_in_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def prepare(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(launch, "prepare", prepare)
    assert launch.main([]) == 1
    assert "the disk is full" in capsys.readouterr().err


def test_ctrl_c_during_the_installation_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def prepare(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "prepare", prepare)
    assert launch.main([]) == 1
    assert "takes up where this one left off" in capsys.readouterr().err


def test_versions_that_do_not_exist_here_give_way_to_the_newest_that_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def run_pip(arguments: list[str]) -> str | None:
        asked.append("-c" in arguments)
        return "ERROR: No matching distribution found for torch==2.13.0" if asked[-1] else None

    monkeypatch.setattr(launch, "run_pip", run_pip)
    launch.install(())
    assert asked == [True, False]


@pytest.mark.parametrize("stamp", ["", "{}", "[]", '{"hash": "x"}'])
def test_a_damaged_stamp_counts_as_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stamp: str
) -> None:
    monkeypatch.setattr(launch, "STAMP", tmp_path / "stamp")
    launch.STAMP.write_text(stamp)
    assert launch.read_stamp() == Installed("", ())


@pytest.mark.parametrize(("cuda", "advised"), [("None", True), ("'12.8'", False)])
def test_the_owner_of_an_nvidia_card_is_told_about_the_cuda_build(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    cuda: str,
    advised: bool,
) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "version.py").write_text(f"x = 1\ncuda: Optional[str] = {cuda}\n")
    monkeypatch.setattr(launch, "site_packages", lambda: tmp_path)
    monkeypatch.setattr(launch, "has_nvidia_card", lambda: True)
    launch.advise_on_cuda()
    assert ("CUDA build" in capsys.readouterr().out) is advised


def test_all_checks_run_even_when_the_first_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = []

    def run_tool(command: list[str]) -> int:
        ran.append(command[0])
        return int(command == ["ruff", "format", "--check"])

    monkeypatch.setattr(launch, "run_tool", run_tool)
    assert launch.run_checks([]) == 1
    assert ran == ["ruff", "ruff", "mypy", "pytest"]
    assert "Failed: formatting." in capsys.readouterr().err


def test_with_arguments_only_pytest_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr(launch, "run_tool", lambda command: ran.append(command) or 0)
    assert launch.run_checks(["-k", "lock"]) == 0
    assert ran == [["pytest", "-k", "lock"]]
