"""What the pages say: sentences, and how numbers, times and beliefs are put into words.

Fixed labels of buttons and headings stand in `ui.labels` and `ui.chat_words`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from chatfeedback.asking.trials import BlindTrials
from chatfeedback.downloads import Download
from chatfeedback.records import (
    AdapterVersion,
    EngineState,
    FeedbackEvent,
    Learned,
    LearningStatus,
    StoredReply,
    TraitBelief,
)
from chatfeedback.rules.effects import Effect

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
    "What is a volcano?",
)

UNEXPECTED = (
    "Something unexpected went wrong. Nothing you sent was lost; the log has the details. "
    "Try again, and restart the app if it happens again."
)

CHAT_SET = "From the next answer on, this conversation goes by these settings."
RATE_SET = "In every conversation, you are asked as often as you said."
NOTHING_SET = "Nothing was changed, so all is as it was."
THINKING = "Thinking…"
CHOOSING = "Choosing the best of several answers…"
CHOOSING_RIVALS = "Choosing answers that are worth comparing…"
WRITTEN_BY_YOU = "written by you"

SPEAKERS = {"system": "Instructions", "user": "You", "assistant": "Model"}
SAMPLING = {
    "temperature": "Temperature: higher is more varied",
    "top_p": "Top-p: keep only the likeliest words",
    "min_p": "Min-p: drop words far below the likeliest",
    "repetition_penalty": "Repetition penalty",
    "max_new_tokens": "Longest answer, in tokens",
}
RATES = {
    "never": "Never",
    "seldom": "Seldom",
    "sometimes": "When it is useful",
    "often": "Often",
}

PHASES = {
    "idle": "Ready to learn",
    "waiting": "Waiting for a quiet moment",
    "paused": "Paused",
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
ON_ANOTHER_MODEL = "of another model"


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


def say_cut(reply: StoredReply) -> str:
    """Why an answer ends where it does, unless it came to its own end."""
    if reply.state == "interrupted":
        return "Stopped. The text so far is kept." if reply.text else "Stopped before a word came."
    if reply.state == "failed":
        return "This answer could not be finished."
    return "Cut off: it reached the longest length." if reply.stop_reason == "length" else ""


def say_reveal(names: Sequence[str]) -> str:
    """Told after a vote: who wrote the answers, in the order shown."""
    if len(set(names)) == 1:
        return f"{'both' if len(names) == 2 else 'all'} answers were by {names[0]}"
    return ", ".join(f"{letter} was {name}" for letter, name in zip("ABCD", names, strict=False))


def say_context(tokens: int, limit: int) -> str:
    """How full the model's memory of this conversation is."""
    return (
        f"This conversation fills {percent(tokens / max(1, limit))} of what the model can read "
        f"({tokens} of {limit} tokens). When it is full, the oldest messages are left out."
    )


def say_settings_saved(*, is_chat_new: bool, is_rate_new: bool) -> str:
    """What of the drawer was changed: this conversation's settings, the rate of asking."""
    parts = [CHAT_SET] * is_chat_new + [RATE_SET] * is_rate_new
    return " ".join(parts) or NOTHING_SET


def say_saved(name: str) -> str:
    """Told after a download."""
    return f"Saved as {name}."


NOT_LEARNED = {
    "taken back": "Taken back",
    "comment": "Kept beside the answer; nothing is learned from it",
    "measured": "Noted; it only measures, nothing is learned from it",
}


def say_learned(learned: Learned, before: Mapping[str, TraitBelief]) -> str:
    """'Learned from a choice in 3 ms · shorter answers 62→71 % · 3 more choices until …'."""
    if learned.why_not in ("comment", "measured"):
        return NOT_LEARNED[learned.why_not]
    learned_from = f"Learned from {learned.teaches} in {say_duration(learned.learn_ms)}"
    parts = [NOT_LEARNED.get(learned.why_not, learned_from)]
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


UNDO = "Undo"


def say_deleted(title: str) -> str:
    """Told with an undo button."""
    return f"Deleted “{title}”."


PRESET_NAMES = {"careful": "Careful", "balanced": "Balanced", "bold": "Bold"}
PRESETS = {
    "careful": "Small steps. A version must be clearly better, and stays close to the base model.",
    "balanced": "The middle: what it was tuned and tested with.",
    "bold": "Learns sooner and moves further. It may overdo a habit; the check still guards facts.",
}
KNOBS = {
    "clicks_per_run": ("Choices for a run", "New choices before it learns by itself"),
    "kl_budget_nats": ("Distance, nats", "How far one run may move from the base model"),
    "max_steps": ("Most steps", "Where a run ends at the latest"),
    "min_better_probability": ("Must be better", "How sure it must be that you gain, 0.5 to 0.99"),
    "min_retention_share": ("Must be kept", "Share of what it knew that it must still know"),
}
WHENS = {
    "idle": "When you pause, after enough choices",
    "clicks": "As soon as there are enough choices",
    "by hand": "Only when I ask",
}
METHODS = {
    "dpo": "DPO (one answer over another)",
    "listwise": "listwise DPO (whole rankings)",
    "kto": "KTO (likes and dislikes)",
    "sft": "imitation (better answers)",
    "rloo": "RLOO (by trial)",
    "ppo": "PPO (by trial)",
}
BY_TRIAL = {
    "no": "No, only from what I said",
    "rloo": "Yes, by RLOO, once it foretells my choices",
    "ppo": "Yes, by PPO (more memory), once it foretells my choices",
}
GUARD_TAGS = {"alarm": "look at this", "well": "all well", "early": "too early"}
GUARDS = {  # guard -> what it asks, and what its figure is
    "over-optimisation": (
        "Is it really better for you?",
        "P(the personal answers win blind comparisons)",
    ),
    "length rival": (
        "Is it more than length?",
        "Nats a choice ahead of a rival that only knows the length",
    ),
    "uncertainty": (
        "Does it know what it is doing?",
        "Uncertainty about its answers, as a multiple of the base model's",
    ),
    "protected axes": (
        "Does it flatter?",
        "Rise of flattery, agreement or dependence over the base model",
    ),
    "gullibility": (
        "Do you choose what flatters?",
        "Share of choices for the more flattering answer",
    ),
    "one-sided ratings": ("Do your thumbs tell answers apart?", "The larger share, up or down"),
    "feedback gaming": ("Were answers read?", "Most votes within a minute"),
    "fatigue": ("Are you asked too much?", "Share of the last questions left open"),
    "collapse": ("Does it repeat itself?", "Variety of its words, as a share of the base model's"),
    "forgetting": ("Does it still know its facts?", "Share of what the base model knows"),
}
CHOSEN = "Saved. It counts from the next answer or run on."
CURVES = {  # metric -> its name in the picture
    "loss": "Loss",
    "reward_margin": "Reward margin",
    "kl_nats": "KL to the base, nats",
}
STEP, VERSION = "Step", "Version"
FIGURES = {  # of the gate
    "better": "Better for you",
    "finished": "Finishes its answers",
    "length": "Length",
    "kl": "Distance from base",
    "scale": "Strength",
    "how_to": "How-tos kept",
    "facts": "Facts kept",
    "agreement": "Of your choices foreseen",
}
BASE_MODEL = "Base model"
FORESEEN = "Choices foreseen, %"
MEANS_LOSS = "How badly choices are told apart; falls while it learns"
MEANS_MARGIN = "How much surer of the better answers it is than the base model; rises"
MEANS_SCALE = "How strongly it may serve; at full strength it did some harm"
MEANS_BETTER = "How sure it is that its answers suit you better, judged on fresh samples"
MEANS_FINISHED = "Share of answers that end properly"
MEANS_LENGTH = "Length of its answers, as a multiple of the base model's"
MEANS_KL = "How far its wording has moved from the base model"
MEANS_KEPT = "What it still gets right, as a share of what the base model gets right"
MEANS_AGREEMENT = "Share of your choices that were foreseen before they were learned from"
ROLLED_BACK_BASE = "The base model answers from the next reply on."
LEARNING_STOPPED = "Learning was stopped; nothing of it is kept."
LEARNING_PAUSED = "Paused. Nothing is learned until you resume, not even after a restart."
LEARNING_RESUMED = "Learning goes on."
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


def say_headline(status: LearningStatus, *, knows_serving: bool) -> str:
    """'31 choices so far · version 3 answers you · 4 more until the next run'."""
    serving = f"version {status.serving.number}" if status.serving else "the base model"
    parts = [f"{count(status.clicks, 'choice')} so far"]
    parts += [f"{serving} answers you"] * knows_serving
    if status.clicks_until_learning > 0:
        parts.append(f"{status.clicks_until_learning} more until the next version")
    return " · ".join(parts)


def title_version(number: int) -> str:
    """'Version 3'."""
    return f"{VERSION} {number}"


def title_receipt(number: int) -> str:
    """'Version 3 now answers you'."""
    return f"{VERSION} {number} now answers you"


def say_kept(share: float | None, error: float) -> str:
    """ "93 % ± 4 %"; the error of a share of few questions."""
    if share is None:
        return "not known"
    return percent(min(1, share)) + (f" ± {percent(error)}" if round(100 * error) else "")


def say_agreement(agreement: float, clicks: int) -> str:
    """'71 % of 20'."""
    return f"{percent(agreement)} of {clicks}"


def say_elo(low: float, high: float) -> str:
    """Elo's interval: '980 to 1120'."""
    return f"{low:.0f} to {high:.0f}"


def say_time_left(seconds: float | None) -> str:
    """'about 40 s left', 'about 3 min left'; empty when it cannot be told."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"about {max(5, 5 * round(seconds / 5))} s left"
    return f"about {round(seconds / 60)} min left"


def say_because(method: str, because: str) -> str:
    """'By DPO (one answer over another). You chose between answers.'"""
    return f"By {METHODS.get(method, method)}. {because}".strip()


def say_guard(value: float, limit: float) -> str:
    """A guard's figure and where it would speak up."""
    return f"{value:.3g} (limit {limit:.3g})"


def say_trials(trials: BlindTrials) -> str:
    """The base against the personal answers, when nobody could know which is which."""
    if not trials.count:
        return (
            "None yet. Now and then a comparison sets a plain answer of the base model beside the "
            "personal one, unnamed; nothing is learned from your vote on it."
        )
    low, high = trials.interval
    ties = f", {count(trials.ties, 'tie')}" if trials.ties else ""
    return (
        f"In {count(trials.count, 'blind comparison')} you preferred the personal answer "
        f"{percent(trials.win_rate)} of the time (95 % sure: between {percent(low)} and "
        f"{percent(high)}): {trials.wins} won, {trials.losses} lost{ties}. "
        f"That it is better for you is {percent(trials.probability_better)} sure."
    )


def say_after(parent: str | None, versions: Mapping[str, AdapterVersion]) -> str:
    """What served when a version was learned: 'learned while version 2 served'."""
    return f"learned while {name_version(parent, versions)} served"


def say_click(event: FeedbackEvent, prompt: str) -> str:
    """One reaction in a sentence: 'Liked the answer to “Why is the sky blue?”'."""
    asked = f"“{prompt if len(prompt) <= 80 else prompt[:79].rstrip() + '…'}”"
    outcomes = {"tie": "Called both alike", "both_bad": "Found both too weak"}
    match event.kind:
        case "thumb":
            liked = {1: "Liked", -1: "Disliked"}.get(event.value or 0, "Took back a thumb on")
            return f"{liked} the answer to {asked}"
        case "pick":
            return f"{outcomes.get(event.outcome or '', 'Chose an answer')} to {asked}"
        case "rank":
            return f"Ranked {len(event.order or ())} answers to {asked}"
        case "rating":
            return f"Gave {count(event.value or 0, 'star')} to the answer to {asked}"
        case "edit":
            return f"Wrote a better answer to {asked}"
        case "chip":
            return f"Called the answer to {asked} {event.text}"
        case "trait":
            return f"Said about yourself: {event.trait}"
        case "flag":
            return f"Flagged the answer to {asked} as {event.flag}"
        case _:
            return f"{event.kind.capitalize()}: {asked}" if prompt else event.kind.capitalize()


def say_memory(state: EngineState) -> list[str]:
    """What a run needs, before it starts: the model, where it runs, what is known of its needs."""
    if state.base is None:
        return [state.message]
    base = state.base
    kept = "" if base.quantization == "none" else f", kept in {base.quantization}"
    said = [f"{base.name}: {say_weights(base.n_parameters)} on {base.device}{kept}.", *base.notes]
    return [*said, base.cannot_learn] if base.cannot_learn else said


def say_plan(says: str) -> str:
    """What the model needs, before a run."""
    return f"With what is free now: {says}."


FORETOLD = "of your choices were foretold"
JUDGED = "choices judged"
CHOICE = "Choice"
FORETOLD_LATELY = "Foretold of the last 20, %"
MEANS_JUDGED = "Every choice is foretold before it is learned from, so all of them test it"
TRAIT_SAID = {
    "right": "Noted: that is right. It counts like several choices.",
    "wrong": "Noted: that is wrong. It counts like several choices.",
    "back": "Taken back.",
}
FORGOTTEN = "Forgotten. Nothing you said before counts any more, and the base model answers."
CARD_SAVED = "Your wording is kept as you wrote it."
CARD_RESET = "The card is again what was learned from your choices."
CARD_ON = "The card stands in front of every conversation from the next answer on."
CARD_OFF = "The card is off; your choices still count."


def say_taste(clicks: int, beliefs: Sequence[TraitBelief]) -> str:
    """'From 31 choices: shorter answers, no emoji and 2 more are nearly certain.'"""
    if not clicks:
        return "Nothing is known yet. Like an answer, or compare two, and it appears here at once."
    sure = [name_liking(each) for each in beliefs if say_sureness(each) >= 90]
    said = f"From {count(clicks, 'choice')}: "
    if not sure:
        return f"{said}first hints, nothing certain yet."
    shown = sure if len(sure) <= 3 else [*sure[:3], f"{len(sure) - 3} more"]
    return f"{said}{join(shown)} {'is' if len(sure) == 1 else 'are'} nearly certain."


def say_forgotten(number: int) -> str:
    """Told after the choices behind a trait were undone."""
    if not number:
        return "There was no choice to forget: this belief comes from the start, not from you."
    return f"{count(number, 'choice')} behind it no longer {'counts' if number == 1 else 'count'}."


KEPT_BY = {
    "rule": "kept by rule",
    "model": "judged by the model",
    "nobody": "not kept yet",
}
PRINCIPLE_ADDED = "Kept from the next answer on, and by every later version."
PRINCIPLE_IDLE = "Written down, but nothing can keep it yet: it says below why."
PRINCIPLE_CHANGED = "Changed. The new wording holds from the next answer on."
PRINCIPLE_REMOVED = "Removed. It holds no more."


def say_effect(effect: Effect) -> str:
    """What a principle does, in a sentence or two."""
    if effect.kept_by == "nobody":
        return (
            "No rule can tell whether an answer keeps it, and the starter model cannot judge "
            "itself. Say it so that it can be counted, or use a larger model."
        )
    if effect.kept_by == "model":
        found = count(effect.labels, "answer")
        return (
            f"The model looks at its own answers when it learns: so far it found {found} that "
            f"broke it, and rewrote {'it' if effect.labels == 1 else 'them'}."
        )
    if effect.broken_share is None:
        return "An answer that breaks it is never chosen where another keeps it."
    share = percent(effect.broken_share)
    pairs = count(effect.pairs, "pair")
    taught = f"; {pairs} of these teach the next version" if effect.pairs else ""
    return (
        "An answer that breaks it is never chosen where another keeps it. "
        f"The base model breaks it in {share} of its usual answers{taught}."
    )


def say_shares(shares: Mapping[str, float]) -> str:
    """'Who has how much of the say: You 60 %, Ada 40 %.'"""
    said = [f"{name} {percent(share)}" for name, share in shares.items()]
    return f"Who has how much of the say: {', '.join(said)}."


def say_disagreement(label: str, wanted_by: Sequence[str], unwanted_by: Sequence[str]) -> str:
    """'Longer answers: wanted by Ada, unwanted by You.'"""
    return (
        f"{label[:1].upper()}{label[1:]}: wanted by {join(wanted_by)}, unwanted by "
        f"{join(unwanted_by)}."
    )


def join(names: Sequence[str]) -> str:
    """'Ada', 'Ada and Bo', 'Ada, Bo and Cy'."""
    return " and ".join([*filter(None, [", ".join(names[:-1])]), *names[-1:]])


def say_belongings(conversations: int, clicks: int, versions: int) -> str:
    """'3 conversations, 12 choices, 1 version'."""
    return ", ".join(
        (count(conversations, "conversation"), count(clicks, "choice"), count(versions, "version"))
    )


SETTINGS_HEADLINE = "Who you are, which model answers, and what is kept where."
QUANTISATIONS = {
    "none": "as they are",
    "int8": "in 8 bits (half the memory)",
    "nf4": "in 4 bits (a quarter of the memory)",
}
MODEL_CHOSEN = "Saved. It counts from the next start of the app on."
PRIVACY = (
    "Everything stays on this machine. The app opens no connection to another host; only when you "
    "name a model that is not here yet is it fetched, once, from the model hub.",
    "The page is served to this machine alone, and only to browsers that were let in by the link "
    "printed at the start.",
    "Conversations never reach a log, and no figures about your use are collected.",
    "What is learned lies in small files of its own beside the model, which is never changed. "
    "Forget everything, on the taste page, takes your choices out of all that is learned next.",
    "Nothing is kept anywhere but in the places named here, except by your browser: the theme, "
    "which tips you saw, messages not sent yet.",
)
MODEL_FETCHED_FIRST = "It is being fetched; once it is here, it counts from the next start on."
DOWNLOAD_CANCELLED = "Cancelled. What was fetched so far is kept for the next time."
ERASED = "Everything is deleted. The page loads anew."


def say_download(download: Download) -> str:
    """'organisation/name: 1.2 GB of 15.3 GB, about 6 min left', or how it ended."""
    if download.trouble:
        return download.trouble
    if download.has_ended:
        return f"{download.name} is here. It answers from the next start of the app on."
    if not download.total:
        return f"{download.name}: asking the hub what there is to fetch…"
    parts = [
        f"{download.name}: {say_size(download.done)} of {say_size(download.total)}",
        say_time_left(download.seconds_left),
    ]
    return ", ".join(filter(None, parts))


def say_erased(names: Sequence[str], backups: int) -> list[str]:
    """What deleting everything takes away, a line each."""
    everybody = "" if len(names) < 2 else f" of all people here ({join(names)})"
    return [
        f"All conversations, reactions, principles and beliefs{everybody}.",
        "All learned versions, with their weights.",
        f"All backups ({backups} now).",
        "What the logs say. Models stay, and so do files that you saved elsewhere.",
    ]


def name_model(name: str) -> str:
    """A folder by its last part, a hub id as it is, the starter in words."""
    if not name:
        return "The starter model, which came with the app"
    path = Path(name)
    return path.name if path.is_absolute() else name


def say_weights(number: int) -> str:
    """'8 million weights', '7.6 billion weights'."""
    if number >= 5e8:
        return f"{number / 1e9:.1f} billion weights"
    if number >= 1e6:
        return f"{number / 1e6:.0f} million weights"
    return f"{number / 1e3:.0f} thousand weights"


def say_size(size: int) -> str:
    """'12 kB', '3.4 MB', '1.2 GB'."""
    for unit, one in (("GB", 1e9), ("MB", 1e6)):
        if size >= one:
            return f"{size / one:.1f} {unit}"
    return f"{size / 1e3:.0f} kB"


TOGETHER_UNHEARD = (
    "So far there is nothing to go by: two of you must each have said enough on their own (about "
    "ten choices)."
)
TOGETHER_NOW = (
    "You act together now. Conversations and reactions here are all of yours; what each of you "
    "said before stays their own."
)


def say_heard(names: Sequence[str]) -> str:
    """'Heard You and Ada: their own choices, each within their share'."""
    return f"Heard {join(names)}: their own choices, each within their share"


def say_switched(name: str) -> str:
    """Told when another person acts."""
    return f"Now acting: {name}. Conversations, taste and versions are this person's own."
