"""What the page's gestures do, without a browser: handlers are called like functions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from fake_session import LONG_ANSWER, READY, YOU, FakeSession, make_version
from fakes import FakeEngine
from sessions import BY_HAND, running

from chatfeedback.errors import EngineUnavailable, NotFound, PromptTooLong
from chatfeedback.records import EngineState, Learned, LearningRun, Sampling, TraitBelief
from ui import text
from ui.beliefs import show_beliefs
from ui.chat import pace
from ui.conversations import parse_id, show_conversations
from ui.handlers import IDLE, Handlers, Place
from ui.learning import read_status, show_learning, show_receipt
from ui.markdown import render_markdown
from ui.widgets import STATIC, make_widget

CLICK = {"client_id": "click-0001"}
EMPTY = Place(None)


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def handlers(session) -> Handlers:
    return Handlers(session)


def say(handlers: Handlers, message: str, place: Place = EMPTY, *, twice: bool = False) -> Place:
    """Send a message to its end; returns where the page is then."""
    *_, last = handlers.send(message, twice, place)
    return Place(parse_id(last["conversation"]))


def last_item(handlers: Handlers, place: Place) -> dict:
    return handlers.open(place.conversation_id)["transcript"]["items"][-1]


def a_different_click(number: int) -> dict:
    return {"client_id": f"click-{number:04}"}


# --- sending --------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", ["", "   ", "\n\t"])
def test_an_empty_message_is_not_sent(handlers, session, nothing):
    (only,) = handlers.send(nothing, False, EMPTY)
    assert not only["composer"]["writing"]
    assert session.messages == []


def test_the_first_message_makes_a_conversation_named_after_it(handlers, session):
    place = say(handlers, "Why is the sky blue?")
    assert handlers.open(place.conversation_id)["title"]["text"] == "Why is the sky blue?"


def test_a_message_shows_at_once_and_its_answer_joins_the_transcript(handlers):
    first, *_, last = handlers.send("hello", False, EMPTY)
    assert first["live"]["items"][0]["user"] == "hello"
    assert first["composer"]["writing"]
    assert last["transcript"]["items"][0]["reply"]["text"] == "You asked: hello"
    assert last["live"]["items"] == []
    assert last["composer"] == IDLE["composer"]


def test_a_refused_message_goes_back_into_the_box(handlers, session):
    session.refusal = PromptTooLong("The message has 900 words; the model reads 700.")
    *_, last = handlers.send("a long one", False, EMPTY)
    assert last["composer"]["draft"] == "a long one"
    assert last["toast"]["text"] == "The message has 900 words; the model reads 700."


def test_nothing_is_sent_while_no_model_can_answer(handlers, session):
    session.engine = EngineState("failed", "The folder has no weights.")
    (only,) = handlers.send("hello", False, EMPTY)
    assert "The folder has no weights" in only["toast"]["text"]
    assert only["composer"]["draft"] == "hello"
    assert session.messages == []


@pytest.mark.parametrize("phase", ["starting", "loading", "restarting"])
def test_a_message_that_comes_before_the_model_waits_in_the_page(handlers, session, phase):
    session.engine = EngineState(phase, "Loading the starter model…")
    (only,) = handlers.send("hello", False, EMPTY)
    assert (only["composer"]["queued"], only["composer"]["draft"]) == ("hello", "")
    assert session.messages == []


def test_an_answer_that_was_cut_short_goes_on_from_what_it_has(handlers, session):
    session.says = lambda prompt: LONG_ANSWER
    session.pieces.clear()
    stream = handlers.send("hello", False, EMPTY)
    while "word2" not in str(next(stream)):
        pass
    stream.close()
    session.pieces.set()
    first, *_, last = handlers.go_on(Place(1), {"reply_id": 1})
    assert "word0 word1 word2" in first["live"]["items"][0]["reply"]["html"]
    assert first["composer"]["writing"]
    reply = last["transcript"]["items"][0]["reply"]
    assert (reply["text"], reply["cut"], reply["can_go_on"]) == (LONG_ANSWER, "", False)
    assert (reply["pager"]["at"], reply["pager"]["before"]) == (2, 1)


def test_a_complete_answer_cannot_go_on(handlers):
    say(handlers, "hello")
    *_, last = handlers.go_on(Place(1), {"reply_id": 1})
    assert "complete" in last["toast"]["text"]


@pytest.mark.parametrize(
    ("state", "stop_reason", "says"),
    [
        ("interrupted", "cancelled", "Stopped. The text so far is kept."),
        ("failed", None, "This answer could not be finished."),
        ("done", "length", "Cut off: it reached the longest length."),
        ("done", "end", ""),
    ],
)
def test_it_is_said_why_an_answer_ends_early(session, state, stop_reason, says):
    list(session.reply(YOU, session.add_conversation("Tea"), "hello", "client-0001"))
    reply = replace(session.stored[1], state=state, stop_reason=stop_reason)
    assert text.say_cut(reply) == says
    assert reply.can_go_on == bool(says)


def test_an_answer_that_was_stopped_before_its_first_word_does_not_speak_of_its_text(session):
    list(session.reply(YOU, session.add_conversation("Tea"), "hello", "client-0001"))
    reply = replace(session.stored[1], state="interrupted", text="")
    assert text.say_cut(reply) == "Stopped before a word came."


def test_the_meter_counts_the_prompt_and_the_answer_of_the_latest_reply(handlers, session):
    session.tokens = (300, 212)
    place = say(handlers, "hello")
    session.tokens = (900, 124)
    shown = handlers.open(say(handlers, "and then?", place).conversation_id)
    assert shown["transcript"]["context"]["percent"] == 50  # 1024 of 2048
    assert "1024 of 2048 tokens" in shown["transcript"]["context"]["says"]


def test_the_meter_says_nothing_of_tokens_that_another_model_counted(handlers, session):
    session.tokens = (300, 212)
    place = say(handlers, "hello")
    session.stored[1] = replace(session.stored[1], base_key="another")
    assert handlers.open(place.conversation_id)["transcript"]["context"] is None


def test_an_unexpected_error_is_told_without_its_inside(handlers, session, caplog):
    session.refusal = RuntimeError("secret detail")
    *_, last = handlers.send("hello", False, EMPTY)
    assert last["toast"]["text"] == text.UNEXPECTED
    assert "secret detail" in caplog.text


def test_closing_the_stream_keeps_the_text_so_far(handlers, session):
    session.says = lambda prompt: LONG_ANSWER
    session.pieces.clear()
    stream = handlers.send("hello", False, EMPTY)
    for shown in stream:
        if "word2" in str(shown["live"]):
            break
    stream.close()
    assert session.closed_streams == 1
    assert session.stored[1].state == "interrupted"
    assert session.stored[1].text == "word0 word1 word2"


def start_writing(session, handlers, place=EMPTY):
    """A stream that has shown three words and waits for more."""
    session.says = lambda prompt: LONG_ANSWER
    session.pieces.clear()
    stream = handlers.send("hello", False, place)
    for shown in stream:
        if "word2" in str(shown["live"]):
            return stream
    raise AssertionError("the stream ended")


def test_stop_shows_the_text_so_far(handlers, session):
    stream = start_writing(session, handlers, Place(None, tab="tab"))
    with ThreadPoolExecutor(1) as other:
        stopped = other.submit(handlers.stop, Place(None, tab="tab"))
        *_, last = stream
        assert stopped.result() == {"toast": {}}
    assert last["transcript"]["items"][0]["reply"]["state"] == "interrupted"
    assert last["composer"] == IDLE["composer"]


def test_a_reply_left_for_another_conversation_shows_nothing_more(handlers, session):
    place = say(handlers, "first")
    stream = start_writing(session, handlers, Place(None, tab="tab"))
    with ThreadPoolExecutor(1) as other:
        gesture = {"id": place.conversation_id}
        picked = other.submit(handlers.pick, Place(None, tab="tab"), gesture)
        assert all("transcript" not in shown for shown in stream)
        assert picked.result()["title"]["text"] == "first"
    assert session.stored[2].state == "interrupted"


class Talkative(FakeEngine):
    """Every answer is a long one."""

    def _reply(self, *asked):
        return replace(super()._reply(*asked), text=LONG_ANSWER)


@pytest.fixture
def choosing(tmp_path, monkeypatch):
    """A real session whose answers are the best of several; its handlers, which do not wait."""
    monkeypatch.setattr("ui.writing.PATIENCE_S", 0.0)
    always = replace(BY_HAND, min_clicks_for_best_of=0, min_choice_probability=0.0)
    with running(tmp_path, Talkative(), always) as session:
        session.set_asking_rate(session.default_person().person_id, "never")
        yield session, Handlers(session)


def reveal_a_little(handlers: Handlers):
    """A stream that has shown the first words of the best of several answers."""
    stream = handlers.send("hello", False, Place(None, tab="tab"))
    next(shown for shown in stream if shown["live"]["items"][0]["reply"])
    return stream


def test_stop_shows_no_more_of_a_chosen_answer_than_was_there(choosing):
    _, handlers = choosing
    stream = reveal_a_little(handlers)
    handlers.stop(Place(1, tab="tab"))
    *_, last = stream
    [item] = last["transcript"]["items"]
    assert item["reply"]["cut"] == "Stopped. The text so far is kept."
    assert item["reply"]["can_go_on"]
    assert len(item["reply"]["text"]) < 100


@pytest.mark.parametrize("leave", ["another conversation", "closed tab"])
def test_who_leaves_while_a_chosen_answer_is_shown_finds_all_of_it_later(choosing, leave):
    session, handlers = choosing
    stream = reveal_a_little(handlers)
    if leave == "closed tab":
        stream.close()
    else:
        handlers.start_new(Place(1, tab="tab"))
        list(stream)
    [reply] = session.queries.replies(1, [1])
    assert (reply.state, reply.text) == ("done", LONG_ANSWER)


def test_a_tab_writes_one_reply_at_a_time(handlers, session):
    place = Place(None, tab="tab")
    stream = start_writing(session, handlers, place)
    (only,) = handlers.send("again", False, place)
    assert (only["composer"]["writing"], only["composer"]["draft"]) == (True, "again")
    assert len(session.messages) == 1
    stream.close()


def test_a_reply_that_cannot_be_interrupted_frees_the_page(handlers, session, monkeypatch):
    monkeypatch.setattr("ui.writing.PATIENCE_S", 0.0)
    stream = start_writing(session, handlers, Place(None, tab="tab"))
    shown = handlers.stop(Place(1, tab="tab"))
    assert (shown["composer"], shown["transcript"]["writing"]) == (IDLE["composer"], True)
    *_, last = stream
    assert last["transcript"]["items"][0]["reply"]["state"] == "interrupted"


def test_an_answer_that_fails_half_way_says_so_and_keeps_its_text(handlers, session):
    def fail(message, ids, texts, comparison_id):
        session._finish(ids, ["half an"], "failed")
        yield from ()
        raise EngineUnavailable("The model process ended; it is starting again.")

    session._reveal = fail
    *_, last = handlers.send("hello", False, EMPTY)
    assert last["toast"]["text"] == "The model process ended; it is starting again."
    assert last["transcript"]["items"][0]["reply"]["state"] == "failed"


def test_a_long_stream_is_shown_in_frames():
    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.now += seconds

    session, clock = FakeSession(answer=lambda prompt: LONG_ANSWER), Clock()

    def tick(progress):
        for each in progress:
            clock.now += 0.005  # a token every 5 ms
            yield each

    conversation = session.new_conversation(YOU)
    shown = list(pace(tick(session.reply(YOU, conversation, "hi", "x")), clock))
    assert len(shown) == pytest.approx(400 * 0.005 / 0.05, abs=5)
    assert shown[-1].phase == "done"


def test_a_chosen_answer_is_complete_at_once_but_shown_in_frames():
    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.now += seconds

    session, clock = FakeSession(answer=lambda prompt: "one two three four"), Clock()
    conversation = session.new_conversation(YOU)
    shown = list(pace(session.compare(YOU, conversation, "hi", "x"), clock))
    assert [each.texts[0] for each in shown if each.phase == "streaming"] == [
        "one", "one two", "one two three", "one two three four", "one two three four",
    ]  # fmt: skip
    assert clock.now > 0.05


def test_an_answer_being_written_is_left_to_the_live_block(handlers, session):
    place = say(handlers, "first")
    stream = session.reply(YOU, place.conversation_id, "second", "client-0002")
    next(stream)
    shown = handlers.look_again(place)["transcript"]
    assert [item["user"] for item in shown["items"]] == ["first"]
    assert shown["writing"]
    list(stream)
    shown = handlers.look_again(place)["transcript"]
    assert [item["user"] for item in shown["items"]] == ["first", "second"]
    assert not shown["writing"]


# --- several answers -----------------------------------------------------------------------


def test_another_answer_is_a_sibling_one_can_page_to(handlers):
    place = say(handlers, "hello")
    message_id = last_item(handlers, place)["message_id"]
    list(handlers.regenerate(place, {"message_id": message_id}))
    pager = last_item(handlers, place)["reply"]["pager"]
    assert (pager["at"], pager["of"], pager["after"]) == (2, 2, None)
    shown = handlers.show_sibling(place, {"reply_id": pager["before"]})
    assert shown["transcript"]["items"][-1]["reply"]["pager"]["at"] == 1


def test_while_another_answer_is_written_the_old_one_is_out_of_sight(handlers):
    place = say(handlers, "hello")
    message_id = last_item(handlers, place)["message_id"]
    first, *_ = handlers.regenerate(place, {"message_id": message_id})
    assert first["transcript"]["items"][-1]["reply"] is None
    assert first["live"]["items"][0]["user"] is None


def test_a_comparison_is_blind_until_the_vote(handlers, session):
    session.all_versions = [make_version(1, "serving")]
    place = say(handlers, "hello", twice=True)
    item = last_item(handlers, place)
    assert [card["cut"] for card in item["compare"]["cards"]] == ["", ""]
    assert "version" not in str(item)
    shown = handlers.vote(place, {"comparison_id": 1, "outcome": "second"} | CLICK)
    reply = shown["transcript"]["items"][-1]["reply"]
    assert reply["text"].startswith("Second:")
    assert "both answers were by version 1" in reply["note"]["text"]


@pytest.mark.parametrize(
    ("outcome", "start"),
    [("first", "You"), ("second", "Second"), ("tie", "You"), ("both_bad", "You")],
)
def test_the_chosen_answer_joins_the_conversation(handlers, outcome, start):
    place = say(handlers, "hello", twice=True)
    handlers.vote(place, {"comparison_id": 1, "outcome": outcome} | CLICK)
    assert last_item(handlers, place)["reply"]["text"].startswith(start)


def test_an_open_comparison_can_still_be_voted_on_after_a_reload(handlers):
    place = say(handlers, "hello", twice=True)
    assert handlers.load(place.conversation_id)["transcript"]["items"][-1]["compare"]["votable"]


# --- feedback -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why_not", "said"),
    [
        ("taken back", "Taken back · 3 more choices until it learns"),
        ("comment", "Kept beside the answer; nothing is learned from it"),
        ("measured", "Noted; it only measures, nothing is learned from it"),
    ],
)
def test_what_teaches_nothing_is_not_called_learned(why_not, said):
    assert text.say_learned(Learned(1, 3.0, (), "", 7, 3, why_not), {}) == said


def test_a_thumb_says_what_it_taught(handlers):
    place = say(handlers, "hello")
    shown = handlers.thumb(place, {"reply_id": 1, "value": 1} | CLICK)
    reply = shown["transcript"]["items"][-1]["reply"]
    assert reply["thumb"] == 1
    assert reply["note"]["text"] == (
        "Learned from a thumb in 3 ms · shorter answers 95→96 % · 9 more choices until it learns"
    )


def test_the_same_thumb_again_is_taken_back(handlers):
    place = say(handlers, "hello")
    handlers.thumb(place, {"reply_id": 1, "value": 1} | CLICK)
    handlers.thumb(place, {"reply_id": 1, "value": 0} | a_different_click(2))
    assert last_item(handlers, place)["reply"]["thumb"] == 0


def test_the_same_click_twice_counts_once(handlers, session):
    place = say(handlers, "hello")
    for _ in range(2):
        handlers.thumb(place, {"reply_id": 1, "value": 1} | CLICK)
    assert len(session.events) == 1


def test_a_reason_is_given_and_taken_back(handlers, session):
    place = say(handlers, "hello")
    gesture = {"reply_id": 1, "reason": "too long"}
    shown = handlers.chip(place, gesture | CLICK)
    assert shown["transcript"]["items"][-1]["reply"]["chips"] == ["too long"]
    shown = handlers.chip(place, gesture | a_different_click(2))
    assert shown["transcript"]["items"][-1]["reply"]["chips"] == []
    assert session.events[-1].event.undoes == 1


def test_a_better_answer_joins_the_conversation(handlers):
    place = say(handlers, "hello")
    shown = handlers.rewrite(place, {"reply_id": 1, "text": " Hi. "} | CLICK)
    reply = shown["transcript"]["items"][-1]["reply"]
    assert (reply["text"], reply["meta"]) == ("Hi.", "written by you")
    assert reply["note"]["text"].startswith("Learned from a better answer")


def test_what_a_gesture_taught_can_be_undone(handlers, session):
    place = say(handlers, "hello")
    shown = handlers.thumb(place, {"reply_id": 1, "value": 1} | CLICK)
    given = shown["transcript"]["items"][-1]["reply"]["note"]["undoes"]
    handlers.undo(place, {"feedback_id": given, "reply_id": 1} | a_different_click(2))
    assert last_item(handlers, place)["reply"]["thumb"] == 0


@pytest.mark.parametrize(
    "gesture",
    [
        {"reply_id": 1, "value": 999},
        {"reply_id": 1, "value": "1"},
        {"reply_id": "1 or 1=1", "value": 1},
        {"reply_id": None, "value": 1},
        {"value": 1},
        {"reply_id": 1, "value": 1, "client_id": ""},
        {"reply_id": 1, "value": 1, "client_id": 5},
    ],
)
def test_a_forged_thumb_changes_nothing(handlers, session, gesture):
    place = say(handlers, "hello")
    with pytest.raises(Exception, match=r"thumb|page sent"):
        handlers.thumb(place, CLICK | gesture)
    assert session.events == []


def test_another_persons_ids_are_unknown(handlers, session):
    theirs = session.add_conversation("private", person_id=2)
    with pytest.raises(NotFound):
        handlers.open(theirs)
    with pytest.raises(NotFound):
        handlers.thumb(EMPTY, {"reply_id": 77, "value": 1} | CLICK)


# --- conversations --------------------------------------------------------------------------


def test_conversations_stand_under_their_days(session):
    now = datetime(2026, 11, 21, 12, tzinfo=UTC).astimezone()
    for title, days in (("old", 9), ("recent", 1), ("new", 0)):
        session.add_conversation(title, at=(now - timedelta(days=days)).isoformat())
    items = show_conversations(session, YOU, None, now)["items"]
    assert [item.get("heading") or item["title"] for item in items] == [
        "Today", "new", "Yesterday", "recent", "Earlier", "old",
    ]  # fmt: skip


def test_a_deleted_conversation_can_be_taken_back(handlers):
    place = say(handlers, "keep me")
    shown = handlers.remove(place, {"id": place.conversation_id})
    assert shown["conversations"]["items"] == []
    assert shown["conversation"] == ""
    back = handlers.restore(EMPTY, shown["toast"]["act"]["data"])
    assert back["title"]["text"] == "keep me"
    assert back["transcript"]["items"][0]["user"] == "keep me"


def test_deleting_another_conversation_leaves_this_one_open(handlers):
    first, second = say(handlers, "first"), say(handlers, "second")
    shown = handlers.remove(second, {"id": first.conversation_id})
    assert "transcript" not in shown
    assert shown["title"]["text"] == "second"


def test_an_unknown_conversation_in_the_address_opens_a_new_one(handlers):
    shown = handlers.load("4711")
    assert shown["transcript"]["empty"]
    assert "no conversation 4711" in shown["toast"]["text"]


def test_a_long_conversation_shows_its_end_first(handlers):
    place = say(handlers, "0")
    for number in range(1, 60):
        say(handlers, str(number), place)
    shown = handlers.open(place.conversation_id)["transcript"]
    assert (len(shown["items"]), shown["earlier"]) == (50, True)
    shown = handlers.show_earlier(place, {"last": 100})["transcript"]
    assert (len(shown["items"]), shown["earlier"]) == (60, False)


def test_a_title_needs_words(handlers):
    place = say(handlers, "hello")
    with pytest.raises(Exception, match="needs a title"):
        handlers.rename(place, {"id": place.conversation_id, "title": "  "})


# --- learning -------------------------------------------------------------------------------


def test_going_back_to_the_base_model_is_immediate(handlers, session):
    session.all_versions = [make_version(1), make_version(2, "serving", "v1")]
    shown = handlers.use_version({"adapter_id": None})
    assert shown["learning"]["serving_base"]
    assert shown["toast"]["text"] == text.ROLLED_BACK_BASE
    shown = handlers.use_version({"adapter_id": "v1"})
    assert [each["state"] for each in shown["learning"]["versions"]] == ["retired", "serving"]


def test_a_version_of_another_model_is_neither_in_use_here_nor_to_be_chosen(session):
    session.all_versions = [make_version(1, "serving", base_key="another")]
    [version] = show_learning(session, YOU)["versions"]
    assert (version["state_words"], version["usable"]) == ("of another model", False)


def test_only_earlier_versions_can_be_chosen(session):
    session.all_versions = [
        make_version(1),
        make_version(2, "rejected"),
        make_version(3, "serving"),
    ]
    versions = show_learning(session, YOU)["versions"]
    assert {each["id"]: each["usable"] for each in versions} == {
        "v1": True,
        "v2": False,
        "v3": False,
    }


def test_a_receipt_says_what_changed_and_where_undo_leads(session):
    session.all_versions = [make_version(1), make_version(2, "serving", "v1")]
    receipt = show_receipt(session, YOU, "v2")
    assert receipt["title"] == "Version 2 now answers you"
    assert (receipt["back_to"], receipt["back_to_name"]) == ("v1", "version 1")
    assert receipt["examples"][0]["after"].startswith("1. Boil")
    assert "99 %" in {fact["value"] for fact in receipt["facts"]}


def test_there_is_no_receipt_for_a_version_that_came_back(session):
    session.all_versions = [make_version(1, "serving"), make_version(2)]
    assert show_receipt(session, YOU, "v1") is None
    assert show_receipt(session, YOU, "v2") is None
    assert show_receipt(session, YOU, "unknown") is None


def test_beliefs_are_drawn_to_the_side_that_is_liked():
    more = TraitBelief("bullet_lines", "bullet points", 0.6, 0.2, 0.99)
    less = TraitBelief("emoji", "emoji", -0.3, 0.1, 0.02)
    first, second = show_beliefs([less, more])
    assert (first["more"], first["at"], first["likes_more"]) == ("bullet points", 0.75, True)
    assert (first["low"], first["high"]) == (0.5, 1.0)
    assert (second["less"], second["at"], second["sure"]) == ("no emoji", -0.375, 98)


def test_a_stopped_run_is_listed_with_its_reason(session):
    run = LearningRun(
        run_id="r",
        person_id=YOU,
        state="stopped",
        method="dpo",
        reason="asked for",
        outcome="Stopped by you.",
        steps=8,
        adapter_id=None,
        settings_json="{}",
        seed=0,
        data_hash="",
        clicks=8,
        attempts=1,
        started_at_utc="2026-11-20T10:00:00+00:00",
        ended_at_utc="2026-11-20T10:01:00+00:00",
    )
    session.all_runs = [run]
    assert [run["outcome"] for run in show_learning(session, YOU)["runs"]] == ["Stopped by you."]


def test_the_curves_of_a_run_go_the_way_of_its_metrics(session):
    session.status = replace(session.status, phase="learning", run_id="r")
    session.metrics["r"] = [{"step": 1, "dpo/loss": 0.7}, {"step": 2, "dpo/loss": 0.3}]
    (curve,) = show_learning(session, YOU)["run"]["curves"]
    assert curve["points"] == "0.0,2.0 100.0,28.0"  # y grows downwards: the loss falls


def test_the_status_says_what_engine_and_learning_do(session):
    session.all_versions = [make_version(3, "serving")]
    status = read_status(session, YOU)
    assert status["engine"] == {"phase": "ready", "message": READY.message, "model": "Starter"}
    assert status["serving"] == {"adapter_id": "v3", "number": 3}


def test_the_stamp_changes_with_what_the_learning_view_shows(session):
    before = read_status(session, YOU)["stamp"]
    session.status = replace(session.status, step=3)
    assert read_status(session, YOU)["stamp"] == before
    session.status = replace(session.status, clicks=4)
    assert read_status(session, YOU)["stamp"] != before


# --- model output is only ever text ---------------------------------------------------------


class Tags(HTMLParser):
    """The tags of a piece of HTML with their attributes, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<div style='position:fixed;inset:0'>over</div>",
        "<form action=http://evil><input type=password></form>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "![x](http://evil/?secret)",
        "<svg/onload=alert(1)>",
        '```"><img src=x onerror=alert(1)>\ncode\n```',
        "[x](http://a'onmouseover='alert(1))",
    ],
)
def test_markdown_makes_no_live_html(attack):
    found = Tags()
    found.feed(render_markdown(attack))
    assert {tag for tag, _ in found.seen} <= {"p", "a", "div", "span", "button", "pre", "code"}
    for _, attributes in found.seen:
        assert set(attributes) <= {"class", "href", "target", "rel", "type"}
        assert attributes.get("href", "http:").startswith("http:")


def test_markdown_shows_tags_as_text():
    assert "&lt;b&gt;" in render_markdown("<b>not bold</b>")


def test_code_is_coloured_when_its_language_is_known():
    assert '<span class="k">return</span>' in render_markdown("```python\nreturn 1\n```")
    assert "return 1" in render_markdown("```no-such-language\nreturn 1\n```")


@pytest.mark.parametrize(
    "path", sorted(STATIC.glob("widgets/*.view.js")), ids=lambda path: path.name
)
def test_no_view_uses_double_braces(path):
    assert "{{" not in path.read_text(encoding="utf-8")


def test_a_widget_with_double_braces_is_refused(tmp_path, monkeypatch):
    (tmp_path / "widgets").mkdir()
    for name in ("shared.js", "bad.view.js", "bad.js"):
        (tmp_path / "widgets" / name).write_text("const view = value => `{{value}}`;")
    monkeypatch.setattr("ui.widgets.STATIC", tmp_path)
    with pytest.raises(ValueError, match="could run"):
        make_widget("bad", {})


# --- settings of a conversation ------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"persona": "A pirate."}, text.CHAT_SET),
        ({"asking_rate": "never"}, text.RATE_SET),
        ({"persona": "A pirate.", "asking_rate": "never"}, f"{text.CHAT_SET} {text.RATE_SET}"),
        ({"temperature": "0.7", "asking_rate": "sometimes"}, text.NOTHING_SET),
    ],
)
def test_what_was_saved_of_the_settings_is_said(session, handlers, given, said):
    talk = session.new_conversation(YOU)
    assert handlers.set_chat(Place(talk), given)["toast"]["text"] == said


def test_a_chat_that_has_not_begun_does_not_begin_with_the_rate_of_asking(session, handlers):
    handlers.set_chat(EMPTY, {"asking_rate": "often"})
    assert session.talks == {}


def test_a_number_that_is_as_usual_says_which_it_is(session, handlers):
    talk = session.new_conversation(YOU)
    handlers.set_chat(Place(talk), {"temperature": "0.2"})
    numbers = handlers.show_chat_settings(Place(talk))["drawer"]["numbers"]
    shown = {each["name"]: (each["value"], each["usual"]) for each in numbers}
    assert shown["temperature"] == (0.2, 0.7)
    assert shown["max_new_tokens"] == (None, 256)
    assert session.chats[talk].sampling == Sampling(temperature=0.2)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (27_400, "27 thousand weights"),
        (5_400_000, "5 million weights"),
        (7_620_000_000, "7.6 billion weights"),
    ],
)
def test_the_size_of_a_model_is_said_in_round_numbers(number, said):
    assert text.say_weights(number) == said
