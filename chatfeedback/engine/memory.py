"""The memory plan: what a model needs to chat and to learn, against what is free.

Pure arithmetic on the model's sizes; no torch. Weights are known exactly, the rest is an estimate
whose constants were measured (see `tests/test_memory.py`). A quantisation is never chosen behind
the person's back, because versions belong to one (base, quantisation); how a run learns is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

QUANTISED_BYTES = {"nf4": 0.52, "int8": 1.01}  # a packed weight with its share of the scales
RUNTIME_BYTES = {"cpu": 300_000_000, "cuda": 600_000_000}  # libraries, kernels, their workspaces
KV_SHARE, KV_MOST_BYTES = 0.3, 1_500_000_000  # of what weights leave free
SCORED_TOKENS = 2048  # in one forward without gradients
CHUNK_BYTES = 80_000_000  # logits of one chunk, with their gradient
ROLLOUT_ROWS, ROLLOUT_TOKENS = 16, 768  # PPO and RLOO draw replies while they learn
LORA_BYTES = 24  # a learnt weight: itself, gradient, two moments, two snapshots, all in 32 bits
MANY_REACTIONS = 500  # from here on a version has twice the rank
ALPHA_PER_RANK = 2.0  # B A counts the same at any rank, so the learning rate need not change
MICRO_BATCHES = (1024, 512)  # tokens with gradients at once; 2048 is 6 % faster and takes 60 % more
LONGEST_PIECE = 2**17  # tokens; no model here reads as many
FRAGMENTED = 1.1  # what an allocator loses


def lora_rank(n_weights: int, n_reactions: int) -> int:
    """How many directions a version may change in every linear layer.

    What a person's reactions say is far less than the smallest of these can hold, so rank is chosen
    for memory and speed: 16, and 8 from 3 billion weights on, where a rank's weights are many.
    Somebody who has reacted MANY_REACTIONS times gets twice that.

    Args:
        n_weights: of the base model.
        n_reactions: choices and thumbs that count.
    """
    rank = 16 if n_weights < 3_000_000_000 else 8
    return 2 * rank if n_reactions >= MANY_REACTIONS else rank


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a causal LM, from its files alone.

    packable_weights: those of the layers' matrices, which quantisation packs; embeddings, the
        head and norms stay as they are.
    lora_width: sum of inputs and outputs of these matrices; times the rank, the LoRA's weights.
    queries, keys: width of a layer's queries, and of its keys (and values).
    """

    n_weights: int
    packable_weights: int
    lora_width: int
    layers: int
    hidden: int
    inner: int
    queries: int
    keys: int
    context_tokens: int


@dataclass(frozen=True)
class LearningPlan:
    """How a run learns within its memory. Smaller ones are slower, with equal results."""

    micro_batch_tokens: int
    checkpointing: bool
    needs_bytes: int


@dataclass(frozen=True)
class MemoryPlan:
    """What a model needs under one quantisation, in bytes.

    free: before the model is loaded.
    kv: the part of `replies` that keys and values may take.
    dpo, ppo: how it learns by a method; None = there is no room for it.
    """

    quantisation: str
    free: int
    weights: int
    replies: int
    kv: int
    runtime: int
    dpo: LearningPlan | None
    ppo: LearningPlan | None

    @property
    def chatting(self) -> int:
        """Needed to chat, without any learning."""
        return self.weights + self.replies + self.runtime

    @property
    def chats(self) -> bool:
        return self.chatting <= self.free

    def in_words(self) -> str:
        """One line for doctor and for the page."""
        sizes = f"weights {_gb(self.weights)}, replies {_gb(self.replies)}"
        if not self.chats:
            return f"does not fit: needs {_gb(self.chatting)} of {_gb(self.free)} free ({sizes})"
        learns = self.ppo or self.dpo
        if learns is None:
            return f"chats in {_gb(self.chatting)} ({sizes}) but has no room to learn"
        methods = "PPO and DPO" if self.ppo else "DPO"
        how = ", recomputing layers" if learns.checkpointing else ""
        return (
            f"chats and learns in {_gb(self.chatting + learns.needs_bytes)} of {_gb(self.free)} "
            f"free ({sizes}, learning {_gb(learns.needs_bytes)}: {methods}, "
            f"{learns.micro_batch_tokens} tokens at once{how})"
        )


def plan_memory(
    shape: ModelShape, quantisation: str, free: int, *, itemsize: int, device: str
) -> MemoryPlan:
    """What the model needs before it is loaded.

    Args:
        shape: of the model.
        quantisation: "none", "nf4" or "int8".
        free: bytes free on the device.
        itemsize: bytes of a weight that is not packed.
        device: "cpu" or "cuda".
    """
    weights = weight_bytes(shape, quantisation, itemsize)
    runtime = RUNTIME_BYTES[device]
    left = free - weights - runtime
    replies, kv = reply_bytes(shape, left, itemsize)
    room = left - replies
    return MemoryPlan(
        quantisation,
        free,
        weights,
        replies,
        kv,
        runtime,
        dpo=next(learning_plans(shape, room, itemsize, rollouts=False), None),
        ppo=next(learning_plans(shape, room, itemsize, rollouts=True), None),
    )


def weight_bytes(shape: ModelShape, quantisation: str, itemsize: int) -> int:
    """The base model itself; all views share it."""
    packed = shape.packable_weights if quantisation != "none" else 0
    plain = shape.n_weights - packed
    return int(packed * QUANTISED_BYTES.get(quantisation, 0.0) + plain * itemsize)


def kv_bytes_per_token(shape: ModelShape, itemsize: int) -> int:
    """Keys and values of all layers."""
    return 2 * shape.layers * shape.keys * itemsize


def kv_budget(shape: ModelShape, left: int, itemsize: int) -> int:
    """What keys and values may take: of kept conversations, of candidates, of large samples.

    A share of what the weights leave free, though never less than one whole conversation.
    """
    whole = kv_bytes_per_token(shape, itemsize) * shape.context_tokens
    return max(whole, int(min(KV_MOST_BYTES, KV_SHARE * left)))


def reply_bytes(shape: ModelShape, left: int, itemsize: int) -> tuple[int, int]:
    """Keys and values with one forward over replies that are scored; and the former alone."""
    widest = max(shape.inner * 3, shape.hidden * 6) * itemsize
    scoring = SCORED_TOKENS * widest + CHUNK_BYTES
    kv = kv_budget(shape, left - scoring, itemsize)
    return kv + scoring, kv


def learning_plans(
    shape: ModelShape, room: int, itemsize: int, *, rollouts: bool, longest: int = 0
) -> Iterator[LearningPlan]:
    """The ways to learn that fit into `room` bytes, the fastest first.

    longest: tokens of the longest piece of evidence, which is learned whole.
    """
    for checkpointing in (False, True):
        for tokens in MICRO_BATCHES:
            if tokens < longest and tokens < MICRO_BATCHES[0]:
                continue  # needs as much as the larger one
            needs = learning_bytes(shape, max(tokens, longest), itemsize, checkpointing, rollouts)
            if needs <= room:
                yield LearningPlan(tokens, checkpointing, needs)


def longest_that_fits(shape: ModelShape, room: int, itemsize: int, *, rollouts: bool) -> int:
    """Tokens of the longest piece of evidence that can be learned in `room` bytes."""
    return (
        bisect_right(
            range(LONGEST_PIECE),
            room,
            key=lambda tokens: learning_bytes(shape, tokens, itemsize, True, rollouts),
        )
        - 1
    )


def learning_bytes(
    shape: ModelShape, tokens: int, itemsize: int, checkpointing: bool, rollouts: bool
) -> int:
    """One step with `tokens` under gradient: activations, LoRA and optimizer, rollouts."""
    lora = shape.lora_width * lora_rank(shape.n_weights, MANY_REACTIONS) * LORA_BYTES
    drawn = ROLLOUT_ROWS * ROLLOUT_TOKENS * kv_bytes_per_token(shape, itemsize) if rollouts else 0
    # weights in 32 bits are multiplied in 16 bits, from a copy that lives as long as the graph
    copies = 2 * shape.packable_weights if itemsize == 4 else 0
    held = activation_bytes(shape, tokens, checkpointing)
    return int(FRAGMENTED * (held + lora + drawn + copies + CHUNK_BYTES))


def activation_bytes(shape: ModelShape, tokens: int, checkpointing: bool) -> int:
    """What a forward with gradients keeps for the backward pass.

    A layer keeps the inputs of its linear layers (LoRA needs them), its norms' inputs in 32 bits,
    and the queries, keys and values; with checkpointing only its input, and one layer at a time is
    computed again.
    """
    layer = 8 * shape.inner + 14 * shape.hidden + 6 * shape.queries + 8 * shape.keys
    kept = shape.layers * 4 * shape.hidden + layer if checkpointing else shape.layers * layer
    working = 4 * (shape.inner * 3 + shape.hidden * 4)  # gradients on their way
    mask = 3 * tokens  # a row of the trie's mask
    return tokens * (kept + working + mask)


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"
