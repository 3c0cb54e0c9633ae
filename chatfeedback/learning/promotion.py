"""The gate: may a candidate version serve?

With ten clicks there is no held-out set to speak of. So the gate measures *harm* exactly
(facts, how-to steps, termination, length, KL, on prompts that no learning run ever sees), and asks
the reward model whether fresh replies are *better for this person*. Prequential agreement and
blind trials judge afterwards. A candidate that does harm at full strength is tried weaker
(W + s B A, a smaller s) before it is turned down: weight averaging with the base. The guards
(guards.py) look at the same replies: most of them only warn, in the report. What serves is measured
again in the same way once a week (`recheck`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chatfeedback.asking.trials import NO_TRIALS, BlindTrials
from chatfeedback.learning.guards import (
    COLLAPSE_SHARE,
    Finding,
    alarms,
    distinct_2,
    watch_collapse,
    watch_forgetting,
    watch_over_optimisation,
    watch_protected_axes,
)
from chatfeedback.learning.retention import Mix, Question, interleave, mix, questions
from chatfeedback.protocols import Engine
from chatfeedback.records import (
    AdapterUse,
    AdapterVersion,
    BaseInfo,
    Example,
    GateReport,
    GeneratedReply,
    SampleRequest,
    Sampling,
    Turn,
)
from chatfeedback.rules.flags import Behaviour, share_showing
from chatfeedback.settings import Settings
from chatfeedback.taste.taste import Taste

EXAMPLES_SHOWN = 3
BEHAVIOUR_LEFT = 0.2
"""Of a behaviour that was flagged, this share of the base's frequency may be left."""

REAL_MODEL_MIX, REAL_MODEL_REPLIES = Mix(facts=28, how_tos=7, others=5), 2
"""What a real model is asked, and how often. With the person's own prompts at most 128 replies:
more questions and fewer replies to each say more of what was forgotten for the same time."""

LENGTH_RATIO_LIMITS = (0.2, 4.0)
"""Mean reply length against the base's; beyond these it is collapse, not taste."""


@dataclass(frozen=True)
class Answers:
    """Fresh replies of one policy: to the person's own prompts, and to the gate's questions."""

    own: list[list[GeneratedReply]]
    asked: list[list[GeneratedReply]]

    @property
    def all(self) -> list[GeneratedReply]:
        """Every reply, flat."""
        return [reply for replies in (*self.own, *self.asked) for reply in replies]

    @property
    def texts(self) -> list[str]:
        """The text of every reply, flat."""
        return [reply.text for reply in self.all]


@dataclass(frozen=True)
class Measures:
    """What the gate looks at, for one candidate at one scale.

    facts_error, how_to_error: one standard error of these shares; 0 where the questions are many.
    finished_limit: the least finished_share, where the base itself leaves replies unfinished.
    """

    scale: float
    better_than_base: float
    better_than_serving: float
    kl_nats: float
    facts_share: float | None
    how_to_share: float | None
    finished_share: float
    length_ratio: float
    distinct_ratio: float = 1.0
    facts_error: float = 0.0
    how_to_error: float = 0.0
    finished_limit: float = 1.0


def examine(
    *,
    engine: Engine,
    base: BaseInfo,
    taste: Taste,
    version: AdapterVersion,
    serving: AdapterVersion | None,
    prompts: Sequence[str],
    settings: Settings,
    seed: int,
    trials: BlindTrials = NO_TRIALS,
    behaviours: Sequence[Behaviour] = (),
) -> GateReport:
    """Measure a candidate against the base and against what serves now.

    Args:
        prompts: the person's own, newest first; may be empty.
        trials: how personal replies did in blind trials so far.
        behaviours: what this person flagged often enough; it must not come back.

    Returns:
        the report of the strongest scale that does no harm, or of the weakest one tried.
    """
    asked, n = gate_questions(base, settings)
    own = list(prompts[: settings.gate_prompts // 3])
    serving_use = _use(serving) if serving else None

    def answer(adapter: AdapterUse | None) -> Answers:
        return _answer(engine, own, asked, adapter, settings, n, seed)

    of_base = answer(None)
    of_serving = answer(serving_use) if serving_use else of_base
    over = watch_over_optimisation(trials, _claim(serving))
    for scale in _scales_allowed(settings, serving, over):
        of_candidate = answer(AdapterUse(version.adapter_id, version.folder, scale))
        measures = measure(
            taste, own, asked, of_candidate, of_base, of_serving, scale, few=not base.is_starter
        )
        harm = find_harm(measures, settings)
        harm += find_relapse(behaviours, of_candidate, of_base, of_serving)
        if not harm:
            break
    reasons = harm or find_no_gain(measures, settings)
    axes = watch_protected_axes(of_candidate.texts, of_base.texts)
    return GateReport(
        accepted=not reasons,
        reasons=tuple(reasons) or (say_gain(measures),),
        better_probability=measures.better_than_base,
        kl_nats=measures.kl_nats,
        facts_share=measures.facts_share,
        how_to_share=measures.how_to_share,
        facts_error=measures.facts_error,
        how_to_error=measures.how_to_error,
        finished_share=measures.finished_share,
        length_ratio=measures.length_ratio,
        agreement=taste.agreement(),
        clicks=taste.clicks,
        examples=find_examples(
            taste, own or [each.prompt for each in asked], of_candidate, of_serving
        ),
        scale=measures.scale,
        warnings=tuple(f"{each.message} {each.action}" for each in alarms([over, axes])),
    )


def recheck(
    *,
    engine: Engine,
    base: BaseInfo,
    taste: Taste,
    serving: AdapterVersion,
    settings: Settings,
    seed: int,
) -> list[Finding]:
    """Measure what serves once more, as the gate did: harm may show only later."""
    asked, n = gate_questions(base, settings)
    use = _use(serving)
    of_base = _answer(engine, [], asked, None, settings, n, seed)
    of_serving = _answer(engine, [], asked, use, settings, n, seed)
    measures = measure(
        taste, [], asked, of_serving, of_base, of_serving, use.scale, few=not base.is_starter
    )
    return [
        watch_collapse(
            of_serving.texts,
            of_base.texts,
            measures.finished_share,
            min(settings.min_finished_share, measures.finished_limit),
        ),
        watch_forgetting(
            measures.facts_share,
            measures.how_to_share,
            settings.min_retention_share,
            measures.facts_error,
            measures.how_to_error,
        ),
        watch_protected_axes(of_serving.texts, of_base.texts),
    ]


def gate_questions(base: BaseInfo, settings: Settings) -> tuple[list[Question], int]:
    """What the gate asks this base, and how many replies to each question."""
    asked, n = questions("gate", base.is_starter), settings.gate_replies
    if not base.is_starter:
        asked, n = mix(asked, REAL_MODEL_MIX), min(n, REAL_MODEL_REPLIES)
    return interleave(asked, settings.gate_prompts, how_to_share=0.4), n


def _claim(serving: AdapterVersion | None) -> float | None:
    """How sure the reward model was that what serves is better."""
    return serving.report.better_probability if serving and serving.report else None


def _scales_allowed(
    settings: Settings, serving: AdapterVersion | None, over: Finding
) -> Sequence[float]:
    """Scales to try, strongest first; while blind trials are lost, nothing stronger than a step
    below what serves (or the weakest of all)."""
    if not over.rejects or serving is None:
        return settings.scales
    weaker = [scale for scale in settings.scales if scale < _use(serving).scale]
    return weaker or settings.scales[-1:]


def measure(
    taste: Taste,
    own: Sequence[str],
    asked: Sequence[Question],
    candidate: Answers,
    base: Answers,
    serving: Answers,
    scale: float,
    few: bool = False,
) -> Measures:
    """Compare fresh replies of the candidate with those of the base and of what serves.

    Args:
        few: the questions are few, or the base leaves replies unfinished: a loss may be chance.
    """
    prompts = [*own, *(each.prompt for each in asked)]
    phis, base_phis, serving_phis = (
        [taste.phis(prompt, replies) for prompt, replies in zip(prompts, each, strict=True)]
        for each in (
            [*candidate.own, *candidate.asked],
            [*base.own, *base.asked],
            [*serving.own, *serving.asked],
        )
    )
    finished = np.array([reply.finished for reply in candidate.all])
    return Measures(
        scale=scale,
        better_than_base=taste.model.probability_better(phis, base_phis),
        better_than_serving=taste.model.probability_better(phis, serving_phis),
        kl_nats=sequence_kl(candidate.all),
        facts_share=kept_share(asked, candidate.asked, base.asked, "fact"),
        how_to_share=kept_share(asked, candidate.asked, base.asked, "how_to"),
        finished_share=float(finished.mean()),
        length_ratio=_mean_length(candidate.all) / max(1.0, _mean_length(base.all)),
        distinct_ratio=distinct_2(candidate.texts) / max(1e-9, distinct_2(base.texts)),
        facts_error=share_error(asked, candidate.asked, base.asked, "fact") if few else 0.0,
        how_to_error=share_error(asked, candidate.asked, base.asked, "how_to") if few else 0.0,
        finished_limit=_usual_finished(base.all) if few else 1.0,
    )


def say_gain(measures: Measures) -> str:
    """Why it serves, and whether all is kept, to a whole per cent as it is shown."""
    shares = [share for share in (measures.facts_share, measures.how_to_share) if share is not None]
    if not shares:
        return (
            "Better for you. Whether anything was forgotten is not known: the base model has no "
            "answer to what was asked."
        )
    lost = any(round(100 * share) < 100 for share in shares)
    return f"Better for you, and {'hardly anything' if lost else 'nothing'} was forgotten."


def find_harm(measures: Measures, settings: Settings) -> list[str]:
    """Sentences for every limit the candidate breaks; empty when it does no harm."""
    found = []
    for name, share, error in (
        ("facts", measures.facts_share, measures.facts_error),
        ("how-to steps", measures.how_to_share, measures.how_to_error),
    ):
        if share is not None and share + error < settings.min_retention_share:
            found.append(f"It forgot {name}: {share:.0%} of what the base model knows.")
    if measures.finished_share < min(settings.min_finished_share, measures.finished_limit):
        found.append(f"Only {measures.finished_share:.0%} of its replies end properly.")
    if measures.kl_nats > settings.kl_limit_nats:
        found.append(
            f"It moved too far from the base model: {measures.kl_nats:.1f} nats a reply, "
            f"limit {settings.kl_limit_nats:.1f}."
        )
    low, high = LENGTH_RATIO_LIMITS
    if not low <= measures.length_ratio <= high:
        found.append(f"Its replies are {measures.length_ratio:.1f} times as long as the base's.")
    if measures.distinct_ratio < COLLAPSE_SHARE:
        lost = 1 - measures.distinct_ratio
        found.append(f"Its replies repeat themselves: {lost:.0%} fewer different word pairs.")
    return found


def find_relapse(
    behaviours: Sequence[Behaviour], candidate: Answers, base: Answers, serving: Answers
) -> list[str]:
    """Sentences for flagged behaviours that the candidate shows more than a fifth as often as the
    base, and more often than what serves: learning must not undo what was achieved."""
    found = []
    for behaviour in behaviours:
        share = share_showing(behaviour, candidate.texts)
        if share > BEHAVIOUR_LEFT * share_showing(behaviour, base.texts) and (
            share > share_showing(behaviour, serving.texts)
        ):
            found.append(
                f"It says “{behaviour.wording}” again, which you flagged: {share:.0%} of replies."
            )
    return found


def find_no_gain(measures: Measures, settings: Settings) -> list[str]:
    """Sentences why a harmless candidate is still not worth serving; empty when it is."""
    if not measures.better_than_base > settings.min_better_probability:
        return [
            f"Not clearly better for you yet: {measures.better_than_base:.0%} sure, "
            f"{settings.min_better_probability:.0%} needed. A few more choices will help."
        ]
    if measures.better_than_serving < settings.min_not_worse_probability:
        return [
            "What serves now suits you better: only "
            f"{measures.better_than_serving:.0%} sure that this one does."
        ]
    return []


def sequence_kl(replies: Sequence[GeneratedReply]) -> float:
    """KL(policy || base) a reply, nats: the mean of log policy - log base over own samples."""
    gaps = [reply.policy_logprob - reply.features.base_logprob for reply in replies]
    return float(np.mean(gaps))


def kept_share(
    asked: Sequence[Question],
    candidate: Sequence[Sequence[GeneratedReply]],
    base: Sequence[Sequence[GeneratedReply]],
    kind: str,
) -> float | None:
    """Share of the base's marks on the questions of one kind that the candidate keeps."""
    own, reference = [], []
    for question, replies, base_replies in zip(asked, candidate, base, strict=True):
        if question.kind == kind and question.mark is not None:
            own += [question.mark(reply.text) for reply in replies]
            reference += [question.mark(reply.text) for reply in base_replies]
    if not reference or not sum(reference):
        return None
    return float(np.mean(own) / np.mean(reference))


def share_error(
    asked: Sequence[Question],
    candidate: Sequence[Sequence[GeneratedReply]],
    base: Sequence[Sequence[GeneratedReply]],
    kind: str,
) -> float:
    """One standard error of `kept_share`, over questions; 0 where it is not known.

    The mean loss over n questions has the error sd(loss of each) / sqrt(n).
    """
    losses, reference = [], []
    for question, replies, base_replies in zip(asked, candidate, base, strict=True):
        if question.kind == kind and question.mark is not None:
            own = np.mean([question.mark(reply.text) for reply in replies])
            reference.append(float(np.mean([question.mark(each.text) for each in base_replies])))
            losses.append(reference[-1] - float(own))
    if len(losses) < 2 or not sum(reference):
        return 0.0
    return float(np.std(losses, ddof=1) / np.sqrt(len(losses)) / np.mean(reference))


def _usual_finished(base: Sequence[GeneratedReply]) -> float:
    """The base's own share of replies that end, less what chance makes of it: a real model may be
    cut short at the longest reply, and its versions are not to blame for that. The difference of
    two shares p of n has the error sqrt(2 p (1 - p) / n)."""
    share = float(np.mean([reply.finished for reply in base]))
    return share - float(np.sqrt(2 * share * (1 - share) / len(base)))


def _answer(
    engine: Engine,
    own: Sequence[str],
    asked: Sequence[Question],
    adapter: AdapterUse | None,
    settings: Settings,
    n: int,
    seed: int,
) -> Answers:
    prompts = [*own, *(each.prompt for each in asked)]
    replies = engine.sample(
        SampleRequest(
            prompts=tuple((Turn("user", prompt),) for prompt in prompts),
            n=n,
            seed=seed,
            sampling=Sampling(
                temperature=settings.temperature, max_new_tokens=settings.max_new_tokens
            ),
            adapter=adapter,
        )
    )
    return Answers(replies[: len(own)], replies[len(own) :])


def _use(version: AdapterVersion) -> AdapterUse:
    return AdapterUse(
        version.adapter_id, version.folder, version.report.scale if version.report else 1.0
    )


def _mean_length(replies: Sequence[GeneratedReply]) -> float:
    return float(np.mean([len(reply.token_ids) for reply in replies]))


def find_examples(
    taste: Taste, prompts: Sequence[str], after: Answers, before: Answers
) -> tuple[Example, ...]:
    """The prompts whose answer changed most for this person, for better or worse, before and after.

    Args:
        prompts: the person's own; where there are none, the first of the gate's.
    """
    befores, afters = [*before.own, *before.asked], [*after.own, *after.asked]
    found = [
        (_reward(taste, prompt, new[0]) - _reward(taste, prompt, old[0]), prompt, old[0], new[0])
        for prompt, old, new in zip(prompts, befores, afters, strict=False)
        if old[0].text != new[0].text
    ]
    found.sort(key=lambda each: -abs(each[0]))
    return tuple(
        Example(prompt, old.text, new.text) for _, prompt, old, new in found[:EXAMPLES_SHOWN]
    )


def _reward(taste: Taste, prompt: str, reply: GeneratedReply) -> float:
    means, _ = taste.model.score(taste.phis(prompt, [reply]))
    return float(means[0])
