"""The token trie: sequences that begin alike share the computation of their beginning.

All replies to a prompt, and all turns of a conversation, are laid out in one row in depth-first
order: the prompt once, what differs as branches. A token attends to its ancestors only and has the
position it has in its own sequence, so log-probabilities and gradients are exactly those of plain
rows. Nothing is padded within a row, and rows of unlike length do not wait for each other.

Not here: which models this holds for (`scoring.examine`). NumPy lays out; torch only masks.

Legend: B rows, T tokens a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Ids = Sequence[int]

ROW_TOKENS = 192  # tries of different prompts share a row up to this length: measured fastest
ROW_STEP = 16  # rows are padded to a multiple, so that kernels see few shapes
SHARED_TOKEN_PAIRS = 2048  # (query, key) pairs of attention that cost as much as reading a token
FILLED = 0.75  # rows are stacked with longer ones they fill to this share


@dataclass(frozen=True)
class Stack:
    """Rows of similar length, for one forward.

    ids, depth, end: (B, T) int64; depth is the position in its own sequence, end the (exclusive)
        end of a token's subtree, so j is an ancestor of i (or i itself) iff j <= i < end[j].
    is_token: (B, T) bool, False on padding.
    """

    ids: Tensor
    depth: Tensor
    end: Tensor
    is_token: Tensor


@dataclass(frozen=True)
class Forest:
    """Sequences packed into stacks of rows.

    paths: for each sequence the index of each of its tokens in the flattened stacks, one after
        the other.
    """

    stacks: list[Stack]
    paths: list[NDArray[np.int64]]


def pack(sequences: Sequence[Ids], *, share_prefixes: bool = True) -> Forest:
    """Lay sequences out as tries in depth-first order; common beginnings are stored once.

    [[5, 6, 7], [5, 6, 8, 9]] becomes one row: ids 5 6 7 8 9, depth 0 1 2 2 3, end 5 5 3 5 5.
    With share_prefixes=False each sequence has a row of its own.
    """
    arrays = [np.asarray(sequence, np.int64) for sequence in sequences]
    rows: list[_Row] = []
    places: list[tuple[int, NDArray[np.int64]]] = [(0, arrays[0][:0])] * len(arrays)
    for index in sorted(range(len(arrays)), key=lambda i: tuple(sequences[i])):
        sequence = arrays[index]
        if not (rows and share_prefixes and rows[-1].should_take(sequence)):
            rows.append(_Row())
        places[index] = (len(rows) - 1, rows[-1].add(sequence))
    return _stack(rows, places)


class _Row:
    """One row under construction; the last sequence is where the next may branch off."""

    def __init__(self) -> None:
        self.length = 0
        self.parts: list[tuple[NDArray[np.int64], int]] = []  # new tokens, depth of the first
        self.paths: list[NDArray[np.int64]] = []
        self.ends: list[int] = []
        self.last = np.zeros(0, np.int64)

    def should_take(self, sequence: NDArray[np.int64]) -> bool:
        """Whether the row stays short, or what is shared outweighs that attention is quadratic.

        Beside (L + n)^2 pairs in one row of L + n tokens, apart there are L^2 + (s + n)^2, and s
        tokens to be read again.
        """
        shared = self._shared_with(sequence)
        new = len(sequence) - shared
        if self.length + new <= ROW_TOKENS:
            return True
        more_pairs = 2 * new * (self.length - shared) - shared**2
        return more_pairs < SHARED_TOKEN_PAIRS * shared

    def add(self, sequence: NDArray[np.int64]) -> NDArray[np.int64]:
        """Append what is new of a sequence; returns the place of each of its tokens."""
        shared = self._shared_with(sequence)
        before = self.paths[-1][:shared] if self.paths else sequence[:0]
        new = np.arange(self.length, self.length + len(sequence) - shared)
        self.length += len(new)
        self.parts.append((sequence[shared:], shared))
        self.paths.append(np.concatenate([before, new]))
        self.ends.append(self.length)
        self.last = sequence
        return self.paths[-1]

    def _shared_with(self, sequence: NDArray[np.int64]) -> int:
        n = min(len(self.last), len(sequence))
        differs = np.flatnonzero(self.last[:n] != sequence[:n])
        return int(differs[0]) if len(differs) else n


def _stack(rows: list[_Row], places: list[tuple[int, NDArray[np.int64]]]) -> Forest:
    """Put rows of similar length into one stack each, the longest rows first."""
    by_length = sorted(range(len(rows)), key=lambda r: -rows[r].length)
    stacks: list[Stack] = []
    start_of: dict[int, int] = {}  # row -> place of its first token in the flattened stacks
    total = 0
    while by_length:
        longest = rows[by_length[0]].length
        width = _width(longest)
        shortest = FILLED * longest if width > ROW_TOKENS else 0
        group = [r for r in by_length if rows[r].length >= shortest]
        by_length = by_length[len(group) :]
        stacks.append(_fill([rows[r] for r in group], width))
        start_of |= {r: total + at * width for at, r in enumerate(group)}
        total += len(group) * width
    return Forest(stacks, [start_of[row] + path for row, path in places])


def _width(longest: int) -> int:
    """What a row of this length is padded to."""
    nearly_full = longest <= ROW_TOKENS and ROW_TOKENS - longest < longest // 4
    return ROW_TOKENS if nearly_full else -(-max(1, longest) // ROW_STEP) * ROW_STEP


def _fill(rows: list[_Row], width: int) -> Stack:
    ids = np.zeros((len(rows), width), np.int64)
    depth = np.zeros_like(ids)
    end = np.broadcast_to(np.arange(1, width + 1), ids.shape).copy()  # padding sees itself only
    is_token = np.zeros(ids.shape, bool)
    for r, row in enumerate(rows):
        ids[r, : row.length] = np.concatenate([part for part, _ in row.parts])
        depth[r, : row.length] = np.concatenate(
            [np.arange(first, first + len(part)) for part, first in row.parts]
        )
        for path, row_end in zip(row.paths, row.ends, strict=True):
            end[r, path] = row_end
        is_token[r, : row.length] = True
    return Stack(*map(torch.from_numpy, (ids, depth, end, is_token)))


def ancestors(stack: Stack, window: int | None = None) -> Tensor:
    """Which tokens each token attends to: its ancestors and itself, (B, T, T) bool.

    Args:
        stack: on any device.
        window: only ancestors fewer than this many steps back along the branch; what lies between
            them in the row does not count.
    """
    index = torch.arange(stack.end.shape[1], device=stack.end.device)
    is_ancestor = (index[None, None, :] <= index[None, :, None]) & (
        index[None, :, None] < stack.end[:, None, :]
    )
    if window is None:
        return is_ancestor
    return is_ancestor & (stack.depth[:, :, None] - stack.depth[:, None, :] < window)
