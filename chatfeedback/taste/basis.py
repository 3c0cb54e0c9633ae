"""What a reply is to the reward model: phi, a vector of numbers.

phi = [style | kind of question x style | hidden]. Style comes from the text alone. Whether a
question asks for much is heard from its words and read from the base model's state at its end. The
hidden block comes from the base's hidden states, too (adapter off); where those are not known it is
zero, only the words are heard, and two replies are compared by style alone (`Basis.phis`).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chatfeedback.records import Array, ReplyFeatures
from chatfeedback.taste.features import (
    PROMPT_MEASURES,
    STYLE_MEASURES,
    TYPICAL_SD,
    measure_prompt,
    measure_reply,
)

FORMAT = 2  # 1: kinds of question by their words alone
HIDDEN_COMPONENTS = 24
CROSSED: tuple[str, ...] = (
    "log_words",
    "bullet_lines",
    "numbered_lines",
    "emoji",
    "opening",
    "warm_words",
    "formal_words",
    "examples",
)
"""Style measures whose liking may depend on the question."""

_CROSSED_INDEX = np.array([STYLE_MEASURES.index(name) for name in CROSSED])
_SCALES = np.array([TYPICAL_SD[name] for name in STYLE_MEASURES])
_CLIP_SDS = 5.0

STATE_RIDGE = 0.5
"""Of the state's reading, relative to the mean squared length of the states."""
WORDS_COUNT_AS = 24
"""The words of a question weigh as much as this many prompts from which the state was learned."""
SURENESS = 8.0
"""Logits from "no" to "yes": what is read is nearly a yes or a no, as the words are."""

Vector = NDArray[np.float64]


class Sample(NamedTuple):
    """A reply of the base model to a prompt."""

    prompt: str
    text: str
    features: ReplyFeatures


@dataclass(frozen=True, eq=False)
class Basis:
    """How texts and hidden states become phi. Fitted once for a base model, then never changed.

    style_mean, style_sd: (S,); the sd is that between replies to one prompt.
    prompt_mean, prompt_sd: (K,).
    usual_style: (K + 1, S), the standardised style expected from the prompt's measures.
    state_mean, state_weights: (H,); whether much is asked for, as the base's state at the end of
        the prompt has it, is prompt_mean[0] + (state - state_mean) @ state_weights.
    state_share: (), from 0 to 1, how much of the answer is the state's; the rest is the words'.
    hidden_components: (H, P), hidden state -> whitened principal components of the differences
        between replies to one prompt.  hidden_mean: (H,).
    """

    base_key: str
    style_mean: Array
    style_sd: Array
    prompt_mean: Array
    prompt_sd: Array
    usual_style: Array
    state_mean: Array
    state_weights: Array
    state_share: Array
    hidden_mean: Array
    hidden_components: Array

    @property
    def block_sizes(self) -> tuple[int, int, int]:
        """Lengths of the blocks of phi: style, kinds x style, hidden."""
        n_crossed = len(PROMPT_MEASURES) * len(CROSSED)
        return len(STYLE_MEASURES), n_crossed, self.hidden_components.shape[1]

    @property
    def size(self) -> int:
        """D, the length of phi."""
        return sum(self.block_sizes)

    @cached_property
    def fingerprint(self) -> str:
        """Names this basis for ever; a stored reward model belongs to exactly one."""
        digest = hashlib.sha256(f"{FORMAT} {self.base_key} {STYLE_MEASURES} {CROSSED}".encode())
        for array in self._arrays().values():
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def knows(self, features: ReplyFeatures | None) -> bool:
        """True when these features come from this basis' base model."""
        return features is not None and features.base_key == self.base_key

    def phi(self, prompt: str, text: str, features: ReplyFeatures | None) -> Vector:
        """(D,) float64. Without features of this base, the hidden block is zero."""
        return self._phi(self._kinds(prompt, features), prompt, text, features)

    def _phi(self, kinds: Vector, prompt: str, text: str, features: ReplyFeatures | None) -> Vector:
        style = self._style(prompt, text)
        hidden = np.zeros(self.hidden_components.shape[1])
        if features is not None and self.knows(features):
            centred = features.hidden.astype(np.float32) - self.hidden_mean
            hidden = np.clip(centred @ self.hidden_components, -2 * _CLIP_SDS, 2 * _CLIP_SDS)
        return np.concatenate([style, _cross(kinds, style), hidden]).astype(np.float64)

    def phis(
        self, prompt: str, texts: Sequence[str], features: Sequence[ReplyFeatures | None]
    ) -> NDArray[np.float64]:
        """(n, D): replies to one prompt that are to be compared with one another.

        If one of them has no features, none gets any: else the missing half would look like taste.
        """
        all_known = all(self.knows(f) for f in features)
        kinds = self._kinds(prompt, features[0] if all_known else None)  # of the one question
        return np.stack(
            [
                self._phi(kinds, prompt, text, f if all_known else None)
                for text, f in zip(texts, features, strict=True)
            ]
        )

    def centre(
        self,
        prompt: str,
        phi: Vector,
        siblings: Sequence[Vector] = (),
        features: ReplyFeatures | None = None,
    ) -> Vector:
        """phi minus what is usual for this prompt, (D,), for feedback on one reply alone.

        features: those that phi was made with.

        With two or more other replies to the prompt known: minus their mean. Else minus the style
        expected from the kind of question, and with nothing said by the hidden half.
        """
        if len(siblings) >= 2:
            return np.asarray(phi - np.mean(siblings, axis=0))
        n_style, _, n_hidden = self.block_sizes
        kinds = self._kinds(prompt, features)
        style = phi[:n_style] - np.append(kinds, 1.0) @ self.usual_style
        return np.concatenate([style, _cross(kinds, style), np.zeros(n_hidden)])

    def step(
        self, prompt: str, measure: str, sds: float, features: ReplyFeatures | None = None
    ) -> Vector:
        """(D,): how phi changes when one measure of a reply to this prompt grows by `sds`."""
        style = np.zeros(len(STYLE_MEASURES))
        style[STYLE_MEASURES.index(measure)] = sds
        hidden = np.zeros(self.hidden_components.shape[1])
        return np.concatenate([style, _cross(self._kinds(prompt, features), style), hidden])

    def usual_step(self, measure: str, sds: float) -> Vector:
        """(D,): how phi changes when one measure grows by `sds`, whatever was asked."""
        step = np.zeros(self.size)
        step[STYLE_MEASURES.index(measure)] = sds
        return step

    def _style(self, prompt: str, text: str) -> Vector:
        z = (measure_reply(prompt, text) - self.style_mean) / self.style_sd
        return np.asarray(np.clip(z, -_CLIP_SDS, _CLIP_SDS), np.float64)

    def asks_for_much(self, prompt: str, features: ReplyFeatures | None) -> float:
        """From 0 (a single fact) to 1. Where the base has read the prompt, by its state there as
        well as by the words: these mistake one question in eight (docs/log.md)."""
        words = float(measure_prompt(prompt)[0])
        if features is None or not self.knows(features) or self.state_share == 0:
            return words
        state = features.prompt_hidden.astype(np.float64)[None]
        read = _read_state(state, self.state_mean, self.state_weights, float(self.prompt_mean[0]))
        return float(_settle(read, np.array([words]), float(self.state_share))[0])

    def _kinds(self, prompt: str, features: ReplyFeatures | None) -> Vector:
        measured = measure_prompt(prompt)
        measured[0] = self.asks_for_much(prompt, features)
        z = (measured - self.prompt_mean) / self.prompt_sd
        return np.asarray(np.clip(z, -3.0, 3.0), np.float64)

    # --- keeping it -------------------------------------------------------------------------

    def _arrays(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "base_key"}

    def to_bytes(self) -> bytes:
        file = io.BytesIO()
        np.savez(file, format=FORMAT, base_key=self.base_key, names=_names(), **self._arrays())
        return file.getvalue()

    @classmethod
    def from_bytes(cls, blob: bytes) -> Basis | None:
        """None when it was made for other measures or by another version: fit a new one."""
        with np.load(io.BytesIO(blob), allow_pickle=False) as file:
            if int(file["format"]) != FORMAT or str(file["names"]) != _names():
                return None
            arrays = {f.name: file[f.name] for f in fields(cls) if f.name != "base_key"}
            return cls(base_key=str(file["base_key"]), **arrays)


def style_basis(base_key: str, hidden_size: int) -> Basis:
    """A basis for the first moments with a new base: style alone, on typical scales."""
    n_style, n_kinds = len(STYLE_MEASURES), len(PROMPT_MEASURES)
    return Basis(
        base_key=base_key,
        style_mean=np.zeros(n_style, np.float32),
        style_sd=_SCALES.astype(np.float32),
        prompt_mean=np.array([0.3] * (n_kinds - 1) + [2.0], np.float32),  # the last is log words
        prompt_sd=np.full(n_kinds, 0.5, np.float32),
        usual_style=np.zeros((n_kinds + 1, n_style), np.float32),
        state_mean=np.zeros(hidden_size, np.float32),
        state_weights=np.zeros(hidden_size, np.float32),
        state_share=np.zeros((), np.float32),
        hidden_mean=np.zeros(hidden_size, np.float32),
        hidden_components=np.zeros((hidden_size, 0), np.float32),
    )


def fit_basis(prompts: Sequence[Sequence[Sample]]) -> Basis:
    """The basis for a base model, from several of its own replies to each of many prompts.

    At least two replies to each prompt, all of one base; about 100 prompts make a good basis.
    """
    samples = [sample for replies in prompts for sample in replies]
    base_key = samples[0].features.base_key
    style = np.array([measure_reply(s.prompt, s.text) for s in samples], np.float64)
    group = np.repeat(np.arange(len(prompts)), [len(replies) for replies in prompts])
    style_mean = style.mean(axis=0)
    style_sd = np.maximum(_within(style, group).std(axis=0), 0.3 * _SCALES)

    kinds = np.array([measure_prompt(replies[0].prompt) for replies in prompts], np.float64)
    prompt_mean, prompt_sd = kinds.mean(axis=0), np.maximum(kinds.std(axis=0), 0.2)
    states = np.array([replies[0].features.prompt_hidden for replies in prompts], np.float64)
    state_mean, state_weights = _learn_to_read(states, kinds[:, 0])
    state_share = len(prompts) / (len(prompts) + WORDS_COUNT_AS)
    read = _read_state(states, state_mean, state_weights, float(prompt_mean[0]))
    kinds[:, 0] = _settle(read, kinds[:, 0], state_share)
    design = np.column_stack([(kinds - prompt_mean) / prompt_sd, np.ones(len(kinds))])[group]
    z = (style - style_mean) / style_sd
    usual = np.linalg.solve(design.T @ design + np.eye(design.shape[1]), design.T @ z)

    hidden = np.array([s.features.hidden for s in samples], np.float64)
    arrays = {
        "style_mean": style_mean,
        "style_sd": style_sd,
        "prompt_mean": prompt_mean,
        "prompt_sd": prompt_sd,
        "usual_style": usual,
        "state_mean": state_mean,
        "state_weights": state_weights,
        "state_share": np.array(state_share),
        "hidden_mean": hidden.mean(axis=0),
        "hidden_components": _whitened(_within(hidden, group), HIDDEN_COMPONENTS),
    }
    return Basis(base_key, **{name: array.astype(np.float32) for name, array in arrays.items()})


def _learn_to_read(states: Vector, said: Vector) -> tuple[Vector, Vector]:
    """(mean (H,), weights (H,)) that read from the base's state at the end of a prompt what its
    words say: ridge regression on standardised states.

    The words are a noisy teacher, and a linear reading of the state cannot follow their single
    mistakes; what it learns is what they mean on the whole (weak supervision, Ratner et al. 2017,
    arXiv:1711.10160).

    Args:
        states: (n, H). said: (n,) what the words say of each prompt, 0 or 1.
    """
    mean, sds = states.mean(axis=0), states.std(axis=0)
    sds = np.maximum(sds, max(1e-3 * float(sds.max()), 1e-9))
    x = (states - mean) / sds
    alike = x @ x.T  # (n, n)
    ridge = max(STATE_RIDGE * float(np.trace(alike)) / len(x), 1e-9)
    weights = x.T @ np.linalg.solve(alike + ridge * np.eye(len(x)), said - said.mean())
    return mean, weights / sds


def _read_state(
    states: Vector, mean: Vector | Array, weights: Vector | Array, usual: float
) -> Vector:
    """(n,): about 0 where little is asked for, about 1 where much is."""
    return np.asarray(usual + (states - mean) @ weights, np.float64)


def _settle(read: Vector, said: Vector, share: float) -> Vector:
    """(n,) from 0 to 1: sigmoid(SURENESS (share read + (1 - share) said - 1/2))."""
    leaning = SURENESS * (share * read + (1 - share) * said - 0.5)
    return np.asarray(1 / (1 + np.exp(-np.clip(leaning, -50.0, 50.0))))


def _within(values: Vector, group: NDArray[np.intp]) -> Vector:
    """Rows minus the mean of their group."""
    counts = np.bincount(group)[:, None]
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, group, values)
    return np.asarray(values - (sums / counts)[group])


def _whitened(centred: Vector, n: int) -> Vector:
    """(H, n or fewer): projection on the first principal components, each of unit variance."""
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    sds = singular / np.sqrt(len(centred))
    n = min(n, int((sds > 1e-6 * max(float(sds[0]), 1e-12)).sum()))
    return np.asarray(directions[:n].T / sds[:n])


def _cross(context: Vector, style: Vector) -> Vector:
    """Every entry of context times every crossed style measure, flat."""
    return np.outer(context, style[_CROSSED_INDEX]).ravel()


def _names() -> str:
    return " ".join((*STYLE_MEASURES, "|", *PROMPT_MEASURES, "|", *CROSSED))
