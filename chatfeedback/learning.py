"""Learning in idle time: from new clicks to a version that serves, or is turned down.

    gather evidence → refit the adapter (engine) → stage it → the gate → promote or reject

One thread does this for all people, one run at a time. It also calibrates a new base model once
(calibration.py), since both are background work of the engine. A run lives in the database from
the moment it is asked for: whatever kills the app, the next start finds it and tries it again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

from chatfeedback.calibration import Calibration, calibrate
from chatfeedback.dataset import gather_pairs, gather_retention, own_prompts
from chatfeedback.errors import ChatFeedbackError, EngineUnavailable, InputRefused
from chatfeedback.promotion import examine
from chatfeedback.protocols import Engine, Store
from chatfeedback.records import (
    BaseInfo,
    DpoSettings,
    LearningRun,
    LearningStatus,
    LearnRequest,
    LearnResult,
    LearnStep,
)
from chatfeedback.settings import Settings
from chatfeedback.taste import Taste, Tastes

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.5
REAL_MODEL_LEARNING_RATE = 5e-5  # the starter, a tiny model, needs far larger steps


@dataclass
class _Current:
    """The run under way, as the pill shows it."""

    run_id: str
    person_id: int
    phase: str = "collecting"
    step: int = 0
    max_steps: int = 0
    stopped: bool = False


class Learner:
    """The background thread that turns clicks into versions.

    Args:
        next_seed: source of seeds, so that a run can be repeated.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        tastes: Tastes,
        settings: Settings,
        next_seed: Callable[[], int],
    ) -> None:
        self._store = store
        self._engine = engine
        self._tastes = tastes
        self._settings = settings
        self._next_seed = next_seed
        self._changed = threading.Condition()
        self._queue: list[LearningRun] = []
        self._current: _Current | None = None
        self._waiting_people = 0
        self._last_activity = time.monotonic()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="learner", daemon=True)

    def start(self) -> None:
        """Take up what an earlier app left unfinished, then wait for clicks."""
        self._queue = self._store.recover()
        self._thread.start()

    def close(self) -> None:
        """End the thread at its next step; a run under way stays queued for the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def note_activity(self) -> None:
        """The person does something: learning by itself waits a little."""
        self._last_activity = time.monotonic()

    @contextmanager
    def person_waits(self) -> Iterator[None]:
        """While a person waits for a reply no run starts by itself."""
        with self._changed:
            self._waiting_people += 1
        try:
            yield
        finally:
            with self._changed:
                self._waiting_people -= 1
            self.note_activity()

    def request(self, person_id: int, reason: str) -> str:
        """Queue a run, or return the one already queued or running."""
        with self._changed:
            if self._current is not None and self._current.person_id == person_id:
                return self._current.run_id
            for run in self._queue:
                if run.person_id == person_id:
                    return run.run_id
            if self._tastes.clicks(person_id) == 0:
                raise InputRefused(
                    "There is nothing to learn from yet: 0 choices so far. "
                    "Rate a reply or compare two answers first."
                )
            run = self._add_run(person_id, reason)
            self._queue.append(run)
            self._changed.notify_all()
        return run.run_id

    def stop(self, person_id: int) -> None:
        """End this person's current run; nothing of it is kept."""
        with self._changed:
            if self._current is not None and self._current.person_id == person_id:
                self._current.stopped = True

    def wait_until_idle(self, person_id: int, timeout_s: float | None = None) -> None:
        """Block until this person has no run queued or running."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_busy(person_id), timeout_s)

    def wait_until_ready(self) -> BaseInfo:
        """Block until the model is loaded and calibrated; EngineUnavailable if it cannot be."""
        with self._changed:
            while True:
                state = self._engine.state()
                if state.phase == "failed":
                    raise EngineUnavailable(state.message)
                if state.base is not None and self._tastes.calibration(state.base) is not None:
                    return state.base
                self._changed.wait(TICK_SECONDS)

    def status(self, person_id: int) -> LearningStatus:
        """What the pill shows."""
        base = self._engine.state().base
        clicks = self._tastes.clicks(person_id)
        runs = self._store.runs(person_id, limit=20)
        new_clicks = clicks - _clicks_learned_from(runs)
        current = self._current
        mine = current if current is not None and current.person_id == person_id else None
        until = max(0, self._settings.clicks_per_run - new_clicks)
        ended = next((run for run in runs if run.ended_at_utc is not None), None)
        phase = mine.phase if mine else "waiting" if self._is_busy(person_id) else "idle"
        return LearningStatus(
            phase=phase,  # type: ignore[arg-type]
            message=_describe(phase, mine, until),
            step=mine.step if mine else 0,
            max_steps=mine.max_steps if mine else 0,
            run_id=mine.run_id if mine else None,
            clicks=clicks,
            new_clicks=max(0, new_clicks),
            clicks_until_learning=until,
            serving=self._store.serving(person_id, base.key) if base else None,
            last_outcome=ended.outcome if ended else "",
        )

    # --- the thread ------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._closing:
            try:
                if not self._do_next():
                    with self._changed:
                        self._changed.wait(TICK_SECONDS)
            except EngineUnavailable:
                with self._changed:
                    self._changed.wait(TICK_SECONDS)
            except Exception:
                logger.exception("background work failed")
                with self._changed:
                    self._changed.wait(TICK_SECONDS)

    def _do_next(self) -> bool:
        """One piece of background work; False when there was none."""
        base = self._engine.state().base
        if base is None or self._engine.state().phase != "ready":
            return False
        if self._tastes.calibration(base) is None:
            self._tastes.set_calibration(calibrate(self._engine, base))
            with self._changed:
                self._changed.notify_all()
            return True
        self._queue_idle_runs()
        with self._changed:
            if not self._queue:
                return False
            run = self._queue.pop(0)
            self._current = _Current(run.run_id, run.person_id)
        try:
            self._carry_out(run, base)
        finally:
            with self._changed:
                self._current = None
                self._changed.notify_all()
        return True

    def _queue_idle_runs(self) -> None:
        quiet = time.monotonic() - self._last_activity >= self._settings.idle_seconds
        if not (self._settings.learn_when_idle and quiet and self._waiting_people == 0):
            return
        for person in self._store.people():
            status = self.status(person.person_id)
            if status.phase == "idle" and status.clicks_until_learning == 0:
                self.request(person.person_id, f"{status.new_clicks} new choices")

    def _carry_out(self, run: LearningRun, base: BaseInfo) -> None:
        """Run one update; whatever happens, the run ends in one plain sentence."""
        current = self._current
        assert current is not None
        try:
            self._learn(run, base, current)
        except _Stopped:
            if self._closing:
                return  # still "running" in the database: the next start takes it up again
            self._store.end_run(
                run.person_id, run.run_id, "stopped", "Stopped by you; nothing changed."
            )
        except EngineUnavailable as error:
            self._retry(run, str(error))
        except ChatFeedbackError as error:
            self._store.end_run(run.person_id, run.run_id, "failed", str(error))
        except Exception as error:
            logger.exception("learning run %s failed", run.run_id)
            outcome = (
                f"The run failed ({type(error).__name__}); the version that serves is unchanged."
            )
            self._store.end_run(run.person_id, run.run_id, "failed", outcome)

    def _retry(self, run: LearningRun, reason: str) -> None:
        if self._closing:
            return
        if run.attempts >= 2:
            outcome = f"Given up after {run.attempts} attempts: {reason}"
            self._store.end_run(run.person_id, run.run_id, "failed", outcome)
            return
        with self._changed:
            self._queue.append(replace(run, attempts=run.attempts + 1))

    def _learn(self, run: LearningRun, base: BaseInfo, current: _Current) -> None:
        person_id, started = run.person_id, time.monotonic()
        calibration = self._tastes.calibration(base)
        assert calibration is not None
        taste = self._tastes.get(person_id, base)
        request = self._prepare(run, base, taste, calibration)
        self._go_on(current, "learning")
        result = self._refit(run, request, current)
        if result.stop_reason == "diverged" and result.steps == 0:
            raise ChatFeedbackError("The update diverged at its first step; nothing changed.")
        version = self._store.add_adapter(person_id, run.run_id, base.key, result, request.parent)
        self._go_on(current, "checking")
        report = examine(
            engine=self._engine,
            base=base,
            taste=taste,
            version=version,
            serving=self._store.serving(person_id, base.key),
            prompts=own_prompts(taste),
            settings=self._settings,
            seed=run.seed,
        )
        self._go_on(current, "checking")
        if report.accepted:
            self._store.promote_adapter(person_id, version.adapter_id, report)
        else:
            self._store.reject_adapter(person_id, version.adapter_id, report)
        logger.info("run %s took %.0f s", run.run_id, time.monotonic() - started)

    def _prepare(
        self, run: LearningRun, base: BaseInfo, taste: Taste, calibration: Calibration
    ) -> LearnRequest:
        pairs = gather_pairs(taste, calibration)
        serving = self._store.serving(run.person_id, base.key)
        adapter_id = f"{run.run_id}-{run.attempts}"  # a folder is written only once
        return LearnRequest(
            run_id=run.run_id,
            folder=str(self._store.folder / "adapters" / adapter_id),
            adapter_id=adapter_id,
            pairs=pairs,
            retention=gather_retention(calibration),
            probe_prompts=calibration.probe_prompts,
            settings=dpo_settings(self._settings, base),
            seed=run.seed,
            parent=serving.adapter_id if serving else None,
            data_hash=run.data_hash,
        )

    def _refit(self, run: LearningRun, request: LearnRequest, current: _Current) -> LearnResult:
        events = self._engine.learn(request)
        try:
            for event in events:
                if isinstance(event, LearnResult):
                    return event
                self._note_step(run, event, current)
        finally:
            close = getattr(events, "close", None)
            if close is not None:
                close()
        raise EngineUnavailable("The engine ended the update without a result.")

    def _note_step(self, run: LearningRun, step: LearnStep, current: _Current) -> None:
        self._store.add_metric(run.person_id, run.run_id, step.step, step.metrics)
        current.step, current.max_steps = step.step, step.max_steps
        self._go_on(current, "learning")

    def _go_on(self, current: _Current, phase: str) -> None:
        if current.stopped or self._closing:
            raise _Stopped
        current.phase = phase

    def _add_run(self, person_id: int, reason: str) -> LearningRun:
        seed = self._next_seed()
        feedback = self._store.feedback(person_id)
        ids = [stored.feedback_id for stored in feedback if not stored.undone]
        run_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{seed:08x}"
        self._store.add_run(
            person_id,
            run_id=run_id,
            method="dpo",
            reason=reason,
            settings_json=json.dumps(asdict(self._settings)),
            seed=seed,
            data_hash=hashlib.sha256(repr(ids).encode()).hexdigest()[:16],
            clicks=self._tastes.clicks(person_id),
            feedback_ids=ids,
        )
        return next(run for run in self._store.runs(person_id) if run.run_id == run_id)

    def _is_busy(self, person_id: int) -> bool:
        running = self._current is not None and self._current.person_id == person_id
        return running or any(run.person_id == person_id for run in self._queue)


class _Stopped(Exception):
    """The person, or the end of the app, stopped the run."""


def dpo_settings(settings: Settings, base: BaseInfo) -> DpoSettings:
    """The refit's settings for this base: real models take far smaller steps than the starter."""
    if base.is_starter:
        return settings.dpo
    return replace(settings.dpo, learning_rate=REAL_MODEL_LEARNING_RATE, seconds_budget=600.0)


def _clicks_learned_from(runs: list[LearningRun]) -> int:
    """Choices and thumbs that the last finished run had behind it."""
    ended = (run for run in runs if run.state in ("promoted", "rejected", "failed", "stopped"))
    return next((run.clicks for run in ended), 0)


def _describe(phase: str, current: _Current | None, until: int) -> str:
    if phase == "waiting":
        return "A learning run is about to start"
    if phase == "collecting":
        return "Gathering what you taught"
    if phase == "learning" and current is not None:
        return f"Learning · step {current.step}/{current.max_steps}"
    if phase == "checking":
        return "Checking the new version"
    if until == 0:
        return "Learns when you pause"
    return f"{until} more {'choice' if until == 1 else 'choices'} until it learns"
