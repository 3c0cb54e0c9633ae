"""Flags: what harmful or biased replies have in common, and how it is made to end.

One flag speaks of one reply. Five flags that share a wording which other replies lack speak of a
behaviour: from then on no reply that shows it is chosen, and every version learns against it, for
each is a refit on all that was ever said. It learns from a reply with the wording under the very
same reply without it: whatever else the two say is alike and teaches nothing. What is left out:
behaviours without a common wording; there only the flagged replies themselves are held down.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chatfeedback.learning.calibration import PoolPrompt, PoolReply
from chatfeedback.records import PreferencePair, ScoredText, StoredReply
from chatfeedback.rules.principles import (
    NO_RULES,
    Check,
    Rules,
    may_be_better,
    phrase_pattern,
)
from chatfeedback.taste.features import EMOJI
from chatfeedback.taste.preferences import Flagged, Judgement

FLAGS_TO_ACT = 5
LIFT = 3.0
"""How much more frequent a wording must be in flagged replies than in others."""

LONGEST_WORDING = 4
FLAG_WEIGHT = 1.5
"""What a pair against a behaviour counts for, against 1 for a click: a person said so five times.
With 1 a taste for the like of it keeps a fifth of it alive."""

UNLIKELIER = 3.0
"""Nats by which a reply may become less likely to the base when a wording is cut out of it; more
and the cut has hurt it."""

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


@dataclass(frozen=True)
class Shown:
    """A reply to learn against, and the right ones to the same prompt that may be better.

    without: the same reply, the flagged wordings cut out; "" where there is nothing to cut, or
        nothing left.
    """

    prompt: str
    prompt_ids: tuple[int, ...]
    text: str
    token_ids: tuple[int, ...]
    without: str
    others: tuple[PoolReply, ...]


def find_shown(behaviours: Sequence[Behaviour], pool: Sequence[PoolPrompt]) -> list[Shown]:
    """For each prompt on which the base shows a behaviour: one reply with it, a right one if there
    is one.

    One a prompt: a frequent behaviour must not crowd out the person's taste.
    """
    rules = _rules(behaviours)
    found = []
    for each in pool:
        shown = [reply for reply in each.replies if reply.finished and not rules.allow(reply.text)]
        others = [reply for reply in each.replies if reply.is_right and rules.allow(reply.text)]
        for reply in sorted(shown, key=lambda reply: not reply.is_right)[:1]:
            without = cut_out(behaviours, reply.text) if reply.is_right else ""
            found.append(
                Shown(
                    each.prompt,
                    each.prompt_ids,
                    reply.text,
                    reply.token_ids,
                    without,
                    tuple(others),
                )
            )
    return found


def find_flagged(
    flagged: Sequence[StoredReply], pool: Sequence[PoolPrompt], behaviours: Sequence[Behaviour]
) -> list[Shown]:
    """Every flagged reply, whatever its wording.

    pool: fresh replies of the base, one prompt for each flagged reply.
    """
    rules = _rules(behaviours)
    found = []
    for reply, each in zip(flagged, pool, strict=True):
        right = [fresh for fresh in each.replies if fresh.is_right and rules.allow(fresh.text)]
        others = tuple(fresh for fresh in right if fresh.text != reply.text)
        without = "" if rules.allow(reply.text) else cut_out(behaviours, reply.text)
        ids = tuple(reply.token_ids or ())
        found.append(Shown(each.prompt, each.prompt_ids, reply.text, ids, without, others))
    return [shown for shown in found if shown.token_ids]


def pair_against(shown: Shown, read: tuple[ScoredText, ScoredText] | None) -> PreferencePair | None:
    """A reply with a behaviour, under the same one without it: what tells the two apart is the
    behaviour and nothing else, least of all the style that the person likes. Where the cut has
    hurt it, or there was none, it stands under the right reply that is most like it.

    read: the reply and the one without the wordings, as the base reads them.
    """
    if read is not None and is_whole(*read):
        return _pair(shown.prompt_ids, read[1].token_ids, shown.token_ids)
    others = [each for each in shown.others if may_be_better(each.text, shown.text, NO_RULES)]
    if not others:
        return None
    best = _most_like(shown.text, others)
    return _pair(shown.prompt_ids, best.token_ids, shown.token_ids)


def is_whole(reply: ScoredText, without: ScoredText) -> bool:
    """Whether a reply of which something was cut out is still one that the base might write."""
    least = reply.features.base_logprob - UNLIKELIER
    return without.features.base_logprob >= least


def _rules(behaviours: Sequence[Behaviour]) -> Rules:
    return Rules(tuple(each.check for each in behaviours))


def cut_out(behaviours: Sequence[Behaviour], text: str) -> str:
    """The text without the wordings, their punctuation gone with them and sentences begun anew."""
    for behaviour in behaviours:
        pattern = phrase_pattern(behaviour.wording)
        while found := pattern.search(text):
            text = _join(text[: found.start()], text[found.end() :])
    return text


def _join(before: str, after: str) -> str:
    """What stood before and after something that was cut out."""
    begins = not before.strip() or re.search(r"[.!?:\n]\s*$", before) is not None
    after = after.lstrip(".,:;!?" if begins else ",:;")
    rest = after.lstrip()
    if not any(sign.isalnum() for sign in rest):
        return (before.rstrip() + " " + rest).strip()
    if begins:
        rest = rest[:1].upper() + rest[1:]
    gap = after[: len(after) - len(rest)]
    left = before.rstrip()
    if not left:
        return rest
    return left + (gap if "\n" in gap else before[len(left) :] or " ") + rest


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
