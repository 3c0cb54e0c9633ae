"""What must not be forgotten: questions with known answers, and neutral prompts.

The starter model comes with a quiz (the items of its corpus); any other model is asked the verified
questions of quiz.py, and the neutral prompts below, to which there is no right answer. All of them
are split once and for all into disjoint parts, so that what the loss keeps, what the gate asks and
what a benchmark reports are never the same questions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from chatfeedback.learning import quiz

if TYPE_CHECKING:
    from chatfeedback.starter.items import Item

Part = Literal["chat", "loss", "probe", "gate", "report"]
QuestionKind = Literal["fact", "how_to", "other"]

HOW_TO_WORDINGS = 3
"""How-tos are few, so each is asked in several ways: fewer answers would be too noisy to judge."""

# Shares of each part, in percent. "chat" is what simulated people ask about.
_PARTS: tuple[tuple[Part, int], ...] = (
    ("chat", 22),
    ("loss", 22),
    ("probe", 10),
    ("gate", 20),
    ("report", 26),
)


@dataclass(frozen=True)
class Question:
    """A prompt; `mark` gives the share of the known answer that a reply holds (1 = all of it)."""

    item_id: str
    kind: QuestionKind
    prompt: str
    mark: Callable[[str], float] | None


def questions(part: Part, is_starter: bool) -> list[Question]:
    """The prompts of one part, in a fixed order; no two parts share an item."""
    asked = _starter_questions() if is_starter else _verified_questions() + _neutral_prompts()
    return [question for question in asked if _parts_by_id(is_starter)[question.item_id] == part]


class Mix(NamedTuple):
    """How many questions of each kind."""

    facts: int
    how_tos: int
    others: int


def mix(asked: list[Question], wanted: Mix) -> list[Question]:
    """Some questions of each kind, the first ones; fewer where there are fewer. A real model
    takes its time over each, so what it is asked is counted."""
    numbers: dict[QuestionKind, int] = {
        "fact": wanted.facts,
        "how_to": wanted.how_tos,
        "other": wanted.others,
    }
    return [
        question
        for kind, number in numbers.items()
        for question in [each for each in asked if each.kind == kind][:number]
    ]


def interleave(asked: list[Question], limit: int, how_to_share: float = 0.3) -> list[Question]:
    """At most `limit` questions: how-tos are scarce, so they are given their share first."""
    how_tos = [question for question in asked if question.kind == "how_to"]
    others = [question for question in asked if question.kind != "how_to"]
    how_tos = how_tos[: round(limit * how_to_share)]
    step = max(1.0, len(others) / max(1, limit - len(how_tos)))
    spread = [others[int(at * step)] for at in range(min(len(others), limit - len(how_tos)))]
    return spread + how_tos


@cache
def _starter_questions() -> tuple[Question, ...]:
    from chatfeedback.starter import corpus

    kinds: dict[str, QuestionKind] = {"fact": "fact", "how_to": "how_to"}
    return tuple(
        Question(item.id, kinds.get(item.kind, "other"), prompt, partial(corpus.is_correct, item))
        for item in corpus.items()
        if item.kind != "small_talk"
        for prompt in _word(item, HOW_TO_WORDINGS if item.kind == "how_to" else 1)
    )


@cache
def _verified_questions() -> tuple[Question, ...]:
    """Facts and how-tos that any model may know."""
    facts = [
        Question(f"fact/{each.prompt}", "fact", each.prompt, partial(quiz.mark_fact, each.answer))
        for each in quiz.facts()
    ]
    how_tos = [
        Question(
            f"how_to/{each.prompt}", "how_to", each.prompt, partial(quiz.mark_how_to, each.steps)
        )
        for each in quiz.how_tos()
    ]
    return tuple(sorted(facts + how_tos, key=lambda each: _stable_number(each.item_id)))


def _neutral_prompts() -> tuple[Question, ...]:
    return tuple(
        Question(f"neutral/{number}", "other", prompt, None)
        for number, prompt in enumerate(NEUTRAL_PROMPTS)
    )


def _word(item: Item, count: int) -> list[str]:
    """Some of the item's own questions, always the same ones."""
    from chatfeedback.starter.items import fill_question
    from chatfeedback.starter.styles import capitalise

    wordings = [each for each in item.questions_seen if "{n}s" not in each]
    wordings.sort(key=lambda wording: _stable_number(item.id + wording))
    return [
        capitalise(fill_question(wording, item.subject, item.name, item.plural))
        for wording in wordings[:count]
    ]


@cache
def _parts_by_id(is_starter: bool) -> dict[str, Part]:
    """Each kind is dealt out on its own, so that every part holds how-tos."""
    asked = _starter_questions() if is_starter else _verified_questions()
    parts: dict[str, Part] = {}
    for kind in ("fact", "how_to", "other"):
        ids = {question.item_id for question in asked if question.kind == kind}
        for rank, item_id in enumerate(sorted(ids, key=_stable_number)):
            parts[item_id] = _part_at(100 * (rank + 0.5) / len(ids))
    if not is_starter:  # in turn, so that each part has as many
        for number, question in enumerate(_neutral_prompts()):
            parts[question.item_id] = _PARTS[number % len(_PARTS)][0]
    return parts


def _part_at(percent: float) -> Part:
    upper = 0
    for part, share in _PARTS:
        upper += share
        if percent < upper:
            return part
    return _PARTS[-1][0]


def _stable_number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


NEUTRAL_PROMPTS = (
    "What does a lighthouse do?",
    "How do I boil an egg?",
    "Why is the sky blue?",
    "Give me three ideas for a rainy afternoon.",
    "What is the difference between a lake and a pond?",
    "How can I fall asleep more easily?",
    "Explain what a battery does.",
    "Who writes the rules of a game?",
    "Suggest a name for a grey cat.",
    "How do I sharpen a pencil without a sharpener?",
    "What is a good way to learn new words?",
    "Describe the taste of a lemon.",
    "How does a bicycle stay upright?",
    "What should I pack for two days by the sea?",
    "Write two sentences about the moon.",
    "What is the use of a thermometer?",
    "How do I remove a stain from a shirt?",
    "Why do leaves change colour in autumn?",
    "Recommend something to cook with potatoes.",
    "What does a gardener do in spring?",
    "Explain the word 'patience' to a child.",
    "How do I write a short thank-you note?",
    "What makes bread rise?",
    "Name a few things that float.",
    "How can I save water at home?",
    "What is a map legend?",
    "Why do we yawn?",
    "Give me a tip for taking better photographs.",
    "How do I tie my shoes?",
    "What is the purpose of a bridge?",
    "Tell me something about clouds.",
    "How do I plan a small party?",
    "What is a proverb?",
    "Why does ice float on water?",
    "How do I look after a pair of leather boots?",
    "What would you put in a fruit salad?",
    "Explain how a sundial shows the time.",
    "What are the parts of a letter?",
    "How do I start running?",
    "What is the difference between weather and climate?",
    "Give me an example of a simple experiment.",
    "How do I fold a paper boat?",
    "What does a librarian do?",
    "Why do cats purr?",
    "Suggest a quiet hobby.",
    "How do I keep flowers fresh in a vase?",
    "What is a habit?",
    "Describe a market in the morning.",
    "How do I change a light bulb?",
    "What is salt used for besides cooking?",
)
