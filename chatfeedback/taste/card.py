"""The taste card: a line or two about the person, in plain words, from the reward model's belief.

Only traits of which the belief is sure make a wish. The wishes read as a person would write them
("short answers, no emoji"), and when the card is switched on they are the model's system line. Of
wishes for one kind of question it is told those that apply: a small model reads "for quick
questions" as anything but a condition.
Where somebody has written the card themselves, their words stand as they are; what is learned after
that is only proposed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from chatfeedback.errors import InputRefused
from chatfeedback.taste.basis import CROSSED
from chatfeedback.taste.features import measure_prompt
from chatfeedback.taste.likelihoods import normal_cdf
from chatfeedback.taste.reward import RewardModel

SURE = 0.8
"""What the belief must be sure of to make a wish. A wish that is wrong one time in five costs less
than a card that stays empty for fifty clicks (docs/log.md)."""
STRONG = 0.25
"""Weight below which a trait, however sure, makes no difference worth a wish."""

KNOWN_TO_STARTER = frozenset(
    {
        ("log_words", True), ("log_words", False),
        ("bullet_lines", True), ("bullet_lines", False),
        ("emoji", True), ("emoji", False),
        ("ends_with_question", True), ("ends_with_question", False),
        ("opening", True), ("opening", False),
        ("warm_words", True), ("warm_words", False),
        ("examples", True), ("examples", False),
        ("formal_words", True), ("casual_words", True),
    }
)  # fmt: skip
"""(measure, more) of the wishes that the starter model was taught to read. Told any other it does
something else: "use contractions" makes it formal, "short sentences" merely brief (docs/log.md)."""

LONGEST_CARD = 600
MOST_WISHES = 6

Kind = Literal["always", "quick questions", "how-tos and explanations"]
_EXAMPLES: dict[Kind, str] = {
    "quick questions": "Who wrote Hamlet?",
    "how-tos and explanations": "How do I bake bread?",
}

# measure -> what to ask for when more of it is liked, and when less
_WISHES: dict[str, tuple[str, str]] = {
    "log_words": ("long, detailed answers", "short answers"),
    "sentence_words": ("full, flowing sentences", "short sentences"),
    "bullet_lines": ("use bullet points", "no bullet points"),
    "numbered_lines": ("number the steps", "no numbered lists"),
    "headings": ("use headings", "no headings"),
    "bold": ("put key words in bold", "no bold text"),
    "code": ("show code", "no code unless asked for"),
    "emoji": ("use emoji", "no emoji"),
    "exclamations": ("", "no exclamation marks"),
    "ends_with_question": ("end with a question", "no question at the end"),
    "opening": ("say a word before the answer", "answer directly, no preamble"),
    "closing_offer": ("offer more help at the end", "no offers of more help"),
    "warm_words": ("a warm, friendly tone", "no small talk"),
    "hedges": ("say where things are uncertain", "plain statements, no hedging"),
    "formal_words": ("formal tone", "no stiff wording"),
    "casual_words": ("casual tone", "no slang"),
    "contractions": ("use contractions", "no contractions"),
    "examples": ("give an example", "no example"),
    "parentheses": ("", "no remarks in parentheses"),
    "numbers": ("give figures", ""),
}
_OPPOSED = (
    {"formal tone", "casual tone"},
    {"a warm, friendly tone", "answer directly, no preamble"},
    {"say a word before the answer", "no small talk"},
    {"short answers", "say a word before the answer"},
    {"short answers", "give an example"},
    {"short answers", "end with a question"},
)
"""Wishes that contradict each other or nearly so: the stronger one stays."""


def kind_of(question: str) -> Kind:
    """Whether it asks for one thing or for much."""
    asks_for_much = measure_prompt(question)[0] > 0
    return "how-tos and explanations" if asks_for_much else "quick questions"


def say_wish(measure: str, *, more: bool) -> str:
    """How a wish for more or less of one style measure is put; "" where nobody would say it."""
    liked, disliked = _WISHES.get(measure, ("", ""))
    return liked if more else disliked


@dataclass(frozen=True)
class Wish:
    """One thing the card asks for. probability: how sure the belief is of its direction."""

    measure: str
    more: bool
    kind: Kind
    probability: float

    @property
    def text(self) -> str:
        """In plain words; a wish for one kind of question says so."""
        said = say_wish(self.measure, more=self.more)
        return said if self.kind == "always" else f"{said} for {self.kind}"

    @property
    def name(self) -> str:
        """Stands for this wish in what is stored; its opposite has another name."""
        return f"{self.measure}{'+' if self.more else '-'}{self.kind}"


@dataclass(frozen=True)
class TasteCard:
    """The card as it stands.

    text: what the model is told; empty when there is nothing to say.
    learned: the wishes the belief is sure of now.
    edited: the person wrote `text`; then `proposed` are wishes learned since.
    on: whether it goes into the system line.
    """

    text: str
    learned: tuple[Wish, ...]
    edited: bool
    proposed: tuple[Wish, ...]
    on: bool

    def line_for(self, question: str) -> str:
        """What the model is told before it answers this question; "" when off or empty."""
        if self.edited or not self.on:
            return self.text if self.on else ""
        kinds = ("always", kind_of(question))
        return join_wishes([replace(w, kind="always") for w in self.learned if w.kind in kinds])


@dataclass(frozen=True)
class CardEdit:
    """What is stored of a person's own wording: the text, and what had been learned by then."""

    text: str
    known: tuple[str, ...]

    def to_json(self) -> str:
        """For the settings table."""
        return json.dumps({"text": self.text, "known": self.known})

    @classmethod
    def from_json(cls, stored: str) -> CardEdit | None:
        """None when the person never edited the card ("")."""
        if not stored:
            return None
        read = json.loads(stored)
        return cls(str(read["text"]), tuple(read["known"]))


def write_card(
    model: RewardModel, edit: CardEdit | None, *, on: bool, for_starter: bool
) -> TasteCard:
    """The card from the belief; the person's own wording wins where there is one.

    Args:
        for_starter: the starter is to read it: only wishes that it knows.
    """
    learned = learned_wishes(model, for_starter=for_starter)
    if edit is None:
        return TasteCard(join_wishes(learned), learned, False, (), on)
    proposed = tuple(wish for wish in learned if wish.name not in edit.known)
    return TasteCard(edit.text, learned, True, proposed, on)


def check_card_text(text: str) -> str:
    """The person's wording, trimmed; InputRefused when it is too long to be a card."""
    text = " ".join(text.split())
    if len(text) > LONGEST_CARD:
        raise InputRefused(
            f"A taste card holds at most {LONGEST_CARD} characters; this one has {len(text)}. "
            "Keep what matters most: every answer has to read it."
        )
    return text


def learned_wishes(model: RewardModel, *, for_starter: bool) -> tuple[Wish, ...]:
    """The wishes of which the belief is sure, the strongest first."""
    found: list[tuple[float, Wish]] = []
    for trait in model.beliefs():
        if trait.name in CROSSED:
            found += _wishes_by_kind(model, trait.name)
        elif _is_sure(trait.weight, trait.probability):
            certainty = max(trait.probability, 1 - trait.probability)
            wish = Wish(trait.name, trait.weight > 0, "always", certainty)
            found.append((abs(trait.weight), wish))
    found = [(weight, wish) for weight, wish in found if say_wish(wish.measure, more=wish.more)]
    if for_starter:
        found = [each for each in found if (each[1].measure, each[1].more) in KNOWN_TO_STARTER]
    ranked = [wish for _, wish in sorted(found, key=lambda each: -each[0])]
    return tuple(_without_contradictions(ranked)[:MOST_WISHES])


def join_wishes(wishes: Sequence[Wish]) -> str:
    """One line: "Short answers, no emoji."."""
    said = ", ".join(wish.text for wish in wishes)
    return said[:1].upper() + said[1:] + "." if said else ""


def _wishes_by_kind(model: RewardModel, measure: str) -> list[tuple[float, Wish]]:
    """(weight, wish): one for all questions where both kinds lean the same way, else one for each
    kind of which the belief is sure."""
    leanings: dict[Kind, tuple[float, float]] = {}
    for kind, prompt in _EXAMPLES.items():
        step = model.basis.step(prompt, measure, 1.0)
        mean, sd = float(step @ model.weights), float(model.spread(step[None])[0])
        leanings[kind] = mean, normal_cdf(mean / sd) if sd > 0 else 0.5
    sure = {kind: each for kind, each in leanings.items() if _is_sure(*each)}
    agree = len({mean > 0 for mean, _ in leanings.values()}) == 1
    found = [
        (abs(mean), Wish(measure, mean > 0, "always" if agree else kind, max(p, 1 - p)))
        for kind, (mean, p) in sure.items()
    ]
    return sorted(found, key=lambda each: -each[0])[: 1 if agree else None]


def _is_sure(weight: float, probability: float) -> bool:
    return max(probability, 1 - probability) >= SURE and abs(weight) >= STRONG


def _without_contradictions(wishes: Sequence[Wish]) -> list[Wish]:
    kept: list[Wish] = []
    for wish in wishes:
        said = {say_wish(wish.measure, more=wish.more)}
        others = [
            {say_wish(each.measure, more=each.more)} for each in kept if _may_meet(wish, each)
        ]
        if not any(said | other in _OPPOSED for other in others):
            kept.append(wish)
    return kept


def _may_meet(a: Wish, b: Wish) -> bool:
    """Whether some question has both wishes."""
    return a.kind == b.kind or "always" in (a.kind, b.kind)
