"""What a run minimises, chosen by what there is to learn from, with the reason in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from chatfeedback.engine.memory import ALPHA_PER_RANK, lora_rank
from chatfeedback.errors import InputRefused
from chatfeedback.records import (
    BaseInfo,
    DpoSettings,
    KtoSettings,
    ListwiseSettings,
    Objective,
    PpoSettings,
    RlooSettings,
    RolloutSettings,
    RunSettings,
    SftSettings,
)
from chatfeedback.settings import Settings
from chatfeedback.taste.preferences import Better, Flagged, Judgement, Ranked, Rated, Starred

LearningMethod = Literal["auto", "dpo", "kto", "ppo", "rloo", "sft"]  # what may be asked for
REAL_MODEL_LEARNING_RATE = 5e-5  # the starter, a tiny model, needs far larger steps
REAL_MODEL_SECONDS = 600.0


@dataclass(frozen=True)
class EvidenceCounts:
    """How much there is of each kind.

    choices: of one answer over another.  rewrites: of an answer.  rankings: of three or more.
    ratings: of an answer by itself.
    """

    choices: int = 0
    rewrites: int = 0
    rankings: int = 0
    ratings: int = 0


def count_evidence(judgements: Sequence[Judgement]) -> EvidenceCounts:
    """What a person's judgements are."""
    pairs = [j.source for j in judgements if isinstance(j, Better)]
    return EvidenceCounts(
        choices=pairs.count("click"),
        rewrites=pairs.count("edit"),
        rankings=sum(isinstance(j, Ranked) for j in judgements),
        ratings=sum(isinstance(j, Rated | Starred | Flagged) for j in judgements),
    )


def choose_objective(
    counts: EvidenceCounts,
    agreement: float | None,
    settings: Settings,
    *,
    has_room: bool = True,
) -> tuple[Objective, str]:
    """What to minimise, and why.

    Args:
        counts: what there is to learn from.
        agreement: share of the person's choices that the reward model foretold before it learned
            from them (`Taste.agreement`); None when that cannot be told yet.
        settings: whether an objective is set, and whether the person allowed learning by trial.
        has_room: whether memory suffices to draw replies while learning.
    """
    if settings.objective != "auto":
        return settings.objective, "It is set so."
    n_choices = counts.choices + counts.rankings
    is_trusted = _is_trusted(n_choices, agreement, settings)
    if settings.by_trial != "no" and is_trusted and has_room:
        return settings.by_trial, (
            f"You allowed learning by trial, and {agreement:.0%} of your choices were foretold "
            f"({settings.min_trial_agreement:.0%} are needed)."
        )
    objective, why = _by_evidence(counts)
    if settings.by_trial != "no" and is_trusted:
        why += " Learning by trial needs more memory than is free."
    elif settings.by_trial != "no":
        foretold = "too few to tell" if agreement is None else f"{agreement:.0%}"
        why += (
            f" Learning by trial waits until {settings.min_trial_agreement:.0%} of at least "
            f"{settings.min_trial_choices} choices are foretold (now {foretold} of {n_choices})."
        )
    return objective, why


def objective_asked_for(
    method: LearningMethod, counts: EvidenceCounts, base: BaseInfo | None
) -> Objective | None:
    """What a person wants minimised; None leaves it to `choose_objective`.

    Args:
        method: what they ask for.
        counts: what there is to learn from.
        base: the model; None while it loads, when nothing is known of its memory.

    Raises:
        InputRefused: there is nothing to learn from that way, or no room in memory.
    """
    if method == "auto":
        return None
    if method == "sft" and not counts.rewrites:
        raise InputRefused(
            f"SFT imitates answers that you rewrote; there are 0 of them, and "
            f"{counts.choices + counts.rankings} choices and {counts.ratings} ratings. "
            "Rewrite an answer first, or learn by auto."
        )
    if method in ("ppo", "rloo") and base is not None and not base.room_for_rollouts:
        raise InputRefused(
            f"{method.upper()} answers prompts anew while it learns, and there is too little "
            f"memory for that beside {base.name} ({base.quantization}). Close other programs, take "
            "a smaller model or --quantize nf4, or learn by dpo."
        )
    return method


def _is_trusted(n_choices: int, agreement: float | None, settings: Settings) -> bool:
    """Whether the reward model foretells this person's choices well enough to be paid by."""
    enough = n_choices >= settings.min_trial_choices
    return enough and agreement is not None and agreement >= settings.min_trial_agreement


def _by_evidence(counts: EvidenceCounts) -> tuple[Objective, str]:
    if counts.rankings:
        return "listwise", "You chose the best of several answers, or put them in order."
    if counts.rewrites:
        return "dpo", "You chose between answers or rewrote them; rewrites are imitated too."
    if counts.choices:
        return "dpo", "You chose between answers."
    if counts.ratings:
        return "kto", "You rated answers one by one and compared none."
    return "dpo", "You said what you like; the reward model's own choices are learned."


def run_settings(
    objective: Objective, settings: Settings, base: BaseInfo, n_reactions: int = 0
) -> RunSettings:
    """The settings of one run on this base.

    What a person may set (how far, how long) is set once, in `settings.dpo`, and holds for every
    objective. Real models take far smaller steps than the starter, and a rank by their size and
    by how many reactions there are.
    """
    dpo = settings.dpo
    if not base.is_starter:
        rank = lora_rank(base.n_parameters, n_reactions)
        dpo = replace(
            dpo,
            rank=rank,
            alpha=ALPHA_PER_RANK * rank,
            learning_rate=REAL_MODEL_LEARNING_RATE,
            seconds_budget=REAL_MODEL_SECONDS,
        )
    match objective:
        case "dpo":
            return dpo
        case "listwise":
            return ListwiseSettings(beta=dpo.beta, nll_coef=dpo.nll_coef, **_shared(dpo))
        case "kto":
            return KtoSettings(beta=dpo.beta, **_shared(dpo))
        case "sft":
            return SftSettings(**_shared(dpo))
        case "rloo":
            return _by_trial(RlooSettings(), dpo)
        case "ppo":
            return _by_trial(PpoSettings(), dpo)


def _shared(dpo: DpoSettings) -> dict[str, Any]:
    return {each.name: getattr(dpo, each.name) for each in fields(RunSettings)}


def _by_trial(kind: RolloutSettings, dpo: DpoSettings) -> RolloutSettings:
    """As DPO, but for its own number of steps."""
    of_dpo = {each.name: getattr(dpo, each.name) for each in fields(DpoSettings)}
    return replace(kind, **of_dpo | {"max_steps": kind.max_steps})
