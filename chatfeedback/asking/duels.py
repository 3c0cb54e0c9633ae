"""Two versions, one question, nobody told which is which: the person's choice between versions.

Votes are feedback like any other (`pick`), and give each version an Elo (elo.py). The questions
stand in a conversation of their own; each is asked without the ones before it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np

from chatfeedback.asking.elo import VERSIONS, Rating, rate, read_duels
from chatfeedback.chatting import usual_sampling
from chatfeedback.errors import ChatFeedbackError, EngineUnavailable, InputRefused, NotFound
from chatfeedback.protocols import Engine, Store
from chatfeedback.records import (
    AdapterUse,
    AdapterVersion,
    BaseInfo,
    Comparison,
    GeneratedReply,
    GenerateRequest,
    Turn,
)
from chatfeedback.settings import Settings

TITLE = "Versions compared"
CONVERSATION_SETTING = "versions_conversation"


class Duels:
    """Asks two versions, and rates versions by the votes.

    Args:
        next_seed: source of seeds.
        person_waits: held while the person waits, so that no run starts meanwhile.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        settings: Settings,
        next_seed: Callable[[], int],
        person_waits: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._store = store
        self._engine = engine
        self._settings = settings
        self._next_seed = next_seed
        self._person_waits = person_waits

    def ask(
        self, person_id: int, text: str, pair: tuple[str | None, str | None], client_id: str
    ) -> Comparison:
        """Both versions' answers to a question, in random order. None is the base model.

        Raises:
            InputRefused: no question, or a version against itself.
            NotFound: a version that is none, or that cannot answer on this base.
        """
        base = self._engine.state().base
        if base is None:
            raise EngineUnavailable("The model is not ready yet. Try again in a moment.")
        if not text.strip():
            raise InputRefused("There is no question. Write one first.")
        if pair[0] == pair[1]:
            raise InputRefused("A version cannot be compared with itself. Choose another one.")
        uses = [self._find_use(person_id, adapter_id, base) for adapter_id in pair]
        conversation_id = self._ensure_conversation(person_id)
        message_id, is_new = self._store.add_message(
            person_id, conversation_id, text.strip(), client_id
        )
        if not is_new:
            return self._open_question(person_id, conversation_id, message_id)
        with self._person_waits():
            return self._answer(person_id, message_id, text.strip(), uses, base)

    def open(self, person_id: int) -> Comparison | None:
        """The pair that waits for a vote, if there is one."""
        voted = {each.event.comparison_id for each in self._store.feedback(person_id)}
        asked = [each for each in self._store.comparisons(person_id) if each.why == VERSIONS]
        if not asked or asked[-1].comparison_id in voted:
            return None
        answers = self._store.replies(person_id, asked[-1].reply_ids)
        return asked[-1] if all(answer.state == "done" for answer in answers) else None

    def ratings(self, person_id: int) -> dict[str, Rating]:
        """adapter id -> its Elo, for every version that was ever compared."""
        asked = [each for each in self._store.comparisons(person_id) if each.why == VERSIONS]
        reply_ids = [reply_id for each in asked for reply_id in each.reply_ids]
        writers = {
            reply.reply_id: reply.adapter_id for reply in self._store.replies(person_id, reply_ids)
        }
        return rate(read_duels(asked, self._store.feedback(person_id), writers))

    def _answer(
        self,
        person_id: int,
        message_id: int,
        text: str,
        uses: list[AdapterUse | None],
        base: BaseInfo,
    ) -> Comparison:
        seed = self._next_seed()
        if np.random.default_rng(seed).random() < 0.5:
            uses = uses[::-1]
        sampling = usual_sampling(self._settings)
        rows = [
            self._store.add_replies(
                person_id,
                message_id,
                n=1,
                adapter_id=use.adapter_id if use else None,
                adapter_scale=use.scale if use else 0.0,
                base_key=base.key,
                sampling=sampling,
                seed=seed,
                candidates=1,
                show=False,
            )[0]
            for use in uses
        ]
        number = self._store.add_comparison(person_id, message_id, rows, VERSIONS)
        unwritten = list(rows)
        try:
            for row, use in zip(rows, uses, strict=True):
                request = GenerateRequest((Turn("user", text),), 1, seed, sampling, use)
                self._store.finish_reply(person_id, row, self._generate(request))
                unwritten.remove(row)
        except ChatFeedbackError:
            for row in unwritten:
                self._store.fail_reply(person_id, row, "")
            self._store.withdraw_message(person_id, message_id)
            raise
        return self._store.comparison(person_id, number)

    def _generate(self, request: GenerateRequest) -> GeneratedReply:
        found = [
            each for each in self._engine.generate(request) if isinstance(each, GeneratedReply)
        ]
        return found[0]

    def _find_use(
        self, person_id: int, adapter_id: str | None, base: BaseInfo
    ) -> AdapterUse | None:
        if adapter_id is None:
            return None
        for version in self._store.versions(person_id):
            if version.adapter_id == adapter_id and can_answer(version, base):
                scale = version.report.scale if version.report else 1.0
                return AdapterUse(adapter_id, version.folder, scale)
        raise NotFound(f"There is no version {adapter_id!r} to compare. Choose one from the list.")

    def _ensure_conversation(self, person_id: int) -> int:
        stored = self._store.setting(person_id, CONVERSATION_SETTING, "")
        if stored:
            try:
                self._store.exchanges(person_id, int(stored), last=1)
                return int(stored)
            except NotFound:  # deleted
                pass
        made = self._store.add_conversation(person_id, TITLE)
        self._store.set_setting(person_id, CONVERSATION_SETTING, str(made))
        return made

    def _open_question(self, person_id: int, conversation_id: int, message_id: int) -> Comparison:
        for exchange in self._store.exchanges(person_id, conversation_id):
            if exchange.message_id == message_id and exchange.open_comparison is not None:
                return exchange.open_comparison
        raise InputRefused("This question was answered already. Ask another one.")


def can_answer(version: AdapterVersion, base: BaseInfo) -> bool:
    """Whether a version may be shown at all: made for this base, and past the gate."""
    return version.base_key == base.key and version.state in ("serving", "retired")
