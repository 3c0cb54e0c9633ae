"""Scoring replies: the token trie, log-probabilities of reply tokens, features of replies.

The one way the engine rates replies, in learning and outside it. All replies that share a
beginning share its computation: sequences are laid out as tries (a prompt once, its replies as
branches) in depth-first order, each token attending to its ancestors only. Gradients are exact.
Models for which that does not hold (recurrent layers, flash attention, ALiBi) get one plain row
a sequence; `examine` finds out by itself.

Legend: B rows, T tokens a row, N reply tokens, H hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from chatfeedback.engine.head import Head, token_logprobs
from chatfeedback.errors import ModelUnusable
from chatfeedback.records import ReplyFeatures

Ids = Sequence[int]

ROW_TOKENS = 192  # tries share a row up to this length: measured fastest; attention is T squared
ROW_STEP = 16  # rows are padded to a multiple, so that kernels see few shapes
FORWARD_TOKENS = 2048  # tokens in one forward without gradients


# --- what must be known about a model ----------------------------------------------------


@dataclass(frozen=True)
class Anatomy:
    """The parts of a causal LM that scoring uses.

    window: sliding attention window in tokens, or None.
    mixed_windows: True when only some layers slide.
    adds_mask: True when attention adds the mask to its scores (eager) instead of reading bools.
    shares_prefixes: True when the trie holds for this model.
    """

    body: nn.Module
    head: Head
    window: int | None
    mixed_windows: bool
    adds_mask: bool
    shares_prefixes: bool


def examine(model: Any) -> Anatomy:
    """Look at a Hugging Face causal LM and test whether the trie holds for it.

    Raises:
        ModelUnusable: the model turns hidden states into logits in a way not known here.
    """
    anatomy = dissect(model)
    if trie_holds(model):
        return anatomy
    plain = replace(anatomy, shares_prefixes=False)
    if not _agrees_with_model(model, plain):
        raise ModelUnusable(
            f"{type(model).__name__} computes its output in an unknown way: its log-probabilities "
            "cannot be reproduced from its last hidden state. Choose another model."
        )
    return plain


def dissect(model: Any) -> Anatomy:
    """The parts of a Hugging Face causal LM (also one with LoRA layers injected)."""
    config = model.config.get_text_config()
    output = model.get_output_embeddings()
    scale = float(getattr(config, "logit_scale", None) or 1.0)
    scale /= float(getattr(config, "logits_scaling", None) or 1.0)
    types = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None)
    if not (types or getattr(config, "use_sliding_window", True)):
        window = None
    if types and "sliding_attention" not in types:
        window = None
    return Anatomy(
        body=model.base_model,
        head=Head(
            output.weight,
            getattr(output, "bias", None),
            scale,
            getattr(config, "final_logit_softcapping", None),
        ),
        window=window,
        mixed_windows=window is not None and "full_attention" in types,
        adds_mask=config._attn_implementation == "eager",
        shares_prefixes=True,
    )


def trie_holds(model: Any) -> bool:
    """Whether log-probs computed in a trie equal the model's own; a self-test of milliseconds."""
    try:
        return _agrees_with_model(model, dissect(model))
    except Exception:  # any architecture may refuse a 4-D mask in its own way
        return False


@torch.no_grad()
def _agrees_with_model(model: Any, anatomy: Anatomy) -> bool:
    draw = np.random.default_rng(0)
    ids = draw.integers(0, len(anatomy.head.weight), 40).tolist()
    sequences = [ids[:24], ids[:12] + ids[24:], ids[:14] + ids[30:]]
    ours = reply_logprobs(anatomy, sequences, [8] * 3)
    device = anatomy.head.weight.device
    in_32_bits = anatomy.head.weight.dtype.itemsize >= 4
    for sequence, logprobs in zip(sequences, ours, strict=True):
        row = torch.tensor([sequence], device=device)
        logits = model(input_ids=row, use_cache=False).logits[0, 7:-1].float()
        wanted = logits.log_softmax(-1).gather(1, row[0, 8:, None])[:, 0]
        error = (logprobs - wanted).abs()
        # 16-bit logits are multiples of 1/8 above 16; an unknown head or mask errs by nats
        if not (error.max() < 1e-3 if in_32_bits else error.mean() < 0.3):
            return False
    return True


# --- the trie ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Forest:
    """Sequences packed into rows.

    ids, depth, end: (B, T) int64; depth is the position in its own sequence, end the (exclusive)
        end of a token's subtree, so j is an ancestor of i (or i itself) iff j <= i < end[j].
    is_token: (B, T) bool, False on padding.
    paths: for each sequence the flat (row-major) index of each of its tokens.
    """

    ids: Tensor
    depth: Tensor
    end: Tensor
    is_token: Tensor
    paths: list[NDArray[np.int64]]


def pack(sequences: Sequence[Ids], *, share_prefixes: bool = True) -> Forest:
    """Lay sequences out as tries in depth-first order; common beginnings are stored once.

    [[5, 6, 7], [5, 6, 8, 9]] becomes one row: ids 5 6 7 8 9, depth 0 1 2 2 3, end 5 5 3 5 5.
    With share_prefixes=False each sequence has a row of its own.
    """
    arrays = [np.asarray(sequence, np.int64) for sequence in sequences]
    rows = [_Row()]
    places: list[tuple[int, NDArray[np.int64]]] = [(0, arrays[0][:0])] * len(arrays)
    for index in sorted(range(len(arrays)), key=lambda i: tuple(sequences[i])):
        sequence = arrays[index]
        shared = rows[-1].shared_with(sequence) if share_prefixes else 0
        full = rows[-1].length + len(sequence) - shared > ROW_TOKENS or not share_prefixes
        if full and rows[-1].length:
            rows.append(_Row())
            shared = 0
        places[index] = (len(rows) - 1, rows[-1].add(sequence, shared))
    return _stack(rows, places)


class _Row:
    """One row under construction; the last sequence is where the next may branch off."""

    def __init__(self) -> None:
        self.length = 0
        self.parts: list[tuple[NDArray[np.int64], int]] = []  # new tokens, depth of the first
        self.paths: list[NDArray[np.int64]] = []
        self.ends: list[int] = []
        self.last = np.zeros(0, np.int64)

    def shared_with(self, sequence: NDArray[np.int64]) -> int:
        n = min(len(self.last), len(sequence))
        differs = np.flatnonzero(self.last[:n] != sequence[:n])
        return int(differs[0]) if len(differs) else n

    def add(self, sequence: NDArray[np.int64], shared: int) -> NDArray[np.int64]:
        before = self.paths[-1][:shared] if self.paths else sequence[:0]
        new = np.arange(self.length, self.length + len(sequence) - shared)
        self.length += len(new)
        self.parts.append((sequence[shared:], shared))
        self.paths.append(np.concatenate([before, new]))
        self.ends.append(self.length)
        self.last = sequence
        return self.paths[-1]


def _stack(rows: list[_Row], places: list[tuple[int, NDArray[np.int64]]]) -> Forest:
    longest = max(row.length for row in rows)
    width = -(-longest // ROW_STEP) * ROW_STEP
    if ROW_TOKENS - longest < longest // 4:
        width = max(width, ROW_TOKENS)  # nearly full: always the same shape
    ids = np.zeros((len(rows), width), np.int64)
    depth = np.zeros_like(ids)
    end = np.broadcast_to(np.arange(1, width + 1), ids.shape).copy()  # padding sees itself only
    is_token = np.zeros(ids.shape, bool)
    for r, row in enumerate(rows):
        tokens = [part for part, _ in row.parts]
        ids[r, : row.length] = np.concatenate(tokens) if tokens else 0
        depth[r, : row.length] = np.concatenate(
            [np.arange(first, first + len(part)) for part, first in row.parts]
        )
        for path, row_end in zip(row.paths, row.ends, strict=True):
            end[r, path] = row_end
        is_token[r, : row.length] = True
    return Forest(
        torch.from_numpy(ids),
        torch.from_numpy(depth),
        torch.from_numpy(end),
        torch.from_numpy(is_token),
        [row * width + path for row, path in places],
    )


# --- forwards ----------------------------------------------------------------------------


def hidden_states(anatomy: Anatomy, forest: Forest) -> Tensor:
    """Last hidden state of every packed token, (B*T, H)."""
    device = anatomy.head.weight.device
    states: Tensor = anatomy.body(
        input_ids=forest.ids.to(device),
        position_ids=forest.depth.to(device),
        attention_mask=_attention_mask(anatomy, forest),
        use_cache=False,
    ).last_hidden_state
    return states.flatten(0, 1)


def _attention_mask(anatomy: Anatomy, forest: Forest) -> Tensor | dict[str, Tensor]:
    """Who may attend to whom, in the form the model's attention reads."""
    device = anatomy.head.weight.device
    if not anatomy.shares_prefixes:
        return forest.is_token.long().to(device)
    end, depth = forest.end.to(device), forest.depth.to(device)
    index = torch.arange(end.shape[1], device=device)
    may_attend = (index[None, None, :] <= index[None, :, None]) & (
        index[None, :, None] < end[:, None, :]
    )  # (B, T, T)
    if anatomy.window is None:
        return _as_read(anatomy, may_attend)
    # the window counts steps back along the branch, not places in the row
    near = depth[:, :, None] - depth[:, None, :] < anatomy.window
    sliding = _as_read(anatomy, may_attend & near)
    if not anatomy.mixed_windows:
        return sliding
    return {"full_attention": _as_read(anatomy, may_attend), "sliding_attention": sliding}


def _as_read(anatomy: Anatomy, may_attend: Tensor) -> Tensor:
    may_attend = may_attend[:, None]  # (B, 1, T, T)
    if not anatomy.adds_mask:
        return may_attend
    dtype = anatomy.head.weight.dtype
    zero = torch.zeros((), dtype=dtype, device=may_attend.device)
    return torch.where(may_attend, zero, torch.finfo(dtype).min)


def predicting_states(anatomy: Anatomy, sequences: Sequence[Ids], starts: Sequence[int]) -> Tensor:
    """The last hidden states that predict the reply tokens, sequence after sequence, (N, H).

    Args:
        anatomy: the model to run.
        sequences: prompt and reply ids of each, in one list.
        starts: where each reply begins, >= 1. The end-of-turn token is part of the reply.

    Returns:
        (N, H), N = sum of reply lengths; carries the gradient.
    """
    inputs = [sequence[:-1] for sequence in sequences]  # the last token predicts nothing
    forest = pack(inputs, share_prefixes=anatomy.shares_prefixes)
    where = np.concatenate([path[s - 1 :] for path, s in zip(forest.paths, starts, strict=True)])
    hidden = hidden_states(anatomy, forest)
    return hidden[torch.from_numpy(where).to(hidden.device)]


def reply_ids(sequences: Sequence[Ids], starts: Sequence[int], device: torch.device) -> Tensor:
    """The reply tokens, sequence after sequence, (N,) int64."""
    ids = [np.asarray(q[s:], np.int64) for q, s in zip(sequences, starts, strict=True)]
    return torch.from_numpy(np.concatenate(ids)).to(device)


def reply_logprobs(
    anatomy: Anatomy, sequences: Sequence[Ids], starts: Sequence[int]
) -> tuple[Tensor, ...]:
    """log p of each reply token, nats: one (reply length,) tensor a sequence, differentiable.

    Arguments as in `predicting_states`; one forward, so the caller bounds the number of tokens.
    """
    hidden = predicting_states(anatomy, sequences, starts)
    logprobs = token_logprobs(anatomy.head, hidden, reply_ids(sequences, starts, hidden.device))
    return torch.split(logprobs, [len(q) - s for q, s in zip(sequences, starts, strict=True)])


# --- features of replies -----------------------------------------------------------------


@torch.no_grad()
def score_replies(
    anatomy: Anatomy,
    base_key: str,
    prompts: Sequence[Ids],
    replies: Sequence[Sequence[Ids]],
) -> list[list[ReplyFeatures]]:
    """Features of all replies to many prompts, under the model without adapter.

    Args:
        anatomy: the base model.
        base_key: recorded with the features; they mean nothing under another base.
        prompts: ids, with the tokens that open the assistant's turn.
        replies: for each prompt, its replies' ids. An empty reply gets its prompt's state.

    Returns:
        For each prompt, one ReplyFeatures a reply, in order.
    """
    flat = [(p, tuple(reply)) for p, group in enumerate(replies) for reply in group]
    features: list[ReplyFeatures] = []
    for batch in _batches(prompts, flat):
        features += _score_batch(anatomy, base_key, prompts, batch)
    in_order = iter(features)
    return [[next(in_order) for _ in group] for group in replies]


def _batches(
    prompts: Sequence[Ids], replies: list[tuple[int, tuple[int, ...]]]
) -> Iterator[list[tuple[int, tuple[int, ...]]]]:
    """Runs of replies of at most FORWARD_TOKENS tokens, counting a shared prompt once."""
    batch: list[tuple[int, tuple[int, ...]]] = []
    tokens = 0
    for p, reply in replies:
        new_prompt = not batch or batch[-1][0] != p
        cost = len(reply) + (len(prompts[p]) if new_prompt else 0)
        if batch and tokens + cost > FORWARD_TOKENS:
            yield batch
            batch, tokens, cost = [], 0, len(reply) + len(prompts[p])
        batch.append((p, reply))
        tokens += cost
    if batch:
        yield batch


def _score_batch(
    anatomy: Anatomy,
    base_key: str,
    prompts: Sequence[Ids],
    batch: list[tuple[int, tuple[int, ...]]],
) -> list[ReplyFeatures]:
    sequences = [(*prompts[p], *reply) for p, reply in batch]
    starts = [len(prompts[p]) for p, _ in batch]
    forest = pack(sequences, share_prefixes=anatomy.shares_prefixes)
    hidden = hidden_states(anatomy, forest)
    device = hidden.device
    lengths = [len(reply) for _, reply in batch]
    predicting = np.concatenate(
        [path[s - 1 : -1] for path, s in zip(forest.paths, starts, strict=True)]
    )
    targets = reply_ids(sequences, starts, device)
    logprobs = token_logprobs(
        anatomy.head, hidden[torch.from_numpy(predicting).to(device)], targets
    )
    owner = torch.repeat_interleave(torch.tensor(lengths)).to(device)  # (N,) which reply
    sums = torch.zeros(len(batch), dtype=torch.float64, device=device)
    sums.index_add_(0, owner, logprobs.double())

    last_prompt = torch.from_numpy(
        np.array([path[s - 1] for path, s in zip(forest.paths, starts, strict=True)])
    )
    prompt_hidden = hidden[last_prompt.to(device)].float()  # (replies, H)
    own = np.concatenate([path[s:] for path, s in zip(forest.paths, starts, strict=True)])
    mean = torch.zeros_like(prompt_hidden)
    mean.index_add_(0, owner, hidden[torch.from_numpy(own).to(device)].float())
    count = torch.tensor(lengths, device=device)[:, None]
    mean = torch.where(count > 0, mean / count.clamp(min=1), prompt_hidden)

    mean16 = mean.to(torch.float16).cpu().numpy()
    prompt16 = prompt_hidden.to(torch.float16).cpu().numpy()
    totals = sums.tolist()
    return [
        ReplyFeatures(base_key, mean16[i], prompt16[i], totals[i], lengths[i])
        for i in range(len(batch))
    ]
