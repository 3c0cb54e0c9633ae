"""Pairs that nobody clicked: by the person's principles, and against what they flagged.

    principles that can be checked   rules on the pool of the base's replies   any model
    all other principles             critique and revision of served replies   not the starter
    flags                            the pool, and fresh replies to the flagged prompts

Labels by principles are capped (principles.cap_ai_labels); flags are the person's own word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chatfeedback.learning.calibration import POOL_REPLIES, POOL_TEMPERATURE, PoolPrompt, PoolReply
from chatfeedback.learning.dataset import rate
from chatfeedback.protocols import Engine, Store
from chatfeedback.records import (
    BaseInfo,
    PreferencePair,
    SampleRequest,
    Sampling,
    ScoredText,
    ScoreRequest,
    StoredReply,
    Turn,
)
from chatfeedback.rules.critic import Critic, pairs_of_labels
from chatfeedback.rules.flags import Behaviour, Shown, find_flagged, find_shown, pair_against
from chatfeedback.rules.principles import Principle, label_by_rule
from chatfeedback.taste.likelihoods import Vector
from chatfeedback.taste.preferences import Flagged, Judgement, Reason, TraitSaid
from chatfeedback.taste.taste import Taste

CRITICISED_REPLIES = 24
"""Newest served replies that a critic looks at in one run."""

FLAGGED_REPLIES = 16
"""Newest flagged replies that are answered afresh in one run."""


@dataclass(frozen=True)
class Labeller:
    """Finds the pairs for one run of one person."""

    store: Store
    engine: Engine
    base: BaseInfo
    taste: Taste
    seed: int

    def by_principles(
        self, person_id: int, principles: Sequence[Principle], pool: Sequence[PoolPrompt]
    ) -> list[PreferencePair]:
        """By rule where a rule can tell, else by what the model says of its own replies."""
        rated = self._rated(pool)
        by_rule = [
            label_by_rule(each, values, principle.check)
            for principle in principles
            if principle.check is not None
            for each, values in rated
        ]
        open_ones = [principle for principle in principles if principle.check is None]
        found = [pair for pair in by_rule if pair is not None]
        if open_ones and not self.base.is_starter:
            found += self._by_critic(person_id, open_ones)
        return found

    def against_flagged(
        self,
        behaviours: Sequence[Behaviour],
        flagged: Sequence[StoredReply],
        pool: Sequence[PoolPrompt],
    ) -> list[PreferencePair]:
        """Against the behaviours on the pool and on the flagged prompts themselves, and against
        every flagged reply."""
        newest = [reply for reply in flagged if reply.base_key == self.base.key][-FLAGGED_REPLIES:]
        fresh = self._answer_afresh([reply.prompt_text for reply in newest])
        shown = [
            *find_shown(behaviours, [*pool, *fresh]),
            *find_flagged(newest, fresh, behaviours),
        ]
        read = self._read([each for each in shown if each.without])
        pairs = [pair_against(each, read.get((each.prompt, each.text))) for each in shown]
        return [pair for pair in pairs if pair is not None]

    def _by_critic(self, person_id: int, principles: Sequence[Principle]) -> list[PreferencePair]:
        """Ask about replies not asked about before, keep what is said, and use all that was."""
        served = self._served(person_id)
        known = {(label.principle, label.reply_id) for label in self.store.ai_labels(person_id)}
        critic = Critic(self.engine, self.seed)
        for principle in principles:
            fresh = [reply for reply in served if (principle.text, reply.reply_id) not in known]
            for label in critic.label(principle, fresh) if fresh else []:
                self.store.add_ai_label(person_id, label)
        wanted = {principle.text for principle in principles}
        labels = [each for each in self.store.ai_labels(person_id) if each.principle in wanted]
        return pairs_of_labels(self.engine, labels)

    def _served(self, person_id: int) -> list[StoredReply]:
        """The newest replies that this person has said anything about."""
        said = {reply_id: None for j in self.taste.judgements for reply_id in _replies_of(j)}
        return [self.taste.reply(reply_id) for reply_id in list(said)[-CRITICISED_REPLIES:]]

    def _answer_afresh(self, prompts: Sequence[str]) -> list[PoolPrompt]:
        """The base's own replies to these prompts, as the pool has them."""
        if not prompts:
            return []
        sampled = self.engine.sample(
            SampleRequest(
                tuple((Turn("user", prompt),) for prompt in prompts),
                POOL_REPLIES,
                self.seed,
                Sampling(temperature=POOL_TEMPERATURE),
            )
        )
        return [
            PoolPrompt(
                prompt,
                "other",
                replies[0].prompt_ids,
                tuple(
                    PoolReply(each.text, each.token_ids, each.finished, None, each.features)
                    for each in replies
                ),
            )
            for prompt, replies in zip(prompts, sampled, strict=True)
        ]

    def _read(self, shown: Sequence[Shown]) -> dict[tuple[str, str], tuple[ScoredText, ScoredText]]:
        """Each reply and what is left of it without the wordings, as the base reads them."""
        if not shown:
            return {}
        scored = self.engine.score(
            ScoreRequest(
                tuple((Turn("user", each.prompt),) for each in shown),
                tuple((each.text, each.without) for each in shown),
            )
        )
        return {
            (each.prompt, each.text): (whole, cut)
            for each, (whole, cut) in zip(shown, scored, strict=True)
        }

    def _rated(self, pool: Sequence[PoolPrompt]) -> list[tuple[PoolPrompt, Vector]]:
        return [(each, rate(self.taste, each)[0]) for each in pool]


def _replies_of(judgement: Judgement) -> tuple[int, ...]:
    """The replies a judgement speaks of; none for a word on a trait."""
    match judgement:
        case TraitSaid():
            return ()
        case Reason() | Flagged():
            return (judgement.reply_id,)
    return judgement.reply_ids
