"""What a person chose about learning: how bold, how strongly it shows, and when.

One row of the database for each person. What they did not choose is as `Settings` has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from chatfeedback.errors import InputRefused
from chatfeedback.protocols import Store
from chatfeedback.records import DpoSettings
from chatfeedback.settings import Settings

Preset = Literal["careful", "balanced", "bold"]
When = Literal["idle", "clicks", "by hand"]
ByTrial = Literal["no", "rloo", "ppo"]
SETTING = "learning"
HOURS_A_DAY = 24
KL_LIMIT_PER_BUDGET = 1.6  # how far beyond a run's budget the gate lets a version be


@dataclass(frozen=True)
class Knob:
    """Something that may be set beyond the presets: its name in the settings, and its limits."""

    name: str
    low: float
    high: float
    whole: bool = False


KNOBS = {
    knob.name: knob
    for knob in (
        Knob("clicks_per_run", 1, 200, whole=True),
        Knob("kl_budget_nats", 0.5, 6.0),
        Knob("max_steps", 5, 300, whole=True),
        Knob("min_better_probability", 0.5, 0.99),
        Knob("min_retention_share", 0.8, 1.0),
    )
}
PRESETS: Mapping[Preset, Mapping[str, float]] = {
    "careful": {"kl_budget_nats": 1.5, "min_better_probability": 0.9, "clicks_per_run": 15},
    "balanced": {},
    "bold": {"kl_budget_nats": 3.5, "min_better_probability": 0.65, "clicks_per_run": 6},
}


@dataclass(frozen=True)
class LearningChoices:
    """One person's choices.

    preset: how far a version may move, and how sure it must be to be better.
    knobs: single values set beyond the preset; names and limits are in KNOBS.
    when: "idle": after enough clicks, in a quiet moment; "clicks": as soon as there are enough;
        "by hand": only when asked.
    quiet_from, quiet_until: hours of the day (0-23, local time) between which nothing is learned
        by itself; equal: no quiet hours.
    by_trial: whether the model may try answers out and learn from what the reward model says of
        them, once that foretells enough of the person's choices (objective.py).
    how_personal: 0 (the base model) to 1 (as strongly as the gate allows).
    """

    preset: Preset = "balanced"
    knobs: Mapping[str, float] = field(default_factory=dict)
    when: When = "idle"
    quiet_from: int = 0
    quiet_until: int = 0
    by_trial: ByTrial = "no"
    how_personal: float = 1.0

    def apply(self, settings: Settings) -> Settings:
        """The settings of this person's runs."""
        knobs = {**PRESETS[self.preset], **self.knobs}
        knobs = {name: int(value) if KNOBS[name].whole else value for name, value in knobs.items()}
        of_dpo = {each.name for each in fields(DpoSettings)} & set(knobs)
        dpo = replace(settings.dpo, **{name: knobs.pop(name) for name in of_dpo})  # type: ignore[arg-type]
        limit = settings.kl_limit_nats
        if dpo.kl_budget_nats != settings.dpo.kl_budget_nats:
            limit = max(limit, KL_LIMIT_PER_BUDGET * dpo.kl_budget_nats)
        by_trial = settings.by_trial if self.by_trial == "no" else self.by_trial
        settings = replace(settings, dpo=dpo, kl_limit_nats=limit, by_trial=by_trial)
        return replace(settings, **knobs)  # type: ignore[arg-type]

    def is_quiet(self, hour: int) -> bool:
        """Whether nothing is learned by itself at this hour of the day."""
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= hour < self.quiet_until
        return hour >= self.quiet_from or hour < self.quiet_until

    def change(self, changes: Mapping[str, Any]) -> LearningChoices:
        """With these values instead; InputRefused, with what is allowed, for any other.

        A knob is set by its own name, and taken back by "".
        """
        changed = self
        for name, value in changes.items():
            if name in KNOBS:
                changed = replace(changed, knobs=_turn(changed.knobs, KNOBS[name], value))
            elif name == "preset":
                preset = _one_of(Preset, value, "preset")
                changed = replace(changed, preset=preset, knobs={})  # type: ignore[arg-type]
            elif name == "when":
                changed = replace(changed, when=_one_of(When, value, "time to learn"))  # type: ignore[arg-type]
            elif name == "by_trial":
                by_trial = _one_of(ByTrial, value, "way to learn by trial")
                changed = replace(changed, by_trial=by_trial)  # type: ignore[arg-type]
            elif name in ("quiet_from", "quiet_until"):
                hour = int(_number(value, name, 0, HOURS_A_DAY - 1))
                changed = replace(changed, **{name: hour})  # type: ignore[arg-type]
            elif name == "how_personal":
                changed = replace(changed, how_personal=_number(value, name, 0.0, 1.0))
            else:
                raise InputRefused(f"There is no setting {name!r} of learning.")
        return changed


class Choices:
    """Everybody's choices, in the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, person_id: int) -> LearningChoices:
        """As they stand; what cannot be read any more is as if never chosen."""
        stored = json.loads(self._store.setting(person_id, SETTING, "{}"))
        choices = LearningChoices()
        knobs = stored.pop("knobs", {})
        for name, value in {**stored, **knobs}.items():
            try:
                choices = choices.change({name: value})
            except InputRefused:
                continue
        return choices

    def change(self, person_id: int, changes: Mapping[str, Any]) -> LearningChoices:
        """Keep new ones; InputRefused when they are none."""
        changed = self.get(person_id).change(changes)
        self._store.set_setting(person_id, SETTING, json.dumps(asdict(changed)))
        return changed


def _turn(knobs: Mapping[str, float], knob: Knob, value: object) -> dict[str, float]:
    kept = {name: each for name, each in knobs.items() if name != knob.name}
    if value in ("", None):
        return kept
    return kept | {knob.name: _number(value, knob.name, knob.low, knob.high)}


def _number(value: object, name: str, low: float, high: float) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        said = name.replace("_", " ")
        raise InputRefused(f"{said} is a number from {low:g} to {high:g}; got {value!r}.")
    return number


def _one_of(kind: Any, value: object, name: str) -> str:
    if value not in get_args(kind):
        raise InputRefused(
            f"{value!r} is no {name}. Choose one of: {', '.join(map(str, get_args(kind)))}."
        )
    return str(value)
