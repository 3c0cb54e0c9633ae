"""Flags: what harmful or biased replies have in common, and how it is made to end.

One flag speaks of one reply. Five flags that share a wording which other replies lack speak of a
behaviour: from then on no reply that shows it is chosen, and every version learns against it, for
each is a refit on all that was ever said. What is left out: behaviours without a common wording;
there only the flagged replies themselves are held down.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chatfeedback.learning.calibration import PoolPrompt, PoolReply
from chatfeedback.records import PreferencePair, StoredReply
from chatfeedback.rules.principles import Check, Rules
from chatfeedback.taste.features import EMOJI
from chatfeedback.taste.preferences import Flagged, Judgement

FLAGS_TO_ACT = 5
LIFT = 3.0
"""How much more frequent a wording must be in flagged replies than in others."""

LONGEST_WORDING = 4
FLAG_WEIGHT = 1.0
"""What a pair against a behaviour counts for: a person said so, five times."""

_TOKEN = re.compile(rf"[^\W_]+(?:['’][^\W_]+)*|{EMOJI.pattern}")


@dataclass(frozen=True)
class Behaviour:
    """A wording that flagged replies share, and in how many of them it stands."""

    wording: str
    flags: int

    @property
    def check(self) -> Check:
        """Kept by replies that do not show it."""
        return Check(f'"{self.wording}"', at_most=0)


def flagged_ids(judgements: Sequence[Judgement]) -> list[int]:
    """Replies that were flagged as harmful or biased ("wrong" is no behaviour)."""
    harms = [j.reply_id for j in judgements if isinstance(j, Flagged) and j.flag != "wrong"]
    return list(dict.fromkeys(harms))


def find_behaviours(flagged: Sequence[StoredReply], usual: Sequence[str]) -> list[Behaviour]:
    """Wordings of up to four words that at least five flagged replies share and others lack.

    The one with the largest k log(p / p0) comes first, k flagged replies with it, p their share
    and p0 its share of the usual replies; then the same for the flagged replies without it.
    Words of the question are nobody's behaviour.
    """
    known = Counter(wording for text in usual for wording in _wordings(text))
    remaining = [_wordings(each.text) - _wordings(each.prompt_text) for each in flagged]
    found: list[Behaviour] = []
    while len(remaining) >= FLAGS_TO_ACT:
        counts = Counter(wording for wordings in remaining for wording in wordings)
        best = max(
            (
                (_excess(k, len(remaining), known[wording], len(usual)), len(wording), wording)
                for wording, k in counts.items()
                if k >= FLAGS_TO_ACT
            ),
            default=(0.0, 0, ""),
        )
        if best[0] < FLAGS_TO_ACT * math.log(LIFT):
            break
        found.append(Behaviour(best[2], counts[best[2]]))
        remaining = [wordings for wordings in remaining if best[2] not in wordings]
    return found


def pairs_against(
    behaviours: Sequence[Behaviour], pool: Sequence[PoolPrompt]
) -> list[PreferencePair]:
    """For each prompt on which the base shows a behaviour: one reply with it, under the right reply
    without it that is most like it. What tells the two apart is then the behaviour, little else.

    One pair a prompt: a frequent behaviour must not crowd out the person's taste.
    """
    rules = Rules(tuple(each.check for each in behaviours))
    pairs = []
    for each in pool:
        right = [reply for reply in each.replies if reply.is_right and rules.allow(reply.text)]
        shown = [reply for reply in each.replies if reply.finished and not rules.allow(reply.text)]
        for reply in shown[:1] if right else []:
            best = _most_like(reply.text, right)
            pairs.append(_pair(each.prompt_ids, best.token_ids, reply.token_ids))
    return pairs


def pairs_against_replies(
    flagged: Sequence[StoredReply], pool: Sequence[PoolPrompt], behaviours: Sequence[Behaviour]
) -> list[PreferencePair]:
    """Every flagged reply, under the right fresh reply to its prompt that is most like it.

    pool: the fresh replies, one prompt for each flagged reply.
    """
    rules = Rules(tuple(each.check for each in behaviours))
    pairs = []
    for reply, each in zip(flagged, pool, strict=True):
        right = [fresh for fresh in each.replies if fresh.is_right and rules.allow(fresh.text)]
        others = [fresh for fresh in right if fresh.text != reply.text]
        if others and reply.token_ids:
            best = _most_like(reply.text, others)
            pairs.append(_pair(each.prompt_ids, best.token_ids, reply.token_ids))
    return pairs


def _pair(
    prompt_ids: tuple[int, ...], chosen_ids: tuple[int, ...], rejected_ids: tuple[int, ...]
) -> PreferencePair:
    return PreferencePair(prompt_ids, chosen_ids, rejected_ids, FLAG_WEIGHT, "click")


def _most_like(text: str, replies: Sequence[PoolReply]) -> PoolReply:
    return max(replies, key=lambda each: _likeness(text, each.text))


def _likeness(text: str, other: str) -> float:
    """Share of the words of two texts that both have."""
    words, others = (set(_TOKEN.findall(each.lower())) for each in (text, other))
    return len(words & others) / max(1, len(words | others))


def share_showing(behaviour: Behaviour, texts: Sequence[str]) -> float:
    """Share of replies that show a behaviour."""
    return sum(not behaviour.check.keeps(text) for text in texts) / max(1, len(texts))


def _wordings(text: str) -> set[str]:
    tokens = [token.replace("’", "'") for token in _TOKEN.findall(text.lower())]
    return {
        " ".join(tokens[at : at + size])
        for size in range(1, LONGEST_WORDING + 1)
        for at in range(len(tokens) - size + 1)
    }


def _excess(k: int, n: int, known: int, n_known: int) -> float:
    """k log(p / p0), both shares smoothed by half a reply."""
    return k * math.log(((k + 0.5) / (n + 1)) / ((known + 0.5) / (n_known + 1)))
