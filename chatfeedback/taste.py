"""Each person's reward model, kept in step with the log of feedback.

The log is the truth: the stored model is the log's folding (preferences.judge) given to
`RewardModel.update` one by one, and can be rebuilt from it at any time to the same numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from chatfeedback import reward
from chatfeedback.basis import Basis, style_basis
from chatfeedback.calibration import Calibration
from chatfeedback.errors import ChatFeedbackError
from chatfeedback.preferences import Better, Equal, Judgement, Rated, Reason, judge, news
from chatfeedback.protocols import Engine, Store
from chatfeedback.records import (
    BaseInfo,
    Comparison,
    GeneratedReply,
    ScoreRequest,
    StoredFeedback,
    StoredReply,
    TraitBelief,
    Turn,
)
from chatfeedback.reward import Evidence, Matrix, RewardModel, Vector
from chatfeedback.settings import Settings

NO_BASE = BaseInfo("", "", False, 0, 0, 0, "", "", "")
"""Stands for the base while none is loaded: clicks then teach the style half."""


class Tastes:
    """The tastes of all people, and the calibration of the base that is loaded."""

    def __init__(self, store: Store, engine: Engine, settings: Settings) -> None:
        self._store = store
        self._engine = engine
        self._settings = settings
        self._lock = threading.Lock()
        self._tastes: dict[tuple[int, str], Taste] = {}
        self._calibrations: dict[str, Calibration | None] = {}
        self._background = ThreadPoolExecutor(1, thread_name_prefix="taste")

    def close(self) -> None:
        """End the background thread; what it had not scored is scored after the next start."""
        self._background.shutdown(wait=False, cancel_futures=True)

    def calibration(self, base: BaseInfo) -> Calibration | None:
        """What is known of this base; None until it has been calibrated once."""
        if self._calibrations.get(base.key) is None:
            blob = self._store.load_basis(base.key)
            self._calibrations[base.key] = Calibration.from_bytes(blob) if blob else None
        return self._calibrations[base.key]

    def set_calibration(self, calibration: Calibration) -> None:
        """Store it, and let every taste be rebuilt on the new basis."""
        self._store.save_basis(calibration.base_key, calibration.to_bytes())
        with self._lock:
            self._calibrations[calibration.base_key] = calibration
            self._tastes.clear()

    def get(self, person_id: int, base: BaseInfo | None) -> Taste:
        """The person's taste on this base, as the log has it now."""
        base = base or NO_BASE
        with self._lock:
            taste = self._tastes.get((person_id, base.key))
            if taste is None:
                known = self.calibration(base) if base.key else None
                basis = known.basis if known else style_basis(base.key, base.hidden_size)
                taste = Taste(self._store, person_id, basis, self._settings)
                self._tastes[person_id, base.key] = taste
        return taste

    def clicks(self, person_id: int) -> int:
        """Reactions that count now: choices, ties, thumbs, rewrites."""
        return self.get(person_id, self._engine.state().base).clicks

    def score_edits_later(self, person_id: int) -> None:
        """Ask the engine, in the background, for the hidden half of rewritten answers."""
        self._background.submit(self._score_edits, person_id)

    def _score_edits(self, person_id: int) -> None:
        base = self._engine.state().base
        if base is None:
            return
        taste = self.get(person_id, base)
        for reply in taste.unscored_edits():
            turns = (Turn("user", reply.prompt_text),)
            try:
                [[scored]] = self._engine.score(ScoreRequest((turns,), ((reply.text,),)))
            except ChatFeedbackError:
                return  # the engine is away; the next edit or start tries again
            self._store.set_features(person_id, reply.reply_id, scored)
        taste.rebuild()


class Taste:
    """One person's reward model on one base. Thread-safe; `model` is replaced, never changed."""

    def __init__(self, store: Store, person_id: int, basis: Basis, settings: Settings) -> None:
        self._store = store
        self._person_id = person_id
        self._settings = settings
        self._lock = threading.RLock()
        self._events: list[StoredFeedback] = []
        self._judgements: list[Judgement] = []
        self._replies: dict[int, StoredReply] = {}
        self._comparisons: dict[int, Comparison] = {}
        self.basis = basis
        self.model = RewardModel.prior(basis)
        self._read_log()
        stored = store.load_reward(person_id, basis.base_key)
        known = RewardModel.from_bytes(stored[1], basis) if stored else None
        if known is not None and stored is not None and stored[0] == self._last_id():
            self.model = known
        else:
            self.rebuild()

    # --- learning ----------------------------------------------------------------------------

    def learn(self, feedback_id: int) -> tuple[TraitBelief, ...]:
        """Take in the log up to this event; returns the traits that moved most."""
        with self._lock:
            before, known = self.model, list(self._judgements)
            self._read_log()
            added = news(known, self._judgements)
            if added is None:
                self.model = before.rebuild(self._evidence(self._judgements))
            else:
                for evidence in self._evidence(added):
                    self.model = self.model.update(evidence)
            self._save()
            return tuple(reward.moved(before, self.model))

    def rebuild(self) -> None:
        """The model from the log alone."""
        with self._lock:
            self._read_log()
            self.model = self.model.rebuild(self._evidence(self._judgements))
            self._save()

    @property
    def clicks(self) -> int:
        """Reactions that count now."""
        return len({judgement.feedback_id for judgement in self._judgements})

    @property
    def judgements(self) -> Sequence[Judgement]:
        """What the log says now."""
        return tuple(self._judgements)

    def unscored_edits(self) -> list[StoredReply]:
        """Rewritten answers that the engine has not read yet."""
        edits = [
            j.chosen_id for j in self._judgements if isinstance(j, Better) and j.source == "edit"
        ]
        return [reply for reply in map(self.reply, edits) if reply.features is None]

    # --- asking it -----------------------------------------------------------------------------

    def phis(self, prompt: str, replies: Sequence[GeneratedReply]) -> Matrix:
        """(n, D) of fresh replies to one prompt."""
        return self.basis.phis(
            prompt, [reply.text for reply in replies], [reply.features for reply in replies]
        )

    def choose(self, prompt: str, replies: Sequence[GeneratedReply]) -> int:
        """Which of n fresh replies to serve."""
        rewards, _ = self.model.score(self.phis(prompt, replies))
        plausibility = np.array([reply.features.base_logprob_mean for reply in replies])
        return reward.choose(rewards, plausibility, [is_usable(reply) for reply in replies])

    def helps_to_choose(self) -> bool:
        """Whether best-of-n is worth its time: only after a few clicks."""
        return self.clicks >= self._settings.min_clicks_for_best_of

    def beliefs(self) -> list[TraitBelief]:
        """Style traits, the surest first."""
        return sorted(self.model.beliefs(), key=lambda trait: -abs(trait.probability - 0.5))

    def agreement(self) -> float | None:
        """Prequential accuracy: the share of choices that were foreseen before learning from
        them. None below five choices."""
        model, hits = self.model.forget(), []
        for judgement in self._judgements:
            for evidence in self._evidence([judgement]):
                if isinstance(judgement, Better):
                    hits.append(float(evidence.direction @ model.mean > 0))
                model = model.update(evidence)
        return float(np.mean(hits)) if len(hits) >= 5 else None

    # --- looking things up (preferences.Lookups) -----------------------------------------------

    def comparison(self, comparison_id: int) -> Comparison:
        """Which replies were shown; kept, as every click folds the whole log again."""
        known = self._comparisons.get(comparison_id)
        if known is None:
            known = self._store.comparison(self._person_id, comparison_id)
            self._comparisons[comparison_id] = known
        return known

    def reply(self, reply_id: int) -> StoredReply:
        """A reply with its features; kept once it has them."""
        known = self._replies.get(reply_id)
        if known is None:
            known = self._store.reply(self._person_id, reply_id)
            if known.features is not None:
                self._replies[reply_id] = known
        return known

    def rewritten(self, reply_id: int, text: str) -> int | None:
        """The sibling that holds a rewrite."""
        return self._store.rewritten(self._person_id, reply_id, text)

    # --- inside ----------------------------------------------------------------------------------

    def _read_log(self) -> None:
        self._events += self._store.feedback(self._person_id, after_id=self._last_id())
        self._judgements = judge(self._events, self)

    def _last_id(self) -> int:
        return self._events[-1].feedback_id if self._events else 0

    def _save(self) -> None:
        if self.basis.base_key:
            self._store.save_reward(
                self._person_id, self.basis.base_key, self._last_id(), self.model.to_bytes()
            )

    def _evidence(self, judgements: Sequence[Judgement]) -> list[Evidence]:
        return [found for each in judgements if (found := self._evidence_of(each)) is not None]

    def _evidence_of(self, judgement: Judgement) -> Evidence | None:
        match judgement:
            case Better():
                return reward.preference(
                    *self._pair(judgement.chosen_id, judgement.rejected_id), judgement.weight
                )
            case Equal():
                return reward.tie(*self._pair(judgement.first_id, judgement.second_id))
            case Rated(about_style=True):
                reply = self.reply(judgement.reply_id)
                phi = self.basis.phi(reply.prompt_text, reply.text, reply.features)
                centred = self.basis.centre(reply.prompt_text, phi)
                return reward.thumb(centred, up=judgement.up, weight=judgement.weight)
            case Reason():
                prompt = self.reply(judgement.reply_id).prompt_text
                return reward.nudge(self.basis, prompt, judgement.measure, more=judgement.more)
        return None

    def _pair(self, first_id: int, second_id: int) -> tuple[Vector, Vector]:
        first, second = self.reply(first_id), self.reply(second_id)
        both = self.basis.phis(
            first.prompt_text, [first.text, second.text], [first.features, second.features]
        )
        return both[0], both[1]


def is_usable(reply: GeneratedReply) -> bool:
    """A reply that the model ended itself and that is not blank."""
    return reply.finished and bool(reply.text.strip())
