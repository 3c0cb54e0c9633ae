"""Getting to know a base model, once: how its replies vary, and what it can do.

The base answers a fixed set of prompts several times. From these replies come the reward model's
basis, the replies a learning run must keep likely, and a pool on which the reward model labels
pairs. A stored calibration belongs to one base and is never changed.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

import numpy as np

from chatfeedback.learning.retention import (
    Mix,
    Part,
    Question,
    QuestionKind,
    interleave,
    mix,
    questions,
)
from chatfeedback.protocols import Engine
from chatfeedback.records import (
    BaseInfo,
    GeneratedReply,
    ReplyFeatures,
    SampleRequest,
    Sampling,
    Turn,
)
from chatfeedback.taste.basis import Basis, Sample, fit_basis

FORMAT = 2  # 1: a real model was asked neutral prompts alone
POOL_PROMPTS = 96
POOL_REPLIES = 8
POOL_TEMPERATURE = 0.9
PROBE_PROMPTS = 24

# A real model takes its time: as many replies as in 10 prompts x 8, of more prompts.
REAL_MODEL_MIX, REAL_MODEL_REPLIES = Mix(facts=8, how_tos=4, others=8), 4
REAL_MODEL_PROBES = Mix(facts=4, how_tos=3, others=3)
SEED = 20_26


@dataclass(frozen=True)
class PoolReply:
    """A reply of the base; `mark` is the share of the known answer it holds, None if unknown."""

    text: str
    token_ids: tuple[int, ...]
    finished: bool
    mark: float | None
    features: ReplyFeatures

    @property
    def is_right(self) -> bool:
        """It ended properly and, where the answer is known, holds all of it."""
        return self.finished and bool(self.text.strip()) and (self.mark is None or self.mark >= 1.0)


@dataclass(frozen=True)
class PoolPrompt:
    """One prompt with several replies of the base."""

    prompt: str
    kind: QuestionKind
    prompt_ids: tuple[int, ...]
    replies: tuple[PoolReply, ...]


@dataclass(frozen=True)
class Calibration:
    """What is known of a base model. probe_prompts: where a run looks at its KL."""

    basis: Basis
    pool: tuple[PoolPrompt, ...]
    probe_prompts: tuple[tuple[int, ...], ...]

    @property
    def base_key(self) -> str:
        """The base this belongs to."""
        return self.basis.base_key

    def to_bytes(self) -> bytes:
        """One .npz: the basis, the hidden states, and everything else as JSON."""
        replies = [reply for each in self.pool for reply in each.replies]
        meta = {
            "pool": [_prompt_json(each) for each in self.pool],
            "probes": self.probe_prompts,
        }
        file = io.BytesIO()
        np.savez_compressed(
            file,
            format=np.array(FORMAT),
            basis=np.frombuffer(self.basis.to_bytes(), np.uint8),
            meta=np.array(json.dumps(meta)),
            hidden=np.stack([reply.features.hidden for reply in replies]),
            prompt_hidden=np.stack([each.replies[0].features.prompt_hidden for each in self.pool]),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, blob: bytes) -> Calibration | None:
        """None when another version wrote it: calibrate again."""
        with np.load(io.BytesIO(blob), allow_pickle=False) as file:
            basis = Basis.from_bytes(file["basis"].tobytes())
            if int(file["format"]) != FORMAT or basis is None:
                return None
            meta = json.loads(str(file["meta"]))
            hidden = iter(file["hidden"])
            pool = tuple(
                _prompt_from_json(each, basis.base_key, hidden, prompt_hidden)
                for each, prompt_hidden in zip(meta["pool"], file["prompt_hidden"], strict=True)
            )
        return cls(basis, pool, tuple(tuple(ids) for ids in meta["probes"]))


def calibrate(engine: Engine, base: BaseInfo) -> Calibration:
    """Let the base answer the pool's prompts and the probes. Seconds on the starter."""
    pool_questions = _choose(base, "loss", POOL_PROMPTS, 0.2, REAL_MODEL_MIX)
    sampled = engine.sample(
        SampleRequest(
            prompts=tuple((Turn("user", each.prompt),) for each in pool_questions),
            n=POOL_REPLIES if base.is_starter else REAL_MODEL_REPLIES,
            seed=SEED,
            sampling=Sampling(temperature=POOL_TEMPERATURE),
        )
    )
    pool = tuple(
        PoolPrompt(
            question.prompt,
            question.kind,
            replies[0].prompt_ids,
            tuple(_pool_reply(reply, question.mark) for reply in replies),
        )
        for question, replies in zip(pool_questions, sampled, strict=True)
    )
    basis = fit_basis(
        [
            [Sample(each.prompt, reply.text, reply.features) for reply in each.replies]
            for each in pool
        ]
    )
    return Calibration(basis, pool, _probe_prompts(engine, base))


def _choose(
    base: BaseInfo, part: Part, limit: int, how_to_share: float, real: Mix
) -> list[Question]:
    if base.is_starter:
        return interleave(questions(part, True), limit, how_to_share)
    return mix(questions(part, False), real)


def _probe_prompts(engine: Engine, base: BaseInfo) -> tuple[tuple[int, ...], ...]:
    probes = _choose(base, "probe", PROBE_PROMPTS, 0.3, REAL_MODEL_PROBES)
    scored = engine.sample(
        SampleRequest(
            prompts=tuple((Turn("user", each.prompt),) for each in probes),
            n=1,
            seed=SEED,
            sampling=Sampling(max_new_tokens=1),
        )
    )
    return tuple(replies[0].prompt_ids for replies in scored)


def _pool_reply(reply: GeneratedReply, mark: object) -> PoolReply:
    marked = mark(reply.text) if callable(mark) else None
    return PoolReply(reply.text, reply.token_ids, reply.finished, marked, reply.features)


def _prompt_json(each: PoolPrompt) -> dict[str, object]:
    return {
        "prompt": each.prompt,
        "kind": each.kind,
        "ids": each.prompt_ids,
        "replies": [
            {
                "text": reply.text,
                "ids": reply.token_ids,
                "finished": reply.finished,
                "mark": reply.mark,
                "logprob": reply.features.base_logprob,
            }
            for reply in each.replies
        ],
    }


def _prompt_from_json(
    each: dict[str, object], base_key: str, hidden: object, prompt_hidden: object
) -> PoolPrompt:
    replies = tuple(
        PoolReply(
            reply["text"],
            tuple(reply["ids"]),
            reply["finished"],
            reply["mark"],
            ReplyFeatures(
                base_key,
                next(hidden),  # type: ignore[call-overload]
                prompt_hidden,  # type: ignore[arg-type]
                reply["logprob"],
                len(reply["ids"]),
            ),
        )
        for reply in each["replies"]  # type: ignore[attr-defined]
    )
    return PoolPrompt(each["prompt"], each["kind"], tuple(each["ids"]), replies)  # type: ignore[arg-type]
