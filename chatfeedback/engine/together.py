"""Replies that several people wait for take their next tokens in one forward.

Reading the weights is most of what a token costs, and it costs the same for several rows. Each
reply keeps its own keys and values, adapter, strength and random numbers, so it is the reply it
would be alone, may join at any token and may be stopped at any. Only the forward is shared: what it
gives the others lies ready until it is their turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import Cache
from transformers.cache_utils import DynamicLayer

from chatfeedback.engine.adapters import SLOTS, LiveView
from chatfeedback.engine.decode import Decoding, Row, is_attention_only


class Together:
    """The replies under way on one view. Owned by its thread."""

    def __init__(self, view: LiveView) -> None:
        self._view = view
        self._can_join = is_attention_only(view.base.config)
        self._under_way: dict[Decoding, list[Row] | None] = {}  # None: nothing lies ready

    def enter(self, decoding: Decoding) -> None:
        """It may share forwards from now on."""
        self._under_way[decoding] = None

    def leave(self, decoding: Decoding) -> None:
        """It is over, or nobody wants it any more."""
        self._under_way.pop(decoding, None)

    def is_over(self, decoding: Decoding) -> bool:
        """Whether all of it is done and was handed out."""
        return decoding.done and self._under_way[decoding] is None

    def step(self, decoding: Decoding) -> list[Row]:
        """As `Decoding.step`: one forward, for others too, unless an earlier one was for this."""
        ready = self._under_way[decoding]
        if ready is not None:
            self._under_way[decoding] = None
            return ready
        if decoding.is_reading or not self._can_join:
            return decoding.step()
        others = self._companions(decoding)
        if not others:
            return decoding.step()
        grown, *found = step_together(self._view, [decoding, *others])
        self._under_way.update(zip(others, found, strict=True))
        return grown

    def _companions(self, decoding: Decoding) -> list[Decoding]:
        """Those that wait for a token, as many as have room for their adapters."""
        folders = {_folder(decoding)}
        chosen = []
        for other, ready in self._under_way.items():
            if other is decoding or ready is not None or other.is_reading or other.done:
                continue
            if len(folders | {_folder(other)}) <= SLOTS:
                folders.add(_folder(other))
                chosen.append(other)
        return chosen


def _folder(decoding: Decoding) -> str:
    return decoding.adapter.folder if decoding.adapter else ""


@torch.inference_mode()
def step_together(view: LiveView, decodings: Sequence[Decoding]) -> list[list[Row]]:
    """One token for every reply of decodings that have read their prompts; as `Decoding.step`.

    Their caches are of different lengths, so keys and values are filled up at the left for the
    length of a layer, and what was filled in is masked.
    """
    sizes = [len(decoding.padding) for decoding in decodings]
    lengths = [decoding.cache.get_seq_length() for decoding in decodings]
    longest = max(lengths)
    padding = torch.cat(
        [each.padding + longest - length for each, length in zip(decodings, lengths, strict=True)]
    )  # (B,)
    is_token = torch.arange(longest + 1) >= padding[:, None]  # (B, longest + 1)
    view.use_each([(each.adapter, size) for each, size in zip(decodings, sizes, strict=True)])
    ids = torch.cat([decoding.last_ids() for decoding in decodings])
    device = view.model.device
    states: Tensor = view.model.base_model(
        input_ids=ids.to(device),
        attention_mask=is_token.long().to(device),
        position_ids=(longest - padding)[:, None].to(device),
        past_key_values=_join([decoding.cache for decoding in decodings], sizes),
        use_cache=True,
    ).last_hidden_state
    hidden = torch.split(states[:, -1], sizes)
    return [decoding.take(own) for decoding, own in zip(decodings, hidden, strict=True)]


def _join(caches: Sequence[Cache], sizes: Sequence[int]) -> Cache:
    layers = zip(*(cache.layers for cache in caches), strict=True)
    return Cache(layers=[_JointLayer(parts, sizes) for parts in layers])


class _JointLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values of several caches, each of which grows by itself."""

    def __init__(self, parts: Sequence[Any], sizes: Sequence[int]) -> None:
        super().__init__()
        self._parts, self._sizes = parts, list(sizes)

    def get_seq_length(self) -> int:
        """Of the longest."""
        return max(int(part.get_seq_length()) for part in self._parts)

    def update(self, keys: Tensor, values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Append (B, heads, T, D) to each; all of them, filled up at the left with zeros."""
        own_keys, own_values = torch.split(keys, self._sizes), torch.split(values, self._sizes)
        new = zip(self._parts, own_keys, own_values, strict=True)
        whole = [part.update(k, v) for part, k, v in new]
        longest = self.get_seq_length()
        all_keys, all_values = (
            torch.cat([pad(each, (0, 0, longest - each.shape[-2], 0)) for each in side])
            for side in zip(*whole, strict=True)
        )
        return all_keys, all_values
