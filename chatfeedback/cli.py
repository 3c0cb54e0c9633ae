"""The commands, and the one place where the real parts are built and put together.

Libraries are imported inside the functions that need them: the page must be up within seconds,
and the offline switches must be set before any of them is read.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from chatfeedback import remote
from chatfeedback.errors import ChatFeedbackError, DataFolderBusy, InputRefused
from chatfeedback.lock import FolderLock, Running, read_secret
from chatfeedback.offline import go_offline

if TYPE_CHECKING:
    from chatfeedback.session import Session
    from storage.store import Store

HOST = "127.0.0.1"
PORT = 8642  # when it is free; a page keeps its address, so bookmarks stay good
EXPORT_FORMATS = (  # as in exporting.FORMATS, which loads more than the command line needs
    "chatfeedback",
    "preference",
    "unpaired",
    "ranking",
    "sharegpt",
    "openwebui",
    "sillytavern",
)
LEARNING_METHODS = ("auto", "dpo", "kto", "ppo", "rloo", "sft")  # as objective.LearningMethod
ABLATIONS = ("prior", "features", "question", "forgetting", "label")  # as in fast.ABLATIONS
BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
Arguments = argparse.Namespace
logger = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Carry out one command. Returns 0, or 1 after one plain line on stderr (2: wrong usage)."""
    arguments = parse(sys.argv[1:] if argv is None else argv)
    go_offline(getattr(arguments, "model", None))
    try:
        return int(arguments.act(arguments))
    except ChatFeedbackError as error:
        return complain(str(error))
    except OSError as error:
        return complain(f"{error}. Check the disk, its free space and your rights, then try again.")
    except KeyboardInterrupt:
        return complain("Stopped.")
    except Exception as error:  # a bug of ours: the details go to the log, or here without one
        logger.exception("%s failed", arguments.act.__name__)
        return complain(f"Something went wrong that should not have ({error!r}).")


def complain(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


# --- the command line --------------------------------------------------------------------


def parse(argv: list[str]) -> Arguments:
    """Arguments with the command's function in `act`; without a command it is `chat`."""
    parser = build_parser()
    wants_help = argv[:1] in (["-h"], ["--help"])
    if not wants_help and (not argv or argv[0].startswith("-")):
        argv = ["chat", *argv]
    return parser.parse_args(argv)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python launch.py",
        description="Chat with a language model on this machine; every reaction teaches it.",
        epilog="Without a command: chat. Each command explains itself: python launch.py chat -h",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, act: Callable[[Arguments], int], what: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=what, description=what)
        command.set_defaults(act=act)
        return command

    command = add("chat", chat, "open the app in the browser (the default)")
    add_data(command)
    add_model(command)
    command.add_argument("--port", type=int, metavar="N", help=f"port of the page ({PORT})")
    command.add_argument("--no-browser", action="store_true", help="only print the address")

    add("test", tests_need_the_launcher, "run formatting, lint, type checks and the tests")

    command = add("learn", learn, "learn from the clicks so far, now")
    add_data(command)
    add_model(command)
    command.add_argument(
        "--method", choices=LEARNING_METHODS, default="auto", help="how (auto: the clicks decide)"
    )

    command = add("versions", versions, "list what was learned, version by version")
    add_data(command)
    command.add_argument("--json", action="store_true", help="machine-readable")

    command = add("rollback", rollback, "serve another version from the next reply on")
    add_data(command)
    add_model(command)
    command.add_argument(
        "version", nargs="?", help='number, id or "base" (default: the one before)'
    )

    add_export(add("export", export, "write your feedback to a file, or a version to a folder"))

    command = add("import", import_file, "take in feedback from a file")
    add_data(command)
    command.add_argument("file", type=Path, metavar="FILE", help="JSONL, JSON or ZIP")
    command.add_argument("--dry-run", action="store_true", help="only say what it holds")

    add_simulate(add("simulate", simulate, "let simulated people use the whole pipeline"))

    command = add("bench", bench, "measure: " + ", ".join(bench_names()))
    command.add_argument("names", nargs="*", metavar="NAME", help="which ones (all)")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")

    command = add("doctor", doctor, "check the installation, the device and your data")
    add_data(command)
    add_model(command)
    command.add_argument("--json", action="store_true", help="machine-readable")
    return parser


def add_export(command: argparse.ArgumentParser) -> None:
    add_data(command)
    command.add_argument("file", type=Path, metavar="FILE", help="where to write it")
    command.add_argument(
        "--format",
        choices=EXPORT_FORMATS,
        default=EXPORT_FORMATS[0],
        help=f"how ({EXPORT_FORMATS[0]} holds everything)",
    )
    command.add_argument(
        "--version", help='a version\'s weights instead, for PEFT: its number, id or "serving"'
    )
    command.add_argument(
        "--merged", action="store_true", help="with --version: one whole model, its base included"
    )
    command.add_argument("--model", metavar="DIR_OR_HUB_ID", help="its base, if not the starter")


def add_simulate(command: argparse.ArgumentParser) -> None:
    add_model(command)
    command.epilog = (
        "Another model is judged on the verified questions, one person after the other: on a CPU "
        "a model of half a billion weights takes many hours even with --quick."
    )
    command.add_argument("--people", type=int, metavar="N", help="how many (6; 24 with --fast)")
    command.add_argument("--clicks", type=int, metavar="N", help="of each (50; 100 with --fast)")
    command.add_argument("--seed", type=int, default=0, metavar="N")
    command.add_argument("--quick", action="store_true", help="a few minutes, rougher figures")
    command.add_argument(
        "--fast", action="store_true", help="the reward model alone: minutes, no learning runs"
    )
    command.add_argument(
        "--ablate",
        nargs="*",
        choices=ABLATIONS,
        default=ABLATIONS,
        help="with --fast: what is left out or changed, for eight people (everything in turn)",
    )
    command.add_argument(
        "--seeds", type=int, metavar="N", help="lives of each, from --seed on (1; 2 with --fast)"
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="keep what is found there; the same again goes on"
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", type=Path, metavar="DIR", help="where your data lies")


def add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", metavar="DIR_OR_HUB_ID", help="another model than the starter")
    command.add_argument(
        "--quantize", choices=("none", "nf4", "int8"), help="to save memory (as set, or none)"
    )


def data_folder(chosen: Path | None) -> Path:
    """Where the facts and weights lie: --data, $CHATFEEDBACK_HOME or the platform's place."""
    import platformdirs

    home = chosen or os.environ.get("CHATFEEDBACK_HOME")
    folder = Path(home) if home else platformdirs.user_data_path("chatfeedback", appauthor=False)
    folder = folder.expanduser().resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputRefused(
            f"The data folder {folder} cannot be made ({error.strerror}). "
            "Choose another one with --data."
        ) from error
    return folder


# --- the app -----------------------------------------------------------------------------


def chat(arguments: Arguments) -> int:
    """Serve the page until Ctrl-C; if the app runs already, open its page instead."""
    folder = data_folder(arguments.data)
    try:
        lock = FolderLock.acquire(folder)
    except DataFolderBusy:
        return open_running(folder, browser=not arguments.no_browser)
    with lock, listen(arguments.port) as listener:
        port = listener.getsockname()[1]
        running = Running(os.getpid(), port, f"http://{HOST}:{port}/", read_secret(folder))
        lock.publish(running)
        print("Starting chatfeedback…", flush=True)
        for number in (signal.SIGTERM, signal.SIGINT):  # a shell may have it ignored
            signal.signal(number, stop)
        with suppress(KeyboardInterrupt), open_session(folder, arguments) as session:
            serve_page(session, listener, running, browser=not arguments.no_browser)
        print("\nClosed.")
    return 0


def serve_page(session: Session, listener: socket.socket, running: Running, browser: bool) -> None:
    """Serve until interrupted. The socket listens already, so a browser may come at any time."""
    from ui.app import build_app, serve

    app = build_app(session, host=HOST, port=running.port, token=running.token)
    show_page(running, "chatfeedback is at", browser)
    print("Ctrl-C ends it.", flush=True)
    serve(app, HOST, running.port, listener)


def open_running(folder: Path, browser: bool) -> int:
    """The data folder is taken: show the page of the app that has it."""
    running = remote.require_app(folder)
    show_page(running, f"chatfeedback runs already (process {running.pid}) at", browser)
    return 0


def show_page(running: Running, what: str, browser: bool) -> None:
    """Print a link that lets one browser in, and open the page with another such link."""
    from ui.gate import make_launch_url

    def link() -> str:
        return make_launch_url(HOST, running.port, running.token)

    print(f"{what} {link()}", flush=True)
    if browser:  # in the background: a text browser would wait for a page that is not served yet
        threading.Thread(target=webbrowser.open, args=(link(),), daemon=True).start()


def listen(port: int | None) -> socket.socket:
    """A listening socket on this machine only: on the port asked for, the usual one, or any."""
    for candidate in [port] if port is not None else [PORT, 0]:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":  # elsewhere this would let two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, candidate))
            listener.listen(128)
            return listener
        except (OSError, OverflowError) as error:
            listener.close()
            if port is not None:
                raise InputRefused(f"Port {port} cannot be used ({error}); try another.") from error
    raise InputRefused("No free port was found on this machine.")


def stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def log_to(folder: Path) -> None:
    """Keep the app's log, which holds no words of a conversation, in logs/app.log."""
    (folder / "logs").mkdir(exist_ok=True)
    handler = RotatingFileHandler(folder / "logs" / "app.log", maxBytes=2**20, backupCount=3)
    logging.basicConfig(
        level=logging.INFO,
        handlers=[handler],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


@contextmanager
def open_session(
    folder: Path, arguments: Arguments, learn_when_idle: bool = True
) -> Iterator[Session]:
    """Engine (loading in the background), store and session, closed in the right order."""
    from chatfeedback.engine.client import Engine
    from chatfeedback.models import chosen_model, chosen_quantisation
    from chatfeedback.session import Session
    from chatfeedback.settings import Settings
    from storage.store import open_store

    log_to(folder)
    with closing(open_store(folder)) as store:
        sweep_adapters(store)
        settings = Settings(learn_when_idle=learn_when_idle)
        quantisation = arguments.quantize or chosen_quantisation(store, settings)
        model = arguments.model or chosen_model(store) or None
        with Engine(model, quantisation, folder / "logs" / "engine.log") as engine:
            session = Session(store, engine, settings)
            with closing(session):
                yield session


def sweep_adapters(store: Store) -> None:
    """Remove adapter folders that a killed run left behind: those that neither the database nor a
    backup names, or that are staged (at start nobody is left to judge them)."""
    from chatfeedback.engine.adapter_files import sweep

    versions = (
        version for person in store.people() for version in store.versions(person.person_id)
    )
    known = {version.adapter_id for version in versions if version.state != "staged"}
    known |= store.versions_in_backups()
    runs = (run for person in store.people() for run in store.runs(person.person_id))
    unfinished = [run.run_id for run in runs if run.state in ("queued", "running")]
    for name in sweep(store.folder / "adapters", known, unfinished):
        logger.info("removed the unfinished adapter folder %s", name)


# --- commands that the running app carries out, if there is one ----------------------------


def learn(arguments: Arguments) -> int:
    """One learning run with a progress bar; 0 if it ended properly, promoted or not."""
    from chatfeedback import commands

    folder = data_folder(arguments.data)
    with remote.hold_or_find(folder) as app:
        if app:
            return show_progress(remote.learn(app, arguments.method))
        with open_session(folder, arguments, learn_when_idle=False) as session:
            return show_progress(commands.learn(session, arguments.method))


def show_progress(progress: Iterator[dict[str, Any]]) -> int:
    from tqdm import tqdm

    first = next(progress)  # refused requests raise here, before there is a bar
    with tqdm(total=0, unit="step", leave=False, disable=None) as bar:
        for status in itertools.chain([first], progress):
            if status["phase"] == "ended":
                break
            bar.total = status["max_steps"]
            bar.set_description(status["phase"])
            bar.update(status["step"] - bar.n)
    if status["state"] == "failed":
        return complain(status["outcome"])
    print(status["outcome"])
    return 0


def versions(arguments: Arguments) -> int:
    from chatfeedback import commands
    from storage.store import open_store

    folder = data_folder(arguments.data)
    with remote.hold_or_find(folder) as app:
        if app:
            found = remote.versions(app)
        else:
            with closing(open_store(folder)) as store:
                found = commands.list_versions(store)
    print(json.dumps(found, indent=2) if arguments.json else commands.as_table(found))
    return 0


def rollback(arguments: Arguments) -> int:
    from chatfeedback import commands

    folder = data_folder(arguments.data)
    with remote.hold_or_find(folder) as app:
        if app:
            print(remote.roll_back(app, arguments.version))
            return 0
        with open_session(folder, arguments, learn_when_idle=False) as session:
            print(commands.roll_back(session, arguments.version))
    return 0


def export(arguments: Arguments) -> int:
    """Write the file whole or not at all; what was there before is replaced."""
    from chatfeedback import commands
    from storage.store import open_store

    if arguments.version:
        return export_version(arguments)
    if arguments.merged:
        raise InputRefused("--merged is for weights: name a version, such as --version serving.")
    folder = data_folder(arguments.data)
    with remote.hold_or_find(folder) as app:
        if app:
            data = remote.export(app, arguments.format)
        else:
            with closing(open_store(folder)) as store:
                data = commands.export(store, arguments.format)
    partial = arguments.file.with_name(arguments.file.name + ".partial")
    partial.write_bytes(data)
    partial.replace(arguments.file)
    print(f"Wrote {arguments.file} ({len(data):,} bytes).")
    return 0


def export_version(arguments: Arguments) -> int:
    """Write a version as a PEFT folder, or merged into its base; as strongly as it serves."""
    from chatfeedback import commands
    from chatfeedback.engine.export import export_adapter, export_merged
    from chatfeedback.models import base_of, chosen_model
    from storage.store import open_store

    folder = data_folder(arguments.data)
    model = arguments.model
    with remote.hold_or_find(folder) as app:
        if app:
            versions = remote.versions(app)
        else:
            with closing(open_store(folder)) as store:
                versions = commands.list_versions(store)
                model = model or chosen_model(store)
    version = commands.find_version(versions, arguments.version)
    source = Path(version["folder"])
    scale = (version["report"] or {}).get("scale") or 1.0
    if arguments.merged:
        base = base_of(version["base_key"], model)
        export_merged(source, base, arguments.file, scale)
    else:
        export_adapter(source, arguments.file, scale)
    print(f"Wrote version {version['number']} to {arguments.file}, at strength {scale:g}.")
    return 0


def import_file(arguments: Arguments) -> int:
    """Say what a file holds, then store what is new in it; 1 if no row could be used."""
    from chatfeedback import commands
    from storage.store import open_store

    name, data = arguments.file.name, arguments.file.read_bytes()
    folder = data_folder(arguments.data)
    with remote.hold_or_find(folder) as app:
        if app:
            found = remote.preview(app, name, data)
            added = None if arguments.dry_run else remote.import_file(app, name, data)
        else:
            with closing(open_store(folder)) as store:
                found = commands.preview(store, name, data)
                added = None if arguments.dry_run else commands.import_file(store, name, data)
    print(commands.say_preview(found))
    if added is not None:
        print(f"Added {added['reactions']} reactions; {added['known']} were there already.")
    return 0 if found["rows"] else 1


def doctor(arguments: Arguments) -> int:
    """0 if everything is well."""
    from chatfeedback.doctor import Check, as_lines, check_facts, check_machine
    from storage.store import open_store

    folder = data_folder(arguments.data)
    checks = check_machine(folder, arguments.model, arguments.quantize or "none")
    try:
        with remote.hold_or_find(folder) as app:
            if app:
                checks += [Check(**check) for check in remote.check_facts(app)]
            else:
                with closing(open_store(folder)) as store:
                    checks += check_facts(store)
    except ChatFeedbackError as error:
        checks.append(Check("database", False, str(error)))
    well = all(check.ok for check in checks)
    findings = {"ok": well, "checks": [asdict(check) for check in checks]}
    print(json.dumps(findings, indent=2) if arguments.json else as_lines(checks))
    return 0 if well else 1


# --- measuring -----------------------------------------------------------------------------


def simulate(arguments: Arguments) -> int:
    if arguments.fast:
        if arguments.model or arguments.quantize:
            raise InputRefused(
                "--fast lives on the starter's own replies and knows no --model or --quantize: "
                "leave out --fast, or say --quick for a short run of another model."
            )
        from chatfeedback.simulation.fast import simulate_fast

        simulate_fast(arguments)
        return 0
    from chatfeedback.simulation.simulate import run_simulation
    from storage.store import open_store

    run_simulation(arguments, open_store)
    return 0


def bench_names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in BENCHMARKS.glob("bench_*.py"))


def bench(arguments: Arguments) -> int:
    """Run benchmarks one after the other; each prints its figures."""
    import importlib

    known = bench_names()
    if unknown := set(arguments.names) - set(known):
        raise InputRefused(f"No benchmark {', '.join(unknown)}. There are: {', '.join(known)}.")
    names = arguments.names or known
    if arguments.json and len(names) > 1:
        raise InputRefused("--json FILE takes the figures of one benchmark: name one.")
    codes = [
        importlib.import_module(f"benchmarks.bench_{name}").run(arguments.json) for name in names
    ]
    return max(codes, default=0)


def tests_need_the_launcher(_: Arguments) -> int:
    raise InputRefused("The tests are run by the launcher: python launch.py test")


if __name__ == "__main__":
    sys.exit(main())
