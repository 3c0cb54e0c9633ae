"""What the data page says."""

from __future__ import annotations

from collections.abc import Sequence

from chatfeedback.records import AiLabel, Backup, FeedbackEvent, FeedbackItem, Unrated
from chatfeedback.statistics import Consistency, Statistics
from chatfeedback.taste.features import LABELS
from chatfeedback.taste.preferences import PLACES
from ui.text import count, percent

KINDS = {
    "thumb": "Thumb",
    "pick": "Choice",
    "rank": "Ranking",
    "rating": "Stars",
    "edit": "Better answer",
    "chip": "Reason",
    "trait": "Word on a trait",
    "flag": "Flag",
    "comment": "Comment",
    "copy": "Copied",
    "regenerate": "Asked again",
}
STATES = {
    "counts": "counts",
    "aside": "excluded",
    "undone": "taken back",
    "forgotten": "forgotten",
}
REPLACED = "said anew later"
OUTCOMES = {
    "first": "A is better",
    "second": "B is better",
    "third": "C is better",
    "fourth": "D is better",
    "tie": "Tie",
    "both_bad": "All are bad",
}
LETTERS = "ABCDEFGH"
LIKE, DISLIKE = "Like", "Dislike"
TABS = {
    "browse": "Feedback",
    "queue": "Rate later",
    "files": "Import and export",
    "figures": "Statistics",
    "backups": "Backups",
}
BARS = {
    "thumbs": "Thumbs",
    "comparisons": "Comparisons",
    "sides": "Side chosen",
    "stars": "Stars",
    "reasons": "Reasons",
}
PARTS = {"winner": "a winner", "both_bad": "both bad"}

CORRECTED = "Corrected. It learned the new one in place of the old."
EXCLUDED = "Excluded: it stays in the list and teaches nothing until you let it count again."
INCLUDED = "It counts again."
DELETED = "Taken back: it counts no more."
CHOSEN = "Learned from your choice. The conversation stays as it was."
CHOSEN_AGAIN = "Noted. How often you agree with yourself stands under Statistics."
RESTORED = "Everything is as it was in the backup. The page loads anew."


def name_about(about: str) -> str:
    """A reason, flag or trait in words."""
    return LABELS.get(about, about)


def say_event(event: FeedbackEvent) -> str:
    """What an event says, in a few words."""
    if event.kind == "thumb":
        return {1: LIKE, -1: DISLIKE}.get(event.value or 0, "Thumb taken back")
    if event.kind == "pick":
        return OUTCOMES.get(event.outcome or "", "Choice")
    if event.kind == "rating":
        return "★" * (event.value or 0) + "☆" * (5 - (event.value or 0))
    if event.kind == "trait":
        wish = {1: "yes, more", -1: "no, less"}.get(event.value or 0, "taken back")
        return f"{name_about(event.trait or '')}: {wish}"
    if event.kind == "flag":
        return (event.flag or "").capitalize()
    if event.kind in ("chip", "comment"):
        return event.text or ""
    return KINDS.get(event.kind, event.kind)


def say_where(item: FeedbackItem) -> str:
    """Where it was said: in which conversation, or from which file."""
    return f"imported from {item.source}" if item.source else item.conversation_title


def label_reply(event: FeedbackEvent, reply_id: int, at: int) -> str:
    """'A', 'A · chosen', 'B · 2nd'."""
    letter = LETTERS[at] if at < len(LETTERS) else str(at + 1)
    if event.kind == "pick" and event.outcome == (PLACES[at] if at < len(PLACES) else None):
        return f"{letter} · chosen"
    if event.kind == "rank" and event.order:
        place = event.order.index(reply_id) + 1 if reply_id in event.order else None
        return f"{letter} · {f'place {place}' if place else 'left out'}"
    return letter


def say_page(total: int, n: int, *, is_filtered: bool) -> str:
    """What the list shows, in one sentence."""
    if total == 0:
        return (
            "Nothing fits these filters."
            if is_filtered
            else "Nothing yet. What you say about answers in the chat is listed here."
        )
    fit = " that fit" if is_filtered else ""
    here = f"; {n} here" if n < total else ""
    return f"{total:,} {'reaction' if total == 1 else 'reactions'}{fit}, newest first{here}."


def say_waiting(waiting: Unrated | None, what: str, *, skipped: bool) -> str:
    """How much waits to be rated."""
    if waiting is None:
        return f"No more {what}s after those you put off." if skipped else f"No {what} waits."
    return f"{count(waiting.left, what)} {'waits' if waiting.left == 1 else 'wait'}."


def say_judged(waiting: Unrated | None) -> str:
    """Why a pair is shown a second time."""
    if waiting is None:
        return "Each pair that you compared was asked twice, or there is none yet."
    left = say_waiting(waiting, "pair", skipped=False)
    return (
        "You compared these two before; now they stand the other way round. Your answer teaches "
        f"nothing: it tells how sure such choices are. {left}"
    )


def say_figures(found: Statistics) -> list[dict[str, str]]:
    """The counts at the top."""
    rated = found.likes + found.dislikes
    figures = [("reactions that count", f"{found.total:,}", "What neither was undone nor excluded")]
    if rated:
        share = percent(found.likes / rated)
        figures.append(("of thumbs are likes", share, "Both sides teach; one alone teaches little"))
    if found.choices:
        figures.append(("choices with a winner", f"{found.choices:,}", "Comparisons and rankings"))
    if found.consistency.share is not None:
        figures.append(
            (
                "agree with each other",
                percent(found.consistency.share),
                "Of the pairs of answers that several reactions speak of",
            )
        )
    return [{"name": name, "value": value, "means": means} for name, value, means in figures]


def say_consistency(found: Consistency) -> str:
    """Whether the person agrees with themselves."""
    parts = []
    if found.repeated:
        pairs = count(found.repeated, "pair")
        parts.append(
            f"On {pairs} of answers you said more than once which is better, "
            f"{'and' if found.agreeing == found.repeated else 'but'} "
            f"{found.agreeing} of {found.repeated} times the same."
        )
    if found.changed:
        parts.append(f"{count(found.changed, 'time')} you changed your mind; the last word counts.")
    return (
        " ".join(parts)
        or "No pair of answers was judged twice yet, so there is nothing to compare."
    )


def say_labels(labels: Sequence[AiLabel]) -> str:
    """How much was labelled by principles, apart from what a person said."""
    if not labels:
        return (
            "The model itself has labelled nothing. Principles that only it can judge, on the "
            "taste page, make such labels; they are never counted as yours."
        )
    about = len({label.principle for label in labels})
    return (
        f"{count(len(labels), 'label')} by the model itself, about "
        f"{count(about, 'principle')}. Each counts half a choice, all of them at most 30 % of what "
        "a version learns from, and none is counted above."
    )


def say_backup(name: str) -> str:
    """Why a backup was made, from its name."""
    label = name.partition("-")[2].removesuffix(".db")
    known = {"by-hand": "made by you", "before-restore": "before something was restored"}
    if label.startswith("schema"):
        return "before an update of the app"
    return known.get(label, label)


def say_size(n_bytes: int) -> str:
    """'340 KB', '2.4 MB'."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.0f} KB"


def say_backed_up(made: Backup) -> str:
    """Told after a backup."""
    return f"Backed up and verified: {say_size(made.n_bytes)}."
