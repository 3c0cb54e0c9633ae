"""A taste that changes: reward models of different memory, and which of them is followed.

The *followed* model forgets nothing. Beside it a *quick* one forgets a tenth at every reaction and
so always knows the recent taste, less exactly. While both foretell alike, the followed one is
better. When the quick one foretells clearly better, the taste has changed: it becomes the followed
one, with all that it knows, and forgets no more. The *former* one is kept: if it foretells better
after all, it was a false alarm, and they change places again. Until what follows an alarm speaks
for it, no version should be learned from the short memory (`settles_in`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chatfeedback.taste.basis import Basis
from chatfeedback.taste.likelihoods import LAPSE, Evidence, Matrix, Vector, sigmoid
from chatfeedback.taste.prequential import Scores
from chatfeedback.taste.prior import Prior
from chatfeedback.taste.reward import RewardModel

FORMAT = 2
QUICK = 0.9
"""What the quick model keeps at every reaction."""

QUICK_MEMORY = 10
"""Reactions of which it still knows a good part: 1 / (1 - QUICK)."""

FORGET_EVERY = 5
"""Reactions between two times it forgets (all at once: it costs a matrix inverse)."""

MEMORY = 0.95
"""A reaction's part in a model's lead, a reaction later."""

ALARM_NATS = 3.0
"""Lead of the quick model that means a change of taste."""

SETTLED_NATS = 0.5
"""Lead over the former model, in the reactions since the alarm, that confirms the change ..."""

SETTLED_AFTER = 15
"""... as do so many reactions without its return."""

RETURN_NATS = 1.0
"""Lead of the former model that means there was none."""

FOLLOWED, QUICK_ONE, FORMER = 0, 1, 2
_SCORE_NUMBERS = ("n", "log_score", "brier", "hits")
_SCORE_ARRAYS = ("bins", "raw", "corrected")


@dataclass(frozen=True, eq=False)
class Belief:
    """What is believed of a person's taste. Immutable, like the models in it.

    models: followed, quick, and after the first change the former.
    log_scores: of each, discounted by MEMORY a reaction, nats.
    n: reactions so far; changes: how often another model was followed.
    since: the reaction from which on the followed model knows all it is told, and the same of the
        former model; what was said before speaks of another taste.
    """

    models: tuple[RewardModel, ...]
    log_scores: tuple[float, ...] = (0.0, 0.0)
    n: int = 0
    changes: int = 0
    since: tuple[int, int] = (0, 0)
    scores: Scores = field(default_factory=Scores)

    @classmethod
    def start(cls, basis: Basis, before: Prior | None = None) -> Belief:
        """Before any reaction."""
        return cls((RewardModel.prior(basis, before),) * 2)

    @property
    def model(self) -> RewardModel:
        """The one that is followed."""
        return self.models[FOLLOWED]

    @property
    def settles_in(self) -> int:
        """Reactions, at most, until a change of taste is sure enough to learn a version from; 0
        when there was none lately, or it was taken back."""
        known_from = self.since[FOLLOWED]
        if not known_from or self.log_scores[FOLLOWED] - self.log_scores[FORMER] >= SETTLED_NATS:
            return 0
        return max(0, known_from + QUICK_MEMORY + SETTLED_AFTER - self.n)

    def update(self, *reaction: Evidence) -> Belief:
        """One reaction more (a ranking is several pieces of evidence), foretold by every model
        and then learned by it."""
        if not reaction:
            return self
        learned = [_learn(model, reaction) for model in self.models]
        models = [model for model, _ in learned]
        n = self.n + 1
        if n % FORGET_EVERY == 0:
            models[QUICK_ONE] = models[QUICK_ONE].discounted(QUICK**FORGET_EVERY)
        belief = replace(
            self,
            models=tuple(models),
            log_scores=tuple(
                MEMORY * score + log_p
                for score, (_, log_p) in zip(self.log_scores, learned, strict=True)
            ),
            n=n,
            scores=self._note_choices(reaction),
        )
        return belief._follow()

    def rebuild(self, reactions: Iterable[Sequence[Evidence]]) -> Belief:
        """The belief after exactly these reactions: the same as giving them one by one."""
        belief = Belief.start(self.model.basis, self.model.before)
        for reaction in reactions:
            belief = belief.update(*reaction)
        return belief

    def predict(self, phi_a: Vector, phi_b: Vector) -> float:
        """P(the person picks a over b), as sure as earlier predictions have earned."""
        return self.scores.correct(self.model.predict(phi_a, phi_b))

    def _follow(self) -> Belief:
        """Change the followed model if another one foretells clearly better."""
        models, leads = self.models, [score - self.log_scores[0] for score in self.log_scores]
        if len(models) > FORMER and leads[FORMER] > RETURN_NATS:
            order = (models[FORMER], models[QUICK_ONE], models[FOLLOWED])
            since = self.since[::-1]
        elif leads[QUICK_ONE] > ALARM_NATS:
            order = (models[QUICK_ONE], models[QUICK_ONE], models[FOLLOWED])
            since = (max(0, self.n - QUICK_MEMORY), self.since[0])
        else:
            return self
        changes = self.changes + 1
        return replace(self, models=order, log_scores=(0.0,) * 3, changes=changes, since=since)

    def _note_choices(self, reaction: Sequence[Evidence]) -> Scores:
        """Every chosen reply against each of the others, as the followed model saw them before
        the reaction."""
        scores, model = self.scores, self.model
        for evidence in reaction:
            if not evidence.is_choice:
                continue
            sign = 1.0 if evidence.form == "logistic" else -1.0
            for row in evidence.rows:
                mean, variance = sign * float(row @ model.mean), row @ model.covariance @ row
                p = float(sigmoid(mean / math.sqrt(1 + math.pi * variance / 8)))
                scores = scores.note((1 - 2 * LAPSE) * p + LAPSE)
        return scores

    # --- keeping it -------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Everything but the basis and the prior, which are stored apart: a line of JSON, then
        the arrays as little-endian float64."""
        numbers = {name: getattr(self.scores, name) for name in _SCORE_NUMBERS}
        header = {
            "made_for": self._made_for(self.model.basis, self.model.before),
            "models": len(self.models),
            "log_scores": self.log_scores,
            "n": self.n,
            "changes": self.changes,
            "since": self.since,
            "scores": numbers,
        }
        arrays = [getattr(self.scores, name) for name in _SCORE_ARRAYS]
        for model in self.models:
            arrays += [model.mean, _upper(model.covariance)]
        line = json.dumps(header).encode() + b"\n"
        return line + np.concatenate([each.ravel() for each in arrays]).astype("<f8").tobytes()

    @classmethod
    def from_bytes(cls, blob: bytes, basis: Basis, before: Prior) -> Belief | None:
        """None when made for another basis, prior or format: rebuild it from the events."""
        line, _, rest = blob.partition(b"\n")
        if not line.startswith(b"{"):
            return None
        header = json.loads(line)
        if header["made_for"] != cls._made_for(basis, before):
            return None
        numbers, at, empty = np.frombuffer(rest, "<f8").astype(np.float64), 0, Scores()
        arrays: dict[str, Any] = {}
        for name in _SCORE_ARRAYS:
            like = getattr(empty, name)
            arrays[name] = numbers[at : at + like.size].reshape(like.shape)
            at += like.size
        size = len(before.mean)
        models = [
            RewardModel(basis, before, each[:size], _whole(each[size:], size))
            for each in numbers[at:].reshape(header["models"], -1)
        ]
        return cls(
            tuple(models),
            tuple(header["log_scores"]),
            header["n"],
            header["changes"],
            tuple(header["since"]),
            Scores(**header["scores"], **arrays),
        )

    @staticmethod
    def _made_for(basis: Basis, before: Prior) -> str:
        return f"{FORMAT} {basis.fingerprint} {before.fingerprint}"


def _learn(model: RewardModel, reaction: Sequence[Evidence]) -> tuple[RewardModel, float]:
    """The model after a reaction, and how well it foretold it: log P a part, in units of a choice
    between two, so that a ranking of many does not weigh more than a pair."""
    total = 0.0
    for evidence in reaction:
        model, log_p = model.learn(evidence)
        options = len(evidence.rows) + 1 if evidence.form == "softmax" else 2
        total += min(1.0, evidence.weight) * log_p * math.log(2) / math.log(options)
    return model, total / len(reaction)


def _upper(covariance: Matrix) -> Vector:
    """The upper triangle, flat: half the bytes to write at every click."""
    return np.asarray(covariance[np.triu_indices(len(covariance))])


def _whole(upper: Vector, size: int) -> Matrix:
    covariance = np.zeros((size, size))
    covariance[np.triu_indices(size)] = upper
    return np.asarray(covariance + np.triu(covariance, 1).T)
