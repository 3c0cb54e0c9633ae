"""What the base makes of replies, kept while it is loaded: one run reads them for all."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

MOST = 50_000  # replies, some 150 bytes each


class References:
    """Log-probabilities of replies under one base at one quantisation, by their token ids.

    A reply is known by a digest of its ids: what was said is not kept. Beyond `most` of them those
    that were not asked for longest are given up.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[bytes, float] = OrderedDict()

    def get(self, prompt_ids: Sequence[int], reply_ids: Sequence[int]) -> float | None:
        """log p(reply | prompt), nats; None if nobody has read it yet."""
        key = _digest(prompt_ids, reply_ids)
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    def keep(self, prompt_ids: Sequence[int], reply_ids: Sequence[int], logprob: float) -> None:
        """Remember it; what is known already stays as it is."""
        self._known.setdefault(_digest(prompt_ids, reply_ids), logprob)
        if len(self._known) > self._most:
            self._known.popitem(last=False)


def _digest(prompt_ids: Sequence[int], reply_ids: Sequence[int]) -> bytes:
    ids = np.array([len(prompt_ids), *prompt_ids, *reply_ids], np.int64)
    return hashlib.blake2b(ids.tobytes(), digest_size=16).digest()
