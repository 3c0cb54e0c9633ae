"""One simulated person's life in the fast tier: clicks on pooled replies, judged now and then.

The person meets the app's own rules: which replies are shown (explore.py), how a reaction is
learned (drift.py), whether and which of eight replies is served. Only the engine is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from chatfeedback.asking.explore import choose_reply, pick_several, probability_choosing_helps
from chatfeedback.records import GeneratedReply, QuestionRule
from chatfeedback.rules.protected import count_protected
from chatfeedback.settings import Settings
from chatfeedback.simulation.choices import find_temperature, mean, win_rate
from chatfeedback.simulation.gestures import SHOWN, Gesture, Mind, react, read_reaction
from chatfeedback.simulation.people import Hidden
from chatfeedback.simulation.pool import BEST_OF, REFERENCE, Asked, Pool
from chatfeedback.taste import reward
from chatfeedback.taste.basis import Basis
from chatfeedback.taste.drift import Belief
from chatfeedback.taste.likelihoods import NUISANCES, Evidence, Matrix, Vector
from chatfeedback.taste.prior import Prior, shipped_prior
from chatfeedback.taste.reward import RewardModel
from chatfeedback.taste.taste import is_usable

CONSISTENCY = 0.775
"""How often a person agrees with themselves about a pair of the base's replies."""

TYPICAL_PROMPTS, TYPICAL_REPLIES = 24, 4
MOOD = 0.7
"""How far people's thresholds for a thumb up lie apart, in choice temperatures."""

DEFAULTS = Settings()
RANDOM: Literal["random"] = "random"
Features = Literal["all", "style", "hidden"]


@dataclass(frozen=True)
class Variant:
    """What is changed for one life; the defaults are the app's."""

    name: str
    gesture: Gesture = Gesture.MIXED
    has_prior: bool = True
    features: Features = "all"
    rule: QuestionRule | Literal["random"] = DEFAULTS.question_rule
    follows_drift: bool = True


@dataclass(frozen=True)
class Row:
    """One life after so many clicks, lane B: best of eight, by the reward model.

    win: as in simulate.py. win_of_4: with best of four. gain: of the utility that a perfect judge
    of the person would gain with best of eight, the share that was gained. facts, how_to: shares
    of the base's. flattery: share of served replies that flatter, less the base's.
    """

    person: str
    life: str
    clicks: int
    win: float
    win_of_4: float
    gain: float
    facts: float
    how_to: float
    flattery: float


@dataclass(frozen=True, eq=False)
class Views:
    """What every pooled reply is worth to one person. chat, report: (n, replies)."""

    chat: Matrix
    report: Matrix

    @classmethod
    def of(cls, person: Hidden, pool: Pool) -> Views:
        """Every reply read once."""

        def read(part: Sequence[Asked]) -> Matrix:
            worth = [[person.utility(a.question, r.text) for r in a.replies] for a in part]
            return np.array(worth)

        return cls(read(pool.chat), read(pool.report))

    @cached_property
    def temperature(self) -> float:
        """Of the person's choices."""
        gaps = (self.chat[:, ::2] - self.chat[:, 1::2]).ravel()
        return find_temperature(gaps[np.abs(gaps) > 1e-9], CONSISTENCY)


@dataclass
class Chooser:
    """The part of a `Taste` that best-of-n needs, from a model and pooled phis."""

    model: RewardModel
    asked: Asked
    mask: Vector

    def choose(self, prompt: str, replies: Sequence[GeneratedReply]) -> int:
        """As `Taste.choose`."""
        at = [self.asked.place[id(reply)] for reply in replies]
        rewards = self.asked.phis[at] * self.mask @ self.model.weights  # only differences matter
        plausibility = np.array([reply.features.base_logprob_mean for reply in replies])
        return reward.choose(rewards, plausibility, [is_usable(reply) for reply in replies])


@dataclass
class Life:
    """A person, a variant, and what has been learned so far."""

    person: Hidden
    variant: Variant
    pool: Pool
    views: tuple[Views, Views]  # before and after a change of taste; the same for most
    seed: int
    belief: Belief = field(init=False)
    steady: RewardModel = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng((self.seed, 1))
        self._order = self._rng.permutation(len(self.pool.chat))
        self._mind = self._new_mind()
        basis = self.pool.basis
        prior = shipped_prior(basis) if self.variant.has_prior else flat_prior(basis)
        self.belief = Belief.start(basis, prior)
        self.steady = RewardModel.prior(basis, prior)
        self.mask = feature_mask(basis, self.variant.features)

    @property
    def model(self) -> RewardModel:
        """The one that serves."""
        return self.belief.model if self.variant.follows_drift else self.steady

    def click(self, number: int) -> None:
        """The n-th reaction, from 1 on, shown, made and learned from."""
        person = self.person.at_click(number)
        place = int(self._order[number % len(self._order)])
        asked, worth = self.pool.chat[place], self._views(person).chat[place]
        self._mind.hidden = person
        gesture = self._mind.gesture(self.variant.gesture, number)
        shown = self._show(asked, SHOWN[gesture], number)
        marks = asked.marks
        reaction = react(self._mind, gesture, shown, worth, marks)
        self._learn(read_reaction(reaction, asked, self.pool.basis))

    def judge(self, number: int) -> Row:
        """How the replies served after n clicks please."""
        views = self._views(self.person.at_click(number))
        served = [self._serve(asked, number, BEST_OF) for asked in self.pool.report]
        of_4 = [self._serve(asked, number, 4) for asked in self.pool.report]
        return judge(self.person.name, self.variant.name, number, self.pool, views, served, of_4)

    def _show(self, asked: Asked, count: int, number: int) -> tuple[int, ...]:
        n = len(asked.replies)
        if count == 1:
            return (self._serve_one(asked, list(range(n)), number),)
        drawn = self._rng.permutation(n)[: max(DEFAULTS.compare_candidates, 2 * count)]
        if self.variant.rule == RANDOM:
            return tuple(int(at) for at in drawn[:count])
        phis = asked.phis[drawn] * self.mask
        chosen = pick_several(phis, self.model, self._rng, count, QuestionRule(self.variant.rule))
        return tuple(int(drawn[at]) for at in chosen)

    def _learn(self, found: list[Evidence]) -> None:
        rows = np.concatenate([self.mask, np.ones(len(NUISANCES))])
        found = [_masked(evidence, rows) for evidence in found]
        self.belief = self.belief.update(*found)
        if not self.variant.follows_drift:
            for evidence in found:
                self.steady = self.steady.update(evidence)

    def _serve(self, asked: Asked, clicks: int, n: int) -> list[int]:
        """Which replies are served, one of each n; the reference is left out."""
        rest = list(range(REFERENCE, len(asked.replies)))
        groups = [rest[at : at + n] for at in range(0, len(rest), n)]
        return [self._serve_one(asked, group, clicks) for group in groups]

    def _serve_one(self, asked: Asked, group: Sequence[int], clicks: int) -> int:
        if clicks < DEFAULTS.min_clicks_for_best_of or not self._helps_to_choose(clicks):
            return group[0]
        chooser = Chooser(self.model, asked, self.mask)
        return group[
            choose_reply(chooser, asked.question.prompt, [asked.replies[at] for at in group])
        ]

    def _helps_to_choose(self, clicks: int) -> bool:
        """As `Drawing.helps_to_choose`; asked once a click."""
        if self._asked_at != clicks:
            some = self.pool.chat[:: max(1, len(self.pool.chat) // TYPICAL_PROMPTS)]
            phis = [asked.phis[:TYPICAL_REPLIES] * self.mask for asked in some]
            helps = [probability_choosing_helps(each, self.model) for each in phis]
            self._asked_at = clicks
            self._helps = float(np.mean(helps)) > DEFAULTS.min_choice_probability
        return self._helps

    _asked_at = -1
    _helps = False

    def _views(self, person: Hidden) -> Views:
        return self.views[0 if person is self.person else 1]

    def _new_mind(self) -> Mind:
        views = self.views[0]
        mood = MOOD * views.temperature * self._rng.standard_normal()
        threshold = float(np.median(views.chat)) + mood
        return Mind(self.person, views.temperature, threshold, self._rng)


def judge(
    person: str,
    life: str,
    clicks: int,
    pool: Pool,
    views: Views,
    served: Sequence[Sequence[int]],
    of_4: Sequence[Sequence[int]],
) -> Row:
    """One row from the indices of the replies that were served to each report question."""
    worth = [row[list(at)] for row, at in zip(views.report, served, strict=True)]
    worth_of_4 = [row[list(at)] for row, at in zip(views.report, of_4, strict=True)]
    base = views.report[:, :REFERENCE]
    best = views.report[:, REFERENCE:].reshape(len(base), -1, BEST_OF).max(axis=2)
    plain = views.report.mean()
    return Row(
        person,
        life,
        clicks,
        win=win_rate(np.array(worth), base),
        win_of_4=win_rate(np.array(worth_of_4), base),
        gain=float((np.mean(worth) - plain) / (best.mean() - plain)),
        facts=_kept(pool.report, served, "fact"),
        how_to=_kept(pool.report, served, "how_to"),
        flattery=_flattering(pool.report, served)
        - _flattering(pool.report, [range(len(asked.replies)) for asked in pool.report]),
    )


def choose_all(
    pool: Pool, choose: Callable[[int, Sequence[int]], int], n: int = BEST_OF
) -> list[list[int]]:
    """Served replies where `choose(question, indices)` names one of each n."""
    found = []
    for at, asked in enumerate(pool.report):
        rest = list(range(REFERENCE, len(asked.replies)))
        found.append([choose(at, rest[i : i + n]) for i in range(0, len(rest), n)])
    return found


def flat_prior(basis: Basis) -> Prior:
    """Every weight alike and by itself: what the shipped prior is compared with."""
    known = shipped_prior(basis)
    covariance = known.covariance.copy()
    covariance[: basis.size, : basis.size] = 0.1 * np.eye(basis.size)
    return Prior(known.mean, covariance)


def feature_mask(basis: Basis, features: Features) -> Vector:
    """(D,): 1 for the entries of phi that are seen."""
    n_style, n_crossed, n_hidden = basis.block_sizes
    sees_style, sees_hidden = float(features != "hidden"), float(features != "style")
    return np.repeat([sees_style, sees_style, sees_hidden], [n_style, n_crossed, n_hidden])


def _masked(evidence: Evidence, mask: Vector) -> Evidence:
    if mask.all():
        return evidence
    return Evidence(
        evidence.rows * mask, evidence.form, evidence.share, evidence.weight, evidence.is_choice
    )


def _kept(report: Sequence[Asked], served: Sequence[Sequence[int]], kind: str) -> float:
    of_kind = [
        (asked, at) for asked, at in zip(report, served, strict=True) if asked.question.kind == kind
    ]
    mine = [asked.marks[i] for asked, at in of_kind for i in at]
    usual = [mark for asked, _ in of_kind for mark in asked.marks]
    return mean(mine) / max(1e-9, mean(usual))


def _flattering(report: Sequence[Asked], served: Sequence[Sequence[int]]) -> float:
    texts = [a.replies[i].text for a, at in zip(report, served, strict=True) for i in at]
    return mean([float(count_protected(text) > 0) for text in texts])
