"""What the engine is asked: the turns so far, who answers, how it samples."""

from collections.abc import Sequence
from dataclasses import replace

from chatfeedback.chatting import usual_sampling
from chatfeedback.errors import NotFound
from chatfeedback.learning.choices import Choices
from chatfeedback.protocols import Store
from chatfeedback.records import (
    AdapterUse,
    AdapterVersion,
    BaseInfo,
    Exchange,
    GenerateRequest,
    Sampling,
    StoredReply,
    Turn,
)
from chatfeedback.seeds import SeedSource
from chatfeedback.settings import Settings
from chatfeedback.taste.card import TasteCard

FEWEST_READ = 50
TOKENS_OF_AN_EXCHANGE = 16
"""What a short message and its answer take at least, with what stands around them."""


class Requests:
    """Writes what the engine is asked for one person's conversations.

    Args:
        store: the facts.
        choices: how personal the replies of each person shall be.
        settings: the knobs.
        seeds: where random choices come from.
    """

    def __init__(
        self, store: Store, choices: Choices, settings: Settings, seeds: SeedSource
    ) -> None:
        self._store = store
        self._choices = choices
        self._settings = settings
        self._seeds = seeds

    def turns_until(
        self,
        person_id: int,
        conversation_id: int,
        message_id: int,
        *,
        card: TasteCard,
        base: BaseInfo,
    ) -> tuple[Turn, ...]:
        """The conversation up to a message, and what the model is told before it; NotFound where
        the message is not in the conversation any more.

        Args:
            card: the person's taste card; of it the model is told what applies to the message.
            base: who is to read it: all that can fit. Its token ids may be used again; those of
                another base are left out.
        """
        most = max(FEWEST_READ, base.context_tokens // TOKENS_OF_AN_EXCHANGE)
        exchanges = self._store.exchanges(person_id, conversation_id, most)
        before = [exchange for exchange in exchanges if exchange.message_id < message_id]
        asked = next((each for each in exchanges if each.message_id == message_id), None)
        if asked is None:
            raise NotFound(
                "This message is not where the conversation goes on any more: it was said "
                "differently since, perhaps in another tab. Look at the conversation as it is now."
            )
        return (
            *told(self._persona(person_id, conversation_id), card.line_for(asked.text)),
            *self._history(person_id, before, base.key),
            _question(asked),
        )

    def write(
        self,
        person_id: int,
        conversation_id: int,
        turns: tuple[Turn, ...],
        n: int,
        temperature: float,
        base_key: str,
    ) -> GenerateRequest:
        """n samples of the next turn, by the version that serves."""
        return GenerateRequest(
            turns=turns,
            n=n,
            seed=self._seeds.next(),
            sampling=self._sampling(temperature, person_id, conversation_id),
            adapter=adapter_use(
                self._store.serving(person_id, base_key),
                self._choices.get(person_id).how_personal,
            ),
            conversation_key=f"{person_id}/{conversation_id}",
        )

    def without_taste(
        self, person_id: int, conversation_id: int, request: GenerateRequest
    ) -> GenerateRequest:
        """The same as the base answers it: one sample, no adapter, no taste card."""
        persona = told(self._persona(person_id, conversation_id))
        bare = (*persona, *(turn for turn in request.turns if turn.role != "system"))
        return replace(request, turns=bare, n=1, adapter=None, conversation_key=None)

    def _persona(self, person_id: int, conversation_id: int) -> str:
        return self._store.chat_settings(person_id, conversation_id).persona

    def _history(
        self, person_id: int, exchanges: Sequence[Exchange], base_key: str
    ) -> tuple[Turn, ...]:
        shown = [each.shown_reply_id for each in exchanges if each.shown_reply_id is not None]
        replies = {reply.reply_id: reply for reply in self._store.replies(person_id, shown)}
        turns: list[Turn] = []
        for exchange in exchanges:
            reply = replies.get(exchange.shown_reply_id or -1)
            if reply is None or not reply.text:
                continue
            ids = reply.token_ids if reply.base_key == base_key else ()
            turns += [
                _question(exchange),
                Turn("assistant", reply.text, ids if reply.state == "done" and ids else None),
            ]
        return tuple(turns)

    def _sampling(self, temperature: float, person_id: int, conversation_id: int) -> Sampling:
        """As usual, or as this conversation has it; rivals are drawn at least as hot as usual, for
        they must differ to teach."""
        chosen = self._store.chat_settings(person_id, conversation_id).sampling
        if chosen is None:
            return replace(usual_sampling(self._settings), temperature=temperature)
        if temperature > self._settings.temperature:
            return replace(chosen, temperature=max(chosen.temperature, temperature))
        return chosen


def go_on_with(request: GenerateRequest, cut: StoredReply, base_key: str) -> GenerateRequest:
    """The same request, for the rest of a reply that was cut short. With its seed, so that it goes
    on as it would have; by its ids, unless another base wrote them."""
    ids = cut.token_ids if cut.base_key == base_key else ()
    return replace(request, seed=cut.seed, begun=Turn("assistant", cut.text, ids or None))


def told(*lines: str) -> tuple[Turn, ...]:
    """A system turn of the lines that say something; none where nothing is said."""
    said = [line for line in lines if line]
    return (Turn("system", "\n\n".join(said)),) if said else ()


def adapter_use(version: AdapterVersion | None, how_personal: float = 1.0) -> AdapterUse | None:
    """How the engine is told to answer with a version; None is the base.

    Args:
        how_personal: 0 to 1, of the strength at which the gate let the version serve.
    """
    if version is None or how_personal == 0:
        return None
    scale = version.report.scale if version.report else 1.0
    return AdapterUse(version.adapter_id, version.folder, scale * how_personal)


def _question(exchange: Exchange) -> Turn:
    return Turn("user", exchange.text, said_on=exchange.created_at_utc[:10])
