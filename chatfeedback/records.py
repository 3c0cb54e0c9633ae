"""The nouns: plain, immutable values that pass between the parts.

They know neither Gradio nor SQLite nor torch. Identity and keys are storage's concern;
token ids and weights are the engine's. Arrays are NumPy, float32 unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

Role = Literal["system", "user", "assistant"]
StopReason = Literal["end", "length", "cancelled"]
FeedbackKind = Literal[
    "thumb",
    "pick",
    "rank",
    "rating",
    "edit",
    "chip",
    "trait",
    "flag",
    "comment",
    "copy",
    "regenerate",
    "forget",
    "undo",
]
Flag = Literal["harmful", "biased", "wrong"]
RunState = Literal["queued", "running", "promoted", "rejected", "stopped", "failed"]
Objective = Literal["dpo", "listwise", "kto", "sft", "rloo", "ppo"]
AdapterState = Literal["staged", "serving", "retired", "rejected"]


# --- talking to the engine ---------------------------------------------------------------


@dataclass(frozen=True)
class Turn:
    """One turn of a conversation as the engine needs it.

    An assistant turn carries the ids that were sampled, so that it is never tokenised again. The
    first turn that says on which day it was written ("2026-11-21") dates the whole conversation,
    for chat templates that tell the model the date.
    """

    role: Role
    text: str
    token_ids: tuple[int, ...] | None = None
    said_on: str = ""


@dataclass(frozen=True)
class Sampling:
    """How a reply is drawn. In a chat it also ends where one of the texts in `stop` begins."""

    temperature: float = 0.7
    top_p: float = 1.0
    min_p: float = 0.02
    repetition_penalty: float = 1.05
    max_new_tokens: int = 256
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdapterUse:
    """Which adapter a request is answered with, and how strongly (scale 0 is the base)."""

    adapter_id: str
    folder: str
    scale: float = 1.0


@dataclass(frozen=True)
class BaseInfo:
    """The base model that is loaded. `key` names (base, revision, quantisation) for ever.

    revision: the hub's commit the weights are of; empty for a folder of one's own.
    notes: what a person should know about how it runs, in whole sentences.
    cannot_learn: why it only chats and never learns; empty when it learns.
    room_for_rollouts: whether memory suffices for PPO and RLOO, which draw replies while learning.
    """

    key: str
    name: str
    is_starter: bool
    context_tokens: int
    hidden_size: int
    n_parameters: int
    device: str
    dtype: str
    quantization: str
    revision: str = ""
    notes: tuple[str, ...] = ()
    cannot_learn: str = ""
    room_for_rollouts: bool = True


@dataclass(frozen=True)
class EngineState:
    """What the engine is doing; `message` is shown to the person as it is."""

    phase: Literal["starting", "loading", "ready", "restarting", "failed"]
    message: str
    base: BaseInfo | None = None


@dataclass(frozen=True)
class GenerateRequest:
    """n replies to one prompt, decoded together on one shared prefill.

    begun: what the replies begin with: an assistant turn that was cut short and goes on, by its
        ids where it has some. Only what follows it is streamed; the replies come whole.
    """

    turns: tuple[Turn, ...]
    n: int
    seed: int
    sampling: Sampling = field(default_factory=Sampling)
    adapter: AdapterUse | None = None
    conversation_key: str | None = None  # KV cache is kept between turns under this key
    begun: Turn | None = None


@dataclass(frozen=True)
class TextDelta:
    """More text of reply `index` (0-based among the n), and the ids it was made of."""

    index: int
    text: str
    token_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class ReplyFeatures:
    """What the base model (adapter off) makes of a reply; input of the reward model.

    hidden: (H,) float16, last hidden state averaged over the reply's tokens.
    prompt_hidden: (H,) float16, last hidden state at the last prompt token.
    base_logprob: sum over reply tokens of log p under the base, nats.
    """

    base_key: str
    hidden: NDArray[np.float16]
    prompt_hidden: NDArray[np.float16]
    base_logprob: float
    n_tokens: int

    @property
    def base_logprob_mean(self) -> float:
        """Mean log-probability per token under the base, nats."""
        return self.base_logprob / max(1, self.n_tokens)


@dataclass(frozen=True)
class GeneratedReply:
    """One finished reply. `policy_logprob` is the sum under the adapter that wrote it, nats,
    at temperature 1 without truncation, so policy_logprob - base_logprob estimates the KL."""

    index: int
    text: str
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]  # with the end-of-turn token when stop_reason == "end"
    stop_reason: StopReason
    policy_logprob: float
    features: ReplyFeatures
    first_token_ms: float
    reply_ms: float
    dropped_turns: int = 0  # oldest turns left out because the context was full

    @property
    def finished(self) -> bool:
        """True when the model ended the reply itself."""
        return self.stop_reason == "end"


@dataclass(frozen=True)
class SampleRequest:
    """Replies to many single prompts in large batches (gate, labels, simulation)."""

    prompts: tuple[tuple[Turn, ...], ...]
    n: int
    seed: int
    sampling: Sampling = field(default_factory=Sampling)
    adapter: AdapterUse | None = None
    with_features: bool = True


@dataclass(frozen=True)
class ScoreRequest:
    """Features of texts nobody sampled (rewritten answers), one list per prompt."""

    prompts: tuple[tuple[Turn, ...], ...]
    texts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ScoredText:
    """A text rendered as a reply, with its features."""

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    features: ReplyFeatures


# --- learning ----------------------------------------------------------------------------


@dataclass(frozen=True)
class PreferencePair:
    """chosen is better than rejected, for this person, with this weight (1 = one click)."""

    prompt_ids: tuple[int, ...]
    chosen_ids: tuple[int, ...]
    rejected_ids: tuple[int, ...]
    weight: float
    source: Literal["click", "edit", "reward_model", "principle"]


@dataclass(frozen=True)
class RankedReplies:
    """Two or more replies to one prompt, best first; after the first `n_ranked` in no order.

    weight: of one place, as of one pair: the best of four counts as one choice, not as three.
    """

    prompt_ids: tuple[int, ...]
    replies: tuple[tuple[int, ...], ...]
    n_ranked: int
    weight: float

    @property
    def n_picks(self) -> int:
        """Choices it is made of: the best of all, the best of the rest, and so on."""
        return min(self.n_ranked, len(self.replies) - 1)


@dataclass(frozen=True)
class RatedReply:
    """A reply that is liked, or disliked, by itself."""

    prompt_ids: tuple[int, ...]
    reply_ids: tuple[int, ...]
    is_liked: bool
    weight: float


@dataclass(frozen=True)
class Demonstration:
    """A reply to keep or to make likely: the base's own to neutral prompts (retention), or one
    that the person wrote."""

    prompt_ids: tuple[int, ...]
    reply_ids: tuple[int, ...]
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What every objective is told. The KL budget decides when a run ends, not the step count."""

    learning_rate: float = 1e-3
    rank: int = 8
    alpha: float = 16.0
    max_steps: int = 60
    warmup_steps: int = 5
    retention_coef: float = 1.0
    retention_per_step: int = 4
    kl_budget_nats: float = 2.5
    kl_every_steps: int = 5
    seconds_budget: float = 120.0


@dataclass(frozen=True, kw_only=True)
class DpoSettings(RunSettings):
    """One DPO refit from the base.

    loss: of sums over tokens ("sigmoid"), or of means, which length alone cannot win: with these
        beta is about 5 ("length_normalised") or the margin wanted is 1 / (2 beta) ("ipo").
    label_smoothing: share of the choices that are taken for slips; not for ipo.
    nll_coef: of the anchor that keeps chosen replies likely.
    sft_coef: of the person's own rewrites, where there are any.
    """

    loss: Literal["sigmoid", "length_normalised", "ipo"] = "sigmoid"
    beta: float = 0.3
    label_smoothing: float = 0.0
    pairs_per_step: int = 8
    nll_coef: float = 0.5
    sft_coef: float = 0.5
    demonstrations_per_step: int = 4


@dataclass(frozen=True, kw_only=True)
class ListwiseSettings(RunSettings):
    """One refit on rankings (listwise DPO), pairs among them as rankings of two."""

    beta: float = 0.3
    rankings_per_step: int = 6
    nll_coef: float = 0.5
    sft_coef: float = 0.5
    demonstrations_per_step: int = 4


@dataclass(frozen=True, kw_only=True)
class KtoSettings(RunSettings):
    """One KTO refit on replies that were liked or disliked by themselves."""

    beta: float = 0.3
    replies_per_step: int = 16
    sft_coef: float = 0.5
    demonstrations_per_step: int = 4


@dataclass(frozen=True, kw_only=True)
class SftSettings(RunSettings):
    """One refit on demonstrations alone."""

    demonstrations_per_step: int = 8


@dataclass(frozen=True, kw_only=True)
class RolloutSettings(DpoSettings):
    """What PPO and RLOO share. The first steps are DPO's, on the pairs there are; then a step is
    one batch of the policy's own replies, from which it learns in a few epochs of minibatches, the
    pairs still beside them.

    pair_steps: steps on pairs alone; fewer once half of the KL budget is used up.
    trial_pace: how much larger the steps on replies are than those on pairs.
    trial_coef: of what the replies earn, against 1 for the pairs.
    kl_coef: price of a nat of KL from the base, in units of the reward model; it adapts towards
        kl_target_nats over kl_horizon replies.
    batch_kl_nats: most KL(old || new), nats a reply, that one batch may cause.
    uncertainty_coef: how many of its standard deviations the reward model takes off what it pays.
    plausibility_coef: what it pays for a nat of mean log-probability a token under the base.
    unfinished_score: what a reply is paid that was cut off or is blank.
    """

    pair_steps: int = 30
    trial_pace: float = 2.0
    trial_coef: float = 4.0
    replies_per_step: int = 96
    minibatch_replies: int = 32
    epochs: int = 1
    max_steps: int = 42
    clip_range: float = 0.2
    kl_coef: float = 0.5
    kl_target_nats: float = 2.0
    kl_horizon: float = 1024.0
    batch_kl_nats: float = 0.5
    uncertainty_coef: float = 0.5
    plausibility_coef: float = 5.0
    unfinished_score: float = -5.0


@dataclass(frozen=True, kw_only=True)
class PpoSettings(RolloutSettings):
    """One PPO refit from the base. value_clip_range is in units of the reward model."""

    value_learning_rate: float = 1e-2
    value_clip_range: float = 0.5
    gamma: float = 1.0
    gae_lambda: float = 0.95


@dataclass(frozen=True, kw_only=True)
class RlooSettings(RolloutSettings):
    """One RLOO refit from the base. clip_range is that of a whole reply's ratio."""

    clip_range: float = 0.5
    replies_per_prompt: int = 4


@dataclass(frozen=True)
class RolloutPrompt:
    """A prompt that PPO and RLOO answer anew; `text` is the question the reward model reads."""

    text: str
    prompt_ids: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class RewardSnapshot:
    """The personal reward model as a run is paid by it: r = w.phi, w ~ N(mean, covariance).

    basis: `Basis.to_bytes`, which makes phi (D,).  mean: (D,) float64.  covariance: (D, D) float64.
    """

    basis: bytes
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


@dataclass(frozen=True)
class LearnRequest:
    """One policy update. The result is a complete adapter folder at `folder`."""

    run_id: str
    folder: str  # final folder adapters/<adapter_id>; must not exist yet
    adapter_id: str
    pairs: tuple[PreferencePair, ...]
    retention: tuple[Demonstration, ...]
    probe_prompts: tuple[tuple[int, ...], ...]  # where KL is looked at; disjoint from the gate's
    settings: RunSettings  # of the objective; its class says which one it is
    seed: int
    parent: str | None = None
    data_hash: str = ""
    rankings: tuple[RankedReplies, ...] = ()  # listwise DPO, beside the pairs
    ratings: tuple[RatedReply, ...] = ()  # KTO
    demonstrations: tuple[Demonstration, ...] = ()  # SFT; beside other evidence, an anchor
    rollout_prompts: tuple[RolloutPrompt, ...] = ()  # PPO and RLOO: the person's own and neutral
    reward: RewardSnapshot | None = None  # PPO and RLOO: what the replies earn


@dataclass(frozen=True)
class LearnStep:
    """One optimiser step; metric names and formulas are in docs/metrics.md."""

    step: int
    max_steps: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class LearnResult:
    """The adapter folder is complete and verified on disk."""

    adapter_id: str
    folder: str
    manifest_hash: str
    steps: int
    stop_reason: Literal["steps", "kl_budget", "seconds", "cancelled", "diverged"]
    kl_nats: float
    seconds: float
    metrics: dict[str, float]


# --- what the person does ----------------------------------------------------------------

BLIND_TRIAL = "blind trial"
REPEAT = "the same once more"
RATED_LATER = "rated later"
IMPORTED = "imported"  # nobody here was asked, and its order says nothing of where it was shown
MEASURED_ONLY = (BLIND_TRIAL, REPEAT)
"""Comparisons (`Comparison.why`) that judge what was learned: nothing is ever learned from them.
In a blind trial the base's reply is the one with the lower id; a repeat shows an earlier pair the
other way round."""


class QuestionRule(StrEnum):
    """Which of several replies are shown side by side."""

    BEST_AND_RIVAL = "best and most informative rival"
    DOUBLE_THOMPSON = "the best of two draws from the belief"
    MOST_INFORMATIVE = "the most informative pair"


# position as shown; "both_bad" means all of them, however many were shown
PickOutcome = Literal["first", "second", "third", "fourth", "tie", "both_bad"]


@dataclass(frozen=True)
class FeedbackEvent:
    """One reaction. Append-only; `client_id` makes it idempotent; undo is an event too.

    kind        uses
    thumb       reply_id, value +1 / -1 / 0 (0 takes the thumb back)
    pick        comparison_id, outcome
    rank        comparison_id, order (reply ids, best first; those left out come last, unordered)
    rating      reply_id, value 1 (worst) to 5
    edit        reply_id, text (the better answer)
    chip        reply_id, text (the reason: "too long", "wrong", ...)
    trait       trait (a key of features.STYLE_MEASURES), value +1 (wants more of it) / -1 (less) /
                0 (takes the word back): how a trait on the taste page is confirmed or denied
    flag        reply_id, flag
    comment     reply_id, text (whatever the person wants to say; teaches nothing)
    copy        reply_id (its text was copied); regenerate: reply_id (another answer was asked for):
                both teach nothing unless the person switched that on
    forget      nothing: all that was said before counts no more ("forget me")
    undo        undoes (a feedback id)
    """

    client_id: str
    kind: FeedbackKind
    reply_id: int | None = None
    comparison_id: int | None = None
    outcome: PickOutcome | None = None
    value: int | None = None
    text: str | None = None
    undoes: int | None = None
    order: tuple[int, ...] | None = None
    trait: str | None = None
    flag: Flag | None = None


@dataclass(frozen=True)
class StoredFeedback:
    """A feedback event as it lies in the database."""

    feedback_id: int
    person_id: int
    event: FeedbackEvent
    created_at_utc: str
    undone: bool


@dataclass(frozen=True)
class Person:
    person_id: int
    name: str


@dataclass(frozen=True)
class Conversation:
    conversation_id: int
    title: str
    updated_at_utc: str


@dataclass(frozen=True)
class StoredReply:
    """A reply as it lies in the database (one of the siblings that answer one message)."""

    reply_id: int
    message_id: int
    prompt_text: str
    text: str
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    state: Literal["streaming", "done", "interrupted", "failed"]
    stop_reason: StopReason | None
    adapter_id: str | None
    adapter_scale: float
    sampling: Sampling
    seed: int
    base_key: str
    first_token_ms: float | None
    reply_ms: float | None
    candidates: int  # how many this one was chosen among (best-of-n); 1 = plain sample
    created_at_utc: str
    features: ReplyFeatures | None = None

    @property
    def can_go_on(self) -> bool:
        """True when it has a beginning and was cut short: stopped, failed, or at its longest."""
        was_cut = self.state in ("interrupted", "failed") or self.stop_reason == "length"
        return was_cut and self.state != "streaming" and bool(self.text.strip())


@dataclass(frozen=True)
class Comparison:
    """Which replies were shown side by side, in the order shown."""

    comparison_id: int
    message_id: int
    reply_ids: tuple[int, ...]
    why: str


@dataclass(frozen=True)
class AiLabel:
    """What the model itself says of one of its replies, by a principle of the person's: `chosen`
    is its own revision. No person said so, and it is kept apart from all that a person said."""

    principle: str
    reply_id: int
    prompt: str
    chosen: str
    rejected: str
    critique: str


@dataclass(frozen=True)
class Exchange:
    """One user message and what answers it: a row of the transcript."""

    message_id: int
    text: str
    reply_ids: tuple[int, ...]  # siblings in order of creation
    shown_reply_id: int | None  # the one that belongs to the conversation
    open_comparison: Comparison | None  # shown but not voted on yet
    created_at_utc: str
    variants: tuple[
        int, ...
    ] = ()  # the message and its revisions, oldest first; () = never revised


@dataclass(frozen=True)
class ChatSettings:
    """What is set for one conversation. persona: its system prompt, "" for none."""

    persona: str = ""
    sampling: Sampling | None = None  # None: as usual


@dataclass(frozen=True)
class Found:
    """One place where the words looked for were said."""

    conversation_id: int
    title: str
    message_id: int
    is_reply: bool
    excerpt: str  # the words found stand between \x02 and \x03
    created_at_utc: str


@dataclass(frozen=True)
class LearningRun:
    run_id: str
    person_id: int
    state: RunState
    method: Objective
    reason: str  # why it started
    outcome: str  # plain words, "" while running
    steps: int
    adapter_id: str | None
    settings_json: str
    seed: int
    data_hash: str
    clicks: int  # choices and thumbs that counted when it was asked for
    attempts: int
    started_at_utc: str
    ended_at_utc: str | None


@dataclass(frozen=True)
class AdapterVersion:
    adapter_id: str
    person_id: int
    parent: str | None
    base_key: str
    folder: str
    manifest_hash: str
    state: AdapterState
    number: int  # 1, 2, 3 ... per person, as shown
    report: GateReport | None
    created_at_utc: str


@dataclass(frozen=True)
class Example:
    """Before and after on one of the person's own prompts."""

    prompt: str
    before: str
    after: str


@dataclass(frozen=True)
class GateReport:
    """Why a candidate may or may not serve. Shares are of the base's value (1 = unchanged)."""

    accepted: bool
    reasons: tuple[str, ...]  # plain words, the deciding one first
    better_probability: float  # P(candidate's replies are better for this person), reward model
    kl_nats: float
    facts_share: float | None  # None when the base knows none of what is asked
    how_to_share: float | None
    finished_share: float
    length_ratio: float
    agreement: float | None  # prequential accuracy of the reward model on the person's choices
    clicks: int
    examples: tuple[Example, ...]
    scale: float = 1.0  # how strongly the adapter may serve
    warnings: tuple[str, ...] = ()  # what the guards say; none of it kept the version from serving
    facts_error: float = 0.0  # one standard error of the share, where few questions were asked
    how_to_error: float = 0.0


@dataclass(frozen=True)
class TraitBelief:
    """What the reward model believes about one style trait."""

    name: str  # key in features.STYLE_MEASURES
    label: str  # "longer answers"
    weight: float  # per standard deviation of the measure, > 0 means the person likes more of it
    sd: float
    probability: float  # P(weight > 0)


WhyNot = Literal["", "taken back", "comment", "measured"]
"""Why an event taught nothing; empty when it did."""


@dataclass(frozen=True)
class Learned:
    """What a click did, shown beside it."""

    feedback_id: int
    learn_ms: float
    moved: tuple[TraitBelief, ...]  # the traits that moved most, with their new belief
    teaches: str  # "a choice", "a thumb" ...; empty when nothing was learned from it
    clicks: int
    clicks_until_learning: int
    why_not: WhyNot = ""


@dataclass(frozen=True)
class ReplyProgress:
    """Where a reply stands; the last one has phase "done" or "failed"."""

    phase: Literal["choosing", "streaming", "done", "failed"]
    message_id: int
    reply_ids: tuple[int, ...]
    texts: tuple[str, ...]
    comparison_id: int | None = None
    notice: str | None = None  # something the person must know ("older turns were left out")


@dataclass(frozen=True)
class LearningStatus:
    """What the learning pill shows."""

    phase: Literal["idle", "waiting", "paused", "collecting", "learning", "checking"]
    message: str
    step: int
    max_steps: int
    run_id: str | None
    clicks: int
    new_clicks: int  # since the last run
    clicks_until_learning: int
    serving: AdapterVersion | None
    last_outcome: str
    is_paused: bool = False  # nothing is learned until the person resumes
    seconds_left: float | None = None  # of the steps, at most; None before it can be told
    taste_settles_in: int = 0  # clicks; more than 0 while a change of taste may be a false alarm


# --- looking through what was said -------------------------------------------------------

FeedbackState = Literal["counts", "replaced", "aside", "undone", "forgotten"]


@dataclass(frozen=True)
class FeedbackFilter:
    """Which feedback to show; empty fields let everything through.

    about: a reason, trait or flag, by the name that the event has for it.
    since, until: days, "2026-11-21", both included.
    state: "replaced" is never asked for: such an event still stands.
    """

    kind: str = ""
    about: str = ""
    since: str = ""
    until: str = ""
    conversation_id: int | None = None
    state: str = ""


@dataclass(frozen=True)
class FeedbackItem:
    """One event with what it is about.

    replies: (id, text) of the reply, or of those side by side as shown.
    source: the file it was imported from; "" when it was given here.
    """

    feedback_id: int
    event: FeedbackEvent
    created_at_utc: str
    state: FeedbackState
    prompt: str
    replies: tuple[tuple[int, str], ...]
    conversation_id: int | None
    conversation_title: str
    source: str


@dataclass(frozen=True)
class FeedbackPage:
    """Some events, newest first, of `total` that fit the filter. `more` is where to go on."""

    items: tuple[FeedbackItem, ...]
    total: int
    more: int | None


@dataclass(frozen=True)
class FeedbackChoices:
    """What there is to filter by: kinds and abouts with how often, conversations newest first."""

    kinds: tuple[tuple[str, int], ...]
    abouts: tuple[tuple[str, int], ...]
    conversations: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Unrated:
    """One thing to judge later: a reply alone, or two to one message."""

    message_id: int
    prompt: str
    replies: tuple[tuple[int, str], ...]  # (id, text)
    left: int  # how many of its sort wait, this one included


@dataclass(frozen=True)
class Imported:
    """What an import added; what was there already is left as it is."""

    chats: int
    reactions: int
    known: int  # reactions that were stored before


@dataclass(frozen=True)
class Backup:
    """A verified copy of the whole database."""

    name: str
    created_at_utc: str
    n_bytes: int
