"""What to ask: which replies to show side by side, whether to ask at all, and when to choose.

A question costs the person's time, so it is put only when its answer is open and they are in the
mood. One turn in ten is a blind trial instead: the base against what serves, never learned from.
What is left out: how candidates are drawn (session.py), and what a vote teaches (reward.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

import numpy as np

from chatfeedback.asking.attention import Attention
from chatfeedback.records import BLIND_TRIAL, GeneratedReply, QuestionRule
from chatfeedback.rules.principles import NO_RULES, Rules
from chatfeedback.rules.protected import may_win
from chatfeedback.taste.card import say_wish
from chatfeedback.taste.likelihoods import Matrix, Vector, normal_cdf, sigmoid
from chatfeedback.taste.reward import RewardModel
from chatfeedback.taste.taste import is_usable

INFORMATION_NATS = 0.02
"""A question whose answer tells less than this is not worth anybody's time."""

ONBOARDING_CLICKS = 10
ONBOARDING_REPLIES = 4
"""The first questions show four answers: one pick among four says about as much as two pairs."""

BLIND_SHARE = 0.1
NUDGED_WISHES = 2

_C = math.sqrt(math.pi * math.log(2) / 2)


def information(means: Vector, variances: Vector) -> Vector:
    """Nats that a click between two replies tells about the taste, from the mean and variance of
    their reward difference, elementwise. Nothing (0) for replies that the model cannot tell apart.

    BALD, H[p] - E[H[p given w]], with the closed form of Houlsby et al. 2011 (arXiv:1112.5745):
    the second term is ln 2 * C / sqrt(v + C^2) * exp(-m^2 / (2 (v + C^2))), C^2 = pi ln 2 / 2.
    That is for a probit click; a logistic one is a probit of sqrt(pi / 8) r.
    """
    p = np.clip(sigmoid(means / np.sqrt(1 + math.pi * variances / 8)), 1e-12, 1 - 1e-12)
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    spread = math.pi / 8 * variances + _C**2
    expected = math.log(2) * _C / np.sqrt(spread) * np.exp(-math.pi / 8 * means**2 / (2 * spread))
    return np.asarray(np.maximum(entropy - expected, 0.0))


# --- which replies ------------------------------------------------------------------------


def pick_two(
    phis: Matrix,
    model: RewardModel,
    rng: np.random.Generator,
    rule: QuestionRule = QuestionRule.BEST_AND_RIVAL,
) -> tuple[int, int]:
    """Indices of two of n >= 2 replies to one prompt to show side by side, in random order."""
    first, second = pick_several(phis, model, rng, 2, rule)
    return first, second


def pick_several(
    phis: Matrix,
    model: RewardModel,
    rng: np.random.Generator,
    count: int,
    rule: QuestionRule = QuestionRule.BEST_AND_RIVAL,
) -> tuple[int, ...]:
    """Indices of `count` of n >= count replies to one prompt, (n, D) phis, in random order.

    The rule finds the first ones; every further one is the reply that tells most beside those
    already taken. A near copy of one of them tells nothing, and comes last.
    """
    order = rng.permutation(len(phis))  # ties fall to chance, not to the first sampled
    rows = phis[order]
    told = _information_of_pairs(rows, model)
    match rule:
        case QuestionRule.BEST_AND_RIVAL:
            taken = [int(np.argmax(model.score(rows)[0]))]
        case QuestionRule.DOUBLE_THOMPSON:
            taken = _two_draws(rows, model, rng)
        case QuestionRule.MOST_INFORMATIVE:
            taken = [int(at) for at in np.unravel_index(int(np.argmax(told)), told.shape)]
    taken = list(dict.fromkeys(taken))[:count]
    while len(taken) < count:
        gains = told[:, taken].min(axis=1)
        gains[taken] = -1.0
        taken.append(int(np.argmax(gains)))
    return tuple(int(order[taken[at]]) for at in rng.permutation(count))


def information_of_best(phis: Matrix, model: RewardModel) -> float:
    """Nats that the best of n replies against its most informative rival would tell."""
    best = int(np.argmax(model.score(phis)[0]))
    return float(_information_of_pairs(phis, model)[best].max())


def _information_of_pairs(phis: Matrix, model: RewardModel) -> Matrix:
    """(n, n): what a click between two of the replies would tell, nats; 0 on the diagonal."""
    mean, covariance = _reward_moments(phis, model)
    variance = np.diag(covariance)
    variances = np.maximum(variance[:, None] + variance[None, :] - 2 * covariance, 0.0)
    told: Matrix = information(mean[:, None] - mean[None, :], variances)
    np.fill_diagonal(told, 0.0)
    return told


def _two_draws(phis: Matrix, model: RewardModel, rng: np.random.Generator) -> list[int]:
    """The best replies of two draws from the belief (Wu & Liu 2016, arXiv:1604.07101): one index
    when ten draws agree."""
    mean, covariance = _reward_moments(phis, model)
    draws = rng.multivariate_normal(mean, covariance, size=11, method="eigh")
    winners = draws.argmax(axis=1)
    others = winners[winners != winners[0]]
    return [int(winners[0]), *(int(at) for at in others[:1])]


def _reward_moments(phis: Matrix, model: RewardModel) -> tuple[Vector, Matrix]:
    """Mean (n,) and covariance (n, n) of the rewards of n replies to one prompt."""
    centred = phis - phis.mean(axis=0)
    d = model.basis.size
    covariance: Matrix = centred @ model.covariance[:d, :d] @ centred.T
    return centred @ model.weights, covariance


# --- candidates that differ ---------------------------------------------------------------


def draw_nudge(model: RewardModel, rng: np.random.Generator) -> str:
    """A system line that asks for another style: the strongest wishes of one draw from the belief.

    One policy at one temperature writes much the same reply n times, and among equals there is
    nothing to choose. What the belief is unsure of is asked for both ways, from draw to draw.
    """
    traits = model.beliefs()
    draws = np.array([trait.weight + trait.sd * rng.standard_normal() for trait in traits])
    order = np.argsort(-np.abs(draws), kind="stable")
    wishes = [say_wish(traits[at].name, more=draws[at] > 0) for at in order]
    return ", ".join([wish for wish in wishes if wish][:NUDGED_WISHES])


# --- whether to ask -----------------------------------------------------------------------


class AskingRate(StrEnum):
    """How often the person wants to be asked to compare answers."""

    NEVER = "never"
    SELDOM = "seldom"
    SOMETIMES = "sometimes"
    OFTEN = "often"

    @property
    def share(self) -> float:
        """Most of all turns that may be a question."""
        return {"never": 0.0, "seldom": 0.1, "sometimes": 0.3, "often": 0.6}[self.value]


@dataclass(frozen=True)
class Asking:
    """How the next message is to be answered, and why; `replies` is 1, 2 or 4."""

    replies: Literal[1, 2, 4]
    why: str


PLAIN_REPLY = Asking(1, "")
ASKED_FOR = Asking(2, "best and most informative rival")
"""The person themselves asked for two answers."""


def worth_asking(
    told_nats: Sequence[float],
    *,
    clicks: int,
    rate: AskingRate,
    attention: Attention,
    has_personal: bool,
    rng: np.random.Generator,
) -> Asking:
    """Whether the next message should be answered once, twice or four times.

    Args:
        told_nats: what questions on typical prompts would tell (`information_of_best`), one each;
            empty while nothing is known of the base.
        clicks: reactions so far.
        rate: as often as the person allows.
        attention: how they dealt with earlier questions.
        has_personal: something other than the base serves, so that a blind trial means something.

    Onboarding (the first ten clicks) asks at twice the rate, with four answers. Later a question
    is put when it tells enough, or, one turn in ten, as a blind trial. Somebody who leaves
    questions open, or contradicts themselves, is asked half as often, then not at all.
    """
    share = rate.share * attention.readiness
    if share == 0.0:
        return PLAIN_REPLY
    chance = rng.random()
    if clicks < ONBOARDING_CLICKS:
        return Asking(4, "onboarding") if chance < 2 * share else PLAIN_REPLY
    blind = min(BLIND_SHARE, share / 2) if has_personal else 0.0
    if chance < blind:
        return Asking(2, BLIND_TRIAL)
    if told_nats and float(np.median(told_nats)) < INFORMATION_NATS:
        return PLAIN_REPLY
    return Asking(2, "its answer is open") if chance < share else PLAIN_REPLY


# --- choosing among samples --------------------------------------------------------------------


def probability_choosing_helps(phis: Matrix, model: RewardModel) -> float:
    """P(the best of n replies is worth more to the person than the middle one).

    Near 0.5 the choice among them is a coin toss, and one plain sample is as good.
    """
    rewards, _ = model.score(phis)
    order = np.argsort(rewards, kind="stable")
    mean, sd = model.compare(phis[order[-1]], phis[order[(len(order) - 1) // 2]])
    return normal_cdf(mean / sd) if sd > 0 else 0.5


class Chooser(Protocol):
    """What can say which of several replies to one prompt suits a person best."""

    def choose(self, prompt: str, replies: Sequence[GeneratedReply]) -> int: ...


def choose_reply(
    taste: Chooser, prompt: str, replies: Sequence[GeneratedReply], rules: Rules = NO_RULES
) -> int:
    """Which of n fresh replies to serve: the best for this person among those that keep the rules
    and flatter no more than the first one, which a plain sample would have been; where none does
    both, among those that do not flatter."""
    unflattering = may_win([reply.text for reply in replies])
    usable = [at for at, reply in enumerate(replies) if unflattering[at] and is_usable(reply)]
    allowed = [at for at in usable if rules.allow(replies[at].text)]
    among = allowed or usable or [*range(len(replies))]
    return among[taste.choose(prompt, [replies[at] for at in among])]
