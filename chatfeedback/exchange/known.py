"""What of a file is here already: recognised by what it says, whatever file or format says it.

A reaction is taken apart into claims, each a digest of the person's messages so far and of what is
said of which texts: a ranking claims every pair in it, stars also claim a like. A reaction is known
when its name is, or when all that it claims was said here before; so a ranking that comes back as
three pairs counts once. What was taken back here is known as well and stays taken back.

Two conversations may ask the same in different words of the model. So the answers that lead up to
a reaction must be known as well, each as an answer to its own message.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace

from chatfeedback.exchange.formats.shared import (
    MADE_UP,
    SharedChat,
    SharedExchange,
    SharedReaction,
    pairs_of,
    thumbs_of,
)


@dataclass
class Known:
    """What one person has here.

    stored: names of reactions and messages (client ids); "a/1" is known as "a" is.
    claims: what `claims_in` finds in all that they ever had.
    seen: names that a file has had so far.
    """

    stored: Set[str]
    claims: set[bytes]
    seen: set[str] = field(default_factory=set)

    def has_name(self, name: str) -> bool:
        """Whether a reaction or message bears this name."""
        return not {name, name.partition("/")[0]}.isdisjoint(self.stored) or name in self.seen


def keep_new(chats: Iterable[SharedChat], known: Known) -> Iterator[SharedChat | None]:
    """Of each chat what is new, with what leads up to it; None where nothing is.

    `known` grows by what is new, so that a file which says the same twice counts once. Where a
    file names its reactions, two names are two reactions, whatever they say.
    """
    for chat in chats:
        yield (found := keep_new_of_chat(chat, known))
        if found:
            known.seen.update(each.key for each in found.reactions())
            known.seen.update(each.key for each in found.exchanges if not each.is_context)
            known.claims |= claims_in([without_named(found)])


def keep_new_of_chat(chat: SharedChat, known: Known) -> SharedChat | None:
    """The chat up to the last exchange that brings something; what is known only leads up to it."""
    traits = tuple(
        each
        for each in chat.traits
        if not known.has_name(each.key) and claim_of_trait(each) not in known.claims
    )
    exchanges: list[SharedExchange] = []
    n_needed = 0
    is_familiar = True  # whether all that leads up to the next message is here
    for asked, exchange in with_messages(chat):
        found = keep_new_of_exchange(asked, exchange, known, is_familiar=is_familiar)
        exchanges.append(found or as_context(exchange))
        n_needed = len(exchanges) if found else n_needed
        if exchange.replies:
            answer = claim(asked, "answer", exchange.replies[exchange.kept].text)
            is_familiar = is_familiar and answer in known.claims
    if not traits and not n_needed:
        return None
    return replace(chat, exchanges=tuple(exchanges[:n_needed]), traits=traits)


def keep_new_of_exchange(
    asked: bytes, exchange: SharedExchange, known: Known, *, is_familiar: bool
) -> SharedExchange | None:
    """The exchange with the reactions that are new; None where it brings nothing."""
    if exchange.is_context:
        return None
    if not exchange.reactions:
        answers = {claim(asked, "answer", each.text) for each in exchange.replies}
        is_here = is_familiar and bool(answers) and answers <= known.claims
        return None if is_here or known.has_name(exchange.key) else exchange
    new = tuple(
        each
        for each in exchange.reactions
        if not known.has_name(each.key)
        and not (is_familiar and claims_of(asked, exchange, each) <= known.claims)
    )
    return replace(exchange, reactions=new) if new else None


def as_context(exchange: SharedExchange) -> SharedExchange:
    """The exchange with nothing left to judge: its message and the reply that it went on with."""
    kept = exchange.replies[exchange.kept : exchange.kept + 1]
    kept = tuple(replace(each, rewrites=None) for each in kept)
    return replace(exchange, replies=kept, reactions=(), kept=0, is_context=True)


def without_named(chat: SharedChat) -> SharedChat:
    """The chat without the reactions that its file names."""
    exchanges = (
        replace(
            exchange,
            reactions=tuple(each for each in exchange.reactions if each.key.startswith(MADE_UP)),
        )
        for exchange in chat.exchanges
    )
    return replace(chat, exchanges=tuple(exchanges), traits=())


# --- claims --------------------------------------------------------------------------------------


def claims_in(chats: Iterable[SharedChat]) -> set[bytes]:
    """Everything that chats hold: each answer to its message, and all that was said of it."""
    found: set[bytes] = set()
    for chat in chats:
        found.update(claim_of_trait(each) for each in chat.traits)
        for asked, exchange in with_messages(chat):
            found.update(claim(asked, "answer", each.text) for each in exchange.replies)
            for reaction in exchange.reactions:
                found |= claims_of(asked, exchange, reaction)
    return found


def with_messages(chat: SharedChat) -> Iterator[tuple[bytes, SharedExchange]]:
    """Every exchange with the digest of the person's messages up to its own; one that was never
    answered leads up to nothing, as in `walk`."""
    before = b""
    for exchange in chat.exchanges:
        asked = claim(before, "message", exchange.prompt)
        yield asked, exchange
        before = asked if exchange.replies else before


def claims_of(asked: bytes, exchange: SharedExchange, said: SharedReaction) -> set[bytes]:
    """What a reaction says, in the smallest parts in which any format may say it."""
    found = {claim(asked, "better", *pair) for pair in pairs_of(exchange, said)}
    found |= {claim(asked, "liked", *thumb) for thumb in thumbs_of(exchange, said)}
    if found and said.kind != "rating":
        return found
    about = (said.reply,) if said.reply is not None else said.shown
    texts = sorted(exchange.replies[at].text for at in about)
    return found | {claim(asked, said.kind, texts, said.outcome, said.value, said.text, said.flag)}


def claim_of_trait(said: SharedReaction) -> bytes:
    """A word on a trait belongs to a moment, since it is often said again."""
    return claim(b"", "trait", said.trait, said.value, said.at_utc)


def claim(asked: bytes, *said: str | int | bool | Sequence[str] | None) -> bytes:
    """The digest of what is said, where these messages were asked."""
    return hashlib.sha256(asked + json.dumps(said).encode()).digest()
