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
from datetime import date

from chatfeedback.asking.trials import read_trials
from chatfeedback.engine.adapter_files import forget_progress
from chatfeedback.errors import ChatFeedbackError, EngineUnavailable, InputRefused
from chatfeedback.household import Household
from chatfeedback.learning.calibration import Calibration, calibrate
from chatfeedback.learning.choices import Choices
from chatfeedback.learning.dataset import (
    add_evidence,
    add_trials,
    gather_pairs,
    gather_retention,
    own_prompts,
)
from chatfeedback.learning.guards import Finding
from chatfeedback.learning.objective import (
    LearningMethod,
    choose_objective,
    count_evidence,
    objective_asked_for,
    run_settings,
)
from chatfeedback.learning.promotion import examine, recheck
from chatfeedback.learning.team import HEARD, choose_together, gather_together
from chatfeedback.learning.watch import keep_findings, weakened
from chatfeedback.protocols import Engine, Store
from chatfeedback.records import (
    AdapterVersion,
    BaseInfo,
    LearningRun,
    LearningStatus,
    LearnRequest,
    LearnResult,
    LearnStep,
    PreferencePair,
    RunState,
)
from chatfeedback.rules.flags import flagged_ids
from chatfeedback.rules.labels import Labeller
from chatfeedback.rules.orders import Orders
from chatfeedback.rules.principles import Rules, cap_ai_labels
from chatfeedback.settings import Settings
from chatfeedback.taste.prior import MIN_CLICKS
from chatfeedback.taste.taste import Taste, Tastes

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.5
PAUSED_SETTING = "learning_paused"


@dataclass
class _Current:
    """The run under way, as the pill shows it."""

    run_id: str
    person_id: int
    phase: str = "collecting"
    step: int = 0
    max_steps: int = 0
    stopped: bool = False
    first_step: int = 0
    first_step_at: float = 0.0

    def note_step(self, step: int, max_steps: int) -> None:
        if not self.first_step:
            self.first_step, self.first_step_at = step, time.monotonic()
        self.step, self.max_steps = step, max_steps

    def seconds_left(self) -> float | None:
        """For the steps at the pace so far; a run may well end earlier, at its KL budget."""
        done = self.step - self.first_step
        if self.phase != "learning" or done < 1:
            return None
        pace = (time.monotonic() - self.first_step_at) / done
        return pace * (self.max_steps - self.step)


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
        self._orders = Orders(store)
        self._household = Household(store)
        self._settings = settings
        self._next_seed = next_seed
        self._choices = Choices(store)
        self._held: dict[int, _Current] = {}  # person -> the run they paused, as far as it came
        self._newest_evidence: dict[str, dict[int, int]] = {}  # run -> person -> event
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
            if self._closing:
                return  # the store may be closed by now
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._store.hand_over()

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

    def request(self, person_id: int, reason: str, method: LearningMethod = "auto") -> str:
        """Queue a run, or return the one already queued or running.

        Raises:
            InputRefused: there is nothing to learn from that way, or another method is under way.
        """
        with self._changed:
            if (under_way := self._under_way(person_id)) is not None:
                return self._join(person_id, under_way, method)
            if self._tastes.clicks(person_id) == 0:
                raise InputRefused(self._say_nothing_known(person_id))
            run = self._add_run(person_id, reason, method)
            self._queue.append(run)
            self._changed.notify_all()
        return run.run_id

    def _say_nothing_known(self, person_id: int) -> str:
        if self._tastes.get(person_id, self._engine.state().base).members:
            return (
                "There is nothing to learn from together yet: of those who act together, two must "
                f"have reacted {MIN_CLICKS} times each on their own. Or react here first."
            )
        return (
            "There is nothing to learn from yet: 0 choices so far. "
            "Rate a reply or compare two answers first."
        )

    def _under_way(self, person_id: int) -> str | None:
        """The run of this person that is queued or running."""
        if self._current is not None and self._current.person_id == person_id:
            return self._current.run_id
        return next((run.run_id for run in self._queue if run.person_id == person_id), None)

    def _join(self, person_id: int, run_id: str, method: LearningMethod) -> str:
        """The run under way, if it is what is wanted."""
        run = next(run for run in self._store.runs(person_id) if run.run_id == run_id)
        if method not in ("auto", run.method):
            raise InputRefused(
                f"A run that learns by {run.method} is under way, so none by {method} can begin. "
                "Wait for it to end, or stop it first."
            )
        return run_id

    def stop(self, person_id: int) -> None:
        """End this person's run, be it queued, running or paused; nothing of it is kept."""
        with self._changed:
            if self._current is not None and self._current.person_id == person_id:
                self._current.stopped = True
            waiting = [run for run in self._queue if run.person_id == person_id]
            self._queue = [run for run in self._queue if run.person_id != person_id]
            self._held.pop(person_id, None)
            self._changed.notify_all()
        for run in waiting:
            self._end_stopped(run)

    def pause(self, person_id: int) -> None:
        """Learn nothing for this person until they resume, also after a restart. A run under way
        halts at its next step and goes on from its last look at the KL."""
        self._store.set_setting(person_id, PAUSED_SETTING, "yes")

    def resume(self, person_id: int) -> None:
        """Go on where it was paused."""
        self._store.set_setting(person_id, PAUSED_SETTING, "no")
        with self._changed:
            self._changed.notify_all()

    def is_paused(self, person_id: int) -> bool:
        """Whether this person paused learning."""
        return self._store.setting(person_id, PAUSED_SETTING, "no") == "yes"

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
        taste = self._tastes.get(person_id, base)
        ended = self._last_ended(person_id)
        learned = self._last_evidence(ended) if ended else {}
        is_forgotten = learned.get(person_id, 0) < taste.began_after
        new_clicks = sum(
            each.clicks_after(learned.get(each.person_id, 0)) for each in (taste, *taste.heard)
        )
        current = self._current
        mine = current if current is not None and current.person_id == person_id else None
        paused, shown = self.is_paused(person_id), mine or self._held.get(person_id)
        settles_in = taste.belief.settles_in
        until = max(0, self._settings_of(person_id).clicks_per_run - new_clicks, settles_in)
        phase = mine.phase if mine else "idle"
        if mine is None and self._is_busy(person_id):
            phase = "paused" if paused else "waiting"
        return LearningStatus(
            phase=phase,  # type: ignore[arg-type]
            message=self._describe(person_id, phase, shown, until, settles_in),
            step=shown.step if shown else 0,
            max_steps=shown.max_steps if shown else 0,
            run_id=shown.run_id if shown else None,
            clicks=taste.clicks_heard,
            new_clicks=new_clicks,
            clicks_until_learning=until,
            taste_settles_in=settles_in,
            serving=self._store.serving(person_id, base.key) if base else None,
            last_outcome=ended.outcome if ended and not is_forgotten else "",
            is_paused=paused,
            seconds_left=mine.seconds_left() if mine else None,
        )

    def _last_ended(self, person_id: int) -> LearningRun | None:
        runs = self._store.runs(person_id, limit=20)
        return next((run for run in runs if run.ended_at_utc is not None), None)

    def _last_evidence(self, run: LearningRun) -> dict[int, int]:
        """person -> the newest event of theirs that a run learned from; several people for a team's
        run. It never changes, and the pill asks often."""
        if run.run_id not in self._newest_evidence:
            ids = self._store.evidence(run.person_id, run.run_id)
            heard = json.loads(run.settings_json).get(HEARD, {})
            newest = {int(person): event for person, event in heard.items()}
            self._newest_evidence[run.run_id] = newest | {run.person_id: max(ids, default=0)}
        return self._newest_evidence[run.run_id]

    def _describe(
        self, person_id: int, phase: str, current: _Current | None, until: int, settles_in: int
    ) -> str:
        if phase == "idle" and self.is_paused(person_id):
            return "Learning is paused"
        if phase == "idle" and not self._learns_by_itself(person_id):
            return "Learns when you ask for it"
        if phase == "idle" and settles_in:
            return f"Has your taste changed? Up to {_say_until(until)}"
        return _describe(phase, current, until)

    def _settings_of(self, person_id: int) -> Settings:
        return self._choices.get(person_id).apply(self._settings)

    def _learns_by_itself(self, person_id: int) -> bool:
        return self._settings.learn_when_idle and self._choices.get(person_id).when != "by hand"

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
        self._queue_due_runs()
        if self._check_what_serves(base):
            return True
        with self._changed:
            run = next((each for each in self._queue if not self.is_paused(each.person_id)), None)
            if run is None:
                return False
            self._queue.remove(run)
            self._held.pop(run.person_id, None)
            self._current = _Current(run.run_id, run.person_id)
        try:
            self._carry_out(run, base)
        finally:
            with self._changed:
                self._current = None
                self._changed.notify_all()
        return True

    def _queue_due_runs(self) -> None:
        """Runs that start by themselves: with enough new clicks, at the time the person chose."""
        if not self._settings.learn_when_idle or self._waiting_people:
            return
        quiet = time.monotonic() - self._last_activity >= self._settings.idle_seconds
        for person in self._household.awake():
            choices = self._choices.get(person.person_id)
            at_once = choices.when == "clicks" or (choices.when == "idle" and quiet)
            if not at_once or choices.is_quiet(time.localtime().tm_hour):
                continue
            status = self.status(person.person_id)
            if status.is_paused or status.phase != "idle" or status.clicks_until_learning:
                continue
            self.request(person.person_id, f"{status.new_clicks} new choices")

    def _carry_out(self, run: LearningRun, base: BaseInfo) -> None:
        """Run one update; whatever happens, the run ends in one plain sentence."""
        current = self._current
        assert current is not None
        try:
            self._store.begin_run(run.person_id, run.run_id)
            self._learn(run, base, current)
        except _Stopped:
            if not self._closing:  # else it is handed over: the next start takes it up
                self._end_stopped(run)
        except _Paused:
            with self._changed:
                self._held[run.person_id] = current
                self._queue.insert(0, run)
        except EngineUnavailable as error:
            self._retry(run, str(error))
        except ChatFeedbackError as error:
            self._end(run, "failed", str(error))
        except Exception as error:
            logger.exception("learning run %s failed", run.run_id)
            outcome = (
                f"The run failed ({type(error).__name__}); the version that serves is unchanged."
            )
            self._end(run, "failed", outcome)

    def _end(self, run: LearningRun, state: RunState, outcome: str) -> None:
        """However it ended, it will not go on."""
        self._store.end_run(run.person_id, run.run_id, state, outcome)
        forget_progress(self._store.folder / "adapters", run.run_id)

    def _end_stopped(self, run: LearningRun) -> None:
        outcome = "Stopped by you; nothing changed."
        self._end(run, "stopped", outcome)

    def _check_what_serves(self, base: BaseInfo) -> bool:
        """Once a week each serving version is measured anew, in a quiet moment; a version that does
        harm by now serves a step weaker. False when nothing was due."""
        quiet = time.monotonic() - self._last_activity >= self._settings.idle_seconds
        if not (self._settings.learn_when_idle and quiet) or self._waiting_people or self._queue:
            return False
        for person in self._store.people():
            serving = self._store.serving(person.person_id, base.key)
            checked = self._store.setting(person.person_id, "guards_checked_on", "")
            today = date.today().isoformat()
            if serving is None or not is_week_ago(checked or serving.created_at_utc[:10], today):
                continue
            self._store.set_setting(person.person_id, "guards_checked_on", today)
            self.check_serving(person.person_id, base, serving)
            return True
        return False

    def check_serving(
        self, person_id: int, base: BaseInfo, serving: AdapterVersion
    ) -> list[Finding]:
        """Measure what serves as the gate does, keep what was found, and act on it."""
        settings, taste = self._settings_of(person_id), self._tastes.get(person_id, base)
        findings = recheck(
            engine=self._engine,
            base=base,
            taste=taste,
            serving=serving,
            settings=settings,
            seed=self._next_seed(),
        )
        keep_findings(self._store, person_id, serving, findings)
        still = self._store.serving(person_id, base.key)
        if still is None or still.adapter_id != serving.adapter_id:
            return findings  # measuring takes minutes: it was rolled back or forgotten meanwhile
        if serving.report is not None and any(finding.rejects for finding in findings):
            report = weakened(serving.report, settings, findings)
            if report.scale > 0:
                self._store.promote_adapter(person_id, serving.adapter_id, report)
            else:
                self._store.serve_base(person_id, base.key)
        return findings

    def _retry(self, run: LearningRun, reason: str) -> None:
        if self._closing:
            return
        if run.attempts >= 2:
            outcome = f"Given up after {run.attempts} attempts: {reason}"
            self._end(run, "failed", outcome)
            return
        with self._changed:
            self._queue.append(replace(run, attempts=run.attempts + 1))

    def _learn(self, run: LearningRun, base: BaseInfo, current: _Current) -> None:
        person_id, started = run.person_id, time.monotonic()
        calibration = self._tastes.calibration(base)
        assert calibration is not None
        taste = self._tastes.get(person_id, base)
        if taste.members:
            self._tastes.reload(person_id)  # its prior: what the members say by now
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
            settings=self._settings_of(person_id),
            seed=run.seed,
            trials=read_trials(self._store.comparisons(person_id), self._store.feedback(person_id)),
            behaviours=self._orders.behaviours(taste, calibration),
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
        rules = self._orders.rules(run.person_id, taste, calibration)
        pairs = self._gather(run, base, taste, calibration, rules)
        serving = self._store.serving(run.person_id, base.key)
        adapter_id = f"{run.run_id}-{run.attempts}"  # a folder is written only once
        settings = self._settings_of(run.person_id)
        request = LearnRequest(
            run_id=run.run_id,
            folder=str(self._store.folder / "adapters" / adapter_id),
            adapter_id=adapter_id,
            pairs=pairs,
            retention=gather_retention(calibration),
            probe_prompts=calibration.probe_prompts,
            settings=run_settings(run.method, settings, base, run.clicks),
            seed=run.seed,
            parent=serving.adapter_id if serving else None,
            data_hash=run.data_hash,
        )
        request = add_evidence(request, taste, base.key, rules)
        return add_trials(request, taste, calibration)

    def _gather(
        self,
        run: LearningRun,
        base: BaseInfo,
        taste: Taste,
        calibration: Calibration,
        rules: Rules,
    ) -> tuple[PreferencePair, ...]:
        """All that this version learns from: clicks, labels, principles, flags; for a team, its
        members' too."""
        gather = gather_together if taste.members else gather_pairs
        pairs = gather(taste, calibration, rules)
        labeller = Labeller(self._store, self._engine, base, taste, run.seed)
        principles = self._orders.principles_in_force(run.person_id)
        flagged = [
            each.reply(reply_id)
            for each in (taste, *taste.members)
            for reply_id in flagged_ids(each.judgements)
        ]
        behaviours = self._orders.behaviours(taste, calibration)
        against = labeller.against_flagged(behaviours, flagged, calibration.pool)
        by_principles = labeller.by_principles(run.person_id, principles, calibration.pool)
        return cap_ai_labels((*pairs, *against, *by_principles))

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
        current.note_step(step.step, step.max_steps)
        self._go_on(current, "learning")
        if self.is_paused(run.person_id):
            raise _Paused

    def _go_on(self, current: _Current, phase: str) -> None:
        if current.stopped or self._closing:
            raise _Stopped
        current.phase = phase

    def _add_run(self, person_id: int, reason: str, method: LearningMethod) -> LearningRun:
        settings, base = self._settings_of(person_id), self._engine.state().base
        taste = self._tastes.get(person_id, base)
        counts = count_evidence(taste.judgements)
        asked_for = objective_asked_for(method, counts, base)
        has_room = base is None or base.room_for_rollouts
        chosen = choose_objective(counts, taste.agreement(), settings, has_room=has_room)
        if taste.heard and settings.objective == "auto":
            names = {each.person_id: each.name for each in self._store.people()}
            chosen = choose_together(taste, names)
        objective, why = (asked_for, "You asked for it.") if asked_for else chosen
        seed = self._next_seed()
        ids = self._standing(person_id)
        heard = {each.person_id: self._standing(each.person_id) for each in taste.heard}
        evidence = [*ids, *(feedback_id for each in heard.values() for feedback_id in each)]
        noted: dict[str, object] = {"chosen": objective, "because": why}
        if heard:
            noted[HEARD] = {person: max(theirs, default=0) for person, theirs in heard.items()}
        run_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{seed:08x}"
        self._store.add_run(
            person_id,
            run_id=run_id,
            method=objective,
            reason=reason,
            settings_json=json.dumps(asdict(settings) | noted),
            seed=seed,
            data_hash=hashlib.sha256(repr(evidence).encode()).hexdigest()[:16],
            clicks=self._tastes.clicks(person_id),
            feedback_ids=ids,
        )
        return next(run for run in self._store.runs(person_id) if run.run_id == run_id)

    def _standing(self, person_id: int) -> list[int]:
        """The events of a person that nobody took back."""
        feedback = self._store.feedback(person_id)
        return [stored.feedback_id for stored in feedback if not stored.undone]

    def _is_busy(self, person_id: int) -> bool:
        running = self._current is not None and self._current.person_id == person_id
        return running or any(run.person_id == person_id for run in self._queue)


class _Paused(Exception):
    """The person paused the run: it goes on later, from the same request."""


class _Stopped(Exception):
    """The person, or the end of the app, stopped the run."""


def is_week_ago(day: str, today: str) -> bool:
    """Both as ISO dates; a day in the future (a clock that was wrong) is no week ago."""
    return (date.fromisoformat(today) - date.fromisoformat(day)).days >= 7


def _describe(phase: str, current: _Current | None, until: int) -> str:
    if phase == "waiting":
        return "A learning run is about to start"
    if phase == "paused":
        at = f" at step {current.step}/{current.max_steps}" if current and current.step else ""
        return f"Paused{at}"
    if phase == "collecting":
        return "Gathering what you taught"
    if phase == "learning" and current is not None:
        if not current.max_steps:
            return "Learning begins"
        return f"Learning · step {current.step}/{current.max_steps}"
    if phase == "checking":
        return "Checking the new version"
    if until == 0:
        return "Learns when you pause"
    return _say_until(until)


def _say_until(clicks: int) -> str:
    return f"{clicks} more {'choice' if clicks == 1 else 'choices'} until it learns"
