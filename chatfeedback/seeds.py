"""Where every random choice of the app comes from."""

import secrets
import threading
from collections.abc import Sequence

import numpy as np


class SeedSource:
    """Seeds for sampling: random in real use, a fixed sequence when a seed is given."""

    def __init__(self, seed: int | None) -> None:
        self._rng = np.random.default_rng(secrets.randbits(63) if seed is None else seed)
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            return int(self._rng.integers(2**31))

    def generator(self) -> np.random.Generator:
        return np.random.default_rng(self.next())

    def shuffled(self, items: Sequence[int]) -> list[int]:
        return [items[at] for at in self.generator().permutation(len(items))]
