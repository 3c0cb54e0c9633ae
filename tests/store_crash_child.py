"""What the process does that test_store_crash.py kills: `python store_crash_child.py ACT FOLDER
ARGUMENT` runs one of the functions below."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sqlite_utils import Database
from store_samples import generated, later_release, start_replies

from chatfeedback.faults import VARIABLE, point
from chatfeedback.household import Household
from chatfeedback.records import FeedbackEvent
from storage.database import DatabaseFile
from storage.store import Store, open_store


def next_step(db: Database) -> None:
    """A step of two statements."""
    db.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT) STRICT")
    point("storage.in_migration")
    db.execute("INSERT INTO note (text) VALUES ('made by the migration')")


NEXT_SCHEMA = later_release(next_step)


def chat(folder: Path, first: str) -> None:
    """Chat and click for ever, as a browser that tells of each click once it is answered."""
    store = open_store(folder)
    store.recover()
    me = store.ensure_person("me").person_id
    listed = store.conversations(me)
    chat = listed[0].conversation_id if listed else store.add_conversation(me, "chat")
    for number in range(int(first), sys.maxsize):
        take_turn(store, me, chat, number)


def take_turn(store: Store, me: int, chat: int, number: int) -> None:
    """One turn; taken a second time it sends the same client ids again."""
    message_id, _ = store.add_message(me, chat, f"question {number}", f"message-{number}")
    print(f"message-{number}", flush=True)
    exchanges = {each.message_id: each for each in store.exchanges(me, chat)}
    reply_id = exchanges[message_id].shown_reply_id
    if reply_id is None:
        (reply_id,) = start_replies(store, me, message_id)
        store.finish_reply(me, reply_id, generated(f"answer {number}"))
    event = FeedbackEvent(f"click-{number}", "thumb", reply_id=reply_id, value=1)
    store.add_feedback(me, event)
    print(f"click-{number}", flush=True)


def act_together(folder: Path, fault: str) -> None:
    """All who are there as one person, with a fault set."""
    store = open_store(folder)
    os.environ[VARIABLE] = fault
    Household(store).act_together()


def take_one_turn(folder: Path, fault: str) -> None:
    """One turn in a data folder that is there, with a fault set."""
    store = open_store(folder)
    me = store.people()[0].person_id
    os.environ[VARIABLE] = fault
    take_turn(store, me, store.conversations(me)[0].conversation_id, 1)


def upgrade(folder: Path, fault: str) -> None:
    """Start a later release on the data folder, with a fault set."""
    os.environ[VARIABLE] = fault
    DatabaseFile(folder, NEXT_SCHEMA)


def create(folder: Path, fault: str) -> None:
    """The very first start, with a fault set."""
    os.environ[VARIABLE] = fault
    open_store(folder)


if __name__ == "__main__":
    act, folder, argument = sys.argv[1:]
    acts = {each.__name__: each for each in (chat, take_one_turn, act_together, upgrade, create)}
    acts[act](Path(folder), argument)
