"""Replies, large samples and scores. Each job is a generator of answers.

A job yields after every forward, so that another one can have its turn in between; nothing it
leaves in the view may therefore be relied on after a `yield`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chatfeedback.engine.adapters import LiveView
from chatfeedback.engine.base_model import BaseModel
from chatfeedback.engine.decode import (
    Decoding,
    KeptCaches,
    Row,
    TextStream,
    is_attention_only,
    plan_batches,
    rows_at_once,
)
from chatfeedback.engine.messages import Piece
from chatfeedback.engine.scoring import Anatomy, dissect, reply_logprobs, score_replies
from chatfeedback.engine.together import Together
from chatfeedback.errors import ModelUnusable, PromptTooLong
from chatfeedback.records import (
    AdapterUse,
    GeneratedReply,
    GenerateRequest,
    ReplyFeatures,
    SampleRequest,
    Sampling,
    ScoredText,
    ScoreRequest,
    TextDelta,
    Turn,
)

SCORED_TOKENS = 512  # at a time; a reply waits for no more than a layer of this
LARGEST_ERROR = 0.3  # of states in decoding; rounding to 16 bits makes 0.04, a lost cache 0.5 to 1

Pieces = Iterator[list[Piece]]
Ids = Sequence[int]


class Serving:
    """Answers generate, sample and score requests with one live view."""

    def __init__(self, base: BaseModel, view: LiveView, anatomy: Anatomy) -> None:
        self._base, self._view, self._anatomy = base, view, anatomy
        self._kept = KeptCaches(base.kept_kv_bytes)
        self._together = Together(view)

    def warm_up(self) -> None:
        """Write two short replies at once, so that the first real one is quick, and see whether the
        model makes the same of them when it reads them whole.

        Raises:
            ModelUnusable: the model cannot write replies this way.
        """
        hello = SampleRequest(((Turn("user", "Hello"),),), 2, 0, Sampling(max_new_tokens=2))
        try:
            *_, [answer] = self.sample(hello)
            error = self._error_of_decoding(*cast(list[list[GeneratedReply]], answer))
        except Exception as failure:  # any architecture fails in its own way
            raise ModelUnusable(
                f"{self._base.info.name} was loaded but cannot write a reply "
                f"({type(failure).__name__}: {failure}). Choose another model."
            ) from failure
        if not error < LARGEST_ERROR:
            raise ModelUnusable(
                f"{self._base.info.name} was loaded, but word by word it says other things than "
                f"when it reads a whole text ({error:.0%} apart), so its replies would be wrong. "
                "Choose another model."
            )

    def _error_of_decoding(self, replies: Sequence[GeneratedReply]) -> float:
        """How far the states met in decoding are from those of one forward, as a share of these."""
        features = self._score([r.prompt_ids for r in replies], [[r.token_ids] for r in replies])
        whole = np.stack([each.hidden.astype(np.float32) for (each,) in features])
        drawn = np.stack([reply.features.hidden.astype(np.float32) for reply in replies])
        return float(np.linalg.norm(drawn - whole) / np.linalg.norm(whole))

    def generate(self, request: GenerateRequest, arrived_s: float) -> Pieces:
        """Stream n replies, then answer them whole. arrived_s: time.perf_counter at arrival."""
        begun = self._begun_ids(request.begun)
        reserve = request.sampling.max_new_tokens + len(begun)
        prompt, dropped = self._prompt(request.turns, reserve)
        self._require_room(prompt, begun)
        finished: list[GeneratedReply] = []
        for first, n in self._reply_groups(request, [[*prompt, *begun]]):
            watch = _Stopwatch(arrived_s)
            decoding = self._decoding(request, [prompt], first, n, begun=begun)
            streams = [self._text_stream(request.sampling.stop, begun) for _ in decoding.rows]
            shown = [len(begun) for _ in decoding.rows]  # tokens whose text was given out
            self._together.enter(decoding)
            try:
                while not self._together.is_over(decoding):
                    grown = self._together.step(decoding)
                    deltas: list[Piece] = []
                    for row in grown:
                        at = row.reply - first
                        stream = streams[at]
                        if text := _push(stream, row):
                            ids = tuple(row.token_ids[shown[at] :])
                            deltas.append(TextDelta(row.reply, text, ids))
                            shown[at] = len(row.token_ids)
                        if stream.stopped:
                            decoding.end(row)
                    watch.see(grown)
                    yield deltas
            except GeneratorExit:  # stopped by the person, who will go on from here
                self._keep_cache(request, decoding)
                raise
            finally:
                self._together.leave(decoding)
            self._keep_cache(request, decoding)
            finished += [
                self._whole(row, streams[row.reply - first].text, watch, dropped)
                for row in decoding.rows
            ]
        if begun:
            finished = self._with_whole_logprob(request.adapter, prompt, finished)
        yield list(self._with_features([prompt], [finished])[0])

    def sample(self, request: SampleRequest) -> Pieces:
        """All replies to all prompts, in batches of prompts of similar length."""
        prompts: list[Ids] = []
        dropped: list[int] = []
        for turns in request.prompts:
            prompt, n_dropped = self._prompt(turns, request.sampling.max_new_tokens)
            prompts.append(prompt)
            dropped.append(n_dropped)
            yield []
        results: list[list[GeneratedReply]] = [[] for _ in prompts]
        config, new_tokens = self._base.model.config, request.sampling.max_new_tokens
        kv_tokens = self._base.kv_tokens
        for numbers in plan_batches(prompts, request.n, config, new_tokens, kv_tokens):
            batch = [prompts[i] for i in numbers]
            for first, n in self._reply_groups(request, batch):
                watch = _Stopwatch(time.perf_counter())
                decoding = self._decoding(request, batch, first, n, numbers)
                while not decoding.done:
                    watch.see(decoding.step())
                    yield []
                for row in decoding.rows:
                    text = self._base.template.text_of(row.token_ids)
                    reply = self._whole(row, text, watch, dropped[row.prompt])
                    results[row.prompt].append(reply)
        if request.with_features:
            for some in _runs_of(prompts, results):
                scored = self._with_features([prompts[i] for i in some], [results[i] for i in some])
                for i, replies in zip(some, scored, strict=True):
                    results[i] = replies
                yield []
        yield [results]

    def score(self, request: ScoreRequest) -> Pieces:
        """Features of given texts, rendered as replies; too long ones are cut to the context."""
        results: list[list[ScoredText]] = []
        for turns, texts in zip(request.prompts, request.texts, strict=True):
            prompt, _ = self._prompt(turns, self._base.info.context_tokens // 4)
            room = self._base.info.context_tokens - len(prompt)
            replies = [self._base.template.reply_ids(text)[:room] for text in texts]
            features = self._score([prompt], [replies])[0]
            results.append(
                [
                    ScoredText(tuple(prompt), reply, made)
                    for reply, made in zip(replies, features, strict=True)
                ]
            )
            yield []
        yield [results]

    def _prompt(self, turns: Sequence[Turn], reserve: int) -> tuple[list[int], int]:
        kept, dropped = self._base.fit_to_context(turns, reserve)
        return self._base.render(kept), dropped

    def _begun_ids(self, begun: Turn | None) -> tuple[int, ...]:
        if begun is None:
            return ()
        return begun.token_ids or self._base.template.reply_ids(begun.text)[:-1]

    def _require_room(self, prompt: Ids, begun: Ids) -> None:
        context = self._base.info.context_tokens
        if len(prompt) + len(begun) >= context:
            raise PromptTooLong(
                f"This answer cannot go on: with what was said before it, it fills the {context} "
                "tokens that the model can read. Ask for the rest in a new message."
            )

    def _reply_groups(
        self, request: GenerateRequest | SampleRequest, prompts: Sequence[Ids]
    ) -> list[tuple[int, int]]:
        """(first reply, how many) of each prompt that are decoded together."""
        longest = max(map(len, prompts)) + request.sampling.max_new_tokens
        rows = rows_at_once(longest, self._base.model.config, self._base.kv_tokens)
        size = max(1, rows // len(prompts))
        return [(first, min(size, request.n - first)) for first in range(0, request.n, size)]

    def _decoding(
        self,
        request: GenerateRequest | SampleRequest,
        prompts: Sequence[Ids],
        first: int,
        n: int,
        numbers: Sequence[int] = (0,),
        begun: Ids = (),
    ) -> Decoding:
        kept = None
        if isinstance(request, GenerateRequest) and request.conversation_key is not None:
            kept = self._kept.take(_cache_key(request), [*prompts[0], *begun])
        return Decoding(
            self._view,
            request.adapter,
            prompts,
            numbers=numbers,
            first_reply=first,
            n=n,
            seed=request.seed,
            sampling=request.sampling,
            end_token_ids=self._base.end_token_ids,
            context_tokens=self._base.info.context_tokens,
            with_hidden=_asks_the_base(request),
            begun=begun,
            kept=kept,
        )

    def _keep_cache(self, request: GenerateRequest, decoding: Decoding) -> None:
        if request.conversation_key is None:
            return
        if not is_attention_only(self._base.model.config):
            return  # the state of a recurrent layer cannot be cut back
        if (read := decoding.what_was_read()) is not None:
            self._kept.keep(_cache_key(request), *read)

    def _text_stream(self, stop: Sequence[str], begun: Ids) -> TextStream:
        stream = TextStream(self._base.tokenizer, self._base.end_token_ids, stop)
        for token_id in begun:
            stream.push(token_id)
        return stream

    def _whole(self, row: Row, text: str, watch: _Stopwatch, dropped: int) -> GeneratedReply:
        assert row.stop_reason is not None
        return GeneratedReply(
            index=row.reply,
            text=text,
            prompt_ids=tuple(row.prompt_ids),
            token_ids=tuple(row.token_ids),
            stop_reason=row.stop_reason,
            policy_logprob=row.policy_logprob,
            features=self._features_of(row),
            first_token_ms=watch.first_ms,
            reply_ms=watch.end_ms[row.prompt, row.reply],
            dropped_turns=dropped,
        )

    def _features_of(self, row: Row) -> ReplyFeatures:
        """What decoding itself found out: everything if the base wrote the reply, else nothing."""
        key, n_tokens, empty = self._base.info.key, len(row.token_ids), np.zeros(0, np.float16)
        if row.hidden is None or row.prompt_hidden is None:
            return ReplyFeatures(key, empty, empty, math.nan, n_tokens)
        hidden, prompt_hidden = _half(row.hidden), _half(row.prompt_hidden)
        return ReplyFeatures(key, hidden, prompt_hidden, row.policy_logprob, n_tokens)

    def _with_whole_logprob(
        self, adapter: AdapterUse | None, prompt: Ids, replies: Sequence[GeneratedReply]
    ) -> list[GeneratedReply]:
        """Count what was begun too: under the adapter that wrote the rest, like the rest."""
        self._view.use(adapter)
        parts = dissect(self._view.model)
        parts = replace(parts, shares_prefixes=self._anatomy.shares_prefixes)
        with torch.no_grad():
            found = reply_logprobs(
                parts,
                [[*prompt, *reply.token_ids] for reply in replies],
                [len(prompt)] * len(replies),
            )
        return [
            replace(reply, policy_logprob=float(each.sum()))
            for reply, each in zip(replies, found, strict=True)
        ]

    def _with_features(
        self, prompts: Sequence[Ids], results: Sequence[list[GeneratedReply]]
    ) -> list[list[GeneratedReply]]:
        """Fill in what is missing with one forward of the base over prompts and replies."""
        if all(reply.features.hidden.size for replies in results for reply in replies):
            return list(results)
        scored = self._score(prompts, [[r.token_ids for r in replies] for replies in results])
        return [
            [replace(r, features=f) for r, f in zip(replies, features, strict=True)]
            for replies, features in zip(results, scored, strict=True)
        ]

    def _score(
        self, prompts: Sequence[Ids], replies: Sequence[Sequence[Ids]]
    ) -> list[list[ReplyFeatures]]:
        self._view.use(None)
        return score_replies(self._anatomy, self._base.info.key, prompts, replies)


def _asks_the_base(request: GenerateRequest | SampleRequest) -> bool:
    """Whether features come for free: the states of decoding are the base's own."""
    wanted = not isinstance(request, SampleRequest) or request.with_features
    return wanted and (request.adapter is None or request.adapter.scale == 0)


def _half(state: Tensor) -> NDArray[np.float16]:
    half: NDArray[np.float16] = state.to(torch.float16).cpu().numpy()
    return half


def draw_own_replies(
    base: BaseModel,
    model: Any,
    prompts: Sequence[Ids],
    seed: int,
    sampling: Sampling = Sampling(),  # noqa: B008  # immutable: the sampling of chats
) -> list[list[int]]:
    """One reply a prompt, drawn from `model` as it is now."""
    view = _FixedView(model)
    replies: list[list[int]] = [[] for _ in prompts]
    config, new_tokens = base.model.config, sampling.max_new_tokens
    for numbers in plan_batches(prompts, 1, config, new_tokens, base.kv_tokens):
        decoding = Decoding(
            view,
            None,
            [prompts[i] for i in numbers],
            numbers=numbers,
            n=1,
            seed=seed,
            sampling=sampling,
            end_token_ids=base.end_token_ids,
            context_tokens=base.info.context_tokens,
        )
        while not decoding.done:
            decoding.step()
        for row in decoding.rows:
            replies[row.prompt] = row.token_ids
    return replies


@dataclass
class _FixedView:
    """A model whose adapter somebody else has chosen."""

    model: Any

    def use(self, adapter: AdapterUse | None) -> None:
        """Nothing to choose."""


class _Stopwatch:
    """When replies got their first and their last token, ms since `start_s`."""

    def __init__(self, start_s: float) -> None:
        self._start_s = start_s
        self.first_ms = 0.0
        self.end_ms: dict[tuple[int, int], float] = {}

    def see(self, grown: Sequence[Row]) -> None:
        if not grown:
            return
        now_ms = 1e3 * (time.perf_counter() - self._start_s)
        self.first_ms = self.first_ms or now_ms
        for row in grown:
            if row.stop_reason:
                self.end_ms[row.prompt, row.reply] = now_ms


def _push(stream: TextStream, row: Row) -> str:
    text = stream.push(row.token_ids[-1])
    return text + stream.finish() if row.stop_reason else text


def _cache_key(request: GenerateRequest) -> tuple[object, ...]:
    """Keys and values of one adapter at one strength mean nothing to another."""
    return (request.conversation_key, request.adapter)


def _runs_of(
    prompts: Sequence[Ids], results: Sequence[list[GeneratedReply]]
) -> Iterator[list[int]]:
    """Numbers of neighbouring prompts whose replies are scored together."""
    run: list[int] = []
    tokens = 0
    for i, (prompt, replies) in enumerate(zip(prompts, results, strict=True)):
        cost = len(prompt) + sum(len(reply.token_ids) for reply in replies)
        if run and tokens + cost > SCORED_TOKENS:
            yield run
            run, tokens = [], 0
        run.append(i)
        tokens += cost
    if run:
        yield run
