"""Replies are drawn: the best of several, or rivals that are worth a question.

Whether best-of-n helps is measured on typical prompts, so that nobody waits for four replies where
one would do as well. On a slow machine, or a busy one, fewer are drawn.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from chatfeedback.asking.explore import (
    choose_reply,
    draw_nudge,
    pick_several,
    probability_choosing_helps,
)
from chatfeedback.protocols import Engine
from chatfeedback.records import (
    BaseInfo,
    GeneratedReply,
    GenerateRequest,
    SampleRequest,
    ScoreRequest,
    Turn,
)
from chatfeedback.rules.orders import Orders
from chatfeedback.rules.principles import Rules
from chatfeedback.seeds import SeedSource
from chatfeedback.settings import Settings
from chatfeedback.taste.likelihoods import Matrix
from chatfeedback.taste.taste import Taste, Tastes, is_usable
from chatfeedback.writing import collect

TYPICAL_PROMPTS, TYPICAL_REPLIES = 24, 4  # of the pool, to see what asking and choosing are worth


class Drawing:
    """How many replies are drawn, and which of them are shown.

    Args:
        engine: the model owner.
        tastes: every person's reward model.
        orders: the principles they laid down.
        settings: the knobs.
        seeds: where random choices come from.
    """

    def __init__(
        self, engine: Engine, tastes: Tastes, orders: Orders, settings: Settings, seeds: SeedSource
    ) -> None:
        self._engine = engine
        self._tastes = tastes
        self._orders = orders
        self._settings = settings
        self._seeds = seeds
        self._seconds_each = 0.0  # that a candidate took, last time
        self._typical: dict[str, list[Matrix]] = {}

    def count_candidates(self, person_id: int, taste: Taste, base: BaseInfo) -> int:
        """How many samples an ordinary answer is chosen among: as many as are likely to be there
        in time, by the pace of the last answer."""
        chooses = self.rules(person_id, taste, base).checks or self.helps_to_choose(taste, base)
        in_time = self._settings.best_of_seconds / max(self._seconds_each, 1e-9)
        return max(1, int(min(self._settings.best_of, in_time))) if chooses else 1

    def note_pace(self, replies: Sequence[GeneratedReply]) -> None:
        """Remember how long an answer took, be it chosen among several or not."""
        self._seconds_each = max(reply.reply_ms for reply in replies) / 1000 / len(replies)

    def draw_best(
        self, person_id: int, taste: Taste, base: BaseInfo, request: GenerateRequest
    ) -> GeneratedReply:
        """The best of request.n samples, or the only one."""
        found = collect(self._engine.generate(request))
        self.note_pace(found)
        rules = self.rules(person_id, taste, base)
        return found[choose_reply(taste, request.turns[-1].text, found, rules)]

    def draw_rivals(
        self, person_id: int, taste: Taste, base: BaseInfo, request: GenerateRequest, count: int
    ) -> list[GeneratedReply]:
        """Replies worth comparing, in random order: the best so far and its most informative
        rivals, among samples of which some were asked to be different. What breaks a rule is shown
        only where too few keep them."""
        nudged = min(self._settings.nudged_candidates, request.n // 2)
        found = collect(self._engine.generate(replace(request, n=request.n - nudged)))
        found += self._draw_nudged(taste, request, nudged) if nudged else []
        rules = self.rules(person_id, taste, base)
        usable = [reply for reply in found if is_usable(reply)]
        allowed = [reply for reply in usable if rules.allow(reply.text)]
        shown = next((each for each in (allowed, usable) if len(each) >= count), found)
        phis = taste.phis(request.turns[-1].text, shown)
        rule = self._settings.question_rule
        order = pick_several(phis, taste.model, self._seeds.generator(), count, rule)
        return [shown[at] for at in order]

    def rules(self, person_id: int, taste: Taste, base: BaseInfo) -> Rules:
        """What every reply to a person must keep: principles, and behaviours they flagged."""
        return self._orders.rules(person_id, taste, self._tastes.calibration(base))

    def helps_to_choose(self, taste: Taste, base: BaseInfo) -> bool:
        """Whether best-of-n is worth its time: on typical prompts the best of a few is likely to be
        better than the middle one. Else one plain sample, at once."""
        if not taste.helps_to_choose():
            return False
        typical = self.typical_phis(taste, base)
        helps = [probability_choosing_helps(phis, taste.model) for phis in typical]
        return not helps or float(np.mean(helps)) > self._settings.min_choice_probability

    def typical_phis(self, taste: Taste, base: BaseInfo) -> list[Matrix]:
        """Replies of the base to some prompts of the pool; nothing before it is calibrated."""
        known = self._tastes.calibration(base)
        if known is None:
            return []
        if base.key not in self._typical:
            self._typical[base.key] = [
                taste.basis.phis(
                    each.prompt,
                    [reply.text for reply in each.replies[:TYPICAL_REPLIES]],
                    [reply.features for reply in each.replies[:TYPICAL_REPLIES]],
                )
                for each in known.pool[:: max(1, len(known.pool) // TYPICAL_PROMPTS)]
            ]
        return self._typical[base.key]

    def _draw_nudged(self, taste: Taste, request: GenerateRequest, n: int) -> list[GeneratedReply]:
        """n samples under style wishes of their own, read again as answers to the plain prompt:
        the wish decides what is drawn, and is no part of what is learned from."""
        rng = self._seeds.generator()
        prompts = tuple(with_wish(request.turns, draw_nudge(taste.model, rng)) for _ in range(n))
        drawn = self._engine.sample(
            SampleRequest(
                prompts, 1, request.seed, request.sampling, request.adapter, with_features=False
            )
        )
        replies = [each[0] for each in drawn]
        texts = tuple(reply.text for reply in replies)
        [scored] = self._engine.score(ScoreRequest((request.turns,), (texts,)))
        return [
            replace(reply, prompt_ids=read.prompt_ids, features=read.features)
            for reply, read in zip(replies, scored, strict=True)
        ]


def with_wish(turns: tuple[Turn, ...], wish: str) -> tuple[Turn, ...]:
    """The same conversation with a wish more in its system line."""
    if not wish:
        return turns
    if turns[0].role == "system":
        return (replace(turns[0], text=f"{turns[0].text} {wish}"), *turns[1:])
    return (Turn("system", wish), *turns)
