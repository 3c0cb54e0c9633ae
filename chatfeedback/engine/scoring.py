"""Scoring replies: log-probabilities of reply tokens, features of replies.

The one way the engine rates replies, in learning and outside it. Replies that share a beginning
share its computation in a token trie (`trie.py`), with exact gradients. Models for which that does
not hold (recurrent layers, flash attention, ALiBi) get one plain row a sequence; `examine` finds
out by itself.

Legend: B rows, T tokens a row, N reply tokens, H hidden size.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from chatfeedback.engine import attention
from chatfeedback.engine.head import Head, token_logprobs
from chatfeedback.engine.trie import Forest, Stack, ancestors, pack
from chatfeedback.engine.trie import Ids as Ids
from chatfeedback.errors import ModelUnusable
from chatfeedback.records import ReplyFeatures

FORWARD_TOKENS = 2048  # tokens in one forward without gradients
LEAST_ALIKE = 0.99  # cosine of gradients in 16 bits; with a wrong mask it is below 0.9

logger = logging.getLogger(__name__)


# --- what must be known about a model ----------------------------------------------------


@dataclass(frozen=True)
class Anatomy:
    """The parts of a causal LM that scoring uses.

    window: sliding attention window in tokens, or None.
    mixed_windows: True when only some layers slide.
    adds_mask: True when attention adds the mask to its scores instead of reading bools.
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
    logger.warning(
        "%s gives other results when replies share their prompt's computation; "
        "every reply gets a row of its own, which is right but slower",
        type(model).__name__,
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
        adds_mask=config._attn_implementation in ("eager", attention.NAME),
        shares_prefixes=True,
    )


# --- the self-test -----------------------------------------------------------------------


def trie_holds(model: Any) -> bool:
    """Whether log-probs in a trie equal the model's own, and gradients those of plain rows."""
    anatomy = dissect(model)
    try:
        return _agrees_with_model(model, anatomy) and _gradients_agree(model, anatomy)
    except Exception:  # any architecture may refuse a 4-D mask in its own way
        return False


def _probe(anatomy: Anatomy) -> tuple[list[list[int]], list[int]]:
    """Three random sequences that branch off twice, and where their replies begin."""
    ids = np.random.default_rng(0).integers(0, len(anatomy.head.weight), 40).tolist()
    return [ids[:24], ids[:12] + ids[24:], ids[:14] + ids[30:]], [8] * 3


@torch.no_grad()
def _agrees_with_model(model: Any, anatomy: Anatomy) -> bool:
    sequences, starts = _probe(anatomy)
    ours = reply_logprobs(anatomy, sequences, starts)
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


def _gradients_agree(model: Any, anatomy: Anatomy) -> bool:
    """Compare gradients at the input embeddings: every layer's backward pass takes part.

    A token the trie holds once has the sum of the gradients it has in the plain rows.
    """
    sequences, starts = _probe(anatomy)
    inputs = [sequence[:-1] for sequence in sequences]
    shared, apart = pack(inputs), pack(inputs, share_prefixes=False)
    found = _embedding_gradient(model, anatomy, sequences, starts)
    in_rows = _embedding_gradient(model, replace(anatomy, shares_prefixes=False), sequences, starts)
    wanted = torch.zeros_like(found)
    for path, row in zip(shared.paths, apart.paths, strict=True):
        wanted[torch.from_numpy(path)] += in_rows[torch.from_numpy(row)]
    if anatomy.head.weight.dtype.itemsize >= 4:
        return bool((found - wanted).norm() < 1e-3 * wanted.norm())
    return bool(torch.cosine_similarity(found.flatten(), wanted.flatten(), 0) > LEAST_ALIKE)


def _embedding_gradient(
    model: Any, anatomy: Anatomy, sequences: Sequence[Ids], starts: Sequence[int]
) -> Tensor:
    """Gradient of a weighted sum of log-probs at every packed token's embedding, (B*T, H)."""
    with torch.enable_grad(), _embeddings_of(model) as seen:
        logprobs = reply_logprobs(anatomy, sequences, starts)
        first, second, third = (each.sum() for each in logprobs)
        grads = torch.autograd.grad(first - 2 * second + 3 * third, seen)
    return torch.cat([grad.flatten(0, 1).float().cpu() for grad in grads])


@contextmanager
def _embeddings_of(model: Any) -> Iterator[list[Tensor]]:
    """The input embeddings of the forwards to come, as leaves that gradients can be asked for."""
    seen: list[Tensor] = []

    def make_leaf(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        seen.append(output.detach().requires_grad_())
        return seen[-1]

    hook = model.get_input_embeddings().register_forward_hook(make_leaf)
    try:
        yield seen
    finally:
        hook.remove()


# --- forwards ----------------------------------------------------------------------------


def hidden_states(anatomy: Anatomy, forest: Forest) -> Tensor:
    """Last hidden state of every packed token, (tokens of all stacks, H)."""
    device = anatomy.head.weight.device
    states = [
        anatomy.body(
            input_ids=stack.ids.to(device),
            position_ids=stack.depth.to(device),
            attention_mask=_attention_mask(anatomy, stack),
            use_cache=False,
        ).last_hidden_state.flatten(0, 1)
        for stack in forest.stacks
    ]
    return torch.cat(states)


def _attention_mask(anatomy: Anatomy, stack: Stack) -> Tensor | dict[str, Tensor]:
    """Who may attend to whom, in the form the model's attention reads."""
    device = anatomy.head.weight.device
    if not anatomy.shares_prefixes:
        return stack.is_token.long().to(device)
    stack = replace(stack, depth=stack.depth.to(device), end=stack.end.to(device))
    if anatomy.window is None:
        return _as_read(anatomy, ancestors(stack))
    sliding = _as_read(anatomy, ancestors(stack, anatomy.window))
    if not anatomy.mixed_windows:
        return sliding
    return {"full_attention": _as_read(anatomy, ancestors(stack)), "sliding_attention": sliding}


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
