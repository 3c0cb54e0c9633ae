"""The engine's three working threads, each with its own view of the model. A reply overtakes all.

On the live thread, jobs take turns forward by forward: replies first (several take turns), then
scores. Large samples on the background thread and learning on the candidate thread halt at the next
layer of the model while a reply is under way.
"""

from __future__ import annotations

import itertools
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chatfeedback.engine.memory import LearningPlan
from chatfeedback.engine.messages import Answer, Failure, Finished, Piece, Start, ToApp
from chatfeedback.errors import ChatFeedbackError, EngineUnavailable, InputRefused
from chatfeedback.records import GenerateRequest, SampleRequest, ScoreRequest

logger = logging.getLogger(__name__)

ATTEMPTS = 2  # at a run that is short of memory
SHORTAGES = ("can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""What Linux, Windows and CUDA's library of products say of it in a plain RuntimeError."""
Send = Callable[[ToApp], None]
RANK = {GenerateRequest: 0, ScoreRequest: 1, SampleRequest: 2}


class ReplyGate:
    """Makes a thread's work wait while replies are written, though never for good.

    One gate a thread. After `longest_wait_s` it may run for `share_s`: if replies never end, it has
    a fifth of the time.
    """

    def __init__(self, longest_wait_s: float = 2.0, share_s: float = 0.5) -> None:
        self._longest_wait_s, self._share_s = longest_wait_s, share_s
        self._idle = threading.Event()
        self._idle.set()
        self._lock = threading.Lock()
        self._replies = 0
        self._free_until_s = 0.0

    def reply_begins(self) -> None:
        with self._lock:
            self._replies += 1
            self._idle.clear()

    def reply_ends(self) -> None:
        with self._lock:
            self._replies -= 1
            if not self._replies:
                self._idle.set()

    def wait(self) -> None:
        """Called before each layer; returns at once when nobody awaits a reply."""
        if self._idle.is_set() or time.monotonic() < self._free_until_s:
            return
        if not self._idle.wait(self._longest_wait_s):
            self._free_until_s = time.monotonic() + self._share_s


@dataclass
class _Job:
    request_id: int
    rank: int
    turn: int  # lower goes first within a rank
    pieces: Iterator[list[Piece]]


class ServingLoop:
    """Runs generate, score and sample requests on the thread that calls `run`.

    It tells `gates` when a reply begins and ends.
    """

    def __init__(self, send: Send, gates: Sequence[ReplyGate] = ()) -> None:
        self._send, self._gates = send, gates
        self._arrivals: queue.SimpleQueue[tuple[Start, float]] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._jobs: list[_Job] = []
        self._turns = 0

    def submit(self, start: Start) -> None:
        """From any thread."""
        if isinstance(start.request, GenerateRequest):
            for gate in self._gates:
                gate.reply_begins()
        self._arrivals.put((start, time.perf_counter()))

    def cancel(self, request_id: int) -> None:
        """From any thread; takes effect before the next token. Unknown ids do no harm."""
        self._cancelled.add(request_id)

    def run(self, serving: Any) -> None:
        """Serve for ever. serving: a `Serving`."""
        while True:
            self.step(serving)

    def step(self, serving: Any) -> None:
        """One forward of whatever is most urgent; waits for a request when there is none."""
        self._take_arrivals(serving)
        self._advance(min(self._jobs, key=lambda job: (job.rank, job.turn)))

    def _take_arrivals(self, serving: Any) -> None:
        while not self._jobs or not self._arrivals.empty():
            start, arrived_s = self._arrivals.get()
            self._turns += 1
            request = start.request
            if isinstance(request, GenerateRequest):
                pieces = serving.generate(request, arrived_s)
            elif isinstance(request, SampleRequest):
                pieces = serving.sample(request)
            else:
                pieces = serving.score(request)
            rank = RANK[type(request)]
            self._jobs.append(_Job(start.request_id, rank, self._turns, pieces))

    def _advance(self, job: _Job) -> None:
        """One forward of this job, unless nobody wants it any more."""
        if job.request_id in self._cancelled:
            job.pieces.close()  # type: ignore[attr-defined]
            self._end(job)
            return
        try:
            for piece in next(job.pieces):
                self._send(Answer(job.request_id, piece))
        except StopIteration:
            self._end(job)
        except Exception as error:
            self._end(job, report(error))
        else:
            if job.rank == RANK[GenerateRequest]:  # replies take turns; the rest one by one
                self._turns += 1
                job.turn = self._turns

    def _end(self, job: _Job, failure: Failure | None = None) -> None:
        self._jobs.remove(job)
        self._cancelled.discard(job.request_id)
        if job.rank == RANK[GenerateRequest]:
            for gate in self._gates:
                gate.reply_ends()
        self._send(Finished(job.request_id, failure))


class CandidateLoop:
    """Runs learn requests, one after another, on the thread that calls `run`."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._arrivals: queue.SimpleQueue[Start] = queue.SimpleQueue()
        self._cancelled: set[int] = set()

    def submit(self, start: Start) -> None:
        """From any thread."""
        self._arrivals.put(start)

    def cancel(self, request_id: int) -> None:
        """From any thread; the run ends after the step under way."""
        self._cancelled.add(request_id)

    def run(self, learn: Callable[[Any, Callable[[], bool]], Iterator[Any]]) -> None:
        """Learn for ever. learn(request, is_cancelled) yields steps, then the result."""
        while True:
            start = self._arrivals.get()
            failure = None
            try:
                self._learn_once(start, learn)
            except Exception as error:
                failure = report(error)
            self._cancelled.discard(start.request_id)
            self._send(Finished(start.request_id, failure))

    def _learn_once(
        self, start: Start, learn: Callable[[Any, Callable[[], bool]], Iterator[Any]]
    ) -> None:
        for piece in learn(start.request, lambda: start.request_id in self._cancelled):
            self._send(Answer(start.request_id, piece))


def learn_within_memory(
    view: Any, plans: Iterator[LearningPlan], start: Callable[[], Iterator[Any]]
) -> Iterator[Any]:
    """One run. If memory does not suffice it begins anew the next smaller way, once.

    Args:
        view: the candidate view.
        plans: ways to learn, the largest first.
        start: begins the run.

    Raises:
        InputRefused: memory does not suffice either way. Only the run fails; chatting goes on.
    """
    attempts = 0
    for plan in itertools.islice(plans, ATTEMPTS):
        attempts += 1
        view.fit(plan)
        try:
            yield from start()
            return
        except Exception as error:
            if not ran_out_of_memory(error):
                raise
            logger.warning("out of memory with %s: %s", plan, error)
    tried = f"it was tried in {attempts} sizes" if attempts else "the smallest run is too large"
    raise InputRefused(
        f"There is too little memory to learn now: {tried}. Close other programs and learn again, "
        "or choose a smaller model or --quantize nf4. Chatting goes on."
    )


def ran_out_of_memory(error: Exception) -> bool:
    """Of the graphics card, or of the machine as far as the allocator notices."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in SHORTAGES)


def report(error: Exception) -> Failure:
    """Log what is not meant for a person; a broken accelerator ends the process at once."""
    if not isinstance(error, ChatFeedbackError):
        logger.exception("a request failed")
    if type(error).__name__ == "AcceleratorError":
        os._exit(1)  # after a CUDA error every further call fails: only a new process helps
    if ran_out_of_memory(error):
        return Failure.of(
            EngineUnavailable(
                "There was too little memory for this. Close other programs, shorten the "
                "conversation, or choose a smaller model or --quantize nf4; then ask again."
            )
        )
    return Failure.of(error)
