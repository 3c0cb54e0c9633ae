"""Principles a person writes ("never use emoji", "at most two sentences"), and what they do.

Many principles can be checked in the text itself. `read_check` recognises those, and rules judge
them on any model: a reply that breaks one is never chosen, and on the pool of the base's replies
kept and broken ones make labelled pairs. All others need a model that can criticise itself
(critic.py). A label that no person gave counts less than a click, and all of them together are at
most 30 % of what a version learns from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from chatfeedback.errors import InputRefused
from chatfeedback.learning.calibration import PoolPrompt
from chatfeedback.records import PreferencePair
from chatfeedback.rules.protected import count_protected
from chatfeedback.taste.features import (
    BOLD,
    BULLET,
    CODE,
    EMOJI,
    HEADING,
    NUMBERED,
    SENTENCE_END,
    WORD,
)
from chatfeedback.taste.likelihoods import Vector

AI_WEIGHT = 0.5
"""What a label by a principle counts for, against 1 for a click."""

AI_SHARE = 0.3
"""Most of a version's evidence that labels by principles may make up."""

MOST_PRINCIPLES = 20
LONGEST_PRINCIPLE = 300

Unit = Literal["words", "sentences", "lines", "characters"]


@dataclass(frozen=True)
class Check:
    """What can be counted in a text: how often `what` occurs, and how often it may.

    what: a unit, a mark of style ("emoji"), or a phrase between quotation marks ('"sorry"').
    """

    what: str
    at_least: int = 0
    at_most: int | None = None

    def keeps(self, text: str) -> bool:
        """True when the text keeps the principle."""
        found = count(self.what, text)
        return found >= self.at_least and (self.at_most is None or found <= self.at_most)


@dataclass(frozen=True)
class Principle:
    """A sentence of the person's own. check: None where only a critic can judge it."""

    text: str
    check: Check | None


@dataclass(frozen=True)
class Rules:
    """The checks that hold for a person's replies: from principles and from flags."""

    checks: tuple[Check, ...] = ()

    def allow(self, text: str) -> bool:
        """True when the text keeps them all."""
        return all(check.keeps(text) for check in self.checks)


NO_RULES = Rules()


def read_principles(stored: str) -> tuple[Principle, ...]:
    """The principles of a stored list (JSON; "" = none)."""
    texts = json.loads(stored) if stored else []
    return tuple(Principle(text, read_check(text)) for text in texts)


def write_principles(texts: Sequence[str]) -> str:
    """The list as it is stored: trimmed, none empty or twice; InputRefused when there are too many
    or one is too long."""
    kept = list(dict.fromkeys(" ".join(text.split()) for text in texts if text.strip()))
    if len(kept) > MOST_PRINCIPLES:
        raise InputRefused(
            f"At most {MOST_PRINCIPLES} principles can be kept; these are {len(kept)}. "
            "Join or drop some of them."
        )
    for text in kept:
        if len(text) > LONGEST_PRINCIPLE:
            raise InputRefused(
                f"A principle holds at most {LONGEST_PRINCIPLE} characters; “{text[:40]}…” has "
                f"{len(text)}. Split it into several."
            )
    return json.dumps(kept)


# --- reading a sentence -------------------------------------------------------------------

_NUMBERS = {
    name: number
    for number, name in enumerate(
        "no one two three four five six seven eight nine ten eleven twelve".split()
    )
} | {"a": 1, "an": 1, "single": 1, "fifteen": 15, "twenty": 20, "thirty": 30, "fifty": 50}
_NUMBER = rf"(\d{{1,5}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_UNIT = r"(?:\w+ ){0,2}?(word|sentence|line|character|letter)s?\b"
_AT_MOST = re.compile(
    r"\b(?:at most|no more than|not more than|never more than|no longer than|not longer than"
    r"|maximum(?: of)?|max\.?|up to|within|limit\w*(?: \w+){0,3} to|under|below"
    r"|(?<!no )(?:fewer|less|shorter) than|(?:never|not|n['’]t)(?: \w+){0,3} more than)"
    rf" {_NUMBER} {_UNIT}",
    re.IGNORECASE,
)
_STRICTLY = re.compile(r"\b(?:under|below|fewer than|less than|shorter than)\b", re.IGNORECASE)
_AT_LEAST = re.compile(
    rf"\b(?:at least|no less than|no fewer than|minimum(?: of)?|more than) {_NUMBER} {_UNIT}",
    re.IGNORECASE,
)
_IN_ONE = re.compile(rf"\b(?:in|with|use) {_NUMBER} {_UNIT}", re.IGNORECASE)
_NOT = re.compile(
    r"\b(?:never|no|not|don['’]t|do not|without|avoid|omit|leave out|stop|skip|zero|ban|free of"
    r"|refrain|dislike|hate)\b|\bemoji-free\b",
    re.IGNORECASE,
)
_ALWAYS = re.compile(r"\b(?:always|must|every|each|use|add|include|end with|start with)\b", re.I)
_MARKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("emoji", re.compile(r"\b(?:emojis?|emoticons?|smileys?)\b", re.IGNORECASE)),
    ("exclamation marks", re.compile(r"\bexclamation (?:marks?|points?)\b", re.IGNORECASE)),
    ("question marks", re.compile(r"\bquestion marks?\b|\bask\w* (?:me )?questions?\b", re.I)),
    ("numbered lines", re.compile(r"\bnumbered (?:lists?|lines?|steps?)\b", re.IGNORECASE)),
    ("bullets", re.compile(r"\b(?:bullet\w*(?: points?| lists?)?|lists?)\b", re.IGNORECASE)),
    ("headings", re.compile(r"\b(?:headings?|headers?)\b", re.IGNORECASE)),
    ("bold", re.compile(r"\bbold\b", re.IGNORECASE)),
    ("code", re.compile(r"\bcode(?: blocks?)?\b", re.IGNORECASE)),
)
_QUOTED = re.compile(r"[\"“”«»]([^\"“”«»]{1,60})[\"“”«»]|(?<!\w)['‘]([^'‘’]{1,60})['’](?!\w)")
_SAYS = re.compile(
    r"\b(?:say(?:ing)?|write|writing|use|using)(?: the)? (?:words?|phrases?|terms?) (.+)$"
    r"|\b(?:never|don['’]t|do not|stop|avoid) say(?:ing)? (.+)$|\bthe (?:words?|phrases?) (.+)$",
    re.IGNORECASE,
)


def read_check(sentence: str) -> Check | None:
    """What a principle asks for, where it can be counted in a text; None where it cannot.

    Understood are lengths ("at most 50 words", "in one sentence"), marks of style ("no emoji",
    "always use bullet points") and phrases ('never say "as an AI"').
    """
    return _read_phrase(sentence) or _read_length(sentence) or _read_mark(sentence)


def _read_length(sentence: str) -> Check | None:
    if found := _AT_MOST.search(sentence):
        number = _number(found[1]) - bool(_STRICTLY.match(found[0]))
        return Check(_unit(found[2]), at_most=max(1, number))
    if found := _AT_LEAST.search(sentence):
        more = found[0].lower().startswith("more than")
        return Check(_unit(found[2]), at_least=_number(found[1]) + more)
    if (found := _IN_ONE.search(sentence)) and not _NOT.search(sentence):
        return Check(_unit(found[2]), at_most=_number(found[1]))
    return None


def _read_mark(sentence: str) -> Check | None:
    for what, pattern in _MARKS:
        if pattern.search(sentence):
            if _NOT.search(sentence):
                return Check(what, at_most=0)
            return Check(what, at_least=1) if _ALWAYS.search(sentence) else None
    return None


def _read_phrase(sentence: str) -> Check | None:
    quoted = [first or second for first, second in _QUOTED.findall(sentence)]
    said = _SAYS.search(sentence)
    if not quoted and said and _NOT.search(sentence):
        rest = next(group for group in said.groups() if group)
        quoted = re.split(r",| or | and |\bnor\b", rest)
    phrases = [phrase.strip(" .!?;:") for phrase in quoted]
    phrases = [phrase for phrase in phrases if 0 < len(phrase.split()) <= 6]
    if not phrases:
        return None
    what = " ".join(f'"{phrase.lower()}"' for phrase in phrases)
    return Check(what, at_most=0) if _NOT.search(sentence) else Check(what, at_least=1)


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS[word.lower()]


def _unit(word: str) -> Unit:
    units: dict[str, Unit] = {
        "word": "words",
        "sentence": "sentences",
        "line": "lines",
        "character": "characters",
        "letter": "characters",
    }
    return units[word.lower()]


# --- counting in a text -------------------------------------------------------------------


def count(what: str, text: str) -> int:
    """How often a text shows what a check asks about."""
    if what.startswith('"'):
        return sum(
            len(phrase_pattern(phrase).findall(text)) for phrase in re.findall('"([^"]+)"', what)
        )
    return _COUNTS[what](text)


def phrase_pattern(phrase: str) -> re.Pattern[str]:
    """Whole words; any apostrophes, and anything but words between them."""
    escaped = re.escape(phrase.lower()).replace(r"\ ", r"\W+").replace("'", "['’]")
    edge = r"(?<!\w)" if phrase[:1].isalnum() else "", r"(?!\w)" if phrase[-1:].isalnum() else ""
    return re.compile(edge[0] + escaped + edge[1], re.IGNORECASE)


def _occurrences(pattern: re.Pattern[str]) -> Callable[[str], int]:
    return lambda text: sum(1 for _ in pattern.finditer(text))


_COUNTS: dict[str, Callable[[str], int]] = {
    "words": _occurrences(WORD),
    "sentences": lambda text: sum(1 for part in SENTENCE_END.split(text) if WORD.search(part)),
    "lines": lambda text: sum(1 for line in text.splitlines() if line.strip()),
    "characters": lambda text: len(text.strip()),
    "emoji": _occurrences(EMOJI),
    "exclamation marks": lambda text: text.count("!"),
    "question marks": lambda text: text.count("?"),
    "numbered lines": _occurrences(NUMBERED),
    "bullets": _occurrences(BULLET),
    "headings": _occurrences(HEADING),
    "bold": _occurrences(BOLD),
    "code": _occurrences(CODE),
}


# --- what a version learns from -------------------------------------------------------------


def label_by_rule(
    each: PoolPrompt, values: Vector, check: Check, weight: float = AI_WEIGHT
) -> PreferencePair | None:
    """The most pleasing right reply that keeps a check, over the most pleasing one that breaks it.

    values: (n,) what the replies are worth to the person. None where all keep it, or none right.
    """
    kept = [at for at, reply in enumerate(each.replies) if check.keeps(reply.text)]
    right = [at for at in kept if each.replies[at].is_right]
    broken = [at for at in range(len(each.replies)) if at not in kept and each.replies[at].finished]
    if not right or not broken:
        return None
    best = max(right, key=lambda at: values[at])
    worst = max(broken, key=lambda at: values[at])
    return PreferencePair(
        each.prompt_ids,
        each.replies[best].token_ids,
        each.replies[worst].token_ids,
        weight,
        "principle",
    )


def cap_ai_labels(pairs: Sequence[PreferencePair]) -> tuple[PreferencePair, ...]:
    """The same pairs, those by principles made lighter so that together they weigh at most
    AI_SHARE of all; without any other evidence they are left out."""
    theirs = sum(pair.weight for pair in pairs if pair.source == "principle")
    others = sum(pair.weight for pair in pairs if pair.source != "principle")
    most = others * AI_SHARE / (1 - AI_SHARE)
    if theirs <= most:
        return tuple(pairs)
    if most == 0.0:
        return ()
    return tuple(
        replace(pair, weight=pair.weight * most / theirs) if pair.source == "principle" else pair
        for pair in pairs
    )


def may_be_better(chosen: str, rejected: str, rules: Rules) -> bool:
    """Whether a version may learn that one text is better than another: it keeps the rules, and
    does not please by flattery."""
    return rules.allow(chosen) and count_protected(chosen) <= count_protected(rejected)
