"""How long the pieces of evidence are: a piece is learned whole, so memory must hold the longest.

A long chat is a long prompt to each reaction in it, many times what is learned at once otherwise.
No torch here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chatfeedback.engine.memory import MICRO_BATCHES
from chatfeedback.errors import InputRefused
from chatfeedback.records import (
    Demonstration,
    LearnRequest,
    PreferencePair,
    RankedReplies,
    RatedReply,
    RolloutPrompt,
    Sampling,
)

logger = logging.getLogger(__name__)

Piece = PreferencePair | RankedReplies | RatedReply | Demonstration | RolloutPrompt
PARTS = ("pairs", "rankings", "ratings", "demonstrations", "rollout_prompts", "retention")


def longest_piece(request: LearnRequest) -> int:
    """Tokens of the longest piece of a request; 0 if it has none."""
    return max((tokens_of(piece) for part in PARTS for piece in getattr(request, part)), default=0)


def leave_out_longer(request: LearnRequest, most_tokens: int) -> LearnRequest:
    """The request without pieces of more tokens, for which there is no memory now.

    Raises:
        InputRefused: nothing the person said is left.
    """
    most = max(most_tokens, MICRO_BATCHES[-1])  # with less there is no plan anyway
    if longest_piece(request) <= most:
        return request
    kept: dict[str, Any] = {part: _keep_shorter(getattr(request, part), most) for part in PARTS}
    said = {part for part in PARTS if part != "retention" and getattr(request, part)}
    if not any(kept[part] for part in said):
        raise InputRefused(
            f"Nothing to learn from: every chat you reacted in is longer than the {most} tokens "
            "that memory has room for now. Close other programs, or react in a shorter chat."
        )
    before = sum(len(getattr(request, part)) for part in PARTS)
    left_out = before - sum(map(len, kept.values()))
    logger.info("%d pieces of evidence left out: longer than %d tokens", left_out, most)
    return replace(request, **kept)


def tokens_of(piece: Piece) -> int:
    """Tokens that are under gradient together: the prompt once, and all replies to it."""
    prompt = len(piece.prompt_ids)
    match piece:
        case PreferencePair():
            return prompt + len(piece.chosen_ids) + len(piece.rejected_ids)
        case RankedReplies():
            return prompt + sum(map(len, piece.replies))
        case RolloutPrompt():
            return prompt + Sampling().max_new_tokens
    return prompt + len(piece.reply_ids)


def _keep_shorter(pieces: Sequence[Piece], most: int) -> tuple[Piece, ...]:
    return tuple(piece for piece in pieces if tokens_of(piece) <= most)
