"""What the pages say: sentences, and how numbers, times and beliefs are put into words.

Fixed labels of buttons and headings stand in the views, in static/widgets/.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from chatfeedback.records import (
    AdapterVersion,
    EngineState,
    Learned,
    LearningStatus,
    StoredReply,
    TraitBelief,
)

APP_NAME = "chatfeedback"
NEW_CHAT = "New chat"
COMPARE_SWITCH = "Compare two answers"
MESSAGE_LABEL = "Message"
MESSAGE_PLACEHOLDER = "Message your model…"
COPY_CODE = "Copy code"
PICTURE = "picture"
HINT = (
    "<kbd>Enter</kbd> to send · <kbd>Shift</kbd> <kbd>Enter</kbd> for a new line · "
    "Answers can be wrong. Everything stays on this machine."
)
STARTERS = (
    "How do I make a cup of tea?",
    "What is the capital of France?",
    "Why is the sky blue?",
)

UNEXPECTED = (
    "Something unexpected went wrong. Nothing you sent was lost; the log has the details. "
    "Try again, and restart the app if it happens again."
)

THINKING = "Thinking…"
CHOOSING = "Choosing the best of several answers…"
WRITTEN_BY_YOU = "written by you"

PHASES = {
    "idle": "Ready to learn",
    "waiting": "Waiting for a quiet moment",
    "collecting": "Collecting examples",
    "learning": "Learning from your choices",
    "checking": "Checking the new version",
}
VERSION_STATES = {
    "staged": "waiting for its check",
    "serving": "in use",
    "retired": "earlier version",
    "rejected": "not used",
}


def count(number: int, one: str, many: str | None = None) -> str:
    """'1 choice', '3 choices'."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """0.716 -> '72 %'."""
    return f"{round(100 * share)} %"


def name_version(adapter_id: str | None, versions: Mapping[str, AdapterVersion]) -> str:
    """'version 3', or 'the base model'."""
    if adapter_id is None:
        return "the base model"
    version = versions.get(adapter_id)
    return f"version {version.number}" if version else "an earlier version"


def parse_time(at_utc: str) -> datetime:
    """A stored UTC time in the machine's own zone."""
    moment = datetime.fromisoformat(at_utc.replace(" ", "T"))
    if moment.tzinfo is None:
        moment = datetime.fromisoformat(at_utc.replace(" ", "T") + "+00:00")
    return moment.astimezone()


def name_day(at_utc: str, now: datetime) -> str:
    """'Today', 'Yesterday' or 'Earlier', in the machine's own zone."""
    day = parse_time(at_utc).date()
    if day >= now.date():
        return "Today"
    return "Yesterday" if day == now.date() - timedelta(days=1) else "Earlier"


def say_when(at_utc: str, now: datetime) -> str:
    """'today 14:02', 'yesterday 09:10', '3 Nov 14:02'."""
    moment, day = parse_time(at_utc), name_day(at_utc, now)
    if day == "Earlier":
        return f"{moment.day} {moment:%b %H:%M}"
    return f"{day.lower()} {moment:%H:%M}"


# What less of a measure is called; more of it is `TraitBelief.label`.
OPPOSITES = {
    "log_words": "shorter answers",
    "sentence_words": "shorter sentences",
    "word_letters": "simpler words",
    "bullet_lines": "no bullet points",
    "numbered_lines": "no numbered steps",
    "headings": "no headings",
    "bold": "no bold text",
    "code": "no code",
    "emoji": "no emoji",
    "exclamations": "no exclamation marks",
    "ends_with_question": "no question at the end",
    "opening": "straight to the point",
    "closing_offer": "no offers of more help",
    "warm_words": "a plain tone",
    "hedges": "direct wording",
    "formal_words": "less formal wording",
    "casual_words": "less casual wording",
    "contractions": "no contractions",
    "examples": "no examples",
    "first_person": "not speaking of itself",
    "second_person": "not speaking to you",
    "apologies": "no apologies",
    "prompt_overlap": "not repeating the question",
    "parentheses": "no remarks in parentheses",
    "numbers": "fewer numbers",
    "repeats": "not repeating itself",
}


def name_less(belief: TraitBelief) -> str:
    """What less of the trait is called."""
    return OPPOSITES.get(belief.name, f"less: {belief.label}")


def name_liking(belief: TraitBelief) -> str:
    """What the person is believed to like, on the side of the trait that is likelier."""
    return belief.label if belief.probability >= 0.5 else name_less(belief)


def say_duration(milliseconds: float) -> str:
    """'0.4 ms', '3 ms', '1.2 s'."""
    if milliseconds < 1:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"


def say_reply_origin(reply: StoredReply, versions: Mapping[str, AdapterVersion]) -> str:
    """'version 3 · best of 4 · 0.8 s': the small print under an answer."""
    if reply.state == "done" and reply.reply_ms is None:
        return WRITTEN_BY_YOU
    parts = [name_version(reply.adapter_id, versions)]
    if reply.candidates > 1:
        parts.append(f"best of {reply.candidates}")
    if reply.reply_ms is not None:
        parts.append(say_duration(reply.reply_ms))
    return " · ".join(parts)


def say_reveal(first: str, second: str) -> str:
    """Told after a vote."""
    if first == second:
        return f"both answers were by {first}"
    return f"A was {first}, B was {second}"


def say_learned(learned: Learned, before: Mapping[str, TraitBelief]) -> str:
    """'Learned from a choice in 3 ms · shorter answers 62→71 % · 3 more choices until …'."""
    parts = [f"Learned from {learned.teaches} in {say_duration(learned.learn_ms)}"]
    parts += [say_moved(belief, before.get(belief.name)) for belief in learned.moved[:2]]
    if learned.clicks_until_learning > 0:
        parts.append(f"{count(learned.clicks_until_learning, 'more choice')} until it learns")
    return " · ".join(parts)


def say_moved(belief: TraitBelief, before: TraitBelief | None) -> str:
    """'shorter answers 62→71 %': how sure it is now that the person likes this."""

    def sure(probability: float) -> int:
        likes_more = belief.probability >= 0.5
        return min(99, round(100 * (probability if likes_more else 1 - probability)))

    now = sure(belief.probability)
    if before is None or sure(before.probability) == now:
        return f"{name_liking(belief)} {now} %"
    return f"{name_liking(belief)} {sure(before.probability)}→{now} %"


def say_not_ready(state: EngineState) -> str:
    """Why nothing can be answered now."""
    return f"{state.message.rstrip('. ')}. Your message was not sent; it is still in the box."


def say_deleted(title: str) -> str:
    """Told with an undo button."""
    return f"Deleted “{title}”."


MEANS_BETTER = "How sure it is that its answers suit you better, judged on fresh samples"
MEANS_FINISHED = "Share of answers that end properly"
MEANS_LENGTH = "Length of its answers, as a multiple of the base model's"
MEANS_KL = "How far its wording has moved from the base model"
MEANS_KEPT = "What it still gets right, as a share of what the base model gets right"
MEANS_AGREEMENT = "Share of your choices that were foreseen before they were learned from"
ROLLED_BACK_BASE = "The base model answers from the next reply on."
LEARNING_STOPPED = "Learning was stopped; nothing of it is kept."
LEARNING_ASKED = "Learning starts as soon as the model has a free moment."


def say_rolled_back(number: int) -> str:
    """Told after a roll back, or forward."""
    return f"Version {number} answers from the next reply on."


def say_sureness(belief: TraitBelief) -> int:
    """How sure the direction is, per cent; never 100."""
    return min(99, round(100 * max(belief.probability, 1 - belief.probability)))


def say_belief(belief: TraitBelief) -> str:
    """The bar in one sentence, for those who cannot see it."""
    return f"You like {name_liking(belief)}: {say_sureness(belief)} % sure."


def say_headline(status: LearningStatus) -> str:
    """'31 choices so far · version 3 answers you · 4 more until the next run'."""
    serving = f"version {status.serving.number}" if status.serving else "the base model"
    parts = [f"{count(status.clicks, 'choice')} so far", f"{serving} answers you"]
    if status.clicks_until_learning > 0:
        parts.append(f"{status.clicks_until_learning} more until the next version")
    return " · ".join(parts)
