"""Lane A in the fast tier: the starter under the taste card, and under a style prompt by hand.

The one part of it that needs the model once more: a card changes what is written. So it is judged
for a few people, by one plain sample to each question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from chatfeedback.records import GeneratedReply, SampleRequest, Sampling, Turn
from chatfeedback.requests import told
from chatfeedback.settings import Settings
from chatfeedback.simulation.choices import mean, win_rate
from chatfeedback.simulation.lives import Life, Variant, Views
from chatfeedback.simulation.people import Hidden, person_of, say_wishes
from chatfeedback.simulation.pool import REFERENCE, Asked, Pool
from chatfeedback.taste.card import TasteCard, write_card

CARD_CLICKS = (10, 20, 50)
REPLIES = 2
SEED = 77


class Sampler(Protocol):
    """What can answer many prompts."""

    def sample(self, request: SampleRequest) -> list[list[GeneratedReply]]: ...


@dataclass(frozen=True)
class Line:
    """What somebody has the model told, and the life it comes from ("card" or "by hand")."""

    person: Hidden
    life: str
    clicks: int
    card: TasteCard


def judge_cards(
    engine: Sampler, pool: Pool, people: Sequence[Sequence[int]], clicks: int
) -> list[dict[str, Any]]:
    """Rows as those of a cell, with the line itself.

    Args:
        people: (number, seed) of each.
        clicks: of a life.
    """
    rows = []
    for number, seed in tqdm(people, desc="taste cards", unit="person"):
        person = replace(person_of(number, seed), later=None)
        views = Views.of(person, pool)
        for line in _lines(person, pool, views, 1000 * seed + number, clicks):
            rows.append(_judge(line, engine, pool, views))
    return rows


def _lines(person: Hidden, pool: Pool, views: Views, chance: int, clicks: int) -> Iterator[Line]:
    """The same life as the cell's, with mixed gestures."""
    yield Line(person, "by hand", 0, TasteCard(say_wishes(person), (), True, (), on=True))
    life = Life(person, Variant("mixed"), pool, (views, views), chance)
    for number in range(1, min(clicks, max(CARD_CLICKS)) + 1):
        life.click(number)
        if number in CARD_CLICKS:
            yield Line(
                person, "card", number, write_card(life.model, None, on=True, for_starter=True)
            )


def _judge(line: Line, engine: Sampler, pool: Pool, views: Views) -> dict[str, Any]:
    drawn = engine.sample(
        SampleRequest(
            prompts=tuple(
                (*told(line.card.line_for(asked)), Turn("user", asked))
                for asked in (each.question.prompt for each in pool.report)
            ),
            n=REPLIES,
            seed=SEED,
            sampling=Sampling(temperature=Settings().temperature),
            with_features=False,
        )
    )
    worth = [
        [line.person.utility(asked.question, reply.text) for reply in replies]
        for asked, replies in zip(pool.report, drawn, strict=True)
    ]
    return {
        "person": line.person.name,
        "life": line.life,
        "clicks": line.clicks,
        "line": line.card.text,
        "win": win_rate(np.array(worth), views.report[:, :REFERENCE]),
        "facts": _kept(pool.report, drawn, "fact"),
        "how_to": _kept(pool.report, drawn, "how_to"),
    }


def _kept(report: Sequence[Asked], drawn: Sequence[Sequence[GeneratedReply]], kind: str) -> float:
    """Marks of these replies as a share of the base's."""
    mine: list[float] = []
    usual: list[float] = []
    for asked, replies in zip(report, drawn, strict=True):
        mark = asked.question.mark
        if asked.question.kind == kind and mark is not None:
            mine += [mark(reply.text) for reply in replies]
            usual += asked.marks
    return mean(mine) / max(1e-9, mean(usual))
