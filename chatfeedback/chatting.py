"""What may be set for one conversation, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chatfeedback.errors import InputRefused
from chatfeedback.records import ChatSettings, Sampling
from chatfeedback.settings import Settings

LONGEST_PERSONA = 8000
"""Characters: what a system prompt may be, with room left for the talk in a small context."""


@dataclass(frozen=True)
class Limits:
    """A number of `Sampling`: its field, and the least and the most that make sense."""

    name: str
    low: float
    high: float
    step: float


SAMPLING_LIMITS = (
    Limits("temperature", 0.0, 2.0, 0.05),
    Limits("top_p", 0.05, 1.0, 0.05),
    Limits("min_p", 0.0, 0.5, 0.01),
    Limits("repetition_penalty", 1.0, 1.5, 0.01),
    Limits("max_new_tokens", 16, 4096, 16),
)


def check_chat_settings(settings: ChatSettings) -> None:
    """InputRefused for what no model could follow."""
    if len(settings.persona) > LONGEST_PERSONA:
        raise InputRefused(
            f"The persona has {len(settings.persona)} characters; the most is {LONGEST_PERSONA}."
        )
    for limits in SAMPLING_LIMITS if settings.sampling else ():
        value = getattr(settings.sampling, limits.name)
        if not limits.low <= value <= limits.high:
            raise InputRefused(
                f"{limits.name} is {value:g}; it must be from {limits.low:g} to {limits.high:g}."
            )


def usual_sampling(settings: Settings) -> Sampling:
    """How replies are drawn where a conversation has nothing of its own."""
    return Sampling(temperature=settings.temperature, max_new_tokens=settings.max_new_tokens)


def read_sampling(given: dict[str, object], usual: Sampling) -> Sampling | None:
    """The sampling that a form describes, blank fields as usual; None where every one is.
    InputRefused for what is no number."""
    numbers: dict[str, float | int] = {}
    for limits in SAMPLING_LIMITS:
        value = str(given.get(limits.name) or "").strip()
        if not value:
            continue
        try:
            number = float(value)
        except ValueError:
            raise InputRefused(f"{limits.name} is {value[:20]!r}; it must be a number.") from None
        numbers[limits.name] = int(number) if limits.name == "max_new_tokens" else number
    chosen = replace(usual, **numbers)  # type: ignore[arg-type]
    return None if chosen == usual else chosen
