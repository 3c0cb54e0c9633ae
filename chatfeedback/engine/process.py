"""The engine process: `python -m chatfeedback.engine.process [--model DIR_OR_HUB_ID]`.

Reads requests from stdin, answers on stdout, logs to stderr, and ends when stdin closes: also when
the app was killed. Four threads: this one reads the pipe, `live` writes replies, `background` draws
large samples, `candidate` learns.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from chatfeedback.engine.loops import (
    CandidateLoop,
    ReplyGate,
    ServingLoop,
    learn_within_memory,
    report,
)
from chatfeedback.engine.messages import (
    Cancel,
    Start,
    StateChanged,
    ToApp,
    read_frame,
    write_frame,
)
from chatfeedback.errors import InputRefused
from chatfeedback.offline import go_offline
from chatfeedback.records import (
    EngineState,
    LearnRequest,
    LearnResult,
    LearnStep,
    PpoSettings,
    RlooSettings,
    SampleRequest,
)

if TYPE_CHECKING:
    from chatfeedback.engine.base_model import BaseModel
    from chatfeedback.engine.serving import Serving

Learn = Callable[[LearnRequest, Callable[[], bool]], Iterator[LearnStep | LearnResult]]
STARTER = Path(__file__).parent.parent / "starter" / "weights"


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until stdin closes. Exit code 3: the model cannot be used."""
    arguments = _parse(argv)
    frames = _take_stdout()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it notes every int8 product
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the app's; it closes our stdin
    lock = threading.Lock()

    def send(message: ToApp) -> None:
        with lock:
            write_frame(frames, message)

    threads = Threads(send)
    _start("live", partial(_work, arguments, send, threads))
    _read_requests(sys.stdin.buffer, threads)
    os._exit(0)  # the app is gone; threads deep in torch cannot be asked to stop


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chatfeedback.engine.process", description=__doc__)
    parser.add_argument("--model", help="folder or hub id; without it, the starter model")
    parser.add_argument("--quantization", default="none")
    return parser.parse_args(argv)


def _take_stdout() -> BinaryIO:
    """Keep stdout for frames; whatever any library prints goes to stderr."""
    frames = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    return frames


class Threads:
    """The loops of the three working threads, and what lets replies overtake two of them."""

    def __init__(self, send: Callable[[ToApp], None]) -> None:
        self.background_gate, self.candidate_gate = ReplyGate(), ReplyGate()
        self.live = ServingLoop(send, [self.background_gate, self.candidate_gate])
        self.background = ServingLoop(send)
        self.candidate = CandidateLoop(send)

    def submit(self, start: Start) -> None:
        """Give a request to the thread whose work it is."""
        if isinstance(start.request, LearnRequest):
            self.candidate.submit(start)
        elif isinstance(start.request, SampleRequest):
            self.background.submit(start)
        else:
            self.live.submit(start)

    def cancel(self, request_id: int) -> None:
        """Whichever thread has it; the others do not know this id."""
        for loop in (self.live, self.background, self.candidate):
            loop.cancel(request_id)


def _start(name: str, target: Callable[[], None]) -> None:
    threading.Thread(target=target, name=name, daemon=True).start()


def _read_requests(stream: BinaryIO, threads: Threads) -> None:
    while (message := read_frame(stream)) is not None:
        if isinstance(message, Cancel):
            threads.cancel(message.request_id)
        elif isinstance(message, Start):
            threads.submit(message)


def _work(arguments: argparse.Namespace, send: Callable[[ToApp], None], threads: Threads) -> None:
    """Load the model, start the other threads, then write replies."""
    name = arguments.model or "the starter model"
    send(StateChanged(EngineState("loading", f"Loading {name}…")))
    try:
        base = _load(arguments.model, arguments.quantization)
        live, background, learn = _assemble(base, threads)
    except Exception as error:
        failure = report(error)
        send(StateChanged(EngineState("failed", failure.message), failure))
        os._exit(3)
    _start("background", partial(threads.background.run, background))
    _start("candidate", partial(threads.candidate.run, learn))
    where = "graphics card" if base.info.device.startswith("cuda") else "processor"
    ready = " ".join((f"{base.info.name} runs on the {where}.", *base.info.notes))
    send(StateChanged(EngineState("ready", ready, base.info)))
    threads.live.run(live)


def _load(model: str | None, quantization: str) -> BaseModel:
    go_offline(model)
    if quantization == "none":
        sys.modules["bitsandbytes"] = None  # type: ignore[assignment]  # peft would import it: 1 s
    import torch
    from transformers.utils import logging as transformers_logging

    from chatfeedback.engine.base_model import load_base

    transformers_logging.disable_progress_bar()
    torch.set_num_threads(_thread_count())
    starter = Path(os.environ.get("CHATFEEDBACK_STARTER", STARTER))
    return load_base(model or starter, quantization, is_starter=model is None)


def _assemble(base: BaseModel, threads: Threads) -> tuple[Serving, Serving, Learn]:
    """Three views over the one base: what serves, what works unwatched, and what learns."""
    from chatfeedback.engine.adapters import make_background_view, make_views
    from chatfeedback.engine.objectives import learn_steps
    from chatfeedback.engine.rollouts import personal_source
    from chatfeedback.engine.scoring import dissect
    from chatfeedback.engine.serving import Serving, draw_own_replies

    anatomy = base.anatomy
    live_view, candidate_view = make_views(base.model, shares_prefixes=anatomy.shares_prefixes)

    def learn(
        request: LearnRequest, is_cancelled: Callable[[], bool]
    ) -> Iterator[LearnStep | LearnResult]:
        if base.info.cannot_learn:
            raise InputRefused(base.info.cannot_learn)
        by_trial = isinstance(request.settings, PpoSettings | RlooSettings)
        request, plans = base.plan_learning(request, rollouts=by_trial)
        sample_own = partial(draw_own_replies, base)
        wait = threads.candidate_gate.wait
        start = partial(
            learn_steps,
            candidate_view,
            base,
            request,
            sample_own,
            wait,
            is_cancelled,
            partial(personal_source, candidate_view, base),
        )
        return learn_within_memory(candidate_view, plans, start)

    live = Serving(base, live_view, anatomy)
    live.warm_up()
    background_view = make_background_view(base.model, threads.background_gate.wait)
    parts = replace(dissect(background_view.base), shares_prefixes=anatomy.shares_prefixes)
    return live, Serving(base, background_view, parts), learn


def _thread_count() -> int:
    """CHATFEEDBACK_THREADS or OMP_NUM_THREADS, else the physical cores this process may use."""
    import psutil

    for name in ("CHATFEEDBACK_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name, "").isdecimal():
            return max(1, int(os.environ[name]))
    cores = psutil.cpu_count(logical=False) or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return max(1, min(cores, allowed))


if __name__ == "__main__":
    main()
