"""How a simulated person reads a reply of any model: style, and whether it is right.

The starter's replies are read by the corpus that it was trained on. A model of somebody else's has
no such list, so these are general habits of written English, by lists and rules of their own: yes
or no where the learner counts, sharing words with features.py only as English does, so that it is
not marked by its own measures. Right or wrong is said by the question itself (quiz.py). Short and
long are relative to what the base usually says to that very question.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from chatfeedback.learning.retention import Question
from chatfeedback.rules.protected import count_protected
from chatfeedback.simulation.people import Reading, openings

SHORT, LONG = 0.75, 1.3
"""Of the base's usual number of words: at most, at least."""

_LIST_LINE = re.compile(r"^\s*(?:[-*+•–]|\(?[0-9a-h][.)])\s", re.MULTILINE)
_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")


def _any_of(*phrases: str) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)(?:" + "|".join(phrases) + r")(?!\w)")


_PREAMBLE = _any_of(
    "sure", "certainly", "of course", "absolutely", "gladly", "okay", "ok", "yes", "great", "good",
    "that is", "that's", "what an?", "thank you", "thanks", "happy to", "i'd be", "i would be",
    "i'm", "i am", "hello", "hi", "hey", "let's", "let me", "here is", "here are", "here's", "ah",
    "well", "alright", "as an ai",
)  # fmt: skip
_WARM = _any_of(
    "my friend", "dear", "so happy", "so glad", "i'm glad", "i am glad", "lovely", "wonderful",
    "warm(?:ly)?", "you've got this", "you can do it", "you'll do", "have fun", "enjoy",
    "best of luck", "good luck", "take care", "hope (?:this|that|it) helps", "well done", "hugs?",
    "proud of you", "congratulations", "great question", "good question", "happy to help",
    "delight(?:ed|ful)?", "cheers", "you're welcome", "you are welcome", "sweet",
)  # fmt: skip
_FORMAL = _any_of(
    "furthermore", "moreover", "therefore", "thus", "hence", "consequently", "in addition",
    "it is (?:important|essential|advisable|recommended|worth noting)", "it should be noted",
    "one (?:may|must|should|can)", "with regard to", "in accordance with", "prior to", "ensure",
    "subsequently", "commonly (?:known|referred)", "is defined as", "refers to", "in order to",
    "i would like to", "kindly", "upon", "whom", "respectively", "in conclusion", "namely",
)  # fmt: skip
_CASUAL = _any_of(
    "yeah", "yep", "nope", "gonna", "wanna", "gotta", "kinda", "sorta", "stuff", "a bunch of",
    "pretty much", "super", "totally", "basically", "no worries", "no problem", "cool", "awesome",
    "guys", "folks", "hey", "oh", "wow", "you know", "just", "a lot of", "tons of", "grab", "pop",
    "dude", "haha", "lol", "okay", "toss",
)  # fmt: skip
_CONTRACTED = re.compile(r"\w'(?:t|s|re|ll|ve|d|m)(?!\w)")
_EXAMPLE = _any_of(
    "for example", "for instance", "e\\.g\\.?", "such as", "an example", "say,", "imagine"
)
_OFFER = _any_of(
    "let me know", "feel free to ask", "just ask", "if you'd like", "if you would like"
)


def read_generally(question: Question, text: str, usual_words: float) -> Reading:
    """What is read in a reply to which the base usually says so many words.

    To a question without a known answer any reply in words is right.
    """
    flags = {**flag_generally(text, usual_words), "flattery": count_protected(text) > 0}
    right = float(bool(text.strip())) if question.mark is None else question.mark(text)
    return Reading(question.kind, flags, right, tuple(openings(text)))


def flag_generally(text: str, usual_words: float) -> dict[str, bool]:
    """Yes/no measures of style by the names of `corpus.style_flags`."""
    plain = text.replace("’", "'").lower()
    parts = [part.strip(" *_#>-") for part in _ENDS.split(plain.strip()) if part.strip(" *_#>-")]
    first, last = (parts[0], parts[-1]) if parts else ("", "")
    words = len(text.split())
    casual = len(_CASUAL.findall(plain)) + len(_CONTRACTED.findall(plain))
    return {
        "short": words <= SHORT * usual_words,
        "long": words >= LONG * usual_words,
        "bullets": len(_LIST_LINE.findall(text)) >= 2,
        "emoji": _has_pictures(text),
        "warm": bool(_WARM.search(plain)),
        "formal": bool(_FORMAL.search(plain)),
        "casual": casual >= 2,
        "preamble": bool(_PREAMBLE.match(first)) or first.endswith(":"),
        "closing": last.endswith("?") or bool(_OFFER.search(last)),
        "example": bool(_EXAMPLE.search(plain)),
    }


def _has_pictures(signs: Iterable[str]) -> bool:
    """Whether a sign is a picture: Unicode's "other symbols", less the signs of texts (© ° №)."""
    return any(unicodedata.category(each) == "So" and ord(each) >= 0x2600 for each in signs)
