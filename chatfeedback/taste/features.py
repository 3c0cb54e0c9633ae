"""Cheap, interpretable measures of a reply and of the question it answers.

They are general habits of written English, so they mean the same for every model and every
person, cost well under a millisecond, and can be shown to people by name. What they leave out is
meaning: whether a reply is true or useful is for the hidden states of the base model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chatfeedback.records import Array

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
SENTENCE_END = re.compile(r"[.!?…]+(?=\s|$)|\n")
BULLET = re.compile(r"^\s*[-*•‣]\s+\S", re.MULTILINE)
NUMBERED = re.compile(r"^\s*\(?\d{1,2}[.)]\s+\S", re.MULTILINE)
HEADING = re.compile(r"^\s*#{1,6}\s+\S", re.MULTILINE)
BOLD = re.compile(r"(?:\*\*|__)\S.*?(?:\*\*|__)")
CODE = re.compile(r"```|`[^`\n]+`")
PARENTHESIS = re.compile(r"(?<!\\)\([^()\n]+\)")  # a formula in \(…\) is none
NUMBER = re.compile(r"\d+")
EMOJI = re.compile("[\U0001f1e6-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23f3]")
CONTRACTION = re.compile(
    r"\b(?:\w+(?:n['’]t|['’](?:re|ve|ll|m|d))"
    r"|(?:it|that|what|here|there|he|she|who|how|where|let)['’]s)\b",
    re.IGNORECASE,
)
OPENING = re.compile(
    r"\W*(?:sure|certainly|of course|absolutely|definitely|okay|ok|yeah|yes|gladly|by all means"
    r"|no problem|happy to help|hi|hello|hey|dear|thank(?:s| you)|(?:what an? )?\w+ question"
    r"|(?:i am|i['’]m) (?:so )?(?:glad|happy)|here (?:is|are|you go)|here['’]s)\b",
    re.IGNORECASE,
)
CLOSING_OFFER = re.compile(
    r"\b(?:let me know|feel free|would you like|do you want|shall i|can i help|anything else"
    r"|(?:more|other) questions|happy to (?:help|explain))\b",
    re.IGNORECASE,
)
WARM = re.compile(
    r"\b(?:glad|happy|love(?:ly|s)?|great|wonderful|fantastic|amazing|awesome|beautiful|delightful"
    r"|enjoy|hope|fun|good luck|well done|congratulations|cheers|friend|dear|welcome"
    r"|thanks|thank you"
    r"|you(?: are|['’]re) doing|you(?: have|['’]ve) got|take care|best wishes|excited?|exciting)\b",
    re.IGNORECASE,
)
HEDGE = re.compile(
    r"\b(?:may|might|could|perhaps|possibly|probably|maybe|generally|usually|typically|often"
    r"|likely|seems?|roughly|approximately|i think|i believe|in general|it depends)\b",
    re.IGNORECASE,
)
FORMAL = re.compile(
    r"\b(?:certainly|furthermore|moreover|therefore|thus|hence|additionally|consequently|however"
    r"|regarding|concerning|respectively|accordingly|precise(?:ly)?|in brief|in summary"
    r"|in conclusion|in accordance|notably|generally speaking|it (?:should|must) be|please note"
    r"|by all means|one (?:may|should|can|must)|kindly|shall|whom|upon|such that|commonly|primarily"
    r"|utili[sz]e|provides?|obtain|require[sd]?|recommended|advisable|to be \w+,)\b",
    re.IGNORECASE,
)
CASUAL = re.compile(
    r"(?:\b(?:basically|actually|yeah|yep|nope|okay|ok|hey|cool|stuff|kinda|sorta|gonna|wanna|gotta"
    r"|super|totally|pretty much|a bit|lots of|sure thing|no worries|you know|guys?|btw|lol|haha"
    r"|here goes|anyway)\b|(?:^|[.!?]\s+)(?:so|well|right|now|oh|ah),?\s)",
    re.IGNORECASE,
)
EXAMPLE = re.compile(
    r"\b(?:for example|for instance|such as|e\.g|imagine|suppose|picture|an example|like when)",
    re.IGNORECASE,
)
APOLOGY = re.compile(
    r"\b(?:sorry|apologi[sz]e|apologies|unfortunately|afraid|as an ai|cannot|can['’]t|unable"
    r"|(?:do not|don['’]t|not) know|not sure|outside (?:of )?what)\b",
    re.IGNORECASE,
)
FIRST_PERSON = frozenset("i i'm i've i'd i'll me my mine myself".split())
SECOND_PERSON = frozenset("you your yours you're you've you'd you'll yourself".split())
COMMON = frozenset(
    "a an the of to in on for and or is are was be do does did i you it me my what how why where"
    " when who which can could would please tell about with that this there".split()
)


class _Reply(NamedTuple):
    """A reply taken apart once, for all measures."""

    prompt: str
    text: str
    words: list[str]  # lower case, typographic apostrophes made plain


def _words(text: str) -> list[str]:
    return [word.lower().replace("’", "'") for word in WORD.findall(text)]


def _log_count(pattern: re.Pattern[str]) -> Callable[[_Reply], float]:
    return lambda reply: math.log1p(sum(1 for _ in pattern.finditer(reply.text)))


def _share(vocabulary: frozenset[str]) -> Callable[[_Reply], float]:
    return lambda reply: math.log1p(sum(word in vocabulary for word in reply.words))


def _sentence_words(reply: _Reply) -> float:
    parts = [part for part in SENTENCE_END.split(reply.text) if part.strip()]
    return min(60.0, len(reply.words) / max(1, len(parts)))


def _word_letters(reply: _Reply) -> float:
    return sum(map(len, reply.words)) / max(1, len(reply.words))


def _ends_with_question(reply: _Reply) -> float:
    return float(EMOJI.sub("", reply.text).rstrip().endswith("?"))


def _opens_with_phrase(reply: _Reply) -> float:
    return float(OPENING.match(reply.text) is not None)


def _prompt_overlap(reply: _Reply) -> float:
    asked = set(_words(reply.prompt)) - COMMON
    return len(asked & set(reply.words)) / max(1, len(asked))


def _repeats(reply: _Reply) -> float:
    """Share of word triples that occurred before in the reply."""
    triples = list(zip(reply.words, reply.words[1:], reply.words[2:], strict=False))
    return 1 - len(set(triples)) / len(triples) if triples else 0.0


class _Measure(NamedTuple):
    name: str
    label: str  # what more of it means, in plain words
    typical_sd: float  # between replies of one model to one prompt
    of: Callable[[_Reply], float]


_STYLE: tuple[_Measure, ...] = (
    _Measure("log_words", "longer answers", 0.5, lambda reply: math.log1p(len(reply.words))),
    _Measure("sentence_words", "longer sentences", 2.5, _sentence_words),
    _Measure("word_letters", "longer words", 0.35, _word_letters),
    _Measure("bullet_lines", "bullet points", 0.6, _log_count(BULLET)),
    _Measure("numbered_lines", "numbered steps", 0.6, _log_count(NUMBERED)),
    _Measure("headings", "headings", 0.4, _log_count(HEADING)),
    _Measure("bold", "bold text", 0.5, _log_count(BOLD)),
    _Measure("code", "code", 0.4, _log_count(CODE)),
    _Measure("emoji", "emoji", 0.35, _log_count(EMOJI)),
    _Measure("exclamations", "exclamation marks", 0.4, _log_count(re.compile("!"))),
    _Measure("ends_with_question", "a question at the end", 0.4, _ends_with_question),
    _Measure("opening", "an opening phrase", 0.45, _opens_with_phrase),
    _Measure("closing_offer", "offers of more help", 0.3, _log_count(CLOSING_OFFER)),
    _Measure("warm_words", "warm words", 0.4, _log_count(WARM)),
    _Measure("hedges", "careful wording", 0.3, _log_count(HEDGE)),
    _Measure("formal_words", "formal wording", 0.3, _log_count(FORMAL)),
    _Measure("casual_words", "casual wording", 0.3, _log_count(CASUAL)),
    _Measure("contractions", "contractions", 0.3, _log_count(CONTRACTION)),
    _Measure("examples", "examples", 0.3, _log_count(EXAMPLE)),
    _Measure("first_person", "speaking of itself", 0.35, _share(FIRST_PERSON)),
    _Measure("second_person", "speaking to you", 0.45, _share(SECOND_PERSON)),
    _Measure("apologies", "apologies and refusals", 0.3, _log_count(APOLOGY)),
    _Measure("prompt_overlap", "repeating the question", 0.2, _prompt_overlap),
    _Measure("parentheses", "remarks in parentheses", 0.3, _log_count(PARENTHESIS)),
    _Measure("numbers", "numbers", 0.4, _log_count(NUMBER)),
    _Measure("repeats", "repeating itself", 0.08, _repeats),
)

STYLE_MEASURES: tuple[str, ...] = tuple(measure.name for measure in _STYLE)
LABELS: dict[str, str] = {measure.name: measure.label for measure in _STYLE}
TYPICAL_SD: dict[str, float] = {measure.name: measure.typical_sd for measure in _STYLE}

_STEPS = re.compile(
    r"\bhow (?:do|can|could|should|would|to|might|does one)\b"
    r"|\bhow (?:is|are) .*\b(?:made|done|prepared|cooked|built|set up|installed|used)\b"
    r"|\b(?:steps?|recipe|instructions|procedure|teach|guide|way to|directions|walk me)\b"
    r"|\b(?:show|help) me (?:how )?(?:to )?(?!understand|choose|pick|decide)\w+"
    r"|\bwhat (?:do|should|must) i do (?:to|for|if|when|about)?\b"
    r"|\bi (?:want|need|would like|have|plan) to (?:cook|make|build|fix|do|write|learn)\b",
    re.IGNORECASE,
)
_EXPLAIN = re.compile(
    r"\b(?:explain|why|describe|overview|basics|summar\w+|introduc\w+|everything|understand)\b"
    r"|\b(?:tell (?:me|us)|know|learn|facts|teach me|lines|write) .*\babout\b"
    r"|\b(?:know about|what (?:do|can) you (?:know|say)|should i know|(?:hi)?story of)\b"
    r"|\b(?:difference|compare|how does)\b|\bwhat (?:is|are|was|were) [\w ]+ like\b"
    r"|^\W*what(?: i|['’])s (?:an? )?\w+\W*$|^\W*what are \w+\W*$",
    re.IGNORECASE,
)
_IDEAS = re.compile(
    r"\b(?:recommend\w*|suggest\w*|ideas?|options|tips|what (?:could|can) i|any good|brainstorm)\b"
    r"|\b(?:give|name|show|find) me (?:some|a few|several)\b|\b(?:pick|choose|best .* to)\b"
    r"|\b(?:name|know|find) (?:me )?a good\b|\blooking for\b",
    re.IGNORECASE,
)
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("asks_steps", _STEPS),
    ("asks_explanation", _EXPLAIN),
    ("asks_ideas", _IDEAS),
)

PROMPT_MEASURES: tuple[str, ...] = ("asks_for_much", *(name for name, _ in _KINDS), "prompt_words")
"""`asks_for_much` is True for any of the kinds that follow: not for a single fact."""


def measure_reply(prompt: str, text: str) -> Array:
    """All style measures of a reply, (len(STYLE_MEASURES),) float32, unscaled and finite."""
    reply = _Reply(prompt, text, _words(text))
    return np.array([measure.of(reply) for measure in _STYLE], np.float32)


def measure_prompt(prompt: str) -> Array:
    """What kind of question it is, (len(PROMPT_MEASURES),) float32: yes/no measures, log words."""
    kinds = [float(pattern.search(prompt) is not None) for _, pattern in _KINDS]
    return np.array([max(kinds), *kinds, math.log1p(len(_words(prompt)))], np.float32)


FAMILIES: dict[str, dict[str, float]] = {
    "friendliness": {
        "emoji": 0.7,
        "exclamations": 0.7,
        "warm_words": 0.7,
        "closing_offer": 0.5,
        "ends_with_question": 0.5,
        "opening": 0.4,
        "casual_words": 0.3,
        "formal_words": -0.3,
        "second_person": 0.2,
    },
    "formality": {
        "formal_words": 0.7,
        "casual_words": -0.7,
        "contractions": -0.6,
        "exclamations": -0.3,
        "emoji": -0.3,
        "hedges": 0.3,
        "word_letters": 0.2,
    },
    "detail": {
        "log_words": 0.7,
        "examples": 0.5,
        "opening": 0.4,
        "sentence_words": 0.3,
        "closing_offer": 0.3,
        "ends_with_question": 0.3,
        "bullet_lines": 0.2,
        "numbered_lines": 0.2,
        "hedges": 0.2,
    },
    "structure": {
        "bullet_lines": 0.7,
        "numbered_lines": 0.7,
        "headings": 0.6,
        "bold": 0.6,
        "sentence_words": -0.5,
    },
}
"""Tastes that tend to come together: who likes emoji mostly likes warm words. Loadings of the
measures on each family; a measure's squared loadings add up to less than 1."""
