"""What the reward model costs with years of feedback behind it, and how well it foretells.

10 000 events of every kind lie in a real database, d = 128. Measured: from the click to the stored
belief (the commit of the event included; also its processor time, which a busy machine does not
stretch), an undo, the belief from the log alone, and the damped Newton refit of all events. The
person who gave them has a taste drawn from the prior and chooses by it as the model assumes, so the
calibration figures are those of the arithmetic, not of a real person.

The ratio compares one step of learning from new choices with TRL's (reward_trl.py).
"""

from __future__ import annotations

import json
import math
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.reward_trl import compare_steps
from chatfeedback.records import FeedbackEvent, PickOutcome
from chatfeedback.settings import Settings
from chatfeedback.taste.basis import Basis, style_basis
from chatfeedback.taste.likelihoods import NUISANCES
from chatfeedback.taste.preferences import CHIPS
from chatfeedback.taste.prior import shipped_prior
from chatfeedback.taste.reward import RewardModel
from chatfeedback.taste.taste import Taste
from storage.rows import pack_hidden
from storage.store import Store, open_store

EVENTS = 10_000
CLICKS = 60
DIMENSIONS = 128
HIDDEN_SIZE = 896
BASE_KEY = "bench@1/none"
WORDS = (
    "certainly the kettle boils quickly and you should really wait a little before pouring water "
    "over fresh leaves because heat spoils their taste which nobody wants in good tea"
).split()
OPENINGS = ("", "Sure! ", "Certainly. ", "Hey, ", "- ")
ENDINGS = ("", " 😊", " Let me know if you need more!", " For example, green tea.", " (Mostly.)")


def run(json_path: Path | None) -> int:
    """Measure, print, and write `json_path` if given. Returns 0."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        figures = measure(store)
        store.close()
    step_figures, ratios = compare_steps()
    figures |= step_figures
    settings = {"events": EVENTS}
    report = {"name": "reward", "ratios": ratios, "figures": figures, "settings": settings}
    for name, value in {**figures, **ratios}.items():
        print(f"{name:28} {value:10.3f}")
    if json_path:
        json_path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def measure(store: Store) -> dict[str, float]:
    """All figures, on a store that is filled first."""
    rng = np.random.default_rng(0)
    me, basis = store.ensure_person("You").person_id, wide_basis()
    person = Person(basis, rng)
    fill(store, me, person, EVENTS)
    started = time.perf_counter()
    taste = Taste(store, me, basis, Settings())
    rebuild_s = time.perf_counter() - started
    clicks, undos, cpu = [], [], []
    for number in range(CLICKS):
        comparison_id, outcome = fill(store, me, person, 1, vote=False)
        event = FeedbackEvent(f"live{number}", "pick", comparison_id=comparison_id, outcome=outcome)
        cpu_s = time.process_time()
        clicks.append(click_ms(store, taste, me, event))
        cpu.append(1000 * (time.process_time() - cpu_s))
        if number % 10 == 9:
            last = store.feedback(me)[-1].feedback_id
            undos.append(
                click_ms(store, taste, me, FeedbackEvent(f"u{number}", "undo", undoes=last))
            )
    evidences = [e for _, said in taste._said.after(0) for e in taste._reader.read(said)]
    started = time.perf_counter()
    RewardModel.prior(basis).refit(evidences)
    scores = taste.scores
    return {
        "click_to_stored_ms": statistics.median(clicks),
        "click_cpu_ms": statistics.median(cpu),
        "click_to_stored_p95_ms": float(np.quantile(clicks, 0.95)),
        "undo_ms": statistics.median(undos),
        "refit_s": time.perf_counter() - started,
        "from_the_log_alone_s": rebuild_s,
        "accuracy": scores.accuracy or math.nan,
        "log_score_nats": scores.mean_log_score or math.nan,
        "brier": scores.mean_brier or math.nan,
        "slope": scores.slope or math.nan,
        **{f"reliability_at_{p:.2f}": true for p, true, _ in scores.reliability()},
    }


def click_ms(store: Store, taste: Taste, person_id: int, event: FeedbackEvent) -> float:
    """From the event's arrival to the stored belief, milliseconds."""
    started = time.perf_counter()
    feedback_id, _ = store.add_feedback(person_id, event)
    taste.learn(feedback_id)
    return 1000 * (time.perf_counter() - started)


def wide_basis() -> Basis:
    """As many hidden directions as make d = DIMENSIONS."""
    basis = style_basis(BASE_KEY, HIDDEN_SIZE)
    rng = np.random.default_rng(1)
    shape = (HIDDEN_SIZE, DIMENSIONS - basis.size)
    components = (rng.standard_normal(shape) / math.sqrt(HIDDEN_SIZE)).astype(np.float32)
    return replace(basis, hidden_components=components)


class Person:
    """A taste drawn from the prior: what they pick, and how noisily."""

    def __init__(self, basis: Basis, rng: np.random.Generator) -> None:
        self.rng = rng
        prior = shipped_prior(basis)
        root = np.linalg.cholesky(prior.covariance[: -len(NUISANCES), : -len(NUISANCES)])
        self.weights = root @ rng.standard_normal(basis.size)
        self._basis = basis

    def answer(self) -> tuple[str, np.ndarray, float]:
        """A reply: its text, hidden state (H,) float16, and what it is worth."""
        n = int(self.rng.integers(4, 40))
        text = str(self.rng.choice(OPENINGS)) + " ".join(self.rng.choice(WORDS, n))
        text += "." + str(self.rng.choice(ENDINGS))
        hidden = self.rng.standard_normal(HIDDEN_SIZE).astype(np.float16)
        centred = hidden.astype(np.float32) @ self._basis.hidden_components
        phi = self._basis.phi("How do I make tea?", text, None)
        phi[len(phi) - len(centred) :] = centred
        return text, hidden, float(self.weights @ phi)

    def prefers(self, first: float, second: float) -> bool:
        """Whether the first is picked."""
        return bool(self.rng.random() < 1 / (1 + math.exp(-(first - second))))


def fill(
    store: Store, person_id: int, person: Person, n: int, *, vote: bool = True
) -> tuple[int, PickOutcome]:
    """n questions with two answers each and, in turn, a pick, a thumb, a rating or a reason on
    them; written as rows, in one transaction. Returns the last comparison and its likely pick."""
    comparison_id = 0
    outcome: PickOutcome = "first"
    with store._database.write() as db:
        known = db.execute("SELECT count(*) FROM message").fetchone()[0]
        if not known:
            insert_conversation(db, person_id)
        for number in range(known + 1, known + n + 1):
            insert_question(db, person_id, number)
            worth = [
                insert_answer(db, person_id, number, 2 * number - 1 + at, person) for at in (0, 1)
            ]
            outcome = "first" if person.prefers(*worth) else "second"
            db.execute(
                "INSERT INTO comparison VALUES (?, ?, ?, '', '')", [number, person_id, number]
            )
            for at in (0, 1):
                row = [number, at, number, 2 * number - 1 + at]
                db.execute("INSERT INTO comparison_reply VALUES (?, ?, ?, ?)", row)
            if vote:
                insert_feedback(db, person_id, number, outcome, worth[0] > 0)
            comparison_id = number
    return comparison_id, outcome


def insert_conversation(db, person_id: int) -> None:  # type: ignore[no-untyped-def]
    """The one they all belong to."""
    db.execute(
        "INSERT INTO conversation (id, person_id, title, recency, created_at_utc, updated_at_utc)"
        " VALUES (1, ?, 'tea', 1, '', '')",
        [person_id],
    )


def insert_question(db, person_id: int, number: int) -> None:  # type: ignore[no-untyped-def]
    """A message."""
    db.execute(
        "INSERT INTO message (id, person_id, conversation_id, client_id, text, created_at_utc)"
        " VALUES (?, ?, 1, ?, 'How do I make tea?', '')",
        [number, person_id, f"m{number}"],
    )


def insert_answer(  # type: ignore[no-untyped-def]
    db, person_id: int, message_id: int, reply_id: int, person: Person
) -> float:
    """A finished reply with its features; what it is worth."""
    text, hidden, worth = person.answer()
    db.execute(
        """
        INSERT INTO reply (id, person_id, message_id, state, was_shown, text, base_key,
            adapter_scale, sampling, seed, candidates, created_at_utc)
        VALUES (?, ?, ?, 'done', 1, ?, ?, 1.0, '{}', 1, 1, '')
        """,
        [reply_id, person_id, message_id, text, BASE_KEY],
    )
    packed = pack_hidden(hidden)
    db.execute(
        "INSERT INTO reply_features VALUES (?, ?, ?, ?, -20.0, 20)",
        [reply_id, BASE_KEY, packed, packed],
    )
    return worth


def insert_feedback(  # type: ignore[no-untyped-def]
    db, person_id: int, number: int, outcome: str, liked: bool
) -> None:
    """Six picks, two thumbs, a rating and a reason out of ten events."""
    what: dict[str, object] = {"kind": "pick", "comparison_id": number, "outcome": outcome}
    match number % 10:
        case 6 | 7:
            what = {"kind": "thumb", "reply_id": 2 * number - 1, "value": 1 if liked else -1}
        case 8:
            what = {"kind": "rating", "reply_id": 2 * number - 1, "value": 4 if liked else 2}
        case 9:
            reason = CHIPS[1 + number // 10 % (len(CHIPS) - 1)].name
            what = {"kind": "chip", "reply_id": 2 * number - 1, "text": reason}
    record = {"person_id": person_id, "client_id": f"f{number}", "created_at_utc": ""} | what
    db.table("feedback").insert(record)
