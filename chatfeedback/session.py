"""The flow, step by step, and the only door of the pages and the API.

    reply      the message is stored, then answered (best of n once a taste is known)
    compare    the message is stored, then answered twice; a vote decides which answer stays
    feedback   the event is committed, then the reward model learns from it
    learning   in idle time: see learning/learner.py

Every method takes the acting person. Methods are synchronous and may be called from any thread;
the generators keep the text so far when they are closed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from chatfeedback.asking.attention import attention_of
from chatfeedback.asking.drawing import Drawing
from chatfeedback.asking.duels import Duels
from chatfeedback.asking.elo import Rating
from chatfeedback.asking.explore import (
    ASKED_FOR,
    Asking,
    AskingRate,
    information_of_best,
    worth_asking,
)
from chatfeedback.asking.trials import BlindTrials, read_trials
from chatfeedback.chatting import check_chat_settings, usual_sampling
from chatfeedback.curation import Curation
from chatfeedback.downloads import Download, Downloads
from chatfeedback.erasing import check_confirmed, erase_everything
from chatfeedback.errors import (
    ChatFeedbackError,
    EngineUnavailable,
    InputRefused,
    NotFound,
    PromptTooLong,
)
from chatfeedback.household import Household
from chatfeedback.learning.choices import Choices, LearningChoices
from chatfeedback.learning.guards import Finding
from chatfeedback.learning.learner import Learner
from chatfeedback.learning.objective import LearningMethod
from chatfeedback.learning.team import open_disputes
from chatfeedback.learning.watch import guard_report
from chatfeedback.models import (
    FoundModel,
    check_quantisation,
    choose_model,
    chosen_model,
    chosen_quantisation,
    find_models,
)
from chatfeedback.offline import hub_cache, must_be_fetched
from chatfeedback.places import Place, list_places
from chatfeedback.protocols import Engine, Queries, Store
from chatfeedback.records import (
    BLIND_TRIAL,
    MEASURED_ONLY,
    BaseInfo,
    ChatSettings,
    Comparison,
    EngineState,
    Exchange,
    FeedbackEvent,
    GenerateRequest,
    Learned,
    LearningStatus,
    Person,
    ReplyProgress,
    Sampling,
    TextDelta,
    TraitBelief,
    Turn,
    WhyNot,
)
from chatfeedback.requests import Requests, go_on_with
from chatfeedback.rules.effects import Effect, find_effects
from chatfeedback.rules.orders import Orders
from chatfeedback.rules.principles import Principle
from chatfeedback.seeds import SeedSource
from chatfeedback.settings import Settings
from chatfeedback.taste.behind import Behind, find_behind
from chatfeedback.taste.card import TasteCard
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.shared import Disagreement, SharedTaste
from chatfeedback.taste.taste import Taste, Tastes
from chatfeedback.writing import ReplyWriter, close_events, notice_of, reveal

TITLE_CHARACTERS = 48
TYPICAL_PROMPTS, TYPICAL_REPLIES = 24, 4  # of the pool, to see what asking and choosing are worth


class Session:
    """One app's flow over one store and one engine.

    Args:
        store: the facts.
        engine: the model owner.
        settings: the knobs.
        seed: makes every random choice repeatable (simulation, tests); None in real use.
    """

    def __init__(
        self, store: Store, engine: Engine, settings: Settings, seed: int | None = None
    ) -> None:
        self._store = store
        self._engine = engine
        self._settings = settings
        self._seeds = SeedSource(seed)
        self._downloads = Downloads()
        self._begin()

    def _begin(self) -> None:
        """Build the parts anew on what the store holds now."""
        store, engine, settings = self._store, self._engine, self._settings
        self._tastes = Tastes(store, engine, settings)
        self._orders = Orders(store)
        self._choices = Choices(store)
        self._household = Household(store)
        self._drawing = Drawing(engine, self._tastes, self._orders, settings, self._seeds)
        self._requests = Requests(store, self._choices, settings, self._seeds)
        self._learner = Learner(store, engine, self._tastes, settings, self._seeds.next)
        self._duels = Duels(store, engine, settings, self._seeds.next, self._learner.person_waits)
        self._curation = Curation(store, engine, self._tastes, self._learner)
        self._learner.start()

    @property
    def data(self) -> Curation:
        """Looking through feedback, correcting it, and taking it in and out."""
        return self._curation

    @property
    def queries(self) -> Queries:
        """What pages may read."""
        return self._store

    def engine_state(self) -> EngineState:
        """What the engine is doing."""
        return self._engine.state()

    def wait_until_ready(self) -> BaseInfo:
        """Block until the model is loaded and calibrated; EngineUnavailable if it cannot be."""
        return self._learner.wait_until_ready()

    def default_person(self) -> Person:
        """The person who acts: whoever was switched to last, in the beginning "You"."""
        return self._household.active()

    def add_person(self, name: str) -> Person:
        """A new person, with nothing said and nothing learned, who acts from now on."""
        person = self._household.add(name)
        self._tastes.reload(person.person_id)  # and so the team's: it has one member more
        return person

    def switch_person(self, person_id: int) -> Person:
        """Let another person act from now on."""
        person = self._household.switch(person_id)
        if person == self.team():
            self._tastes.reload(person_id)  # what its members said meanwhile
        return person

    def act_together(self) -> Person:
        """Let everybody act as one person from now on, the team: it knows what they like alike, and
        what they say together comes on top. InputRefused for somebody alone."""
        return self.switch_person(self._household.act_together().person_id)

    def team(self) -> Person | None:
        """Everybody as one person; None until they first act together."""
        return self._household.team()

    def find_models(self) -> list[FoundModel]:
        """The models on this machine, and which of them fit it."""
        base = self._engine.state().base
        is_cuda = base is not None and base.device.startswith("cuda")
        chosen, _ = self.chosen_model()
        return find_models(self._store.folder, "cuda" if is_cuda else "cpu", chosen)

    def chosen_model(self) -> tuple[str, str]:
        """(model, quantisation) of the next start; an empty model is the starter."""
        return chosen_model(self._store), chosen_quantisation(self._store, self._settings)

    def choose_model(self, name: str, quantisation: str) -> bool:
        """Use another model, or keep its weights otherwise, from the next start on. False when it
        must be fetched first: that begins, and it is chosen once it is here."""
        name = name.strip()
        check_quantisation(quantisation)
        if not must_be_fetched(name or None):
            choose_model(self._store, name, quantisation)
            return True
        self._downloads.start(name, lambda: choose_model(self._store, name, quantisation))
        return False

    def download(self) -> Download | None:
        """The model that is being fetched, or the last one."""
        return self._downloads.state()

    def cancel_download(self) -> None:
        """Fetch no more; what is here is kept for the next time."""
        self._downloads.cancel()

    def erase_everything(self, typed: str) -> None:
        """Delete what everybody here ever said and all that was learned from it, for good:
        conversations, feedback, versions, backups. `typed` must be `erasing.CONFIRMATION`."""
        check_confirmed(typed)
        base = self._engine.state().base
        self.close()
        try:
            erase_everything(self._store, [base.key] if base else [])
        finally:
            self._begin()

    def places(self) -> list[Place]:
        """Where everything lies on this disk."""
        return list_places(self._store.folder, hub_cache())

    def close(self) -> None:
        """Stop learning at the next step. The engine and the store are closed by their owner."""
        self._downloads.cancel()
        self._learner.close()
        self._tastes.close()

    # --- conversations ---------------------------------------------------------------------

    def new_conversation(self, person_id: int) -> int:
        """Start an empty conversation; it is named after its first message."""
        return self._store.add_conversation(person_id, "New chat")

    def rename_conversation(self, person_id: int, conversation_id: int, title: str) -> None:
        """Give a conversation another title."""
        if not title.strip():
            raise InputRefused("A conversation needs a title; this one is empty.")
        self._store.rename_conversation(person_id, conversation_id, title.strip()[:200])

    def delete_conversation(self, person_id: int, conversation_id: int) -> None:
        """Hide a conversation; what was learned from it stays until its votes are undone."""
        self._store.delete_conversation(person_id, conversation_id)

    def restore_conversation(self, person_id: int, conversation_id: int) -> None:
        """Take back a deletion."""
        self._store.restore_conversation(person_id, conversation_id)

    # --- replies ---------------------------------------------------------------------------

    def reply(
        self, person_id: int, conversation_id: int, text: str, client_id: str
    ) -> Iterator[ReplyProgress]:
        """Answer a message: one sample, or the best of n by the person's reward model."""
        turns, message_id, is_new = self._take_message(person_id, conversation_id, text, client_id)
        if not is_new:
            return
        try:
            yield from self._answer(person_id, conversation_id, message_id, turns, show=True)
        except PromptTooLong:
            self._store.withdraw_message(person_id, message_id)
            raise

    def regenerate(self, person_id: int, message_id: int) -> Iterator[ReplyProgress]:
        """Answer the last message of its conversation once more, as a further sibling; what it was
        answered with stays until there is something of it."""
        conversation_id = self._store.conversation_of(person_id, message_id)
        turns = self._turns_until(person_id, conversation_id, message_id)
        exchanges = self._store.exchanges(person_id, conversation_id)
        answered = any(each.reply_ids for each in exchanges if each.message_id == message_id)
        yield from self._answer(person_id, conversation_id, message_id, turns, show=not answered)

    def continue_reply(self, person_id: int, reply_id: int) -> Iterator[ReplyProgress]:
        """Go on with a reply that was cut short. The whole of it becomes a further sibling, which
        is shown from its first new word on."""
        cut = self._store.reply(person_id, reply_id)
        if not cut.can_go_on:
            raise InputRefused(
                f"Reply {reply_id} is complete (it is {cut.state!r}), so there is nothing to add "
                "to it. Write another answer, or ask for more."
            )
        self._learner.note_activity()
        base = self._base()
        conversation_id = self._store.conversation_of(person_id, cut.message_id)
        turns = self._turns_until(person_id, conversation_id, cut.message_id)
        request = self._requests.write(
            person_id, conversation_id, turns, 1, self._settings.temperature, base.key
        )
        request = go_on_with(request, cut, base.key)
        with self._learner.person_waits():
            reply_ids = self._add_replies(
                person_id, cut.message_id, request, base, rows=1, show=False
            )
            progress = ReplyProgress("streaming", cut.message_id, reply_ids, (cut.text,))
            yield progress
            writer = ReplyWriter(self._store, person_id, reply_ids, begun=request.begun)
            try:
                pieces = self._stream(writer, request, progress)
                yield from self._show_with_the_first(person_id, reply_ids[0], pieces)
                yield writer.last_progress(progress)
            except ChatFeedbackError as error:
                writer.fail()
                yield writer.failed_progress(progress, str(error))
            finally:
                writer.settle()

    def revise(
        self, person_id: int, message_id: int, text: str, client_id: str
    ) -> Iterator[ReplyProgress]:
        """Say a message differently and answer it; what was said after it goes aside with it."""
        text = text.strip()
        if not text:
            raise InputRefused("The message is empty. Write something first.")
        self._learner.note_activity()
        conversation_id = self._store.conversation_of(person_id, message_id)
        new_id, is_new = self._store.revise_message(person_id, message_id, text, client_id)
        if not is_new:
            return
        turns = self._turns_until(person_id, conversation_id, new_id)
        try:
            yield from self._answer(person_id, conversation_id, new_id, turns, show=True)
        except PromptTooLong:
            self._store.show_message(person_id, message_id)
            self._store.withdraw_message(person_id, new_id)
            raise
        if self._store.exchanges(person_id, conversation_id)[0].message_id == new_id:
            self._store.rename_conversation(person_id, conversation_id, _title_of(text))

    def show_message(self, person_id: int, message_id: int) -> None:
        """Go back to another variant of a message, and to what was said after it."""
        self._store.show_message(person_id, message_id)

    def usual_sampling(self) -> Sampling:
        """How replies are drawn where a conversation has nothing of its own."""
        return usual_sampling(self._settings)

    def set_chat(self, person_id: int, conversation_id: int, settings: ChatSettings) -> None:
        """The persona and the sampling of one conversation, from the next reply on."""
        check_chat_settings(settings)
        self._store.set_chat_settings(person_id, conversation_id, settings)

    def answer(
        self, person_id: int, conversation_id: int, text: str, client_id: str
    ) -> Iterator[ReplyProgress]:
        """Answer a message once, or as a question where that is worth the person's time."""
        asking = self.next_asking(person_id)
        if asking.replies == 1:
            yield from self.reply(person_id, conversation_id, text, client_id)
        else:
            yield from self.compare(person_id, conversation_id, text, client_id, asking)

    def compare(
        self,
        person_id: int,
        conversation_id: int,
        text: str,
        client_id: str,
        asking: Asking = ASKED_FOR,
    ) -> Iterator[ReplyProgress]:
        """Answer a message two or four times; the `pick` event on `comparison_id` decides which
        one stays. In a blind trial one reply is the base's and the other is as it would serve."""
        turns, message_id, is_new = self._take_message(person_id, conversation_id, text, client_id)
        if is_new:
            yield from self._answer_with_rivals(
                person_id, conversation_id, message_id, turns, asking
            )

    def next_asking(self, person_id: int) -> Asking:
        """How the next message should be answered: once, as a question, or as a blind trial."""
        base = self._base()
        taste = self._tastes.get(person_id, base)
        serves_more = self._store.serving(person_id, base.key) is not None
        return worth_asking(
            [
                information_of_best(phis, taste.model)
                for phis in self._drawing.typical_phis(taste, base)
            ],
            clicks=taste.clicks_heard,
            rate=self._orders.asking_rate(person_id),
            attention=attention_of(self._store, person_id),
            has_personal=serves_more or self._drawing.helps_to_choose(taste, base),
            rng=self._seeds.generator(),
        )

    def show_reply(self, person_id: int, reply_id: int) -> None:
        """Let another sibling be the conversation's answer."""
        self._store.show_reply(person_id, reply_id)

    def _take_message(
        self, person_id: int, conversation_id: int, text: str, client_id: str
    ) -> tuple[tuple[Turn, ...], int, bool]:
        text = text.strip()
        if not text:
            raise InputRefused("The message is empty. Write something first.")
        self._learner.note_activity()
        exchanges = self._store.exchanges(person_id, conversation_id)
        self._settle_open_comparisons(person_id, exchanges)
        message_id, is_new = self._store.add_message(person_id, conversation_id, text, client_id)
        if is_new and not exchanges:
            self._store.rename_conversation(person_id, conversation_id, _title_of(text))
        turns = self._turns_until(person_id, conversation_id, message_id)
        return turns, message_id, is_new

    def _turns_until(
        self, person_id: int, conversation_id: int, message_id: int
    ) -> tuple[Turn, ...]:
        base = self._base()
        return self._requests.turns_until(
            person_id,
            conversation_id,
            message_id,
            card=self.taste_card(person_id),
            base=base,
        )

    def _settle_open_comparisons(self, person_id: int, exchanges: Sequence[Exchange]) -> None:
        """A comparison nobody voted on keeps its first answer once the talk goes on."""
        for exchange in exchanges:
            if exchange.shown_reply_id is None and exchange.open_comparison is not None:
                self._store.show_reply(person_id, exchange.open_comparison.reply_ids[0])

    def _answer(
        self,
        person_id: int,
        conversation_id: int,
        message_id: int,
        turns: tuple[Turn, ...],
        *,
        show: bool,
    ) -> Iterator[ReplyProgress]:
        """show: at once, since there is no other answer yet; else as soon as there is some of it.
        PromptTooLong leaves the message as it was."""
        base = self._base()
        taste = self._tastes.get(person_id, base)
        n = self._drawing.count_candidates(person_id, taste, base)
        request = self._requests.write(
            person_id, conversation_id, turns, n, self._settings.temperature, base.key
        )
        with self._learner.person_waits():
            reply_ids = self._add_replies(person_id, message_id, request, base, rows=1, show=show)
            progress = ReplyProgress(
                "choosing" if n > 1 else "streaming", message_id, reply_ids, ("",)
            )
            yield progress
            writer = ReplyWriter(self._store, person_id, reply_ids)
            try:
                if n == 1:
                    pieces = self._stream(writer, request, progress)
                else:
                    best = self._drawing.draw_best(person_id, taste, base, request)
                    yield progress  # a stop that came meanwhile is heard before a word is shown
                    pieces = writer.reveal(progress, best)
                if show:
                    yield from pieces
                else:
                    yield from self._show_with_the_first(person_id, reply_ids[0], pieces)
                yield writer.last_progress(progress)
            except PromptTooLong:
                raise
            except ChatFeedbackError as error:
                writer.fail()
                yield writer.failed_progress(progress, str(error))
            finally:
                writer.settle()

    def _answer_with_rivals(
        self,
        person_id: int,
        conversation_id: int,
        message_id: int,
        turns: tuple[Turn, ...],
        asking: Asking,
    ) -> Iterator[ReplyProgress]:
        base = self._base()
        taste = self._tastes.get(person_id, base)
        blind = asking.why == BLIND_TRIAL
        requests = self._plan_rivals(person_id, conversation_id, turns, asking)
        with self._learner.person_waits():
            rows = [
                row
                for request in requests
                for row in self._add_replies(
                    person_id, message_id, request, base, rows=1, show=False
                )
            ]
            shown = tuple(self._seeds.shuffled(rows)) if blind else tuple(rows)
            comparison_id = self._store.add_comparison(person_id, message_id, shown, asking.why)
            blank = ("",) * len(shown)
            progress = ReplyProgress("choosing", message_id, shown, blank, comparison_id)
            yield progress
            writer = ReplyWriter(self._store, person_id, shown)
            try:
                if blind:
                    found = [
                        self._drawing.draw_best(person_id, taste, base, each) for each in requests
                    ]
                else:
                    found = self._drawing.draw_rivals(
                        person_id, taste, base, requests[0], asking.replies
                    )
                ordered = [found[rows.index(row)] for row in shown]
                for index, reply in enumerate(ordered):
                    writer.finish(index, reply)
                texts = tuple(reply.text for reply in ordered)
                yield from reveal(progress, texts, notice_of(ordered[0]))
                yield writer.last_progress(progress)
            except PromptTooLong:
                self._store.withdraw_message(person_id, message_id)
                raise
            except ChatFeedbackError as error:
                writer.fail()
                self._store.show_reply(person_id, shown[0])
                yield writer.failed_progress(progress, str(error))
            finally:
                writer.settle()

    def _plan_rivals(
        self, person_id: int, conversation_id: int, turns: tuple[Turn, ...], asking: Asking
    ) -> list[GenerateRequest]:
        """The request behind each reply that is shown: one for all rivals; in a blind trial the
        base's plain answer first, then the answer as it would serve."""
        base = self._base()
        told = (person_id, conversation_id, turns)
        if asking.why == BLIND_TRIAL:
            taste = self._tastes.get(person_id, base)
            n = self._drawing.count_candidates(person_id, taste, base)
            mine = self._requests.write(*told, n, self._settings.temperature, base.key)
            return [self._requests.without_taste(person_id, conversation_id, mine), mine]
        n = max(self._settings.compare_candidates, 2 * asking.replies)
        rivals = self._requests.write(*told, n, self._settings.compare_temperature, base.key)
        return [rivals] * asking.replies

    def _show_with_the_first(
        self, person_id: int, reply_id: int, pieces: Iterator[ReplyProgress]
    ) -> Iterator[ReplyProgress]:
        """The pieces of a reply; before the first of them it becomes the conversation's."""
        first = next(pieces, None)
        self._store.show_reply(person_id, reply_id)
        if first is not None:
            yield first
            yield from pieces

    def _stream(
        self, writer: ReplyWriter, request: GenerateRequest, progress: ReplyProgress
    ) -> Iterator[ReplyProgress]:
        events = self._engine.generate(request)
        try:
            for event in events:
                if isinstance(event, TextDelta):
                    writer.append(event)
                else:
                    writer.finish(event.index, event)
                    self._drawing.note_pace([event])
                yield writer.streaming_progress(progress)
        finally:
            close_events(events)

    def _add_replies(
        self,
        person_id: int,
        message_id: int,
        request: GenerateRequest,
        base: BaseInfo,
        *,
        rows: int,
        show: bool,
    ) -> tuple[int, ...]:
        return tuple(
            self._store.add_replies(
                person_id,
                message_id,
                n=rows,
                adapter_id=request.adapter.adapter_id if request.adapter else None,
                adapter_scale=request.adapter.scale if request.adapter else 0.0,
                base_key=base.key,
                sampling=request.sampling,
                seed=request.seed,
                candidates=request.n,
                show=show,
            )
        )

    def _base(self) -> BaseInfo:
        state = self._engine.state()
        if state.base is None:
            raise EngineUnavailable(f"The model is not ready yet. {state.message}")
        return state.base

    # --- feedback --------------------------------------------------------------------------

    def give_feedback(self, person_id: int, event: FeedbackEvent) -> Learned:
        """Commit one reaction, then let the reward model learn from it."""
        started = time.perf_counter()
        self._learner.note_activity()
        if event.kind == "edit":
            event = self._check_edit(person_id, event)
        if event.kind == "edit" and event.reply_id is not None and event.text is not None:
            edited_id = self._store.add_edit(person_id, event.reply_id, event.text)
            self._store.show_reply(person_id, edited_id)
        feedback_id, is_new = self._store.add_feedback(person_id, event)
        taste = self.taste(person_id)
        moved = taste.learn(feedback_id) if is_new else ()
        learn_ms = 1000 * (time.perf_counter() - started)
        if is_new:
            self._follow_up(person_id, event)
        status = self._learner.status(person_id)
        why_not = self._why_not(person_id, event)
        return Learned(
            feedback_id=feedback_id,
            learn_ms=learn_ms,
            moved=moved,
            teaches="" if why_not else _teaches(event),
            clicks=status.clicks,
            clicks_until_learning=status.clicks_until_learning,
            why_not=why_not,
        )

    def _why_not(self, person_id: int, event: FeedbackEvent) -> WhyNot:
        if event.kind == "undo" or (event.kind == "thumb" and not event.value):
            return "taken back"
        if event.kind == "comment":
            return "comment"
        if event.kind == "pick" and event.comparison_id is not None:
            asked = self._store.comparison(person_id, event.comparison_id)
            return "measured" if asked.why in MEASURED_ONLY else ""
        return ""

    def reword(self, person_id: int, reply_id: int, text: str) -> None:
        """The person's wording of a reply takes its place in the conversation; teaches nothing."""
        if not text.strip():
            raise InputRefused("An answer needs a text; this one is empty.")
        reworded_id = self._store.add_edit(person_id, reply_id, text.strip())
        self._store.show_reply(person_id, reworded_id)

    def _check_edit(self, person_id: int, event: FeedbackEvent) -> FeedbackEvent:
        text = (event.text or "").strip()
        if event.reply_id is None or not text:
            raise InputRefused("A better answer needs a text; this one is empty.")
        return FeedbackEvent(event.client_id, "edit", reply_id=event.reply_id, text=text)

    def _follow_up(self, person_id: int, event: FeedbackEvent) -> None:
        """What a reaction changes besides the taste."""
        if event.kind == "undo" and event.undoes is not None:
            self._store.reopen_comparison(person_id, event.undoes)
        elif event.kind == "edit" and event.reply_id is not None:
            self._tastes.score_edits_later(person_id)
        elif event.kind == "forget":
            self._tastes.reload(person_id)
            self._end_runs_that_heard(person_id)

    def _end_runs_that_heard(self, person_id: int) -> None:
        """A run under way would bring back what is forgotten; the team's heard it, too."""
        team = self.team()
        for each in {person_id, team.person_id if team else person_id}:
            self._learner.stop(each)

    def beliefs(self, person_id: int) -> list[TraitBelief]:
        """What the reward model believes about this person's taste, strongest first."""
        return self.taste(person_id).beliefs()

    def shared_taste(self) -> SharedTaste:
        """What the people of this installation like alike, and where they differ."""
        return self._tastes.shared(self._engine.state().base)

    def open_disputes(self) -> list[Disagreement]:
        """On what they clearly differ, less what they settled when they acted together."""
        if (team := self.team()) is None:
            return [*self.shared_taste().disagreements]
        return open_disputes(self.taste(team.person_id))

    def choices_behind(self, person_id: int, measure: str, limit: int = 4) -> list[Behind]:
        """The choices that say most about a trait (a key of features.STYLE_MEASURES)."""
        if measure not in STYLE_MEASURES:
            raise InputRefused(f"There is no trait {measure!r}.")
        taste = self.taste(person_id)
        return find_behind(taste.judgements, taste.reply, measure, limit)

    def taste_card(self, person_id: int) -> TasteCard:
        """What the model is told of the person's taste, when they switched that on."""
        model = self.taste(person_id).model
        return self._orders.card(person_id, model, for_starter=self._serves_starter())

    def set_taste_card(self, person_id: int, text: str | None) -> None:
        """The person's own wording wins over what was learned; None goes back to that."""
        model = self.taste(person_id).model
        self._orders.set_card(person_id, model, text, for_starter=self._serves_starter())

    def _serves_starter(self) -> bool:
        base = self._engine.state().base
        return base is not None and base.is_starter

    def switch_taste_card(self, person_id: int, on: bool) -> None:
        """Whether the card stands in front of every conversation from the next answer on."""
        self._orders.switch_card(person_id, on=on)

    def guard_report(self, person_id: int) -> list[Finding]:
        """What every guard sees, alarms first; see guards.py."""
        base = self._engine.state().base
        known = self._tastes.calibration(base) if base else None
        taste = self.taste(person_id)
        return guard_report(self._store, person_id, taste, known, self._settings)

    def principles(self, person_id: int) -> tuple[Principle, ...]:
        """What the person wrote; a principle with a check is kept by rule on every model."""
        return self._orders.principles(person_id)

    def set_principles(self, person_id: int, texts: Sequence[str]) -> None:
        """Replace them all; they hold from the next answer on, and for every later version."""
        self._orders.set_principles(person_id, texts)

    def principle_effects(self, person_id: int) -> list[Effect]:
        """What each principle that holds for this person does on the model that is loaded; for the
        team, its members' principles hold too."""
        base = self._engine.state().base
        known = self._tastes.calibration(base) if base else None
        return find_effects(
            self._orders.principles_in_force(person_id),
            known.pool if known else (),
            self._store.ai_labels(person_id),
            can_judge=base is not None and not base.is_starter,
        )

    def asking_rate(self, person_id: int) -> AskingRate:
        """How often `answer` may turn an answer into a question."""
        return self._orders.asking_rate(person_id)

    def set_asking_rate(self, person_id: int, rate: str) -> None:
        """One of explore.AskingRate: never, seldom, sometimes, often."""
        self._orders.set_asking_rate(person_id, rate)

    def blind_trials(self, person_id: int) -> BlindTrials:
        """How the personal replies do against the base's, not knowing which is which."""
        return read_trials(self._store.comparisons(person_id), self._store.feedback(person_id))

    def taste(self, person_id: int) -> Taste:
        """The person's reward model on the base that is loaded."""
        return self._tastes.get(person_id, self._engine.state().base)

    # --- learning and versions -------------------------------------------------------------

    def learning_status(self, person_id: int) -> LearningStatus:
        """Where learning stands."""
        return self._learner.status(person_id)

    def learn_now(self, person_id: int, method: LearningMethod = "auto") -> str:
        """Queue a learning run; returns its id. What was paused goes on: asking is wanting."""
        self._learner.resume(person_id)
        return self._learner.request(person_id, "asked for", method)

    def wait_for_learning(self, person_id: int, timeout_s: float | None = None) -> None:
        """Block until no run is queued or running for this person."""
        self._learner.wait_until_idle(person_id, timeout_s)

    def stop_learning(self, person_id: int) -> None:
        """End the current run; nothing of it is kept."""
        self._learner.stop(person_id)

    def pause_learning(self, person_id: int) -> None:
        """Learn nothing until the person resumes; a run under way halts at its next step."""
        self._learner.pause(person_id)

    def resume_learning(self, person_id: int) -> None:
        """Go on where it was paused."""
        self._learner.resume(person_id)

    def learning_choices(self, person_id: int) -> LearningChoices:
        """What the person chose about learning."""
        return self._choices.get(person_id)

    def learning_settings(self, person_id: int) -> Settings:
        """What this person's runs are told, choices and all."""
        return self._choices.get(person_id).apply(self._settings)

    def choose_learning(self, person_id: int, changes: Mapping[str, object]) -> LearningChoices:
        """Change some of it, by name; InputRefused, with what is allowed, for what cannot be."""
        return self._choices.change(person_id, changes)

    def compare_versions(
        self, person_id: int, text: str, pair: tuple[str | None, str | None], client_id: str
    ) -> Comparison:
        """Both versions' answers to a question, in random order (None is the base model); the
        `pick` event on it is feedback, and counts for their Elo."""
        self._learner.note_activity()
        return self._duels.ask(person_id, text, pair, client_id)

    def open_duel(self, person_id: int) -> Comparison | None:
        """The pair of `compare_versions` that waits for its vote."""
        return self._duels.open(person_id)

    def version_ratings(self, person_id: int) -> dict[str, Rating]:
        """adapter id -> Elo of the versions that were compared; the base model's is 1000."""
        return self._duels.ratings(person_id)

    def roll_back(self, person_id: int, adapter_id: str | None) -> None:
        """Serve an earlier version from the next reply on; None is the base model."""
        base = self._base()
        if adapter_id is None:
            self._store.serve_base(person_id, base.key)
            return
        known = {version.adapter_id: version for version in self._store.versions(person_id)}
        if adapter_id not in known:
            raise NotFound(
                f"There is no version {adapter_id!r}. Known: {', '.join(known) or 'none'}."
            )
        self._store.promote_adapter(person_id, adapter_id, None)


def _title_of(text: str) -> str:
    line = text.splitlines()[0]
    return line if len(line) <= TITLE_CHARACTERS else line[: TITLE_CHARACTERS - 1].rstrip() + "…"


def _teaches(event: FeedbackEvent) -> str:
    if event.kind == "pick":
        return {"tie": "a tie", "both_bad": "both too weak"}.get(event.outcome or "", "a choice")
    said = {
        "thumb": "a thumb",
        "rank": "a ranking",
        "rating": "a rating",
        "edit": "a better answer",
        "chip": "a reason",
        "trait": "a trait",
        "flag": "a flag",
        "forget": "to start afresh",
    }
    return said[event.kind]
