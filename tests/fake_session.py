"""A `Session` without a store and without a model: canned texts, everything in memory.

It keeps the promises the pages rely on (ownership, states of a reply, open comparisons, undo), so
that tests of the pages are quick and say what they mean.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chatfeedback.asking.elo import Rating, rate, read_duels
from chatfeedback.asking.explore import AskingRate
from chatfeedback.asking.trials import NO_TRIALS, BlindTrials
from chatfeedback.chatting import check_chat_settings
from chatfeedback.downloads import Download
from chatfeedback.erasing import check_confirmed
from chatfeedback.errors import EngineUnavailable, InputRefused, NotFound
from chatfeedback.learning.choices import LearningChoices
from chatfeedback.learning.guards import Finding, watch_collapse, watch_one_sided
from chatfeedback.models import FoundModel
from chatfeedback.places import Place
from chatfeedback.records import (
    AdapterVersion,
    AiLabel,
    Backup,
    BaseInfo,
    ChatSettings,
    Comparison,
    Conversation,
    EngineState,
    Example,
    Exchange,
    FeedbackChoices,
    FeedbackEvent,
    FeedbackFilter,
    FeedbackItem,
    FeedbackPage,
    Found,
    GateReport,
    Learned,
    LearningRun,
    LearningStatus,
    Person,
    ReplyProgress,
    Sampling,
    StoredFeedback,
    StoredReply,
    TraitBelief,
)
from chatfeedback.rules.effects import Effect, find_effects
from chatfeedback.rules.principles import Principle, read_principles, write_principles
from chatfeedback.settings import Settings
from chatfeedback.taste.basis import style_basis
from chatfeedback.taste.behind import Behind
from chatfeedback.taste.card import TasteCard
from chatfeedback.taste.prequential import Scores
from chatfeedback.taste.prior import shipped_prior
from chatfeedback.taste.shared import Disagreement, SharedTaste, share_taste

YOU, SOMEBODY_ELSE = 1, 2
NOW = "2026-11-21T09:30:00+00:00"
BASE = BaseInfo("starter", "Starter", True, 2048, 256, 8_000_000, "cpu", "float32", "none")
BASIS = style_basis(BASE.key, BASE.hidden_size)
READY = EngineState("ready", "The starter model is ready.", BASE)
FITS = ("chats and learns in 0.5 GB", True)
LONG_ANSWER = " ".join(f"word{number}" for number in range(400))


def make_version(
    number: int, state: str = "retired", parent: str | None = None, **changes: object
) -> AdapterVersion:
    """A version with a complete gate report."""
    report = GateReport(
        accepted=state != "rejected",
        reasons=("Its answers fit you better in 88 of 100 fresh samples.", "It forgot nothing."),
        better_probability=0.88,
        kl_nats=1.9,
        facts_share=0.99,
        how_to_share=1.0,
        finished_share=1.0,
        length_ratio=0.62,
        agreement=0.71,
        clicks=10 * number,
        examples=(
            Example(
                "How do I make tea?",
                "Sure! Making tea is a lovely idea. First, boil fresh water …",
                "1. Boil water.\n2. Steep 3 minutes.\n3. Serve.",
            ),
        ),
    )
    version = AdapterVersion(
        f"v{number}", YOU, parent, BASE.key, f"/nowhere/v{number}", "hash", state, number,  # type: ignore[arg-type]
        report, f"2026-11-2{min(number, 1)}T0{number}:00:00+00:00",
    )  # fmt: skip
    return replace(version, **changes)  # type: ignore[arg-type]


@dataclass
class _Message:
    message_id: int
    conversation_id: int
    text: str
    reply_ids: list[int] = field(default_factory=list)
    shown: int | None = None
    revises: int | None = None
    aside_with: int | None = None


class FakeSession:
    """The public face of `chatfeedback.session.Session`, and its own `queries`."""

    def __init__(self, answer: Callable[[str], str] | None = None) -> None:
        self.says = answer or (lambda prompt: f"You asked: {prompt}")
        self.engine = READY
        self.pieces = threading.Event()  # set: words come at once; clear: the reply waits
        self.pieces.set()
        self.words_before_wait = 3
        self.refusal: Exception | None = None
        self.closed_streams = 0
        self.status = LearningStatus(
            "idle", "Nothing to learn yet.", 0, 0, None, 0, 0, 10, None, ""
        )
        self.traits = [
            TraitBelief("log_words", "longer answers", -0.8, 0.3, 0.05),
            TraitBelief("emoji", "emoji", 0.1, 0.5, 0.55),
        ]
        self.all_versions: list[AdapterVersion] = []
        self.all_runs: list[LearningRun] = []
        self.metrics: dict[str, list[dict[str, float]]] = {}
        self.talks: dict[int, tuple[int, Conversation, bool]] = {}
        self.messages: list[_Message] = []
        self.stored: dict[int, StoredReply] = {}
        self.comparisons: dict[int, Comparison] = {}
        self.events: list[StoredFeedback] = []
        self.client_ids: set[str] = set()
        self.chats: dict[int, ChatSettings] = {}
        self.rate = AskingRate.SOMETIMES
        self.asks_for = 1  # answers to an ordinary message
        self.tokens = (0, 0)  # how many the prompt and the answer of the next reply have
        self.choices = LearningChoices()
        self.model = ("", "none")
        self.downloading: Download | None = None
        self.behind: dict[str, list[Behind]] = {}
        self.card = TasteCard("Short answers.", (), False, (), False)
        self.principles_stored = ""
        self.trials = NO_TRIALS
        self.findings = [watch_one_sided([]), watch_collapse(["a b c"], ["a b c"], 1.0, 0.9)]
        self.shared = share_taste(BASIS, shipped_prior(BASIS), ())
        self.everybody = [Person(YOU, "You"), Person(SOMEBODY_ELSE, "Somebody else")]
        self.active = self.everybody[0]
        self.everyone: Person | None = None
        self._lock = threading.RLock()

    # --- acts -----------------------------------------------------------------------------

    @property
    def queries(self) -> FakeSession:
        return self

    def engine_state(self) -> EngineState:
        return self.engine

    def default_person(self) -> Person:
        return self.active

    def new_conversation(self, person_id: int) -> int:
        return self.add_conversation("New chat", person_id=person_id)

    def add_conversation(self, title: str, *, at: str = NOW, person_id: int = YOU) -> int:
        """Set the stage: a conversation last used at `at`."""
        with self._lock:
            new = len(self.talks) + 1
            self.talks[new] = (person_id, Conversation(new, title, at), False)
            return new

    def rename_conversation(self, person_id: int, conversation_id: int, title: str) -> None:
        if not title.strip():
            raise InputRefused("A conversation needs a title; this one is empty.")
        self._change(person_id, conversation_id, title=title)

    def delete_conversation(self, person_id: int, conversation_id: int) -> None:
        self._change(person_id, conversation_id, deleted=True)

    def restore_conversation(self, person_id: int, conversation_id: int) -> None:
        self._change(person_id, conversation_id, deleted=False)

    def reply(
        self, person_id: int, conversation_id: int, text: str, client_id: str
    ) -> Iterator[ReplyProgress]:
        message = self._take(person_id, conversation_id, text)
        yield from self._write(message, 1, show=True)

    def compare(
        self, person_id: int, conversation_id: int, text: str, client_id: str
    ) -> Iterator[ReplyProgress]:
        message = self._take(person_id, conversation_id, text)
        yield from self._write(message, 2, show=False)

    def answer(
        self, person_id: int, conversation_id: int, text: str, client_id: str
    ) -> Iterator[ReplyProgress]:
        message = self._take(person_id, conversation_id, text)
        yield from self._write(message, self.asks_for, show=self.asks_for == 1)

    def revise(
        self, person_id: int, message_id: int, text: str, client_id: str
    ) -> Iterator[ReplyProgress]:
        old = self._message(person_id, message_id)
        first = old.revises or old.message_id
        self._put_aside(old)
        message = self._take(person_id, old.conversation_id, text)
        message.revises = first
        yield from self._write(message, 1, show=True)

    def show_message(self, person_id: int, message_id: int) -> None:
        wanted = self._message(person_id, message_id)
        first = wanted.revises or wanted.message_id
        for each in self.messages:
            if first in (each.message_id, each.revises) and each.aside_with is None:
                self._put_aside(each)
        for each in self.messages:
            if each.aside_with == message_id:
                each.aside_with = None

    def _put_aside(self, variant: _Message) -> None:
        for each in self.messages:
            is_later = each.message_id >= variant.message_id
            if each.conversation_id == variant.conversation_id and is_later:
                each.aside_with = each.aside_with or variant.message_id

    def set_chat(self, person_id: int, conversation_id: int, settings: ChatSettings) -> None:
        self._talk(person_id, conversation_id)
        check_chat_settings(settings)
        self.chats[conversation_id] = settings

    def usual_sampling(self) -> Sampling:
        return Sampling()

    def asking_rate(self, person_id: int) -> AskingRate:
        return self.rate

    def set_asking_rate(self, person_id: int, rate: str) -> None:
        self.rate = AskingRate(rate)

    def regenerate(self, person_id: int, message_id: int) -> Iterator[ReplyProgress]:
        yield from self._write(self._message(person_id, message_id), 1, show=True)

    def continue_reply(self, person_id: int, reply_id: int) -> Iterator[ReplyProgress]:
        cut = self.reply_of(person_id, reply_id)
        if not cut.can_go_on:
            raise InputRefused(f"Reply {reply_id} is complete.")
        message = self._message(person_id, cut.message_id)
        ids = (self._add_reply(message),)
        message.reply_ids += ids
        message.shown = ids[0]
        yield from self._reveal(message, ids, [self.says(message.text)], None, begun=cut.text)

    def reword(self, person_id: int, reply_id: int, text: str) -> None:
        self._add_edit(person_id, reply_id, text)

    def show_reply(self, person_id: int, reply_id: int) -> None:
        reply = self.reply_of(person_id, reply_id)
        self._message(person_id, reply.message_id).shown = reply_id

    def give_feedback(self, person_id: int, event: FeedbackEvent) -> Learned:
        with self._lock:
            if event.reply_id is not None:
                self.reply_of(person_id, event.reply_id)
            if event.client_id not in self.client_ids:
                self.client_ids.add(event.client_id)
                self._store_event(person_id, event)
            return self._learn(event)

    def beliefs(self, person_id: int) -> list[TraitBelief]:
        return list(self.traits)

    def learning_status(self, person_id: int) -> LearningStatus:
        return replace(self.status, serving=self.serving(person_id, BASE.key))

    def learn_now(self, person_id: int) -> str:
        if not self.events:
            raise InputRefused("There is nothing to learn from yet. Like or compare answers first.")
        self.status = replace(
            self.status, phase="learning", run_id="r1", step=3, max_steps=20, message="Learning."
        )
        return "r1"

    def stop_learning(self, person_id: int) -> None:
        self.status = replace(self.status, phase="idle", run_id=None, message="Stopped.")

    def roll_back(self, person_id: int, adapter_id: str | None) -> None:
        known = {version.adapter_id for version in self.all_versions}
        if adapter_id is not None and adapter_id not in known:
            raise NotFound(f"There is no version {adapter_id!r}.")
        self.all_versions = [
            replace(each, state="serving" if each.adapter_id == adapter_id else "retired")
            if each.state in ("serving", "retired")
            else each
            for each in self.all_versions
        ]

    def pause_learning(self, person_id: int) -> None:
        self.status = replace(self.status, is_paused=True, message="Paused at step 3/20")

    def resume_learning(self, person_id: int) -> None:
        self.status = replace(self.status, is_paused=False, message="Learning.")

    def learning_choices(self, person_id: int) -> LearningChoices:
        return self.choices

    def learning_settings(self, person_id: int) -> Settings:
        return self.choices.apply(Settings())

    def choose_learning(self, person_id: int, changes: Mapping[str, object]) -> LearningChoices:
        self.choices = self.choices.change(changes)
        return self.choices

    def compare_versions(
        self, person_id: int, text: str, pair: tuple[str | None, str | None], client_id: str
    ) -> Comparison:
        talk = self.add_conversation("Versions compared")
        message = self._take(person_id, talk, text)
        list(self._write(message, 2, show=False))
        number = len(self.comparisons)
        asked = replace(self.comparisons[number], why="versions")
        self.comparisons[number] = asked
        for reply_id, writer in zip(asked.reply_ids, pair, strict=True):
            self.stored[reply_id] = replace(self.stored[reply_id], adapter_id=writer)
        return asked

    def open_duel(self, person_id: int) -> Comparison | None:
        voted = {each.event.comparison_id for each in self.events}
        asked = [each for each in self.comparisons.values() if each.why == "versions"]
        return next((each for each in asked if each.comparison_id not in voted), None)

    def version_ratings(self, person_id: int) -> dict[str, Rating]:
        asked = [each for each in self.comparisons.values() if each.why == "versions"]
        writers = {reply.reply_id: reply.adapter_id for reply in self.stored.values()}
        return rate(read_duels(asked, self.events, writers))

    def blind_trials(self, person_id: int) -> BlindTrials:
        return self.trials

    def guard_report(self, person_id: int) -> list[Finding]:
        return list(self.findings)

    def choices_behind(self, person_id: int, measure: str, limit: int = 4) -> list[Behind]:
        return self.behind.get(measure, [])[:limit]

    def taste_card(self, person_id: int) -> TasteCard:
        return self.card

    def set_taste_card(self, person_id: int, text: str | None) -> None:
        self.card = replace(self.card, text=text or "Short answers.", edited=text is not None)

    def switch_taste_card(self, person_id: int, on: bool) -> None:
        self.card = replace(self.card, on=on)

    def principles(self, person_id: int) -> tuple[Principle, ...]:
        return read_principles(self.principles_stored)

    def set_principles(self, person_id: int, texts: Sequence[str]) -> None:
        self.principles_stored = write_principles(texts)

    def principle_effects(self, person_id: int) -> list[Effect]:
        return find_effects(self.principles(person_id), (), (), can_judge=True)

    def shared_taste(self) -> SharedTaste:
        return self.shared

    def open_disputes(self) -> list[Disagreement]:
        return [*self.shared.disagreements]

    def taste(self, person_id: int) -> FakeSession:
        return self

    @property
    def clicks(self) -> int:
        return self.status.clicks

    def foretold(self) -> list[float]:
        return [float(at % 3 > 0) for at in range(len(self.events))]

    @property
    def scores(self) -> Scores:
        scores = Scores()
        for _ in range(len(self.events)):
            scores = scores.note(0.8)
        return scores

    def add_person(self, name: str) -> Person:
        return self.switch_person(self._add_name(name))

    def switch_person(self, person_id: int) -> Person:
        self.active = next(each for each in self.everybody if each.person_id == person_id)
        return self.active

    def act_together(self) -> Person:
        if self.everyone is None:
            self.everyone = Person(self._add_name("Everyone"), "Everyone")
        return self.switch_person(self.everyone.person_id)

    def team(self) -> Person | None:
        return self.everyone

    def _add_name(self, name: str) -> int:
        if not name.strip():
            raise InputRefused("A name has 1 to 40 letters; this one has 0.")
        self.everybody.append(Person(len(self.everybody) + 1, name))
        return len(self.everybody)

    def evidence(self, person_id: int, run_id: str) -> list[int]:
        return [each.feedback_id for each in self.events]

    def find_models(self) -> list[FoundModel]:
        return [
            FoundModel("", 8_000_000, dict.fromkeys(("none", "int8", "nf4"), FITS)),
            FoundModel("/models/big", 7_600_000_000, {"none": ("needs 30 GB", False)}),
            FoundModel("/models/broken", 0, {}, "It holds no weights."),
        ]

    def chosen_model(self) -> tuple[str, str]:
        return self.model

    def choose_model(self, name: str, quantisation: str) -> bool:
        if name == "some/model":
            self.downloading = Download(name, 500_000_000, 2_000_000_000, seconds_left=41.0)
            return False
        if name == "nobody/knows":
            raise InputRefused("nobody/knows is not on this machine.")
        self.model = (name, quantisation)
        return True

    def download(self) -> Download | None:
        return self.downloading

    def cancel_download(self) -> None:
        self.downloading = replace(self.downloading, has_ended=True, trouble="Cancelled; kept.")

    def erase_everything(self, typed: str) -> None:
        check_confirmed(typed)
        self.__init__(self.says)

    def backups(self) -> list[Backup]:
        return []

    def ai_labels(self, person_id: int) -> list[AiLabel]:
        return []

    def places(self) -> list[Place]:
        return [Place("/home/you/chatfeedback.db", "conversations", 2_400_000)]

    def close(self) -> None: ...

    # --- queries --------------------------------------------------------------------------

    def people(self) -> list[Person]:
        return list(self.everybody)

    def conversations(self, person_id: int, limit: int = 200) -> list[Conversation]:
        mine = [
            talk
            for owner, talk, deleted in self.talks.values()
            if owner == person_id and not deleted
        ]
        mine.sort(key=lambda talk: (talk.updated_at_utc, talk.conversation_id), reverse=True)
        return mine[:limit]

    def exchanges(self, person_id: int, conversation_id: int, last: int = 50) -> list[Exchange]:
        self._talk(person_id, conversation_id)
        mine = [
            each
            for each in self.messages
            if each.conversation_id == conversation_id and each.aside_with is None
        ]
        return [self._exchange(each) for each in mine[-last:]]

    def reply_of(self, person_id: int, reply_id: int) -> StoredReply:
        reply = self.stored.get(reply_id)
        if reply is None:
            raise NotFound(f"There is no reply {reply_id}.")
        self._message(person_id, reply.message_id)
        return reply

    def replies(self, person_id: int, reply_ids: Sequence[int]) -> list[StoredReply]:
        return [self.reply_of(person_id, reply_id) for reply_id in reply_ids]

    def rewritten(self, person_id: int, reply_id: int, text: str) -> int | None:
        message = self._message(person_id, self.stored[reply_id].message_id)
        return next((each for each in message.reply_ids if self.stored[each].text == text), None)

    def thumbs(self, person_id: int, reply_ids: Sequence[int]) -> dict[int, int]:
        latest = {
            each.event.reply_id: each.event.value or 0
            for each in self.events
            if each.event.kind == "thumb" and not each.undone and each.event.reply_id in reply_ids
        }
        return {key: value for key, value in latest.items() if key is not None and value}

    def chips(self, person_id: int, reply_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        for each in self.events:
            event = each.event
            if event.kind == "chip" and not each.undone and event.reply_id in reply_ids:
                assert event.reply_id is not None
                found[event.reply_id] = (*found.get(event.reply_id, ()), event.text or "")
        return found

    def chat_settings(self, person_id: int, conversation_id: int) -> ChatSettings:
        self._talk(person_id, conversation_id)
        return self.chats.get(conversation_id, ChatSettings())

    def search(self, person_id: int, words: str, limit: int = 30) -> list[Found]:
        found = []
        for each in self.messages:
            owner, talk, deleted = self.talks[each.conversation_id]
            if words and words in each.text and owner == person_id and not deleted:
                excerpt = each.text.replace(words, f"\x02{words}\x03")
                place = (each.conversation_id, talk.title, each.message_id, False, excerpt, NOW)
                found.append(Found(*place))
        return found

    def reactions(
        self, person_id: int, reply_ids: Sequence[int]
    ) -> dict[int, tuple[FeedbackEvent, ...]]:
        last = {
            (each.event.reply_id, each.event.kind, each.event.flag): each.event
            for each in self.events
            if each.event.kind in ("rating", "comment", "flag") and not each.undone
        }
        return {
            reply_id: tuple(event for event in last.values() if event.reply_id == reply_id)
            for reply_id in reply_ids
        }

    def comparison(self, person_id: int, comparison_id: int) -> Comparison:
        found = self.comparisons.get(comparison_id)
        if found is None:
            raise NotFound(f"There is no comparison {comparison_id}.")
        self._message(person_id, found.message_id)
        return found

    def feedback(self, person_id: int, after_id: int = 0) -> list[StoredFeedback]:
        return [each for each in self.events if each.feedback_id > after_id]

    def browse_feedback(
        self, person_id: int, wanted: FeedbackFilter, before_id: int | None = None, limit: int = 50
    ) -> FeedbackPage:
        """All events, whatever the filter; the real one is in test_browser_data.py."""
        items = [self._item(each) for each in reversed(self.events)]
        return FeedbackPage(tuple(items), len(items), None)

    def _item(self, each: StoredFeedback) -> FeedbackItem:
        reply = self.stored.get(each.event.reply_id or 0)
        about = ((reply.reply_id, reply.text),) if reply else ()
        asked = reply.prompt_text if reply else ""
        state = "undone" if each.undone else "counts"
        return FeedbackItem(
            each.feedback_id, each.event, each.created_at_utc, state, asked, about, 1, "A chat", ""
        )

    def feedback_choices(self, person_id: int) -> FeedbackChoices:
        return FeedbackChoices((("thumb", 1),), (), ((1, "A chat"),))

    def runs(self, person_id: int, limit: int = 20) -> list[LearningRun]:
        return self.all_runs[:limit]

    def run_metrics(self, person_id: int, run_id: str) -> list[dict[str, float]]:
        return self.metrics.get(run_id, [])

    def versions(self, person_id: int) -> list[AdapterVersion]:
        return sorted(self.all_versions, key=lambda version: -version.number)

    def serving(self, person_id: int, base_key: str) -> AdapterVersion | None:
        return next((each for each in self.all_versions if each.state == "serving"), None)

    def setting(self, person_id: int, name: str, default: str) -> str:
        return default

    # --- inside ---------------------------------------------------------------------------

    def _talk(self, person_id: int, conversation_id: int) -> Conversation:
        owner, talk, deleted = self.talks.get(conversation_id, (0, None, True))
        if owner != person_id or talk is None or deleted:
            raise NotFound(f"There is no conversation {conversation_id}.")
        return talk

    def _change(
        self, person_id: int, conversation_id: int, title: str | None = None, deleted: bool = False
    ) -> None:
        owner, talk, _ = self.talks.get(conversation_id, (0, None, False))
        if owner != person_id or talk is None:
            raise NotFound(f"There is no conversation {conversation_id}.")
        renamed = replace(talk, title=title or talk.title)
        self.talks[conversation_id] = (owner, renamed, deleted)

    def _message(self, person_id: int, message_id: int) -> _Message:
        for each in self.messages:
            if each.message_id == message_id and self.talks[each.conversation_id][0] == person_id:
                return each
        raise NotFound(f"There is no message {message_id}.")

    def _take(self, person_id: int, conversation_id: int, text: str) -> _Message:
        if self.refusal is not None:
            raise self.refusal
        if not text.strip():
            raise InputRefused("The message is empty. Write something first.")
        if self.engine.base is None:
            raise EngineUnavailable(f"The model is not ready yet. {self.engine.message}")
        talk = self._talk(person_id, conversation_id)
        with self._lock:
            if not any(each.conversation_id == conversation_id for each in self.messages):
                self._change(person_id, conversation_id, title=text.strip()[:48])
            message = _Message(len(self.messages) + 1, talk.conversation_id, text.strip())
            self.messages.append(message)
            return message

    def _write(self, message: _Message, n: int, *, show: bool) -> Iterator[ReplyProgress]:
        texts = [self.says(message.text) for _ in range(n)]
        for at, place in enumerate(("Second", "Third", "Fourth")[: n - 1], start=1):
            texts[at] = f"{place}: {texts[at]}"
        with self._lock:
            ids = tuple(self._add_reply(message) for _ in range(n))
            message.reply_ids += ids
            if show:
                message.shown = ids[0]
            comparison_id = None
            if n > 1:
                comparison_id = len(self.comparisons) + 1
                self.comparisons[comparison_id] = Comparison(
                    comparison_id, message.message_id, ids, "most informative"
                )
        yield from self._reveal(message, ids, texts, comparison_id)

    def _reveal(
        self,
        message: _Message,
        ids: tuple[int, ...],
        texts: list[str],
        comparison_id: int | None,
        begun: str = "",
    ) -> Iterator[ReplyProgress]:
        so_far = [begun] * len(ids)
        progress = ReplyProgress("streaming", message.message_id, ids, tuple(so_far), comparison_id)
        try:
            yield replace(progress, phase="choosing" if comparison_id else "streaming")
            longest = max(len(text.split(" ")) for text in texts)
            for count in range(len(begun.split()) + 1, longest + 1):
                if count > self.words_before_wait:
                    while not self.pieces.wait(0.02):
                        yield replace(progress, texts=tuple(so_far))
                so_far = [" ".join(text.split(" ")[:count]) for text in texts]
                yield replace(progress, texts=tuple(so_far))
            self._finish(ids, texts, "done")
            yield replace(progress, phase="done", texts=tuple(texts))
        except GeneratorExit:
            self.closed_streams += 1
            self._finish(ids, so_far, "interrupted")
            raise

    def _finish(self, ids: Sequence[int], texts: Sequence[str], state: str) -> None:
        for reply_id, text in zip(ids, texts, strict=True):
            if reply_id not in self.stored:
                continue  # a stream from before the session was set up anew
            self.stored[reply_id] = replace(
                self.stored[reply_id], text=text, state=state, reply_ms=420.0  # type: ignore[arg-type]
            )  # fmt: skip

    def _add_reply(self, message: _Message) -> int:
        new = len(self.stored) + 1
        serving = self.serving(YOU, BASE.key)
        self.stored[new] = StoredReply(
            new, message.message_id, message.text, "", *((7,) * n for n in self.tokens),
            "streaming", None,
            serving.adapter_id if serving else None, 1.0, Sampling(), 0, BASE.key, None, None, 1,
            NOW,
        )  # fmt: skip
        return new

    def _exchange(self, message: _Message) -> Exchange:
        waiting = next(
            (each for each in self.comparisons.values() if each.message_id == message.message_id),
            None,
        )
        first = message.revises or message.message_id
        variants = tuple(
            each.message_id for each in self.messages if first in (each.message_id, each.revises)
        )
        return Exchange(
            message.message_id,
            message.text,
            tuple(message.reply_ids),
            message.shown,
            waiting if message.shown is None else None,
            NOW,
            variants if len(variants) > 1 else (),
        )

    def _store_event(self, person_id: int, event: FeedbackEvent) -> None:
        self.events.append(StoredFeedback(len(self.events) + 1, person_id, event, NOW, False))
        if event.kind == "undo":
            self.events = [
                replace(each, undone=True) if each.feedback_id == event.undoes else each
                for each in self.events
            ]
            self._reopen_comparison(person_id, event.undoes)
        if event.kind == "pick" and event.comparison_id is not None:
            ids = self.comparison(person_id, event.comparison_id).reply_ids
            places = ("first", "second", "third", "fourth")
            self.show_reply(
                person_id, ids[places.index(event.outcome) if event.outcome in places else 0]
            )
        if event.kind == "rank" and event.order:
            self.show_reply(person_id, event.order[0])
        if event.kind == "edit" and event.reply_id is not None:
            self._add_edit(person_id, event.reply_id, event.text or "")

    def _reopen_comparison(self, person_id: int, feedback_id: int | None) -> None:
        [vote] = [each.event for each in self.events if each.feedback_id == feedback_id]
        if vote.comparison_id is not None:
            asked = self.comparison(person_id, vote.comparison_id)
            self._message(person_id, asked.message_id).shown = None

    def _add_edit(self, person_id: int, reply_id: int, text: str) -> None:
        message = self._message(person_id, self.stored[reply_id].message_id)
        edited = self._add_reply(message)
        self._finish([edited], [text.strip()], "done")
        self.stored[edited] = replace(self.stored[edited], reply_ms=None)
        message.reply_ids.append(edited)
        message.shown = edited

    def _learn(self, event: FeedbackEvent) -> Learned:
        moved = replace(self.traits[0], probability=self.traits[0].probability * 0.8)
        self.traits[0] = moved
        clicks = len(self.events)
        self.status = replace(
            self.status, clicks=clicks, new_clicks=clicks, clicks_until_learning=max(0, 10 - clicks)
        )
        teaches = {
            "rank": "a ranking",
            "rating": "a rating",
            "flag": "a flag",
            "pick": "a choice",
            "thumb": "a thumb",
            "edit": "a better answer",
        }
        said = teaches.get(event.kind, "a reason")
        return Learned(clicks, 2.7, (moved,), said, clicks, max(0, 10 - clicks))
