"""Draw replies token by token: many rows at once, stoppable and resumable between any two steps.

A `Decoding` is one batch: its distinct prompts are read once, each continued by n replies. The
caller drives it with `step()`, so a reply for a person can run between two steps of a large batch.
A reply depends on (seed, prompt index, reply index) alone, not on what else is in the batch.

Legend: B rows (replies under way), P prompts, L tokens of the longest prompt, V vocabulary.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import DynamicCache, PretrainedConfig

from chatfeedback.engine.sampling import draw_uniforms, next_tokens
from chatfeedback.engine.scoring import dissect
from chatfeedback.records import AdapterUse, Sampling, StopReason

BATCH_ROWS = 192
PREFILL_TOKENS = 512  # read at a time; bounds how long a reply waits for a layer
ATTENTION_LAYERS = {"full_attention", "sliding_attention", "chunked_attention"}

Ids = Sequence[int]


class View(Protocol):
    """One owner's view of the base model."""

    model: Any

    def use(self, adapter: AdapterUse | None) -> None:
        """Answer the next forwards with this adapter; None is the plain base."""


@dataclass
class Row:
    """One reply being drawn.

    policy_logprob: sum over the tokens drawn here, nats, at temperature 1.
    hidden, prompt_hidden: (H,) last hidden states, averaged over the reply's tokens and at the
        prompt's last token; None unless they were asked for.
    over: nothing of this reply is left to be computed.
    """

    prompt: int  # number of the prompt
    reply: int
    prompt_ids: Ids
    token_limit: int
    uniforms: Tensor
    token_ids: list[int] = field(default_factory=list)
    policy_logprob: float = 0.0
    stop_reason: StopReason | None = None
    hidden: Tensor | None = None
    prompt_hidden: Tensor | None = None
    over: bool = False


def plan_batches(
    prompts: Sequence[Ids], n: int, config: PretrainedConfig, new_tokens: int, kv_tokens: int
) -> list[list[int]]:
    """Which prompts are decoded together: of similar length, and as many as memory allows.

    Args:
        prompts: token ids.
        n: replies to each.
        config: of the model.
        new_tokens: longest reply.
        kv_tokens: how many tokens' keys and values memory has room for.
    """
    by_length = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    longest = max(map(len, prompts), default=0) + new_tokens
    size = max(1, rows_at_once(longest, config, kv_tokens) // n)
    return [by_length[i : i + size] for i in range(0, len(by_length), size)]


def rows_at_once(n_tokens: int, config: PretrainedConfig, kv_tokens: int) -> int:
    """How many rows of so many tokens can be decoded together; recurrent models take one."""
    if not is_attention_only(config):
        return 1
    return min(BATCH_ROWS, max(1, kv_tokens // n_tokens))


def is_attention_only(config: PretrainedConfig) -> bool:
    """False for models with recurrent layers: their state cannot be padded, cut or repeated."""
    types = getattr(config.get_text_config(), "layer_types", None)
    return not types or set(types) <= ATTENTION_LAYERS


class Decoding:
    """n replies to each of some prompts, drawn together.

    Args:
        view: the model; `view.use(adapter)` is called before every forward, because somebody else
            may have used it since the last step.
        prompts: token ids, none empty, each shorter than `context_tokens`.
        numbers: the prompts' numbers, for the random draws and `Row.prompt`; by default 0, 1, 2 ...
        first_reply: number of the first of the n replies.
        with_hidden: keep hidden states for the rows; costs one more forward at a reply's end.
        begun: the first tokens of every reply, which were drawn before; the replies go on as if
            they had never been interrupted. No hidden states are kept then.
        kept: a KV cache from an earlier turn and how many of the tokens it holds of the prompt
            and what was begun (one prompt only).

    Attributes:
        adapter: as given.
        cache: keys and values of the rows that are not over, and of some that are.
        padding: empty columns at the left of each of these rows, (B,).
    """

    def __init__(
        self,
        view: View,
        adapter: AdapterUse | None,
        prompts: Sequence[Ids],
        *,
        n: int,
        seed: int,
        sampling: Sampling,
        end_token_ids: Sequence[int],
        context_tokens: int,
        numbers: Sequence[int] | None = None,
        first_reply: int = 0,
        with_hidden: bool = False,
        begun: Ids = (),
        kept: tuple[DynamicCache, int] | None = None,
    ) -> None:
        self._view, self.adapter, self._sampling = view, adapter, sampling
        self._end_token_ids = frozenset(end_token_ids)
        self._n, self._begun = n, list(begun)
        self.rows = [
            _new_row(number, reply, prompt, begun, seed, sampling, context_tokens)
            for number, prompt in zip(numbers or range(len(prompts)), prompts, strict=True)
            for reply in range(first_reply, first_reply + n)
        ]
        self._active = list(self.rows)  # one for each row of the KV cache, ended ones included
        self._head = dissect(view.model).head
        self._device = self._head.weight.device
        config = view.model.config
        fresh = DynamicCache() if is_attention_only(config) else DynamicCache(config=config)
        self.cache, self._read = kept or (fresh, 0)
        self._prompt_cache: DynamicCache | None = None  # of a single prompt, before it is spread
        self._prompts = [[*prompt, *begun] for prompt in prompts]
        longest = max(map(len, self._prompts))
        self.padding = torch.tensor([longest - len(p) for p in self._prompts])  # (P,)
        self._ids = torch.tensor([[0] * (longest - len(p)) + p for p in self._prompts])  # (P, L)
        self._uniforms = torch.zeros(0)  # (B, tokens), once the prompts are read
        self._is_used: Tensor | None = None  # (B, V) bool
        keeps_hidden = with_hidden and not begun
        self._sums: Tensor | None = torch.zeros(0) if keeps_hidden else None  # (B, H)

    @property
    def done(self) -> bool:
        """True when every reply is over."""
        return all(row.over for row in self._active)

    @property
    def is_reading(self) -> bool:
        """True while the prompts are not read to their end."""
        return self._read < self._ids.shape[1]

    @torch.inference_mode()
    def step(self) -> list[Row]:
        """One forward: read more of the prompts, or draw one token a reply.

        Returns:
            The rows that gained a token.
        """
        if not self.is_reading:
            return self.take(self._forward(self.last_ids()))
        hidden = self._read_prompts()
        return [] if self.is_reading else self._draw_next(self._spread_over_replies(hidden))

    def last_ids(self) -> Tensor:
        """The newest token of each row, which no forward has read yet, (B, 1)."""
        return torch.tensor([[row.token_ids[-1]] for row in self._active])

    def take(self, hidden: Tensor) -> list[Row]:
        """Draw one token a reply from the states after `last_ids`, (B, H); as `step`."""
        self._add_hidden(hidden)
        return self._draw_next(hidden)

    def _draw_next(self, hidden: Tensor) -> list[Row]:
        grown = [] if self.done else self._draw(hidden)
        self._drop_ended()
        return grown

    def end(self, row: Row) -> None:
        """Let a reply be over as it is, because its text has come to a stop string."""
        row.stop_reason = row.stop_reason or "end"
        row.over = self._sums is None

    def what_was_read(self) -> tuple[list[int], DynamicCache] | None:
        """The KV cache of a single prompt (with its reply, if it is one) and the ids it holds."""
        if len(self._prompts) > 1 or not self._read:
            return None
        cache = self.cache if self._n == 1 else self._prompt_cache
        if cache is None:
            return None
        drawn = self.rows[0].token_ids[len(self._begun) :] if self._n == 1 else []
        ids = [*self._prompts[0], *drawn]
        return ids[: cache.get_seq_length()], cache

    def _read_prompts(self) -> Tensor:
        """Read the next slice of the prompts; (P, H) hidden states after its last column."""
        width = max(1, PREFILL_TOKENS // len(self._ids))
        part = self._ids[:, self._read : self._read + width]
        self._read += part.shape[1]
        return self._forward(part)

    def _spread_over_replies(self, hidden: Tensor) -> Tensor:
        """Make n rows of each prompt's; hidden (P, H) becomes (B, H)."""
        if self._n > 1:
            if len(self._prompts) == 1:
                self._prompt_cache = _twin(self.cache)
            self.cache.batch_repeat_interleave(self._n)
            self.padding = self.padding.repeat_interleave(self._n)
            hidden = hidden.repeat_interleave(self._n, 0)
        self._uniforms = torch.stack([row.uniforms for row in self._active]).to(self._device)
        if self._sampling.repetition_penalty != 1:
            shape = len(hidden), len(self._head.weight)
            self._is_used = torch.zeros(shape, dtype=torch.bool, device=self._device)
            self._is_used[:, self._begun] = True
        if self._sums is not None:
            self._sums = torch.zeros_like(hidden, dtype=torch.float32)
            for row, state in zip(self._active, hidden.float(), strict=True):
                row.prompt_hidden = state
        return hidden

    def _forward(self, ids: Tensor) -> Tensor:
        """Last hidden state of the last of these tokens, (B, H). ids: (B, T)."""
        start = self.cache.get_seq_length()
        stop = start + ids.shape[1]
        places = {}
        if self.padding.any():
            column = torch.arange(stop)
            is_token = column >= self.padding[:, None]  # (B, stop)
            positions = (column[start:] - self.padding[:, None]).clamp(min=0)
            places = {
                "attention_mask": is_token.long().to(self._device),
                "position_ids": positions.to(self._device),
            }
        self._view.use(self.adapter)
        body = self._view.model.base_model
        states: Tensor = body(
            input_ids=ids.to(self._device),
            past_key_values=self.cache,
            use_cache=True,
            **places,
        ).last_hidden_state
        return states[:, -1]

    def _draw(self, hidden: Tensor) -> list[Row]:
        logits = self._head.logits(hidden)
        count = max(len(row.token_ids) for row in self._active)
        uniforms = self._uniforms[:, min(count, self._uniforms.shape[1] - 1)]
        tokens, logprobs = next_tokens(logits, self._is_used, uniforms, self._sampling)
        if self._is_used is not None:
            self._is_used.scatter_(1, tokens[:, None], True)
        drawn = zip(self._active, tokens.tolist(), logprobs.tolist(), strict=True)
        grown = [(row, token, logprob) for row, token, logprob in drawn if not row.stop_reason]
        for row, token, logprob in grown:
            self._append(row, token, logprob)
        return [row for row, _, _ in grown]

    def _add_hidden(self, hidden: Tensor) -> None:
        """Count the states of the tokens just read; a reply that had ended is over with them."""
        if self._sums is None:
            return
        self._sums += hidden.float()
        for i, row in enumerate(self._active):
            if row.stop_reason and not row.over:
                row.hidden = self._sums[i] / len(row.token_ids)
                row.over = True

    def _append(self, row: Row, token: int, logprob: float) -> None:
        row.token_ids.append(token)
        row.policy_logprob += logprob
        if token in self._end_token_ids:
            row.stop_reason = "end"
        elif len(row.token_ids) >= row.token_limit:
            row.stop_reason = "length"
        row.over = row.stop_reason is not None and self._sums is None

    def _drop_ended(self) -> None:
        """Shrink the batch once a quarter of it is over: each time copies the whole KV cache."""
        alive = [i for i, row in enumerate(self._active) if not row.over]
        if not alive or len(alive) > 0.75 * len(self._active):
            return
        self._active = [self._active[i] for i in alive]
        self.padding = self.padding[alive]
        keep = torch.tensor(alive, device=self._device)
        self.cache.batch_select_indices(keep)
        self._uniforms = self._uniforms[keep]
        if self._is_used is not None:
            self._is_used = self._is_used[keep]
        if self._sums is not None:
            self._sums = self._sums[keep]


def _new_row(
    number: int,
    reply: int,
    prompt: Ids,
    begun: Ids,
    seed: int,
    sampling: Sampling,
    context_tokens: int,
) -> Row:
    longest = len(begun) + sampling.max_new_tokens
    limit = max(1, min(longest, context_tokens - len(prompt)))
    uniforms = draw_uniforms(seed, number, reply, longest)
    return Row(number, reply, prompt, limit, uniforms, list(begun))


def _twin(cache: DynamicCache) -> DynamicCache:
    """The same tensors in another cache; growing either one leaves the other as it is."""
    twin = copy.copy(cache)
    twin.layers = [copy.copy(layer) for layer in cache.layers]
    return twin


class KeptCaches:
    """KV caches of conversations, kept from turn to turn; the least recently used go first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[object, tuple[list[int], DynamicCache]] = OrderedDict()

    def take(self, key: object, prompt: Ids) -> tuple[DynamicCache, int] | None:
        """The cache under `key`, cut to what it shares with the prompt, and how much that is.

        At least the prompt's last token is left out: its logits are wanted.
        """
        ids, cache = self._kept.pop(key, ([], None))
        shared = 0
        for old, new in zip(ids, prompt[:-1], strict=False):
            if old != new:
                break
            shared += 1
        if cache is None or shared == 0:
            return None
        cache.crop(shared - len(ids))  # negative: how many to remove
        return cache, shared

    def keep(self, key: object, ids: Ids, cache: DynamicCache) -> None:
        """Remember the cache that holds exactly these ids."""
        self._kept.pop(key, None)
        self._kept[key] = (list(ids), cache)
        while len(self._kept) > 1 and self._bytes() > self._limit_bytes:
            self._kept.popitem(last=False)

    def _bytes(self) -> int:
        return sum(_cache_bytes(cache) for _, cache in self._kept.values())


def _cache_bytes(cache: DynamicCache) -> int:
    return sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)


class TextStream:
    """Text of a growing list of ids, in pieces that never split a character.

    Attributes:
        text: what was given out so far; it ends before the first of the `stop` texts.
        stopped: one of them has come; nothing more is given out.
    """

    def __init__(self, tokenizer: Any, hidden_ids: Sequence[int], stop: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        self._hidden_ids = frozenset(hidden_ids)
        self._stop = tuple(filter(None, stop))
        self._ids: list[int] = []
        self._before = self._shown = 0  # ids[before:shown] give the context that spacing needs
        self._held = ""  # may be the beginning of a stop text
        self.text = ""
        self.stopped = False

    def push(self, token_id: int) -> str:
        """The new text that is certain by now; "" while a character is incomplete."""
        if token_id not in self._hidden_ids:
            self._ids.append(token_id)
        return self._give_out(self._decode_new(at_end=False), at_end=False)

    def finish(self) -> str:
        """What was held back, without a character that was never completed."""
        return self._give_out(self._decode_new(at_end=True), at_end=True)

    def _give_out(self, new: str, *, at_end: bool) -> str:
        if self.stopped:
            return ""
        text = self._held + new
        places = [place for stop in self._stop if (place := text.find(stop)) >= 0]
        self.stopped = bool(places)
        certain = min(places, default=len(text) if at_end else len(text) - self._unsure(text))
        self._held = text[certain:]
        self.text += text[:certain]
        return text[:certain]

    def _unsure(self, text: str) -> int:
        """Length of the longest end of the text that begins a stop text."""
        lengths = range(min(len(text), max(map(len, self._stop), default=0)), 0, -1)
        ends = (n for n in lengths if any(stop.startswith(text[-n:]) for stop in self._stop))
        return next(ends, 0)

    def _decode_new(self, *, at_end: bool) -> str:
        known = self._decode(self._ids[self._before : self._shown])
        text = self._decode(self._ids[self._before :])
        if text.endswith("\ufffd"):
            if not at_end:
                return ""
            text = text.rstrip("\ufffd")
        new = text[len(known) :]
        if new:
            self._before, self._shown = self._shown, len(self._ids)
        return new

    def _decode(self, ids: list[int]) -> str:
        return str(
            self._tokenizer.decode(
                ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )
