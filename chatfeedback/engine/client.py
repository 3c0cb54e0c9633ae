"""The app's side of the engine: starts the child process, asks it, starts it again when it dies.

Thread-safe: any number of requests may be under way; each has its own queue of answers. Knows
neither torch nor transformers.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from chatfeedback.engine.messages import (
    Answer,
    Cancel,
    Finished,
    Request,
    Start,
    StateChanged,
    ToEngine,
    read_frame,
    write_frame,
)
from chatfeedback.errors import ChatFeedbackError, EngineDied, EngineUnavailable
from chatfeedback.records import (
    EngineState,
    GeneratedReply,
    GenerateRequest,
    LearnRequest,
    LearnResult,
    LearnStep,
    SampleRequest,
    ScoredText,
    ScoreRequest,
    TextDelta,
)

DEATHS_ALLOWED, DEATHS_WINDOW_S = 3, 60.0
FIRST_PAUSE_S = 0.25  # before a restart; doubles with each death in the window

_Mail = queue.SimpleQueue[Answer | Finished | ChatFeedbackError]


class Engine:
    """The engine as the session sees it (`protocols.Engine`). Starts loading at once.

    A request made while the model loads waits for it; one made when the engine has failed for good
    raises EngineUnavailable, with the reason.
    """

    def __init__(
        self, model: str | None = None, quantization: str = "none", log_path: Path | None = None
    ) -> None:
        self._model, self._quantization, self._log_path = model, quantization, log_path
        self._changed = threading.Condition()  # guards everything below
        self._state = EngineState("starting", "Starting the engine…")
        self._error: ChatFeedbackError | None = None  # why it failed for good
        self._child: subprocess.Popen[bytes] | None = None
        self._mail: dict[int, _Mail] = {}
        self._last_id = 0
        self._closing = False
        self._writing = threading.Lock()
        self._keeper = threading.Thread(target=self._keep_alive, name="engine-keeper", daemon=True)
        self._keeper.start()

    # --- protocols.Engine ------------------------------------------------------------------

    def state(self) -> EngineState:
        """What the engine is doing now."""
        with self._changed:
            return self._state

    def generate(self, request: GenerateRequest) -> Iterator[TextDelta | GeneratedReply]:
        """Stream n replies; each ends with its GeneratedReply. Closing the iterator cancels."""
        return cast(Iterator[TextDelta | GeneratedReply], self._ask(request))

    def sample(self, request: SampleRequest) -> list[list[GeneratedReply]]:
        """n replies to each prompt, in order."""
        (results,) = self._ask(request)
        return cast(list[list[GeneratedReply]], results)

    def score(self, request: ScoreRequest) -> list[list[ScoredText]]:
        """Features of given texts, one list a prompt."""
        (results,) = self._ask(request)
        return cast(list[list[ScoredText]], results)

    def learn(self, request: LearnRequest) -> Iterator[LearnStep | LearnResult]:
        """One update, step by step. Closing the iterator cancels."""
        return cast(Iterator[LearnStep | LearnResult], self._ask(request))

    # --- for whoever owns the engine -------------------------------------------------------

    def wait_until_ready(self, timeout_s: float = 120.0) -> EngineState:
        """Block until the model is loaded.

        Raises:
            EngineUnavailable: it failed for good, or is not ready in time.
            ModelUnusable: the model cannot be used.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._state.phase in ("ready", "failed"), timeout_s)
            if self._state.phase == "ready":
                return self._state
            raise self._refusal()

    def process_id(self) -> int | None:
        """Of the child, while there is one."""
        with self._changed:
            return self._child.pid if self._child else None

    def close(self) -> None:
        """End the child; requests under way raise EngineUnavailable."""
        with self._changed:
            self._closing = True
            child = self._child
            self._changed.notify_all()
        if child is not None and child.stdin is not None:
            with self._writing:
                _close_quietly(child.stdin)
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()
        self._keeper.join(timeout=10)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- requests --------------------------------------------------------------------------

    def _ask(self, request: Request) -> Iterator[Any]:
        request_id, mail = self._open_mail()
        finished = False
        try:
            self._send(Start(request_id, request))
            while True:
                message = mail.get()
                if isinstance(message, Answer):
                    yield message.piece
                    continue
                finished = True
                if isinstance(message, ChatFeedbackError):
                    raise message
                if message.error is not None:
                    raise message.error.to_error()
                return
        finally:
            with self._changed:
                self._mail.pop(request_id, None)
            if not finished:
                self._send(Cancel(request_id))

    def _open_mail(self) -> tuple[int, _Mail]:
        """Register a request with the child, waiting for one while the engine restarts."""
        with self._changed:
            self._changed.wait_for(lambda: self._child is not None or self._is_over())
            if self._is_over():
                raise self._refusal()
            self._last_id += 1
            mail: _Mail = queue.SimpleQueue()
            self._mail[self._last_id] = mail
            return self._last_id, mail

    def _is_over(self) -> bool:
        return self._closing or self._state.phase == "failed"

    def _refusal(self) -> ChatFeedbackError:
        if self._error is not None:
            return type(self._error)(str(self._error))
        if self._closing:
            return EngineUnavailable("The engine has been shut down. Start the app again.")
        return EngineUnavailable(
            f"The engine is not ready yet: {self._state.message} Try again in a moment."
        )

    def _send(self, message: ToEngine) -> None:
        """Best effort: a child that is gone is noticed, and told, by the keeper."""
        with self._changed:
            child = self._child
        if child is None or child.stdin is None:
            return
        try:
            with self._writing:
                write_frame(cast(BinaryIO, child.stdin), message)
        except (OSError, ValueError):  # broken pipe, or closed by `close`
            return

    # --- the child -------------------------------------------------------------------------

    def _keep_alive(self) -> None:
        """Start the child, pass its answers on, and start it again when it dies."""
        deaths: list[float] = []
        while True:
            try:
                child = self._start_child()
            except OSError as error:  # no memory for a process, no room or no right for its log
                self._fail(
                    EngineUnavailable(
                        f"The engine could not be started ({error}). Close other programs or make "
                        "room on the disk, and start the app again."
                    )
                )
                return
            self._pass_on(cast(BinaryIO, child.stdout))
            exit_code = child.wait()
            was_ready = self.state().phase == "ready"
            self._drop_child()
            if self._is_over():
                return
            now = time.monotonic()
            if was_ready:  # else loading itself is what it dies of, however long that takes
                deaths = [t for t in deaths if now - t < DEATHS_WINDOW_S]
            deaths.append(now)
            if len(deaths) > DEATHS_ALLOWED:
                self._give_up(exit_code)
                return
            self._set_state(
                EngineState("restarting", "The engine stopped and is being started again…")
            )
            with self._changed:
                self._changed.wait_for(
                    lambda: self._closing, FIRST_PAUSE_S * 2 ** (len(deaths) - 1)
                )
                if self._closing:
                    return

    def _start_child(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "chatfeedback.engine.process"]
        command += ["--model", self._model] if self._model else []
        command += ["--quantization", self._quantization]
        root = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        log = None
        if self._log_path is not None:
            self._log_path.parent.mkdir(parents=True, exist_ok=True)
            log = self._log_path.open("ab")
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"},
            )
        finally:
            if log is not None:
                log.close()
        with self._changed:
            self._child = child
            self._changed.notify_all()
            if self._closing and child.stdin is not None:
                _close_quietly(child.stdin)
        return child

    def _pass_on(self, stream: BinaryIO) -> None:
        """Sort frames into the requests' mail until the child is gone."""
        while (message := read_frame(stream)) is not None:
            if isinstance(message, StateChanged):
                if message.error is not None:
                    self._fail(message.error.to_error())
                else:
                    self._set_state(message.state)
            elif isinstance(message, Answer | Finished):
                with self._changed:
                    mail = self._mail.get(message.request_id)
                if mail is not None:
                    mail.put(message)

    def _drop_child(self) -> None:
        """Tell everybody who waits. Requests sent to a dead child never get an answer."""
        with self._changed:
            child, self._child = self._child, None
            waiting, self._mail = list(self._mail.values()), {}
            over = self._is_over()
            error = self._refusal() if over else None
        for stream in (child.stdin, child.stdout) if child else ():
            if stream is not None:
                _close_quietly(stream)
        for mail in waiting:
            mail.put(
                error
                or EngineDied(
                    "The engine stopped while it was answering and is being started again. "
                    "What was written is kept; ask again."
                )
            )

    def _give_up(self, exit_code: int) -> None:
        log = f" Details are in {self._log_path}." if self._log_path else ""
        self._fail(
            EngineUnavailable(
                f"The engine stopped {DEATHS_ALLOWED + 1} times in a row (exit code "
                f"{exit_code}). Close other programs if memory is short, or choose a smaller "
                f"model, and start the app again.{log}"
            )
        )

    def _fail(self, error: ChatFeedbackError) -> None:
        with self._changed:
            self._error = error
        self._set_state(EngineState("failed", str(error)))

    def _set_state(self, state: EngineState) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()


def _close_quietly(stream: Any) -> None:
    with contextlib.suppress(OSError):
        stream.close()
