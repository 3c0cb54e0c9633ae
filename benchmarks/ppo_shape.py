"""The work that both sides of `bench ppo` do in a step: so many replies, epochs and minibatches."""

from __future__ import annotations

from benchmarks import peer

STEPS = 4
REPLIES_PER_STEP, MINIBATCH, EPOCHS = 16, 8, 3
NEW_TOKENS = 64  # random models hardly ever end a reply by themselves


def make_prompts() -> list[tuple[int, ...]]:
    """As many as a step answers, at short shape."""
    return [pair.prompt_ids for pair in peer.make_pairs("short", REPLIES_PER_STEP)]
