"""What a reply is worth to the person, as PPO and RLOO are paid for it.

The personal reward model, less what it does not know. A policy that is paid for the mean alone
finds the replies about which the model is most wrong; the penalty makes these worthless.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from chatfeedback.engine.adapters import CandidateView
from chatfeedback.engine.scoring import Ids, score_replies
from chatfeedback.engine.updating import Base, is_finished
from chatfeedback.errors import InputRefused
from chatfeedback.records import ReplyFeatures, RewardSnapshot, RolloutPrompt
from chatfeedback.taste.basis import Basis
from chatfeedback.taste.reward import PLAUSIBILITY

USUAL_REPLIES = 4  # of the base to each prompt: what its replies are measured against

Vector = NDArray[np.float64]
DrawRollouts = Callable[[Any, Sequence[Ids], int], Sequence[Ids]]
"""(model, prompts, seed) -> one reply a prompt, drawn with ROLLOUT_SAMPLING."""


@dataclass(frozen=True)
class Scores:
    """What replies are worth, each (R,) float64, in units of the reward model (logits of a choice).

    value: what the policy is paid: for a finished reply mean - uncertainty_coef x sd.
    mean, sd: of the reward model's belief about a reply, relative to the base's usual ones.
    is_finished: bool; the reply has its end-of-turn token and is not blank.
    """

    value: Vector
    mean: Vector
    sd: Vector
    is_finished: NDArray[np.bool_]


@dataclass(frozen=True)
class _Usual:
    """The base's own replies to a prompt, on average: phi (D,), log-probability a token."""

    phi: Vector
    logprob: float


class PersonalReward:
    """Rates replies by the person's taste: mean + plausibility - uncertainty_coef x sd.

    mean and sd are those of w.(phi - phi_usual), w ~ N(mean, covariance), with phi_usual the mean
    over the base's own replies to the prompt: a reply like the base's is worth 0, for certain.
    Plausibility is, as in best-of-n, plausibility_coef x the mean log-probability a token under the
    base, relative to the usual: what the base finds unlikely is more often wrong. A reply that was
    cut off, or is blank, is worth `unfinished_score` whatever it says.
    """

    def __init__(
        self,
        view: CandidateView,
        base: Base,
        text_of: Callable[[Ids], str],
        snapshot: RewardSnapshot,
        *,
        uncertainty_coef: float,
        unfinished_score: float,
        plausibility_coef: float = PLAUSIBILITY,
    ) -> None:
        basis = Basis.from_bytes(snapshot.basis)
        if basis is None or basis.base_key != base.info.key:
            raise InputRefused(
                "The reward model was made for another base model or by another version of "
                "chatfeedback. Start the app again to let it be rebuilt."
            )
        self._view, self._base, self._text_of, self._basis = view, base, text_of, basis
        self._mean, self._covariance = snapshot.mean, snapshot.covariance
        self._uncertainty_coef, self._unfinished_score = uncertainty_coef, unfinished_score
        self._plausibility_coef = plausibility_coef
        self._usual: dict[tuple[int, ...], _Usual] = {}

    def get_to_know(self, prompts: Sequence[RolloutPrompt], draw: DrawRollouts, seed: int) -> None:
        """Let the base answer every prompt a few times: what is usual there.

        draw: (prompts' ids, seed) -> one reply a prompt, of the view as it is.
        """
        asked = [prompt for prompt in prompts for _ in range(USUAL_REPLIES)]
        with self._view.as_reference():
            drawn = draw(self._view.model, [prompt.prompt_ids for prompt in asked], seed)
        phis, logprobs = self._measure(asked, drawn)
        for at, prompt in enumerate(prompts):
            own = slice(at * USUAL_REPLIES, (at + 1) * USUAL_REPLIES)
            usual = _Usual(phis[own].mean(0), float(logprobs[own].mean()))
            self._usual[prompt.prompt_ids] = usual

    def __call__(self, prompts: Sequence[RolloutPrompt], replies: Sequence[Ids]) -> Scores:
        """Rate one reply to each of these prompts (`get_to_know` has seen them all)."""
        phis, logprobs = self._measure(prompts, replies)
        usual = [self._usual[prompt.prompt_ids] for prompt in prompts]
        unusual = phis - np.stack([each.phi for each in usual])  # (R, D)
        unlike = logprobs - np.array([each.logprob for each in usual])
        plausibility = self._plausibility_coef * unlike
        mean = unusual @ self._mean + plausibility
        variance = np.einsum("rd,de,re->r", unusual, self._covariance, unusual, optimize=True)
        sd = np.sqrt(np.maximum(variance, 0.0))
        is_finished = np.array([self._is_finished(reply) for reply in replies])
        value = np.where(is_finished, mean - self._uncertainty_coef * sd, self._unfinished_score)
        return Scores(value, mean, sd, is_finished)

    def _is_finished(self, reply: Ids) -> bool:
        return is_finished(reply, self._base) and bool(self._text_of(reply).strip())

    def _measure(
        self, prompts: Sequence[RolloutPrompt], replies: Sequence[Ids]
    ) -> tuple[NDArray[np.float64], Vector]:
        """phi (R, D) and mean base log-probability a token (R,) of each reply."""
        features = self._features(prompts, replies)
        phis = [
            self._basis.phi(prompt.text, self._text_of(reply), each)
            for prompt, reply, each in zip(prompts, replies, features, strict=True)
        ]
        return np.stack(phis), np.array([each.base_logprob_mean for each in features])

    @torch.no_grad()
    def _features(
        self, prompts: Sequence[RolloutPrompt], replies: Sequence[Ids]
    ) -> list[ReplyFeatures]:
        ids = [prompt.prompt_ids for prompt in prompts]
        with self._view.as_reference():
            scored = score_replies(
                self._view.anatomy, self._base.info.key, ids, [[reply] for reply in replies]
            )
        return [features for (features,) in scored]
