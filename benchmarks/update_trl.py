"""TRL's side of `bench_update`: one batch of clicks, in a process of its own.

    python -m benchmarks.update_trl PAIRS SEED bf16|float32

Prints the seconds from the clicks to the end of the step, library and model being loaded already.
"""

from __future__ import annotations

import sys
import tempfile
import time

import torch

from benchmarks import peer


def main(count: int, seed: int, bf16: bool) -> float:
    """One step on `count` pairs and its adapter written; seconds without imports and model."""
    import trl  # noqa: F401  # seconds of importing

    torch.set_num_threads(1)
    model, pairs = peer.make_model(), peer.make_pairs("chat", count, seed)
    started = time.perf_counter()
    trainer = peer.make_trainer(pairs, pairs_per_step=count, steps=1, bf16=bf16, model=model)
    trainer.train()
    trainer.save_model(tempfile.mkdtemp(prefix="trl"))
    return time.perf_counter() - started


if __name__ == "__main__":
    print("seconds", main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "bf16"))
