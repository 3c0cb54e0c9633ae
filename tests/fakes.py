"""Hand-written stand-ins: an engine that answers from a short list, at once and repeatably."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from chatfeedback.errors import EngineDied, PromptTooLong
from chatfeedback.records import (
    AdapterUse,
    BaseInfo,
    EngineState,
    GeneratedReply,
    GenerateRequest,
    LearnRequest,
    LearnResult,
    LearnStep,
    ReplyFeatures,
    SampleRequest,
    ScoredText,
    ScoreRequest,
    TextDelta,
    Turn,
)

BASE = BaseInfo("base-1", "fake", False, 512, 8, 1000, "cpu", "float32", "none")

ANSWERS = (
    "Short answer.",
    "Here is a longer answer that goes on for a while. It says more than is needed! 😊",
    "- one\n- two\n- three",
    "Certainly. In brief, this is a formal reply; one might add a second clause.",
)


def hidden_of(text: str) -> np.ndarray:
    """A fixed, text-dependent state (8,)."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return np.random.default_rng(seed).standard_normal(8).astype(np.float16)


def features_of(prompt: str, text: str) -> ReplyFeatures:
    """Features as the base would give them."""
    n = max(1, len(text.split()))
    return ReplyFeatures(BASE.key, hidden_of(text), hidden_of(prompt), -0.5 * n, n)


class FakeEngine:
    """Answers prompts from ANSWERS in turn; with an adapter, always with the first one.

    `requests` keeps what was asked. `die_next` makes the next call raise EngineDied, `full_next`
    PromptTooLong.
    """

    def __init__(self, base: BaseInfo = BASE) -> None:
        self.base = base
        self.phase = "ready"
        self.requests: list[object] = []
        self.die_next = False
        self.full_next = False
        self.learn_steps = 3
        self.reply_ms = 2.0
        self.stop_reason = "end"
        self._count = 0

    def state(self) -> EngineState:
        return EngineState(self.phase, "", self.base if self.phase == "ready" else None)

    def generate(self, request: GenerateRequest) -> Iterator[TextDelta | GeneratedReply]:
        self._note(request)
        prompt = request.turns[-1].text
        for index in range(request.n):
            reply = self._reply(index, prompt, request.adapter)
            for at, word in enumerate(reply.text.split(" ")):
                yield TextDelta(index, word + " ", (10 + at,))
            yield go_on(request.begun, reply)

    def sample(self, request: SampleRequest) -> list[list[GeneratedReply]]:
        self._note(request)
        return [
            [self._reply(index, turns[-1].text, request.adapter) for index in range(request.n)]
            for turns in request.prompts
        ]

    def score(self, request: ScoreRequest) -> list[list[ScoredText]]:
        self._note(request)
        return [
            [ScoredText((1, 2), (3, 4), features_of(_last(turns), text)) for text in texts]
            for turns, texts in zip(request.prompts, request.texts, strict=True)
        ]

    def learn(self, request: LearnRequest) -> Iterator[LearnStep | LearnResult]:
        self._note(request)
        for step in range(1, self.learn_steps + 1):
            yield LearnStep(step, self.learn_steps, {"dpo/loss": 1.0 / step})
        Path(request.folder).mkdir(parents=True)
        yield LearnResult(
            request.adapter_id, request.folder, "hash", self.learn_steps, "steps", 1.0, 0.1, {}
        )

    def _note(self, request: object) -> None:
        self.requests.append(request)
        if self.die_next:
            self.die_next = False
            raise EngineDied("The engine ended while it was answering.")
        if self.full_next:
            self.full_next = False
            raise PromptTooLong("The message alone does not fit.")

    def _reply(self, index: int, prompt: str, adapter: AdapterUse | None) -> GeneratedReply:
        text = ANSWERS[0] if adapter else ANSWERS[self._count % len(ANSWERS)]
        self._count += 1
        features = features_of(prompt, text)
        return GeneratedReply(
            index=index,
            text=text,
            prompt_ids=(1, 2, 3),
            token_ids=tuple(range(10, 10 + features.n_tokens)),
            stop_reason=self.stop_reason,
            policy_logprob=features.base_logprob + (0.5 if adapter else 0.0),
            features=features,
            first_token_ms=1.0,
            reply_ms=self.reply_ms,
        )


def go_on(begun: Turn | None, reply: GeneratedReply) -> GeneratedReply:
    """The reply with what it began with in front."""
    if begun is None:
        return reply
    ids = (*(begun.token_ids or ()), *reply.token_ids)
    return replace(reply, text=begun.text + reply.text, token_ids=ids)


def _last(turns: tuple[Turn, ...]) -> str:
    return turns[-1].text
