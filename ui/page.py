"""The page: Gradio components, and which gesture calls which handler.

Gradio holds ids and what is on the screen, nothing else. There is no `gr.State` (it would keep a
connection open for every tab) and no handler of `unload`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import gradio as gr

from chatfeedback.session import Session
from ui import chat, data, learning, settings, taste, text
from ui.chat_words import APP
from ui.conversations import parse_id
from ui.handlers import Gesture, Handlers, Place, Shown, make_toast, say_error
from ui.keys import show_keys
from ui.views import View, show_link
from ui.widgets import make_page_widget, make_static, make_widget

VIEWS: tuple[View, ...] = (taste.VIEW, learning.VIEW, data.VIEW, settings.VIEW)
"""The pages beside the chat, in the order of their links. A page that is not ready is not here."""

MAX_STREAMS = 16  # replies written at once; further ones wait in the queue
MAX_WAITING = 64  # events that may wait before the page says that it is busy
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# A click is one request with one answer. Gradio's queue would answer through a stream that the
# page can believe to be open when it was just closed: the answer then waits for the next click.
CLICK: dict[str, Any] = {**QUIET, "trigger_mode": "multiple", "queue": False}
STREAM: dict[str, Any] = {
    **QUIET,
    "trigger_mode": "multiple",
    "concurrency_limit": MAX_STREAMS,
    "concurrency_id": "replies",
}
FOCUS = "() => { document.querySelector('#message textarea')?.focus(); }"
FOCUS_AND_POLL = (
    "() => { document.querySelector('#message textarea')?.focus();"
    " document.dispatchEvent(new Event('cf:poll')); }"
)
POLL = "() => { document.dispatchEvent(new Event('cf:poll')); }"
# The box is emptied here, in the browser, as its text is taken; a refused text is put back. What
# waited for the model is sent instead of what stands in the box by now.
TAKE_DRAFT = "(text, ...rest) => [window.cfTakeDraft(text), ...rest]"
READ_SWITCH = "() => localStorage.getItem('cf-compare') === 'yes'"
KEEP_SWITCH = "on => { localStorage.setItem('cf-compare', on ? 'yes' : 'no'); }"

BRAND = (
    '<div class="brand"><span class="mark" aria-hidden="true"></span><b>chatfeedback</b>'
    f'<button type="button" class="icon" id="theme-toggle" aria-label="{APP["theme"]}"'
    f' title="{APP["theme"]}"><svg viewBox="0 0 24 24" width="17" height="17" aria-hidden="true">'
    '<circle cx="12" cy="12" r="8" fill="none" stroke="currentColor" stroke-width="1.8"/>'
    '<path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor"/></svg></button></div>'
)
CHAT_LINK = (
    '<a href="./" aria-current="page">'
    '<svg viewBox="0 0 24 24" width="17" height="17" fill="none" stroke="currentColor"'
    ' stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">'
    '<path d="M20.5 12a8 8 0 0 1-11.7 7.1L4 20l1-4.600A8 8 0 1 1 20.5 12z"/></svg>'
    f"{APP['chat']}</a>"
)
SIDE_TOGGLE = (
    f'<button type="button" class="icon side-toggle" aria-label="{APP["sidebar"]}"'
    f' title="{APP["sidebar"]}"'
    ' aria-controls="side"><svg viewBox="0 0 24 24" width="18" height="18" fill="none"'
    ' stroke="currentColor" stroke-width="1.8" stroke-linecap="round" aria-hidden="true">'
    '<rect x="4" y="5" width="16" height="14" rx="3"/><path d="M9.5 5v14"/></svg></button>'
)
MORE = (
    f'<button type="button" class="icon" id="open-finder" aria-label="{APP["search"]}"'
    f' title="{APP["search"]} (Ctrl+K)"><svg viewBox="0 0 24 24" width="18" height="18"'
    ' fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"'
    ' aria-hidden="true"><circle cx="11" cy="11" r="6.5"/><path d="m20 20-4.2-4.2"/></svg></button>'
    f'<button type="button" class="icon" id="open-drawer" aria-label="{APP["settings"]}"'
    f' title="{APP["settings"]}"><svg viewBox="0 0 24 24" width="18" height="18"'
    ' fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"'
    ' aria-hidden="true"><path d="M4 7h9M19 7h1M4 12h2M12 12h8M4 17h10M20 17h0"/>'
    '<circle cx="16" cy="7" r="2.2"/><circle cx="9" cy="12" r="2.2"/>'
    '<circle cx="17" cy="17" r="2.2"/></svg></button>'
)
TO_END = (
    f'<button type="button" id="to-end" aria-label="{APP["to_end"]}" hidden>'
    '<svg viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor"'
    ' stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">'
    '<path d="M12 5v14M6 13l6 6 6-6"/></svg></button>'
    '<p id="engine-notice" role="status" hidden></p>'
)
QUEUED = (  # app.js puts the message in
    '<div id="queued" class="exchange" role="status" hidden><div class="user">'
    '<div class="bubble" dir="auto"></div></div><p class="thinking"><span class="dots"'
    f' aria-hidden="true"><i></i><i></i><i></i></span>{APP["queued"]}'
    f'<button type="button" class="link" data-unqueue>{APP["cancel"]}</button></p></div>'
)


def build_page(session: Session) -> Any:
    """The Blocks of the app, wired to the session."""
    with gr.Blocks(title=text.APP_NAME, fill_width=True, analytics_enabled=False) as page:
        parts = lay_out()
        _Wiring(session, Handlers(session), parts).connect(page)
    page.max_threads = 100
    page.queue(default_concurrency_limit=None, max_size=MAX_WAITING)
    return page


def _show_links() -> str:
    links = "".join(show_link(view) for view in VIEWS)
    return f'<nav id="nav" aria-label="{APP["pages"]}">{CHAT_LINK}{links}</nav>'


def lay_out() -> dict[str, Any]:
    """Make the components; returns those that handlers fill or listen to, by name."""
    hidden: dict[str, Any] = {"visible": "hidden", "show_label": False, "container": False}
    parts: dict[str, Any] = {
        "conversation": gr.Textbox(elem_id="conversation", label="Conversation", **hidden),
        "last": gr.Number(
            chat.PAGE_EXCHANGES, precision=0, elem_id="last", label="Shown", **hidden
        ),
    }
    with gr.Column(elem_id="side"):
        make_static("brand", BRAND)
        parts["new_chat"] = gr.Button(text.NEW_CHAT, elem_id="new-chat", variant="primary")
        make_static("nav-box", _show_links())
        parts["conversations"] = make_widget("conversations", {"items": []})
    make_static("shade-box", '<div id="side-shade"></div>')
    with gr.Column(elem_id="chat-view"):
        parts |= _lay_out_chat()
    for view in VIEWS:
        with gr.Column(elem_id=f"{view.name}-view", elem_classes="view"):
            parts[view.name] = make_page_widget(view.name)
    parts["toast"] = make_widget("toast", {})
    parts["writer"] = make_widget("writer", {})
    parts["drawer"] = make_widget("drawer", {})
    parts["finder"] = make_widget("finder", {})
    parts["courier"] = make_widget("courier", {})
    make_static("keys-box", show_keys())
    return parts


def _lay_out_chat() -> dict[str, Any]:
    parts: dict[str, Any] = {}
    with gr.Row(elem_id="top"):
        make_static("toggle-box", SIDE_TOGGLE)
        parts["title"] = make_widget("title", {"text": text.NEW_CHAT})
        parts["compare"] = gr.Checkbox(
            label=text.COMPARE_SWITCH, elem_id="compare-switch", container=False
        )
        make_static("more-box", MORE)
        make_widget("pill", {})
    with gr.Column(elem_id="scroll"):
        parts["transcript"] = make_widget("transcript", {})
        parts["live"] = make_widget("live", chat.NOTHING_LIVE, like="transcript")
        make_static("queued-box", QUEUED)
    with gr.Column(elem_id="foot"):
        make_static("to-end-box", TO_END)
        make_widget("tour", {})
        parts["receipt"] = make_widget("receipt", {})
        parts["message"] = gr.Textbox(
            elem_id="message",
            label=text.MESSAGE_LABEL,
            show_label=False,
            container=False,
            placeholder=text.MESSAGE_PLACEHOLDER,
            lines=1,
            max_lines=8,
            submit_btn=True,
            interactive=False,  # until the page has loaded: loading would undo an early send
        )
        parts["composer"] = make_widget("composer", {})
        make_static("hint", f"<p>{text.HINT}</p>")
    return parts


class _Wiring:
    """Connects gestures to handlers, and turns what handlers return into component updates."""

    def __init__(self, session: Session, handlers: Handlers, parts: dict[str, Any]) -> None:
        self._session = session
        self._do = handlers
        self._parts = parts
        self._here = [parts["conversation"], parts["last"]]

    def connect(self, page: Any) -> None:
        """Every gesture of the page."""
        parts, do = self._parts, self._do

        def load(request: gr.Request) -> Any:
            shown = self._update(do.load(request.query_params.get("c")))
            return shown | {parts["message"]: gr.Textbox(interactive=True)}

        page.load(load, None, [*self._all(), parts["message"]], **QUIET, queue=False).then(
            None, None, None, js=FOCUS
        )
        page.load(None, None, parts["compare"], js=READ_SWITCH)
        parts["compare"].change(None, parts["compare"], None, js=KEEP_SWITCH)
        self._connect_replies()
        self._connect_conversations()
        self._connect_feedback()
        self._connect_receipt()
        for view in VIEWS:
            self._connect_view(view)

    def _connect_replies(self) -> None:
        parts, do = self._parts, self._do

        def send(request: gr.Request, message: str, twice: bool, *here: object) -> Iterator[Any]:
            yield from self._stream(do.send(message or "", bool(twice), _place(request, *here)))

        def again(request: gr.Request, data: gr.EventData, *here: object) -> Iterator[Any]:
            yield from self._stream(do.regenerate(_place(request, *here), _read(data)))

        def go_on(request: gr.Request, data: gr.EventData, *here: object) -> Iterator[Any]:
            yield from self._stream(do.go_on(_place(request, *here), _read(data)))

        def revise(request: gr.Request, data: gr.EventData, *here: object) -> Iterator[Any]:
            yield from self._stream(do.revise(_place(request, *here), _read(data)))

        typed = [parts["message"], parts["compare"], *self._here]
        sent = parts["message"].submit(send, typed, self._all(), js=TAKE_DRAFT, **STREAM)
        written = parts["transcript"].regenerate(again, self._here, self._all(), **STREAM)
        longer = parts["transcript"].go_on(go_on, self._here, self._all(), **STREAM)
        revised = parts["writer"].revise(revise, self._here, self._all(), **STREAM)
        for each in (sent, written, longer, revised):
            each.then(None, None, None, js=POLL)
        parts["courier"].nudge(lambda: None, None, None, **QUIET, trigger_mode="multiple")
        self._listen(parts["composer"].halt, lambda place, _: do.stop(place))

    def _connect_conversations(self) -> None:
        parts, do, listen = self._parts, self._do, self._listen
        self._listen_plainly(parts["new_chat"].click, do.start_new, after=FOCUS)
        listen(parts["conversations"].pick, do.pick)
        listen(parts["conversations"].rename, do.rename)
        listen(parts["conversations"].remove, do.remove)
        listen(parts["toast"].restore, do.restore)
        listen(parts["transcript"].earlier, do.show_earlier)
        listen(parts["transcript"].variant, do.show_variant)
        listen(parts["drawer"].look, lambda place, _: do.show_chat_settings(place))
        listen(parts["drawer"].save, do.set_chat)
        listen(parts["drawer"].export, do.export_chat)
        listen(parts["finder"].look, do.search)
        listen(parts["transcript"].settle, lambda place, _: do.look_again(place))

    def _connect_feedback(self) -> None:
        parts, do, listen = self._parts, self._do, self._listen
        listen(parts["transcript"].thumb, do.thumb, after=POLL)
        listen(parts["transcript"].chip, do.chip, after=POLL)
        listen(parts["transcript"].rate, do.rate, after=POLL)
        listen(parts["transcript"].mark, do.flag, after=POLL)
        listen(parts["transcript"].rank, do.rank, after=FOCUS_AND_POLL)
        listen(parts["transcript"].undo, do.undo, after=POLL)
        listen(parts["writer"].comment, do.comment, after=POLL)
        listen(parts["transcript"].sibling, do.show_sibling)
        listen(parts["transcript"].vote, do.vote, after=FOCUS_AND_POLL)
        listen(parts["writer"].rewrite, do.rewrite, after=POLL)
        listen(parts["writer"].reword, do.reword)

    def _connect_receipt(self) -> None:
        parts, do, listen = self._parts, self._do, self._listen
        listen(parts["receipt"].roll_back, lambda _, given: do.use_version(given), after=POLL)
        listen(parts["receipt"].serving, lambda _, given: do.show_receipt(given))

    def _connect_view(self, view: View) -> None:
        """A page's gestures: each is carried out, then the page is drawn anew."""

        def answer(data: gr.EventData) -> Any:
            gesture = _read(data)
            person_id = self._session.default_person().person_id
            said: Shown = {}
            done = ""  # what the page may follow: an act that was carried out
            try:
                sentence = view.do(self._session, person_id, gesture)
                said = {"toast": make_toast(sentence)} if sentence else {}
                done = str(gesture.get("act", ""))
            except Exception as error:
                said = {"toast": make_toast(say_error(error), kind="error")}
            drawn = view.draw(self._session, person_id, gesture) | {"done": done}
            return self._update({view.name: drawn} | said)

        widget = self._parts[view.name]
        done = widget.act(answer, None, [widget, self._parts["toast"]], **CLICK)
        done.then(None, None, None, js=POLL)

    def _listen(
        self, event: Any, handler: Callable[[Place, Gesture], Shown], *, after: str | None = None
    ) -> None:
        """Answer a widget's event; clicks that follow each other quickly are all answered."""

        def answer(request: gr.Request, data: gr.EventData, *here: object) -> Any:
            gesture = _read(data)
            shown = self._attempt(lambda: handler(_place(request, *here), gesture))
            return shown | self._update({"courier": {"answered": gesture.get("client_id")}})

        self._attach(event, answer, after)

    def _listen_plainly(
        self, event: Any, handler: Callable[[Place], Shown], *, after: str | None = None
    ) -> None:
        """Answer an event that brings no data of its own."""

        def answer(request: gr.Request, *here: object) -> Any:
            return self._attempt(lambda: handler(_place(request, *here)))

        self._attach(event, answer, after)

    def _attach(self, event: Any, answer: Callable[..., Any], after: str | None) -> None:
        done = event(answer, self._here, self._all(), **CLICK)
        if after:
            done.then(None, None, None, js=after)

    def _all(self) -> list[Any]:
        return [
            part
            for name, part in self._parts.items()
            if name not in ("new_chat", "compare", "writer", "message")
        ]

    def _attempt(self, handler: Callable[[], Shown]) -> Any:
        try:
            return self._update(handler())
        except Exception as error:
            return self._update({"toast": make_toast(say_error(error), kind="error")})

    def _stream(self, updates: Iterator[Shown]) -> Iterator[Any]:
        with closing(updates) as open_updates:  # type: ignore[type-var]
            for shown in open_updates:
                yield self._update(shown)

    def _update(self, shown: Shown) -> dict[Any, Any]:
        return {self._parts[name]: pack(name, value) for name, value in shown.items()}


def pack(name: str, value: Any) -> Any:
    """A long list as one text: while a reply streams, Gradio's page copies the values of all that
    the event may change, object by object, at every piece of it."""
    if name in ("transcript", "conversations") and "items" in value:
        return value | {"items": json.dumps(value["items"])}
    return value


def _place(request: Any, conversation: object, last: object) -> Place:
    shown = min(parse_id(last) or chat.PAGE_EXCHANGES, 1000)
    return Place(parse_id(conversation), shown, tab=str(request.session_hash))


def _read(data: Any) -> Gesture:
    return dict(data._data) if isinstance(data._data, dict) else {}
