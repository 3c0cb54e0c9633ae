"""What a store is filled with in tests: small real records, and one turn of a chat."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sqlite_utils import Database, Migrations

from chatfeedback.records import (
    Example,
    FeedbackEvent,
    GateReport,
    GeneratedReply,
    LearnResult,
    ReplyFeatures,
    Sampling,
    ScoredText,
    StopReason,
)
from storage.schema import migrations
from storage.store import Store

BASE = "starter@1/none"
_numbers = itertools.count(1)


def client_id() -> str:
    return f"client-{next(_numbers)}"


def features(base_key: str = BASE) -> ReplyFeatures:
    return ReplyFeatures(
        base_key=base_key,
        hidden=np.array([0.5, -2.0, 65504.0, 6e-8], dtype=np.float16),
        prompt_hidden=np.array([1.0, 0.0, -0.25, 3.0], dtype=np.float16),
        base_logprob=-12.5,
        n_tokens=3,
    )


def generated(text: str = "Boil it.", stop_reason: StopReason = "end") -> GeneratedReply:
    return GeneratedReply(
        index=0,
        text=text,
        prompt_ids=(1, 2, 2_000_000_000),
        token_ids=(7, 8, 9),
        stop_reason=stop_reason,
        policy_logprob=-11.0,
        features=features(),
        first_token_ms=12.5,
        reply_ms=80.0,
    )


def scored(base_key: str = BASE) -> ScoredText:
    return ScoredText(prompt_ids=(1, 2, 5), token_ids=(4, 4), features=features(base_key))


def report(*, accepted: bool = True) -> GateReport:
    return GateReport(
        accepted=accepted,
        reasons=("Its replies are shorter, as you like them.", "It knows what it knew."),
        better_probability=0.9,
        kl_nats=2.25,
        facts_share=1.0,
        how_to_share=None,
        finished_share=1.0,
        length_ratio=0.8,
        agreement=0.75,
        clicks=12,
        examples=(Example("Why?", "Because of many things.", "Rain."),),
    )


def start_replies(
    store: Store,
    person_id: int,
    message_id: int,
    *,
    n: int = 1,
    show: bool = True,
    adapter_id: str | None = None,
) -> list[int]:
    return store.add_replies(
        person_id,
        message_id,
        n=n,
        adapter_id=adapter_id,
        adapter_scale=0.5,
        base_key=BASE,
        sampling=Sampling(temperature=0.9),
        seed=4,
        candidates=n,
        show=show,
    )


def ask(
    store: Store, person_id: int, conversation_id: int, text: str = "How do I boil an egg?"
) -> tuple[int, int]:
    """One finished turn: (message id, id of the shown reply)."""
    message_id, _ = store.add_message(person_id, conversation_id, text, client_id())
    (reply_id,) = start_replies(store, person_id, message_id)
    store.finish_reply(person_id, reply_id, generated())
    return message_id, reply_id


def compare(
    store: Store, person_id: int, conversation_id: int, why: str = "they differ"
) -> tuple[int, list[int]]:
    """A message with two replies side by side: (comparison id, reply ids)."""
    message_id, _ = store.add_message(person_id, conversation_id, "Which?", client_id())
    reply_ids = start_replies(store, person_id, message_id, n=2, show=False)
    for reply_id in reply_ids:
        store.finish_reply(person_id, reply_id, generated(f"Answer {reply_id}."))
    return store.add_comparison(person_id, message_id, reply_ids, why), reply_ids


def thumb(reply_id: int, value: int = 1) -> FeedbackEvent:
    return FeedbackEvent(client_id(), "thumb", reply_id=reply_id, value=value)


def undo(feedback_id: int) -> FeedbackEvent:
    return FeedbackEvent(client_id(), "undo", undoes=feedback_id)


def start_run(
    store: Store, person_id: int, run_id: str = "run-1", feedback_ids: tuple[int, ...] = ()
) -> str:
    store.add_run(
        person_id,
        run_id=run_id,
        method="dpo",
        reason="10 new choices",
        settings_json='{"beta": 0.1}',
        seed=3,
        data_hash="abc",
        clicks=10,
        feedback_ids=feedback_ids,
    )
    return run_id


def learned(folder: Path, adapter_id: str = "adapter-1") -> LearnResult:
    return LearnResult(
        adapter_id=adapter_id,
        folder=str(folder / "adapters" / adapter_id),
        manifest_hash="0f0f",
        steps=40,
        stop_reason="kl_budget",
        kl_nats=2.25,
        seconds=31.0,
        metrics={"dpo/loss": 0.4},
    )


def stage(store: Store, person_id: int, name: str) -> str:
    """A run that made a version, waiting for the gate: the version's id."""
    start_run(store, person_id, f"run-{name}")
    result = learned(store.folder, f"adapter-{name}")
    return store.add_adapter(person_id, f"run-{name}", BASE, result, None).adapter_id


def later_release(step: Callable[[Database], None]) -> Migrations:
    """The schema of a later release: today's, and one step more."""
    later = released_up_to(None)
    later(name="m999_next")(step)
    return later


def released_up_to(last: str | None) -> Migrations:
    """The schema of an earlier release: the migrations up to this one; None = all of today's."""
    released = Migrations("chatfeedback")
    for each in migrations.pending(Database(memory=True, execute_plugins=False)):
        released(name=each.name)(each.fn)
        if each.name == last:
            break
    return released
