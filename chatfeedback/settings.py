"""The knobs, all in one place. A person sees a few of them; a run records all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from chatfeedback.records import DpoSettings, Objective, QuestionRule


@dataclass(frozen=True)
class Settings:
    """Everything that can be set, with the values that were measured to work."""

    quantisation: Literal["none", "nf4", "int8"] = "none"
    """How the base model's weights are kept: as they are, in 4 bits or in 8. Less memory, a little
    less exact; from the next start on, unless the command line says otherwise."""

    best_of: int = 8
    """Candidates an ordinary reply is chosen among, once the reward model has something to say."""

    best_of_seconds: float = 6.0
    """A choice that took longer than this halves the number of candidates from then on."""

    min_clicks_for_best_of: int = 3
    """Choices and thumbs before best-of-n is worth its time."""

    min_choice_probability: float = 0.6
    """P(the best of a few replies beats the middle one) from which choosing is worth its time."""

    temperature: float = 0.7
    """Sampling temperature of an ordinary reply."""

    compare_temperature: float = 0.9
    """Sampling temperature when two answers are compared: they must differ to teach."""

    compare_candidates: int = 4
    """Replies drawn for a comparison; the best and its most informative challenger are shown."""

    question_rule: QuestionRule = QuestionRule.BEST_AND_RIVAL
    """Which of the replies drawn for a comparison are shown."""

    nudged_candidates: int = 0
    """Of the replies drawn for a comparison, how many are asked for another style, so that they
    differ more than samples do."""

    max_new_tokens: int = 256
    """Longest reply, in tokens."""

    clicks_per_run: int = 10
    """New choices and thumbs that start a learning run by themselves."""

    idle_seconds: float = 3.0
    """Quiet time before a learning run starts by itself, seconds."""

    learn_when_idle: bool = True
    """Whether learning runs start by themselves."""

    min_better_probability: float = 0.8
    """The gate: P(better for this person than the base) a candidate needs."""

    min_not_worse_probability: float = 0.3
    """The gate: P(better than what serves now) below which a candidate is turned down."""

    kl_limit_nats: float = 4.0
    """The gate: most KL(candidate || base) a reply, nats."""

    min_retention_share: float = 0.96
    """The gate: facts, and how-to steps, kept as a share of the base's."""

    min_finished_share: float = 0.98
    """The gate: replies that end properly."""

    gate_prompts: int = 72
    """Prompts the gate asks for taste, length, termination and KL."""

    gate_replies: int = 4
    """Replies to each of them."""

    scales: tuple[float, ...] = (1.0, 0.75, 0.5)
    """How strongly an adapter may serve; the gate takes the first that does no harm."""

    objective: Literal["auto"] | Objective = "auto"
    """What a run minimises; "auto" lets the evidence decide (objective.py)."""

    by_trial: Literal["no", "rloo", "ppo"] = "no"
    """Whether "auto" may let the policy answer anew and learn from what the reward model says of
    it: RLOO, or PPO, which takes more memory."""

    min_trial_agreement: float = 0.7
    """Share of the person's choices that the reward model must have foretold before "auto" lets
    the policy learn by trial."""

    min_trial_choices: int = 20
    """Choices before that share means anything."""

    dpo: DpoSettings = field(default_factory=DpoSettings)
    """One refit of the adapter."""
