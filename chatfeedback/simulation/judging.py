"""Judging the lanes of one simulated person, by their true utility, on questions nobody asked."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chatfeedback.asking.explore import choose_reply
from chatfeedback.engine.client import Engine
from chatfeedback.learning.promotion import sequence_kl
from chatfeedback.learning.retention import Question, interleave, questions
from chatfeedback.records import AdapterUse, GeneratedReply, SampleRequest, Sampling, Turn
from chatfeedback.requests import told
from chatfeedback.settings import Settings
from chatfeedback.simulation.choices import (
    Floats,
    bootstrap_interval,
    find_temperature,
    mean,
    self_consistency,
    win_rate,
)
from chatfeedback.simulation.people import (
    Hidden,
    Reading,
    read_of_starter,
    say_wishes,
    unseen_share,
)
from chatfeedback.simulation.reading import read_generally
from chatfeedback.taste.card import write_card
from chatfeedback.taste.taste import Taste

BEST_OF = Settings().best_of
REFERENCE_REPLIES = 4


@dataclass(frozen=True)
class Row:
    """One person, one lane, after so many clicks. facts and how_to are shares of the base's, None
    where the base knows nothing; win_low and win_high are the 95 % interval of this person's win
    over questions."""

    person: str
    clicks: int
    lane: str
    win: float
    win_low: float
    win_high: float
    facts: float | None
    how_to: float | None
    kl_nats: float | None
    finished: float


class Judge:
    """Judges lanes on the report questions, with the person's true utility.

    Args:
        limit: report questions.
        rounds: served replies to each of them.
        is_starter: whether the embedded model is judged, which has questions of its own.
    """

    def __init__(
        self,
        engine: Engine,
        hidden: Hidden,
        limit: int,
        rounds: int,
        seed: int,
        is_starter: bool = True,
    ) -> None:
        self.hidden = hidden
        self._engine = engine
        self._rounds = rounds
        self._seed = seed
        self._temperature = 1.0
        self._consistency = 1.0
        self._unseen = 0.0
        self._is_starter = is_starter
        self._usual_words: dict[str, float] = {}
        self._questions = interleave(questions("report", is_starter), limit)
        self._reference = self._sample(None, REFERENCE_REPLIES, seed + 1)
        self._note_usual_words(self._questions, self._reference)
        self._pool = self._sample(None, BEST_OF * rounds, seed + 2)

    def worth(self, question: Question, text: str) -> float:
        """What a reply is worth to the person: to a question of the report, or to one of those
        that `calibrate_noise` was given."""
        return self.hidden.utility(question, text, self._read)

    def _read(self, question: Question, text: str) -> Reading:
        if self._is_starter:
            return read_of_starter(question, text)
        return read_generally(question, text, self._usual_words[question.prompt])

    def _note_usual_words(
        self, asked: Sequence[Question], replies: Sequence[Sequence[GeneratedReply]]
    ) -> None:
        """How long the base's replies to each question usually are: their median."""
        for question, each in zip(asked, replies, strict=True):
            words = [len(reply.text.split()) for reply in each]
            self._usual_words[question.prompt] = float(np.median(words))

    def calibrate_noise(self, asked: Sequence[Question]) -> None:
        """Find the choice temperature at which the person agrees with themselves 77.5 % of the
        time on pairs of the base's replies, and how much of the utility features.py misses."""
        replies = self._sample_for(asked, None, 8, self._seed + 3)
        self._note_usual_words(asked, replies)
        worth = np.array(
            [
                [self.worth(question, reply.text) for reply in each]
                for question, each in zip(asked, replies, strict=True)
            ]
        )
        gaps = (worth[:, ::2] - worth[:, 1::2]).ravel()
        gaps = gaps[np.abs(gaps) > 1e-9]
        self._temperature = find_temperature(gaps, 0.775)
        self._consistency = self_consistency(gaps, self._temperature)
        texts = [[reply.text for reply in each] for each in replies]
        self._unseen = unseen_share([each.prompt for each in asked], texts, worth)

    def prefers_first(self, first: float, second: float, rng: random.Random) -> bool:
        """One noisy choice (Bradley-Terry), with the slips and the habit of a careless person."""
        gap = (first - second) / self._temperature
        prefers = rng.random() < 1 / (1 + math.exp(-max(-50.0, min(50.0, gap))))
        if self.hidden.left_bias and rng.random() < self.hidden.left_bias:
            return True
        return prefers != bool(self.hidden.slip and rng.random() < self.hidden.slip)

    def judge_lanes(self, taste: Taste, adapter: AdapterUse | None, clicks: int) -> list[Row]:
        """Rows of all lanes as they would serve now; the card is said to be switched on in A."""
        served = self._served(adapter, BEST_OF * self._rounds, self._seed + 4)
        of_base = self._best_of_n(taste, self._pool) if clicks else _firsts(self._pool)
        best = self._best_of_n(taste, served) if clicks else _firsts(served)
        kl = sequence_kl([reply for each in _firsts(served) for reply in each])
        return [
            *self._judge_card(taste, adapter, clicks),
            self._row(clicks, "B", of_base, None),
            self._row(clicks, "C", _firsts(served), kl),
            self._row(clicks, "B+C", best, kl),
        ]

    def judge_prompt(self) -> Row:
        """The base under a style prompt that the person wrote by hand: no clicks, no learning."""
        lines = [say_wishes(self.hidden)] * len(self._questions)
        return self._row(0, "prompt", self._sample(None, self._rounds, self._seed + 7, lines), None)

    def _judge_card(self, taste: Taste, adapter: AdapterUse | None, clicks: int) -> list[Row]:
        """A: one sample of the base under the card. A+B+C: best of n of the adapter under it."""
        card = write_card(taste.model, None, on=True, for_starter=self._is_starter)
        lines = [card.line_for(question.prompt) for question in self._questions]
        carded = self._served(None, self._rounds, self._seed + 5, lines)
        together = self._served(adapter, BEST_OF, self._seed + 6, lines)
        best = self._best_of_n(taste, together) if clicks else _firsts(together)
        return [self._row(clicks, "A", carded, None), self._row(clicks, "A+B+C", best, None)]

    def facts(self) -> dict[str, float]:
        """What must be known of the person to read the curve."""
        worth = self._worth(self._pool)
        reference = self._worth(self._reference)

        def oracle(n: int) -> float:
            groups = worth.reshape(len(worth), -1, n).max(axis=2)
            return win_rate(groups, reference)

        return {
            "oracle_best_of_4": oracle(4),
            "oracle_best_of_8": oracle(8),
            "self_consistency": self._consistency,
            "unseen_share": self._unseen,
        }

    def _row(
        self, clicks: int, lane: str, served: list[list[GeneratedReply]], kl: float | None
    ) -> Row:
        pairs = zip(self._worth(served), self._worth(self._reference), strict=True)
        wins = [win_rate(mine[None], base[None]) for mine, base in pairs]
        low, high = bootstrap_interval(wins, self._seed)
        return Row(
            person=self.hidden.name,
            clicks=clicks,
            lane=lane,
            win=mean(wins),
            win_low=low,
            win_high=high,
            facts=self._kept(served, "fact"),
            how_to=self._kept(served, "how_to"),
            kl_nats=kl,
            finished=mean([float(reply.finished) for each in served for reply in each]),
        )

    def _kept(self, served: list[list[GeneratedReply]], kind: str) -> float | None:
        marks, base_marks = [], []
        for question, replies, pool in zip(self._questions, served, self._pool, strict=True):
            if question.kind == kind and question.mark is not None:
                marks += [question.mark(reply.text) for reply in replies]
                base_marks += [question.mark(reply.text) for reply in pool]
        return mean(marks) / mean(base_marks) if sum(base_marks) else None

    def _worth(self, replies: list[list[GeneratedReply]]) -> Floats:
        return np.array(
            [
                [self.worth(question, reply.text) for reply in each]
                for question, each in zip(self._questions, replies, strict=True)
            ]
        )

    def _best_of_n(
        self, taste: Taste, samples: list[list[GeneratedReply]]
    ) -> list[list[GeneratedReply]]:
        return [
            pick_of_groups(taste, question.prompt, each)
            for question, each in zip(self._questions, samples, strict=True)
        ]

    def _served(
        self, adapter: AdapterUse | None, n: int, seed: int, lines: Sequence[str] = ()
    ) -> list[list[GeneratedReply]]:
        """n replies to each question as they would be served; while nothing is learned these are
        the base's own, of which there are enough."""
        if adapter is None and not any(lines):
            return [each[:n] for each in self._pool]
        return self._sample(adapter, n, seed, lines)

    def _sample(
        self, adapter: AdapterUse | None, n: int, seed: int, lines: Sequence[str] = ()
    ) -> list[list[GeneratedReply]]:
        return self._sample_for(self._questions, adapter, n, seed, lines)

    def _sample_for(
        self,
        asked: Sequence[Question],
        adapter: AdapterUse | None,
        n: int,
        seed: int,
        lines: Sequence[str] = (),
    ) -> list[list[GeneratedReply]]:
        """n replies to each question; `lines`: what the system line says before each."""
        before = [told(line) for line in lines or [""] * len(asked)]
        return self._engine.sample(
            SampleRequest(
                prompts=tuple(
                    (*system, Turn("user", each.prompt))
                    for system, each in zip(before, asked, strict=True)
                ),
                n=n,
                seed=seed,
                sampling=Sampling(temperature=Settings().temperature),
                adapter=adapter,
            )
        )


def pick_of_groups(
    taste: Taste, prompt: str, replies: Sequence[GeneratedReply], n: int = BEST_OF
) -> list[GeneratedReply]:
    """The reply that the session would serve, of each n replies in turn."""
    groups = [replies[at : at + n] for at in range(0, len(replies), n)]
    return [group[choose_reply(taste, prompt, group)] for group in groups]


def _firsts(samples: list[list[GeneratedReply]]) -> list[list[GeneratedReply]]:
    """One sample of each group of n: what a single sample would have served."""
    return [each[::BEST_OF] for each in samples]
