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
from collections.abc import Callable, Iterable, Sequence
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
_MOST = (
    r"(?:at most|no more than|not more than|never more than|no longer than|not longer than"
    r"|maximum(?: of)?|max\.?|up to|within|limit\w*(?: \w+){0,3} to|under|below"
    r"|(?<!no )(?:fewer|less|shorter) than|(?:never|not|\w+n['’]t)(?: \w+){0,3} more than)"
)
_LEAST = r"(?:at least|no less than|no fewer than|minimum(?: of)?)"
_AT_MOST = re.compile(rf"\b{_MOST} {_NUMBER} {_UNIT}", re.IGNORECASE)
_STRICTLY = re.compile(r"\b(?:under|below|fewer than|less than|shorter than)\b", re.IGNORECASE)
_TURNED = re.compile(r"(?:\bnever|\bnot|n['’]t|\bavoid)(?: \w+){0,3} $", re.IGNORECASE)
_AT_LEAST = re.compile(rf"\b(?:{_LEAST}|more than) {_NUMBER} {_UNIT}", re.IGNORECASE)
_RANGE = re.compile(rf"\b{_NUMBER} ?(?:to|or|and|[-–]) ?{_NUMBER} {_UNIT}", re.IGNORECASE)
_IN_ONE = re.compile(
    rf"\b(?:in|with|use) {_NUMBER} {_UNIT}"
    r"(?=\W*$| (?:at most|or (?:less|fewer)|max|only|please)\b)",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[,;:!?]|(?<!max)\.(?=\s|$)|\bbut\b", re.IGNORECASE)
_NOT = re.compile(
    r"\b(?:never|no|not|don['’]t|do not|without|avoid|omit|leave out|stop|skip|zero|ban|free of"
    r"|refrain|dislike|hate)\b|\bemoji-free\b",
    re.IGNORECASE,
)
_ALWAYS = re.compile(r"\b(?:always|must|every|each|use|add|include|end with|start with)\b", re.I)
_GIVES = re.compile(
    r"\b(?:use|using|add|include|write|give|show|have|has|needs?|contains?|provide|with|in|as)\b"
    r"(?: \w+){0,3} $|\balways $",
    re.IGNORECASE,
)
_WHOLE = r"(?:answer|repl|response|message|time|question)"
_OF_A_PART = re.compile(
    rf"\b(?:each|every|per|all) (?!{_WHOLE})\w+|\bof its own\b|\bblank\b"
    r"|\b(?:paragraph|bullet|point|step|item|heading|header|title|section|summary|intro|greeting"
    r"|example|name|row|begin|start|open|end|clos|finish|conclu|summar|first|last)\w*",
    re.IGNORECASE,
)
"""What speaks of a part of a reply, or of one unit within another, is no length of the whole."""
_CONDITION = re.compile(
    r"(?<!even )\b(?:if|when|whenever|unless|except|until)\b(?! (?:possible|you can))", re.I
)
_TWICE_NOT = re.compile(
    r"(?:\bnever|\bno|\bnot|n['’]t)\b[^,;.]*\b(?:without|forget|skip|omit|leave out|avoid|fail)\b",
    re.IGNORECASE,
)
_INSTEAD = re.compile(r"\b(?:instead of|rather than)\b", re.IGNORECASE)
_VAGUE = re.compile(
    r"\b(?:too (?:many|much)|(?:more|less|fewer) than|only|many|few|sparing\w*|overus\w+"
    r"|excessive\w*)\b",
    re.IGNORECASE,
)
_COUNTED = re.compile(rf"\b{_NUMBER} (?:\w+ )?$", re.IGNORECASE)
_BOUND = re.compile(rf"\b(?:{_MOST}|({_LEAST})) {_NUMBER} (?:\w+ )?$", re.IGNORECASE)
_MARKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("emoji", re.compile(r"\b(?:emojis?|emoticons?|smileys?)\b", re.IGNORECASE)),
    ("exclamation marks", re.compile(r"\bexclamation (?:marks?|points?)\b", re.IGNORECASE)),
    ("question marks", re.compile(r"\bquestion marks?\b|\bask\w* (?:me )?questions?\b", re.I)),
    ("numbered lines", re.compile(r"\bnumbered (?:lists?|lines?|steps?)\b", re.IGNORECASE)),
    (
        "bullets",
        re.compile(
            r"\b(?:bullet\w*(?: points?| lists?)?|lists|(?:an?|the|any|no|as|in|into) list)\b", re.I
        ),
    ),
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
_DESCRIBES = re.compile(
    r"(?:any|some|no)?things?\b|(?:that|how|what|why|who|which|where|with|more|less|longer|shorter"
    r"|too|so|bad|it|of|in|on|to|from)\b|.*\babout\b",
    re.IGNORECASE,
)
"""What follows "never say" and is no phrase but tells of one: "anything about politics"."""


def read_check(sentence: str) -> Check | None:
    """What a principle asks for, where it can be counted in a text; None where it cannot, or where
    it may mean something else: a rule that was read wrongly is worse than none.

    Understood are lengths of the reply ("at most 50 words", "in one sentence"), marks of style
    ("no emoji", "always use bullet points") and phrases ('never say "as an AI"').
    """
    unquoted = _QUOTED.sub(lambda found: "_" * len(found[0]), sentence)  # every place stays its own
    if _CONDITION.search(unquoted) or _TWICE_NOT.search(unquoted):
        return None
    return (
        _read_quoted(sentence, unquoted)
        or _read_length(unquoted)
        or _read_phrase(unquoted)
        or _read_mark(unquoted)
    )


def _read_quoted(sentence: str, unquoted: str) -> Check | None:
    """A phrase between quotation marks: never to be said, or always."""
    quoted = list(_QUOTED.finditer(sentence))
    phrases = _phrases(first or second for first, second in (each.groups() for each in quoted))
    if not phrases or _INSTEAD.search(unquoted):
        return None
    before, after = unquoted[: quoted[0].start()], unquoted[quoted[0].start() :]
    if _NOT.search(before):
        return None if re.search(r"\bbut\b", after) else _phrase_check(phrases, at_most=0)
    if _NOT.search(after):
        is_clear = len(phrases) == 1 and not _ALWAYS.search(before)
        return _phrase_check(phrases, at_most=0) if is_clear else None
    says = re.search(r"\b(?:always|must|say|write|use|add|mention|include|end|begin|start)", before)
    return _phrase_check(phrases, at_least=1) if says else None


def _read_length(unquoted: str) -> Check | None:
    """How long the reply may be, or must."""
    units = {_unit(found[1]) for found in re.finditer(rf"\b{_UNIT}", unquoted, re.IGNORECASE)}
    for clause in _CLAUSE_END.split(unquoted):
        check = _read_bounds(clause)
        if check is not None:
            return check if units == {check.what} and not _OF_A_PART.search(clause) else None
    return None


def _read_bounds(clause: str) -> Check | None:
    if found := _RANGE.search(clause):
        low, high = _number(found[1]), _number(found[2])
        return None if _NOT.search(clause) else Check(_unit(found[3]), low, high)
    if found := _AT_MOST.search(clause):
        if _STRICTLY.match(found[0]) and _TURNED.search(clause[: found.start()]):
            return Check(_unit(found[2]), at_least=_number(found[1]))
        number = _number(found[1]) - bool(_STRICTLY.match(found[0]))
        return Check(_unit(found[2]), at_most=max(1, number))
    if found := _AT_LEAST.search(clause):
        if not found[0].lower().startswith("more than"):
            return Check(_unit(found[2]), at_least=_number(found[1]))
        if _NOT.search(clause[: found.start()]):
            return Check(_unit(found[2]), at_most=_number(found[1]))
        is_a_wish = re.fullmatch(r"\W*(?:please\W*)?", clause[found.end() :], re.IGNORECASE)
        return Check(_unit(found[2]), at_least=_number(found[1]) + 1) if is_a_wish else None
    if (found := _IN_ONE.search(clause)) and not _NOT.search(clause):
        return Check(_unit(found[2]), at_most=_number(found[1]))
    return None


def _read_phrase(unquoted: str) -> Check | None:
    """A phrase without quotation marks that is never to be said."""
    said = _SAYS.search(unquoted)
    if said is None or not _NOT.search(unquoted):
        return None
    rest = next(group for group in said.groups() if group)
    told = (
        re.sub(r"^(?:like|such as) ", "", each) for each in re.split(r",| or | and |\bnor\b", rest)
    )
    phrases = _phrases(told)
    if any(_DESCRIBES.match(phrase) for phrase in phrases):
        return None
    return _phrase_check(phrases, at_most=0) if phrases else None


def _phrases(told: Iterable[str]) -> list[str]:
    phrases = [phrase.strip(" .!?;:") for phrase in told]
    return [phrase.lower() for phrase in phrases if 0 < len(phrase.split()) <= 6]


def _phrase_check(phrases: Sequence[str], at_least: int = 0, at_most: int | None = None) -> Check:
    return Check(" ".join(f'"{phrase}"' for phrase in phrases), at_least, at_most)


def _read_mark(unquoted: str) -> Check | None:
    for what, pattern in _MARKS:
        if found := pattern.search(unquoted):
            check = _read_wish(what, unquoted[: found.start()], unquoted[found.end() :])
            if check is not None:
                return check
    return None


def _read_wish(what: str, before: str, after: str) -> Check | None:
    """What is asked for of a mark of style, by the words before and after it."""
    before = re.split(r"\bbut\b|[;.!?]", re.sub(r",? ?\bever\b,?", "", before))[-1]
    after = re.split(r"\bbut\b|[,;.!?]", after)[0]
    if _INSTEAD.search(before) or re.match(rf" (?:per|in (?:a|each|every)) (?!{_WHOLE})", after):
        return None
    if bound := _BOUND.search(before):
        number = _number(bound[2])
        if bound[1]:
            return Check(what, at_least=number)
        return Check(what, at_most=number - bool(_STRICTLY.match(bound[0])))
    counted = _COUNTED.search(before)
    if _VAGUE.search(before + after) or (counted and _number(counted[1]) > 1):
        return None
    if found := _NOT.search(before):
        goes_on = re.search(r",.*\w", before[found.end() :])  # "no fuss, use emoji"
        return None if goes_on else Check(what, at_most=0)
    if _NOT.search(after):
        return None if _ALWAYS.search(before) else Check(what, at_most=0)
    if _ALWAYS.search(before + after) and (
        _GIVES.search(before) or re.match(r" (?:always|in (?:every|each|all))\b", after)
    ):
        return None if what == "code" and re.match(r" \w", after) else Check(what, at_least=1)
    return None


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
    """Whole words; any apostrophes, and anything but words between them. Where words are written
    without spaces, as in Chinese, any place will do."""
    words = phrase.lower().replace("’", "'").split()
    pattern = _edge(r"(?<![^\W_])", words[0][0])
    for at, word in enumerate(words):
        if at:
            both = words[at - 1][-1].isalnum() and word[0].isalnum()
            pattern += r"[\W_]+" if both else r"[\W_]*"
        pattern += re.escape(word).replace("'", "['’]")
    return re.compile(pattern + _edge(r"(?![^\W_])", words[-1][-1]), re.IGNORECASE)


def _edge(pattern: str, sign: str) -> str:
    return pattern if sign.isalnum() and not _WITHOUT_SPACES.match(sign) else ""


def _occurrences(pattern: re.Pattern[str]) -> Callable[[str], int]:
    return lambda text: sum(1 for _ in pattern.finditer(text))


_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_SIGN = (
    "(?:[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23f3]"
    "|[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u2328\u23cf\u23f8-\u23fa\u24c2"
    "\u25aa-\u25fe\u2934\u2935\u2b05-\u2b1c\u3030\u303d\u3297\u3299]\ufe0f)"
    "[\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*"
)
_EMOJI = re.compile(f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_SIGN}(?:\u200d{_SIGN})*")
"""One emoji as it is seen: with its colour of skin, a flag, a family."""

_COUNTS: dict[str, Callable[[str], int]] = {
    "words": _occurrences(WORD),
    "sentences": lambda text: sum(1 for part in SENTENCE_END.split(text) if WORD.search(part)),
    "lines": lambda text: sum(1 for line in text.splitlines() if line.strip()),
    "characters": lambda text: len(text.strip()),
    "emoji": _occurrences(_EMOJI),
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
    """The most pleasing right reply that keeps a check, over the most pleasing one that breaks it;
    of those only that flatter no more.

    values: (n,) what the replies are worth to the person. None where all keep it, or none right.
    """
    kept = [at for at, reply in enumerate(each.replies) if check.keeps(reply.text)]
    right = [at for at in kept if each.replies[at].is_right]
    broken = [at for at in range(len(each.replies)) if at not in kept and each.replies[at].finished]
    if not right or not broken:
        return None
    worst = max(broken, key=lambda at: values[at])
    most = count_protected(each.replies[worst].text)
    right = [at for at in right if count_protected(each.replies[at].text) <= most]
    if not right:
        return None
    best = max(right, key=lambda at: values[at])
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
