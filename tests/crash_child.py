"""An app without a page, for the crash tests: it chats, clicks and learns until it is killed.

Every acknowledged click is printed, after it was acknowledged.
"""

import itertools
import sys
from pathlib import Path

from chatfeedback.engine.client import Engine
from chatfeedback.errors import ChatFeedbackError
from chatfeedback.learning.retention import questions
from chatfeedback.records import DpoSettings, FeedbackEvent
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store

SETTINGS = Settings(
    clicks_per_run=3,
    idle_seconds=0.0,
    min_better_probability=0.0,
    min_not_worse_probability=0.0,
    min_retention_share=0.0,
    min_finished_share=0.0,
    gate_prompts=4,
    gate_replies=1,
    dpo=DpoSettings(max_steps=6),
)


def say(word: str, value: object) -> None:
    print(word, value, flush=True)


def live(folder: Path, life: str) -> None:
    store = open_store(folder)
    with Engine(None, "none", folder / f"engine-{life}.log") as engine:
        session = Session(store, engine, SETTINGS)
        session.wait_until_ready()
        me = session.default_person().person_id
        asked = itertools.cycle(questions("chat", True))
        say("engine", engine.process_id())
        for number, question in enumerate(asked):
            chat = session.new_conversation(me)
            try:
                shown = list(session.compare(me, chat, question.prompt, f"{life}-m{number}"))[-1]
                if shown.phase != "done":
                    continue
                say("reply", shown.reply_ids[0])
                client_id = f"{life}-c{number}"
                session.give_feedback(
                    me,
                    FeedbackEvent(
                        client_id, "pick", comparison_id=shown.comparison_id, outcome="first"
                    ),
                )
                say("click", client_id)
            except ChatFeedbackError as error:
                say("error", error)


if __name__ == "__main__":
    live(Path(sys.argv[1]), sys.argv[2])
