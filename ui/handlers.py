"""What each gesture does, as functions from ids to what the page's parts show next.

A handler returns `{part name: value}`; parts it leaves out stay as they are. It knows no Gradio,
so tests call it directly. The person comes from the session, never from the browser; whatever the
browser sends is an id, checked where it is used, or a text the person typed.
"""

from __future__ import annotations

import itertools
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from chatfeedback.errors import ChatFeedbackError, InputRefused
from chatfeedback.records import (
    FeedbackEvent,
    FeedbackKind,
    Flag,
    Learned,
    ReplyProgress,
)
from chatfeedback.session import Session
from ui import chat, compare, drawer, learning, text
from ui.chat import Note
from ui.conversations import find_title, parse_id, show_conversations
from ui.writing import OpenReplies, Reply

logger = logging.getLogger(__name__)

Shown = dict[str, Any]
Gesture = Mapping[str, Any]
# What the page shows first, the answer, and the message if it is shown with it.
Begun = tuple[Shown, Iterator[ReplyProgress], str | None]
_toast_ids = itertools.count(1)


def show_composer(*, writing: bool = False, draft: str = "", queued: str = "") -> Shown:
    """How the message box changes: with a stop button while writing, with a text put back, or with
    one that waits until the model is ready.

    The box itself is never an output: Gradio would undo what is being typed when it arrives.
    """
    return {"id": next(_toast_ids), "writing": writing, "draft": draft, "queued": queued}


@dataclass(frozen=True)
class Place:
    """Which conversation a tab shows, and how many of its exchanges."""

    conversation_id: int | None
    last: int = chat.PAGE_EXCHANGES
    tab: str = ""


IDLE: Shown = {
    "live": chat.NOTHING_LIVE,
    "composer": {"id": 0, "writing": False, "draft": "", "queued": ""},
}


def make_toast(message: str, *, kind: str = "said", act: Shown | None = None) -> Shown:
    """A short message; `act` is an undo button's {event, label, data}."""
    return {"id": next(_toast_ids), "kind": kind, "text": message, "act": act}


def say_error(error: Exception) -> str:
    """The sentence for the person; only unexpected errors go to the log with their traceback."""
    if isinstance(error, ChatFeedbackError):
        return str(error)
    logger.error("A page handler failed.", exc_info=error)
    return text.UNEXPECTED


class Handlers:
    """All gestures of the page. One object serves every tab; what it shows it reads anew."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._replies = OpenReplies()

    @property
    def _person_id(self) -> int:
        return self._session.default_person().person_id

    # --- showing a conversation -----------------------------------------------------------

    def open(self, conversation_id: int | None) -> Shown:
        """A conversation, or the start of a new one."""
        return self._show(Place(conversation_id)) | IDLE

    def load(self, asked: object) -> Shown:
        """The page as it opens. An unknown conversation in the address opens a new one."""
        try:
            shown = self.open(parse_id(asked))
        except ChatFeedbackError as error:
            shown = self.open(None) | {"toast": make_toast(str(error), kind="error")}
        return shown

    def pick(self, place: Place, gesture: Gesture) -> Shown:
        """Another conversation from the list. A reply being written is stopped, not lost."""
        self._replies.leave(place.tab)
        return self.open(parse_id(gesture.get("id")))

    def start_new(self, place: Place) -> Shown:
        """An empty page; the conversation is made with its first message."""
        self._replies.leave(place.tab)
        return self.open(None)

    def show_earlier(self, place: Place, gesture: Gesture) -> Shown:
        """More of the conversation's past."""
        last = min(parse_id(gesture.get("last")) or chat.PAGE_EXCHANGES, 1000)
        return self._show(replace(place, last=last))

    def _show(self, place: Place, notes: Mapping[int, Note] | None = None) -> Shown:
        person_id, current = self._person_id, place.conversation_id
        return {
            "title": {"text": find_title(self._session, person_id, current)},
            "transcript": chat.show_transcript(
                self._session, person_id, current, last=place.last, notes=notes
            ),
            "conversations": show_conversations(self._session, person_id, current),
            "conversation": str(current or ""),
            "last": place.last,
        }

    # --- managing conversations -----------------------------------------------------------

    def rename(self, place: Place, gesture: Gesture) -> Shown:
        """Another title."""
        named = _need_id(gesture, "id")
        self._session.rename_conversation(self._person_id, named, str(gesture.get("title", "")))
        return self._show_list(place)

    def remove(self, place: Place, gesture: Gesture) -> Shown:
        """Delete at once, and offer to take it back."""
        removed = _need_id(gesture, "id")
        title = find_title(self._session, self._person_id, removed)
        self._session.delete_conversation(self._person_id, removed)
        act = {"event": "restore", "label": text.UNDO, "data": {"id": removed}}
        toast = {"toast": make_toast(text.say_deleted(title), act=act)}
        if removed == place.conversation_id:
            self._replies.leave(place.tab)
            return self.open(None) | toast
        return self._show_list(place) | toast

    def restore(self, place: Place, gesture: Gesture) -> Shown:
        """Take a deletion back and open the conversation."""
        self._replies.leave(place.tab)
        restored = _need_id(gesture, "id")
        self._session.restore_conversation(self._person_id, restored)
        return self.open(restored)

    def _show_list(self, place: Place) -> Shown:
        current = place.conversation_id
        return {
            "title": {"text": find_title(self._session, self._person_id, current)},
            "conversations": show_conversations(self._session, self._person_id, current),
        }

    # --- replies ---------------------------------------------------------------------------

    def send(self, message: str, side_by_side: bool, place: Place) -> Iterator[Shown]:
        """Answer a message, or answer it twice. One that comes before the model is ready waits in
        the page; a refused one goes back into the box."""
        with self._replies.write(place.tab) as reply:
            if not message.strip() or reply is None:
                yield {"composer": show_composer(writing=reply is None, draft=message)}
                return
            if chat.will_be_ready(self._session):
                yield {"composer": show_composer(queued=message)}
                return
            try:
                chat.require_engine(self._session)
            except ChatFeedbackError as error:
                toast = {"toast": make_toast(str(error), kind="error")}
                yield toast | {"composer": show_composer(draft=message)}
                return
            yield self._show_sent(message.strip(), side_by_side, place)
            try:
                place = self._ensure_conversation(place)
                progress = self._answer(message, side_by_side, place)
                yield from self._stream(progress, reply, place, message.strip())
            except Exception as error:
                failed = self._show_failed(place, error)
                yield failed | {"composer": show_composer(draft=message)}

    def _show_sent(self, message: str, side_by_side: bool, place: Place) -> Shown:
        live = chat.show_waiting(message, compare=side_by_side)
        shown: Shown = {"live": live, "composer": show_composer(writing=True)}
        if place.conversation_id is None:
            shown["transcript"] = {"items": []}  # the welcome has done its work
        return shown

    def _answer(self, message: str, side_by_side: bool, place: Place) -> Iterator[ReplyProgress]:
        assert place.conversation_id is not None
        answer = self._session.compare if side_by_side else self._session.answer
        return answer(self._person_id, place.conversation_id, message, client_id=str(uuid.uuid4()))

    def regenerate(self, place: Place, gesture: Gesture) -> Iterator[Shown]:
        """Another answer to the last message, beside the ones there are."""

        def begin() -> Begun:
            message_id = _need_id(gesture, "message_id")
            progress = self._session.regenerate(self._person_id, message_id)
            return self._show_rewriting(place, message_id), progress, None

        return self._write_anew(place, begin)

    def go_on(self, place: Place, gesture: Gesture) -> Iterator[Shown]:
        """Go on with an answer that was cut short; the short one stays beside it."""

        def begin() -> Begun:
            reply_id = _need_id(gesture, "reply_id")
            [cut] = self._session.queries.replies(self._person_id, [reply_id])
            shown = self._show_rewriting(place, cut.message_id) | {"live": chat.show_begun(cut)}
            return shown, self._session.continue_reply(self._person_id, reply_id), None

        return self._write_anew(place, begin)

    def revise(self, place: Place, gesture: Gesture) -> Iterator[Shown]:
        """Answer a message that is said differently now. What came after it goes aside."""

        def begin() -> Begun:
            message_id, said = _need_id(gesture, "message_id"), str(gesture.get("text", ""))
            progress = self._session.revise(
                self._person_id, message_id, said, _need_client_id(gesture)
            )
            return self._show_revising(place, message_id, said), progress, said.strip()

        return self._write_anew(place, begin)

    def _write_anew(self, place: Place, begin: Callable[[], Begun]) -> Iterator[Shown]:
        """Show an answer to a message that is there already, while it is written."""
        with self._replies.write(place.tab) as reply:
            if reply is None:
                yield {"toast": {}}
                return
            try:
                chat.require_engine(self._session)
                shown, progress, message = begin()
                yield shown
                yield from self._stream(progress, reply, place, message)
            except Exception as error:
                yield self._show_failed(place, error)

    def _show_revising(self, place: Place, message_id: int, said: str) -> Shown:
        shown = self._show_rewriting(place, message_id)
        kept = [item for item in shown["transcript"]["items"] if item["message_id"] < message_id]
        transcript = shown["transcript"] | {"items": kept}
        live = chat.show_waiting(said.strip(), compare=False)
        return shown | {"transcript": transcript, "live": live}

    def show_variant(self, place: Place, gesture: Gesture) -> Shown:
        """Another variant of a message, with what was said after it."""
        self._replies.leave(place.tab)
        self._session.show_message(self._person_id, _need_id(gesture, "message_id"))
        return self._show(place) | IDLE

    def _show_rewriting(self, place: Place, message_id: int) -> Shown:
        transcript = chat.show_transcript(
            self._session,
            self._person_id,
            place.conversation_id,
            last=place.last,
            rewriting_message_id=message_id,
        )
        live = chat.show_waiting(None, compare=False)
        return {"transcript": transcript, "live": live, "composer": show_composer(writing=True)}

    def stop(self, place: Place) -> Shown:
        """End the reply; it shows what it has. One that cannot be interrupted goes on unseen."""
        if self._replies.stop(place.tab):
            return {"toast": {}}
        return self._show(place) | IDLE

    def look_again(self, place: Place) -> Shown:
        """The transcript once more: an answer was still being written when it was drawn."""
        return self._show_transcript(place, {})

    def _ensure_conversation(self, place: Place) -> Place:
        if place.conversation_id is not None:
            return place
        return replace(place, conversation_id=self._session.new_conversation(self._person_id))

    def _stream(
        self,
        progress: Iterator[ReplyProgress],
        reply: Reply,
        place: Place,
        message: str | None,
    ) -> Iterator[Shown]:
        """Show a reply while it is written; closing this closes the reply."""
        latest: ReplyProgress | None = None
        is_drawn = False  # several are, and the best of them is only shown piece by piece
        with closing(progress), closing(chat.pace(progress)) as paced:  # type: ignore[type-var]
            try:
                for each in paced:
                    is_drawn |= latest is not None and latest.phase == "choosing"
                    if not reply.is_wanted:
                        break
                    shown: Shown = {"live": chat.show_progress(message, each)}
                    if latest is None:
                        shown |= self._show_list(place)
                        shown["conversation"] = str(place.conversation_id)
                    latest = each
                    yield shown
            finally:
                if is_drawn and not reply.is_stopped:  # who goes elsewhere finds all of it later
                    for _ in progress:
                        pass
        if not reply.is_left:
            yield self._show_finished(place, latest)

    def _show_failed(self, place: Place, error: Exception) -> Shown:
        return self._show(place) | IDLE | {"toast": make_toast(say_error(error), kind="error")}

    def _show_finished(self, place: Place, latest: ReplyProgress | None) -> Shown:
        if latest is None or latest.notice is None:
            return self._show(place) | IDLE
        toast = {}
        if latest.phase == "failed":
            toast["toast"] = make_toast(latest.notice, kind="error")
        return self._show(place, {latest.reply_ids[0]: Note(latest.notice)}) | IDLE | toast

    # --- feedback --------------------------------------------------------------------------

    def thumb(self, place: Place, gesture: Gesture) -> Shown:
        """Like, dislike, or take it back."""
        value = gesture.get("value")
        if value not in (1, -1, 0):
            raise InputRefused(f"A thumb is +1, -1 or 0; got {value!r}.")

        def give(reply_id: int, client_id: str) -> Learned:
            return chat.thumb(self._session, self._person_id, reply_id, value, client_id)

        return self._react(place, gesture, give, can_undo=value != 0)

    def chip(self, place: Place, gesture: Gesture) -> Shown:
        """Give or take back a reason."""
        reason = str(gesture.get("reason", ""))
        if reason not in chat.REASONS:
            raise InputRefused(f"There is no reason {reason[:40]!r}.")

        def give(reply_id: int, client_id: str) -> Learned:
            return chat.toggle_chip(self._session, self._person_id, reply_id, reason, client_id)

        return self._react(place, gesture, give, can_undo=False)

    def rate(self, place: Place, gesture: Gesture) -> Shown:
        """One to five stars."""
        stars = parse_id(gesture.get("value"))
        if stars not in range(1, 6):
            raise InputRefused(f"A rating is 1 to 5 stars; got {gesture.get('value')!r}.")
        return self._say_of(place, gesture, "rating", value=stars)

    def comment(self, place: Place, gesture: Gesture) -> Shown:
        """Whatever the person wants to say of an answer."""
        said = str(gesture.get("text", "")).strip()
        if not said:
            raise InputRefused("The comment is empty. Write something first.")
        return self._say_of(place, gesture, "comment", text=said)

    def flag(self, place: Place, gesture: Gesture) -> Shown:
        """Harmful, biased or wrong."""
        name = gesture.get("flag")
        if name not in get_args(Flag):
            raise InputRefused(f"A flag is one of {', '.join(get_args(Flag))}; got {name!r}.")
        return self._say_of(place, gesture, "flag", flag=name)

    def _say_of(self, place: Place, gesture: Gesture, kind: FeedbackKind, **said: Any) -> Shown:
        def give(reply_id: int, client_id: str) -> Learned:
            event = FeedbackEvent(client_id, kind, reply_id=reply_id, **said)
            return chat.react(self._session, self._person_id, event)

        return self._react(place, gesture, give, can_undo=True)

    def rewrite(self, place: Place, gesture: Gesture) -> Shown:
        """A better answer, written by the person; it joins the conversation."""
        better = str(gesture.get("text", ""))

        rewritten = _need_id(gesture, "reply_id")
        before = chat.read_beliefs(self._session, self._person_id)
        learned = chat.rewrite(
            self._session, self._person_id, rewritten, better, _need_client_id(gesture)
        )
        note = chat.note_learned(learned, before)
        mine = self._session.queries.rewritten(self._person_id, rewritten, better.strip())
        return self._show_transcript(place, {mine or rewritten: note})

    def reword(self, place: Place, gesture: Gesture) -> Shown:
        """The person's wording of an answer, in this conversation only; teaches nothing."""
        reply_id = _need_id(gesture, "reply_id")
        self._session.reword(self._person_id, reply_id, str(gesture.get("text", "")))
        return self._show_transcript(place, {})

    def undo(self, place: Place, gesture: Gesture) -> Shown:
        """Take a reaction back."""
        feedback_id = _need_id(gesture, "feedback_id")

        def give(_reply_id: int, client_id: str) -> Learned:
            return chat.undo(self._session, self._person_id, feedback_id, client_id)

        return self._react(place, gesture, give, can_undo=False)

    def _react(
        self,
        place: Place,
        gesture: Gesture,
        give: Callable[[int, str], Learned],
        *,
        can_undo: bool,
    ) -> Shown:
        reply_id = _need_id(gesture, "reply_id")
        before = chat.read_beliefs(self._session, self._person_id)
        learned = give(reply_id, _need_client_id(gesture))
        note = chat.note_learned(learned, before, can_undo=can_undo)
        return self._show_transcript(place, {reply_id: note})

    def show_sibling(self, place: Place, gesture: Gesture) -> Shown:
        """Another of the answers to one message."""
        self._session.show_reply(self._person_id, _need_id(gesture, "reply_id"))
        return self._show_transcript(place, {})

    def vote(self, place: Place, gesture: Gesture) -> Shown:
        """Choose between two answers; then say who wrote them."""
        comparison_id = _need_id(gesture, "comparison_id")
        outcome = gesture.get("outcome")
        if outcome not in compare.OUTCOMES:
            raise InputRefused(f"A vote is one of {', '.join(compare.OUTCOMES)}; got {outcome!r}.")
        before = chat.read_beliefs(self._session, self._person_id)
        learned, kept = compare.vote(
            self._session, self._person_id, comparison_id, outcome, _need_client_id(gesture)
        )
        extra = compare.reveal_versions(self._session, self._person_id, comparison_id)
        note = chat.note_learned(learned, before, extra=extra)
        return self._show_transcript(place, {kept: note})

    def rank(self, place: Place, gesture: Gesture) -> Shown:
        """Put answers in order; then say who wrote them."""
        comparison_id = _need_id(gesture, "comparison_id")
        places = [
            int(place) for place in str(gesture.get("order", "")).split(",") if place.isdecimal()
        ]
        before = chat.read_beliefs(self._session, self._person_id)
        learned, kept = compare.rank(
            self._session, self._person_id, comparison_id, places, _need_client_id(gesture)
        )
        extra = compare.reveal_versions(self._session, self._person_id, comparison_id)
        note = chat.note_learned(learned, before, extra=extra)
        return self._show_transcript(place, {kept: note})

    # --- the conversation as a whole -------------------------------------------------------

    def show_chat_settings(self, place: Place) -> Shown:
        """The drawer of this conversation's settings."""
        return {"drawer": drawer.show_drawer(self._session, self._person_id, place.conversation_id)}

    def set_chat(self, place: Place, gesture: Gesture) -> Shown:
        """The persona and the sampling; a chat that has not begun yet begins here."""
        settings = drawer.read_settings(self._session, gesture)
        rate = self._session.asking_rate(self._person_id)
        asked = str(gesture.get("asking_rate", "")) or rate.value
        is_rate_new = asked != rate.value
        is_chat_new = settings != drawer.chat_settings(
            self._session, self._person_id, place.conversation_id
        )
        if is_rate_new:
            self._session.set_asking_rate(self._person_id, asked)
        shown: Shown = {}
        if is_chat_new:
            place = self._ensure_conversation(place)
            assert place.conversation_id is not None
            self._session.set_chat(self._person_id, place.conversation_id, settings)
            shown = self._show(place)
        said = text.say_settings_saved(is_chat_new=is_chat_new, is_rate_new=is_rate_new)
        return shown | {"toast": make_toast(said)}

    def export_chat(self, place: Place, gesture: Gesture) -> Shown:
        """The conversation as a file that the browser saves."""
        form: Literal["md", "json"] = "json" if gesture.get("form") == "json" else "md"
        if place.conversation_id is None:
            raise InputRefused("There is nothing to save yet: this conversation is empty.")
        file = drawer.write_file(self._session, self._person_id, place.conversation_id, form)
        return {
            "drawer": {"file": file | {"id": next(_toast_ids)}},
            "toast": make_toast(text.say_saved(file["name"])),
        }

    def search(self, place: Place, gesture: Gesture) -> Shown:
        """Where the words were said."""
        words = str(gesture.get("words", ""))[:200]
        return {"finder": drawer.show_found(self._session, self._person_id, words)}

    def _show_transcript(self, place: Place, notes: Mapping[int, Note]) -> Shown:
        shown = chat.show_transcript(
            self._session, self._person_id, place.conversation_id, last=place.last, notes=notes
        )
        return {"transcript": shown}

    # --- learning --------------------------------------------------------------------------

    def use_version(self, gesture: Gesture) -> Shown:
        """Serve another version, or the base model, from the next reply on."""
        said = learning.use_version(self._session, self._person_id, gesture)
        shown = learning.show_learning(self._session, self._person_id)
        return {"learning": shown, "toast": make_toast(said)}

    def show_receipt(self, gesture: Gesture) -> Shown:
        """What changed, when a new version starts to answer."""
        asked = str(gesture.get("adapter_id", ""))
        return {"receipt": learning.show_receipt(self._session, self._person_id, asked) or {}}


def _need_id(gesture: Gesture, name: str) -> int:
    found = parse_id(gesture.get(name))
    if found is None:
        raise InputRefused(f"The page sent no {name.replace('_', ' ')}. Reload it and try again.")
    return found


def _need_client_id(gesture: Gesture) -> str:
    client_id = gesture.get("client_id")
    if not isinstance(client_id, str) or not 8 <= len(client_id) <= 64:
        raise InputRefused("The page sent no id with this click. Reload it and try again.")
    return client_id
