"""The base's replies to many questions, drawn once: what the fast tier lives on.

No reply in it depends on who asks, so all simulated people share it, and a life of a hundred clicks
is a second of arithmetic. What it cannot show is anything that changes the model: the adapter.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatfeedback.engine.client import Engine
from chatfeedback.learning.calibration import calibrate
from chatfeedback.learning.retention import Part, Question, interleave, questions
from chatfeedback.records import (
    BaseInfo,
    GeneratedReply,
    ReplyFeatures,
    SampleRequest,
    Sampling,
    Turn,
)
from chatfeedback.settings import Settings
from chatfeedback.taste.basis import Basis

BEST_OF = Settings().best_of
REFERENCE = 4
"""Plain replies of the base that served ones are judged against."""

ROUNDS = 2
"""Groups of BEST_OF replies among which one is served, for each judged question."""

CANDIDATES = 8
"""Replies to each question that is asked: as many as the app draws for four answers."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A question with replies of the base. phis: (n, D) float64."""

    question: Question
    replies: tuple[GeneratedReply, ...]
    phis: NDArray[np.float64]

    @cached_property
    def marks(self) -> tuple[float, ...]:
        """Of each reply, the share of the right answer that it holds; 1 where none is known."""
        mark = self.question.mark
        return tuple(1.0 if mark is None else mark(reply.text) for reply in self.replies)

    @cached_property
    def place(self) -> dict[int, int]:
        """id(reply) -> its index."""
        return {id(reply): at for at, reply in enumerate(self.replies)}


@dataclass(frozen=True, eq=False)
class Pool:
    """chat: what people react to. report: what they are judged on, REFERENCE replies first."""

    basis: Basis
    chat: tuple[Asked, ...]
    report: tuple[Asked, ...]

    def save(self, path: Path) -> None:
        """One .npz; a killed run never leaves half of one."""
        blocks = {"chat": self.chat, "report": self.report}
        meta = {name: [_to_json(each) for each in asked] for name, asked in blocks.items()}
        chat, report = (
            np.concatenate([each.phis for each in asked]).astype(np.float32)
            for asked in blocks.values()
        )
        basis = np.frombuffer(self.basis.to_bytes(), np.uint8)
        file = io.BytesIO()
        np.savez_compressed(
            file,
            meta=np.array(json.dumps(meta)),
            basis=basis,
            chat=chat,
            report=report,
            chat_states=_states(self.chat),
            report_states=_states(self.report),
        )
        partial = path.with_suffix(".partial")
        partial.write_bytes(file.getvalue())
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Pool:
        """ValueError when it was made by another version."""
        with np.load(path, allow_pickle=False) as file:
            basis = Basis.from_bytes(file["basis"].tobytes())
            if basis is None:
                raise ValueError(
                    f"{path} was made by another version of chatfeedback. Delete it, or give "
                    "another folder with --out."
                )
            meta = json.loads(str(file["meta"]))
            chat, report = (
                _from_json(
                    meta[part],
                    part,
                    file[part].astype(np.float64),
                    file[f"{part}_states"],
                    basis,
                )
                for part in ("chat", "report")
            )
        return cls(basis, chat, report)


def draw_pool(n_chat: int, n_report: int, seed: int) -> Pool:
    """Let the starter answer: seconds to a minute, one engine process."""
    with starter() as (engine, base):
        return _draw(engine, base, n_chat, n_report, seed)


@contextmanager
def starter() -> Iterator[tuple[Engine, BaseInfo]]:
    """The embedded model, loaded in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(None, "none", Path(folder) / "engine.log")
        try:
            base = engine.wait_until_ready().base
            assert base is not None  # a ready engine has one
            yield engine, base
        finally:
            engine.close()


def _draw(engine: Engine, base: BaseInfo, n_chat: int, n_report: int, seed: int) -> Pool:
    basis = calibrate(engine, base).basis
    defaults = Settings()

    def ask(part: Part, limit: int, n: int, temperature: float) -> tuple[Asked, ...]:
        asked = interleave(questions(part, base.is_starter), limit)
        sampled = engine.sample(
            SampleRequest(
                prompts=tuple((Turn("user", each.prompt),) for each in asked),
                n=n,
                seed=seed,
                sampling=Sampling(temperature=temperature),
            )
        )
        return tuple(
            Asked(
                question,
                tuple(replies),
                basis.phis(
                    question.prompt,
                    [reply.text for reply in replies],
                    [reply.features for reply in replies],
                ),
            )
            for question, replies in zip(asked, sampled, strict=True)
        )

    judged = REFERENCE + BEST_OF * ROUNDS
    return Pool(
        basis,
        ask("chat", n_chat, CANDIDATES, defaults.compare_temperature),
        ask("report", n_report, judged, defaults.temperature),
    )


def _to_json(each: Asked) -> dict[str, object]:
    return {
        "item": each.question.item_id,
        "prompt": each.question.prompt,
        "replies": [
            (reply.text, reply.finished, reply.features.base_logprob_mean) for reply in each.replies
        ],
    }


def _from_json(
    found: Sequence[dict[str, object]],
    part: Part,
    phis: NDArray[np.float64],
    states: NDArray[np.float16],
    basis: Basis,
) -> tuple[Asked, ...]:
    known = {(each.item_id, each.prompt): each for each in questions(part, True)}
    asked, at = [], 0
    for each, state in zip(found, states, strict=True):
        question = known[str(each["item"]), str(each["prompt"])]
        replies = tuple(_reply(basis.base_key, state, *told) for told in each["replies"])  # type: ignore[attr-defined]
        asked.append(Asked(question, replies, phis[at : at + len(replies)]))
        at += len(replies)
    return tuple(asked)


def _states(part: Sequence[Asked]) -> NDArray[np.float16]:
    """(n, H): the base's state at the end of each question."""
    return np.stack([each.replies[0].features.prompt_hidden for each in part])


def _reply(
    base_key: str, state: NDArray[np.float16], text: str, finished: bool, logprob_mean: float
) -> GeneratedReply:
    nothing = np.zeros(0, np.float16)
    return GeneratedReply(
        index=0,
        text=text,
        prompt_ids=(),
        token_ids=(),
        stop_reason="end" if finished else "length",
        policy_logprob=0.0,
        features=ReplyFeatures(base_key, nothing, state, logprob_mean, 1),
        first_token_ms=0.0,
        reply_ms=0.0,
    )
