"""Principles that only a model can judge: critique, revision, and a label from both orders.

Constitutional AI (Bai et al. 2022, arXiv:2212.08073), sections 3 and 4: the model is asked whether
its reply keeps a principle, writes a better one where it does not, and is then asked, twice, which
of the two keeps the principle better. Only when both orders name the revision is it a label:
models prefer what they read first, or last. The starter model cannot do this and is never asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chatfeedback.protocols import Engine
from chatfeedback.records import (
    AiLabel,
    PreferencePair,
    SampleRequest,
    Sampling,
    ScoreRequest,
    StoredReply,
    Turn,
)
from chatfeedback.rules.principles import AI_WEIGHT, Principle
from chatfeedback.rules.protected import count_protected

CRITIQUE = """\
Here is a question and a reply to it.

Question: {prompt}

Reply: {reply}

Principle: {principle}

Does the reply keep the principle? Begin with "Yes" or "No", then say in one sentence why."""

REVISION = """\
Here is a question, a reply to it, and what is wrong with the reply.

Question: {prompt}

Reply: {reply}

Principle: {principle}

Criticism: {critique}

Write the reply anew so that it keeps the principle and still answers the question. Write only the \
new reply."""

CHOICE = """\
Question: {prompt}

Reply A: {first}

Reply B: {second}

Principle: {principle}

Which reply keeps the principle better? Answer with A or B alone."""


@dataclass(frozen=True)
class Critic:
    """Asks the model itself; one request for all replies at each step.

    seed: makes it repeatable; the answers are the likeliest ones (temperature 0).
    """

    engine: Engine
    seed: int

    def label(self, principle: Principle, replies: Sequence[StoredReply]) -> list[AiLabel]:
        """Labels for those of the replies that break the principle and could be mended, without
        flattery."""
        said = [
            self._fill(CRITIQUE, principle, reply.prompt_text, reply=reply.text)
            for reply in replies
        ]
        broken = [
            (reply, critique)
            for reply, critique in zip(replies, self._ask(said, 80), strict=True)
            if says_no(critique)
        ]
        if not broken:
            return []
        asked = [
            self._fill(REVISION, principle, reply.prompt_text, reply=reply.text, critique=critique)
            for reply, critique in broken
        ]
        revised = self._ask(asked, Sampling().max_new_tokens)
        labels = [
            AiLabel(principle.text, reply.reply_id, reply.prompt_text, text, reply.text, critique)
            for (reply, critique), text in zip(broken, revised, strict=True)
            if text
            and text != reply.text.strip()
            and count_protected(text) <= count_protected(reply.text)
        ]
        return self._confirmed(principle, labels)

    def _confirmed(self, principle: Principle, labels: Sequence[AiLabel]) -> list[AiLabel]:
        """Those of which both orders say that the revision is better."""
        if not labels:
            return []
        forth = [
            self._fill(CHOICE, principle, each.prompt, first=each.chosen, second=each.rejected)
            for each in labels
        ]
        back = [
            self._fill(CHOICE, principle, each.prompt, first=each.rejected, second=each.chosen)
            for each in labels
        ]
        answers = self._ask([*forth, *back], 8)
        votes = zip(labels, answers[: len(labels)], answers[len(labels) :], strict=True)
        return [each for each, one, two in votes if choice(one) == "A" and choice(two) == "B"]

    def _fill(self, form: str, principle: Principle, prompt: str, **parts: str) -> str:
        return form.format(principle=principle.text, prompt=prompt, **parts)

    def _ask(self, questions: Sequence[str], max_new_tokens: int) -> list[str]:
        """The base's likeliest answers. Always the base: an adapter may have learned to flatter."""
        answers = self.engine.sample(
            SampleRequest(
                prompts=tuple((Turn("user", question),) for question in questions),
                n=1,
                seed=self.seed,
                sampling=Sampling(temperature=0.0, max_new_tokens=max_new_tokens),
                with_features=False,
            )
        )
        return [each[0].text.strip() for each in answers]


def says_no(critique: str) -> bool:
    """True when a critique begins by saying that the principle is broken."""
    return re.match(r"\W*no\b", critique, re.IGNORECASE) is not None


def choice(answer: str) -> str | None:
    """ "A" or "B" as an answer names it; None when it names neither, or both."""
    named = set(re.findall(r"\b([AB])\b", answer))
    return named.pop() if len(named) == 1 else None


def pairs_of_labels(engine: Engine, labels: Sequence[AiLabel]) -> list[PreferencePair]:
    """Labels as pairs for the policy; the engine gives both texts their token ids."""
    if not labels:
        return []
    scored = engine.score(
        ScoreRequest(
            tuple((Turn("user", each.prompt),) for each in labels),
            tuple((each.chosen, each.rejected) for each in labels),
        )
    )
    return [
        PreferencePair(
            chosen.prompt_ids, chosen.token_ids, rejected.token_ids, AI_WEIGHT, "principle"
        )
        for chosen, rejected in scored
    ]
