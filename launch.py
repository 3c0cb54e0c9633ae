"""The one entry: python launch.py [COMMAND] [arguments]

Makes .venv beside this file, installs the project into it, and runs the command inside.
When nothing changed since the last run it only does the latter. Standard library only, and
readable by old Pythons, which must get as far as being told that they are too old.

    python launch.py               chat, in the browser
    python launch.py test          formatting, lint, types, tests  (with arguments: pytest alone)
    python launch.py --help        the other commands
    python launch.py --rebuild     make .venv anew, then as usual
"""

import sys

# The first line that a Python before 3.6 cannot read, so this is the line that it prints.
NEEDED = f"chatfeedback needs Python 3.11 or newer; this is Python {sys.version.split()[0]}."
if sys.version_info < (3, 11):
    sys.exit(NEEDED + " Install a newer one and start launch.py with it.")

import hashlib
import json
import os
import platform
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "chatfeedback-installed.json"  # written last: it exists when all is installed
LOG = VENV / "install.log"
EXTRAS = {"test": "test", "bench": "bench"}  # command -> the extra of pyproject.toml it needs

CHECKS = {
    "formatting": ["ruff", "format", "--check"],
    "lint": ["ruff", "check"],
    "types": ["mypy"],
    "tests": ["pytest", *"--numprocesses logical --maxprocesses 4 --dist loadfile".split()],
}


class LaunchError(Exception):
    """Something the person has to put right; the message says what and how."""


def main(argv: list[str]) -> int:
    """Install what is missing, then run the command inside .venv. Returns the exit code."""
    try:
        rebuild = "--rebuild" in argv
        argv = [argument for argument in argv if argument != "--rebuild"]
        prepare(extra=EXTRAS.get(argv[0]) if argv else None, rebuild=rebuild)
        return run_command(argv) if is_inside() else rerun_inside(argv)
    except LaunchError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(explain_failure(str(error), "The launcher could not go on"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command takes up where this one left off.", file=sys.stderr)
        return 1


# --- inside .venv ------------------------------------------------------------------------


def run_command(argv: list[str]) -> int:
    """Run one command of the project; `test` is ours, all others are the app's."""
    if argv[:1] == ["test"]:
        return run_checks(argv[1:])
    try:
        from chatfeedback.cli import main as run
    except ImportError as error:
        raise LaunchError(
            f"The installation in {VENV} is incomplete ({error}). Run `python launch.py --rebuild`."
        ) from error
    return run(argv)


def run_checks(pytest_arguments: list[str]) -> int:
    """Run every check, or pytest alone when it is given arguments; non-zero if any failed."""
    if pytest_arguments:
        return run_tool(["pytest", *pytest_arguments])
    failed = []
    for name, command in CHECKS.items():
        print(f"--- {name}: {' '.join(command)}", flush=True)
        if run_tool(command) != 0:
            failed.append(name)
    if failed:
        print(f"Failed: {', '.join(failed)}.", file=sys.stderr)
    return int(bool(failed))


def run_tool(command: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT).returncode


# --- outside: making and filling .venv ---------------------------------------------------


@dataclass(frozen=True)
class Installed:
    """What lies in .venv: a hash of all that decides about it, and the extras asked for so far."""

    hash: str
    extras: tuple[str, ...]


def is_inside() -> bool:
    """True when .venv's Python runs this."""
    return Path(sys.prefix).resolve() == VENV.resolve()


def prepare(extra: str | None, rebuild: bool = False) -> None:
    """Bring .venv up to date; when it already is, this only looks."""
    if rebuild and is_inside():
        raise LaunchError("Start --rebuild with another Python than the one in .venv.")
    if rebuild or not VENV.exists():
        make_venv()
    elif not is_inside() and not venv_works():
        offer_to_rebuild()
    installed = read_stamp()
    extras = tuple(sorted({*installed.extras, *([extra] if extra else [])}))
    wanted = Installed(install_hash(), extras)
    if installed != wanted:
        STAMP.unlink(missing_ok=True)
        install(extras)
        STAMP.write_text(json.dumps(asdict(wanted)), encoding="utf-8")
        advise_on_cuda()


def install_hash() -> str:
    """Changes with everything that asks for another installation."""
    parts = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join([*parts, os.fsencode(ROOT)])).hexdigest()


def read_stamp() -> Installed:
    """What is installed; nothing when an installation was interrupted."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        return Installed(stamp["hash"], tuple(stamp["extras"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Installed("", ())


def venv_works() -> bool:
    """True when .venv's Python starts, is .venv's own, and finds pip."""
    look = "import sys, importlib.util as u; print(sys.prefix, u.find_spec('pip') is not None)"
    try:
        seen = subprocess.run([PYTHON, "-c", look], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    prefix, _, has_pip = seen.stdout.strip().rpartition(" ")
    return has_pip == "True" and Path(prefix).resolve() == VENV.resolve()


def offer_to_rebuild() -> None:
    """Make a broken .venv anew; ask first if it was ever complete."""
    if STAMP.exists():
        print(
            f"{VENV} no longer works (was Python updated, or the folder moved?).", file=sys.stderr
        )
        if not sys.stdin.isatty():
            raise LaunchError(
                "Make it anew with `python launch.py --rebuild`. Your data is elsewhere."
            )
        if input("Make it anew? Your data is elsewhere and stays. [Y/n] ").strip().lower() == "n":
            raise LaunchError("Left as it is.")
    make_venv()


def make_venv() -> None:
    """Make an empty .venv, in place of whatever is there."""
    refuse_unsupported_platforms()
    if find_spec("venv") is None or find_spec("ensurepip") is None:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        raise LaunchError(
            "This Python cannot make virtual environments: its module ensurepip is missing. "
            f"On Debian and Ubuntu: sudo apt install {package}. Then run the same command again."
        )
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", VENV],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if made.returncode != 0:
        raise LaunchError(explain_failure(made.stdout, f"{VENV} could not be made"))


def refuse_unsupported_platforms() -> None:
    """Say so before anything is downloaded where no recent PyTorch exists."""
    if sys.maxsize < 2**32:
        raise LaunchError("This is a 32-bit Python; PyTorch needs a 64-bit one. Install that.")
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        raise LaunchError(
            "This is an Intel Mac, or an Intel build of Python: there is no recent PyTorch for it. "
            "On an Apple-silicon Mac install the arm64 (or universal) Python; "
            "on an Intel Mac use another machine, or Linux on this one."
        )


# --- pip ---------------------------------------------------------------------------------


def install(extras: tuple[str, ...]) -> None:
    """Install the project, editable, in the tested versions where they exist for this platform."""
    forget_half_installed_packages()
    project = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    started = time.monotonic()
    print(f"Installing into {VENV} (the first time takes some minutes).", flush=True)
    output = run_pip(["-c", str(ROOT / "constraints.txt"), "-e", project])
    if output is not None and "No matching distribution" in output and not is_offline(output):
        print("The tested versions do not all exist here; taking the newest that fit.", flush=True)
        output = run_pip(["-e", project])
    if output is not None:
        raise LaunchError(explain_failure(output, "The installation failed"))
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)


def forget_half_installed_packages() -> None:
    """Make pip install again what it was killed in the middle of (it writes INSTALLER last)."""
    for info in site_packages().glob("*.dist-info"):
        if not (info / "INSTALLER").exists():
            shutil.rmtree(info)


def site_packages() -> Path:
    return next(VENV.glob("lib/python*/site-packages"), VENV / "Lib" / "site-packages")


def run_pip(arguments: list[str]) -> str | None:
    """Run pip install, keeping its output in LOG. Returns None, or the output if it failed."""
    command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    process = subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PIP_USER": "0", "PYTHONUTF8": "1"},
    )
    assert process.stdout is not None
    lines = []
    try:
        with LOG.open("w", encoding="utf-8") as log:
            for line in process.stdout:
                lines.append(line)
                log.write(line)
                show_progress(line)
    except BaseException:
        process.terminate()
        raise
    finally:
        returncode = process.wait()
        show_progress("")
    return "".join(lines) if returncode != 0 else None


def show_progress(line: str) -> None:
    """Show what pip does, on one line that overwrites itself; nothing outside a terminal."""
    if not sys.stdout.isatty():
        return
    if not line or line.strip().startswith(("Collecting", "Downloading", "Building", "Installing")):
        width = shutil.get_terminal_size().columns - 1
        print("\r" + line.strip()[:width].ljust(width), end="" if line else "\r", flush=True)


def is_offline(output: str) -> bool:
    """True when pip could not reach its package index."""
    signs = (
        "Failed to establish a new connection",
        "NameResolutionError",
        "name resolution",
        "getaddrinfo failed",
        "Network is unreachable",
        "ConnectTimeoutError",
        "Read timed out",
        "ProxyError",
        "RemoteDisconnected",
    )
    return any(sign in output for sign in signs)


def explain_failure(output: str, what: str) -> str:
    """What went wrong and what to do, from the output of pip or venv."""
    if any(
        sign in output for sign in ("No space left", "Errno 28", "not enough space", "Errno 122")
    ):
        free_gb = shutil.disk_usage(ROOT).free / 1e9
        return (
            f"{what}: the disk is full ({free_gb:.1f} GB free for {ROOT}; about 3 GB are needed, "
            "8 GB with CUDA). Make room, then run the same command again."
        )
    if is_offline(output):
        return (
            f"{what}: no connection to the package index. The first start needs the network once; "
            "later ones do not. Connect, then run the same command again."
        )
    if "CERTIFICATE_VERIFY_FAILED" in output:
        return (
            f"{what}: the package index's certificate is not trusted here (a proxy in between?). "
            "Set PIP_CERT to your organisation's certificate file, then run the same command again."
        )
    errors = [line for line in output.splitlines() if line.startswith(("ERROR", "Error", "error"))]
    last = (errors or output.strip().splitlines() or ["no output"])[-1]
    python = ".".join(map(str, sys.version_info[:2]))
    return (
        f"{what}: {last}\nThis is Python {python} on {platform.platform()}; a Python just released "
        f"may not have all packages yet. Everything pip said is in {LOG}. "
        "Then try `python launch.py --rebuild`."
    )


# --- afterwards --------------------------------------------------------------------------


def advise_on_cuda() -> None:
    """Tell the owner of an NVIDIA card whose PyTorch cannot use it how to change that."""
    if torch_is_cpu_only() and has_nvidia_card():
        print(
            "There is an NVIDIA card here, but this PyTorch runs on the CPU only. For the CUDA "
            "build, choose CUDA under 'Get started' on pytorch.org and run the command shown "
            f"there with {PYTHON} -m pip in place of pip (PyTorch 2.11 to 2.13)."
        )


def torch_is_cpu_only() -> bool:
    """Read from the installed files: importing torch would take seconds."""
    version = site_packages() / "torch" / "version.py"
    return version.exists() and "\ncuda: Optional[str] = None" in version.read_text("utf-8")


def has_nvidia_card() -> bool:
    """True when the driver's own tool lists a card."""
    try:
        seen = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return seen.returncode == 0 and "GPU" in seen.stdout


def rerun_inside(argv: list[str]) -> int:
    """Run this file again with .venv's Python (as a child where exec would leave the console)."""
    command = [str(PYTHON), str(ROOT / "launch.py"), *argv]
    os.environ.setdefault("PYTHONUTF8", "1")  # redirected output on Windows holds any character
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    child = subprocess.Popen(command)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue  # the child got it too and is closing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
