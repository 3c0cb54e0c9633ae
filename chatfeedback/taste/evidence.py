"""What a person's judgements are to the reward model: replies looked up, measured, compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from chatfeedback.records import StoredReply
from chatfeedback.taste.basis import Basis
from chatfeedback.taste.likelihoods import (
    REASON_SDS,
    TRAIT_WEIGHT,
    Evidence,
    Matrix,
    Vector,
    picks,
    preference,
    rating,
    thumb,
    tie,
    towards,
)
from chatfeedback.taste.preferences import (
    Better,
    Equal,
    Flagged,
    Judgement,
    Ranked,
    Rated,
    Reason,
    Starred,
    TraitSaid,
)


class EvidenceReader:
    """Reads judgements on one basis. What was read once is kept: a reply never changes, only a
    rewritten one is read by the engine later (`forget_rewrites`).

    Args:
        reply: looks a reply up.
    """

    def __init__(self, basis: Basis, reply: Callable[[int], StoredReply]) -> None:
        self._basis = basis
        self._reply = reply
        self._known: dict[Judgement, list[Evidence]] = {}

    def read(self, said: Sequence[Judgement]) -> list[Evidence]:
        """The evidence in what one event says."""
        found: list[Evidence] = []
        for judgement in said:
            if judgement not in self._known:
                self._known[judgement] = self._read_one(judgement)
            found += self._known[judgement]
        return found

    def forget_rewrites(self) -> None:
        """Read rewritten answers anew: the engine has measured them now."""
        self._known = {
            judgement: found
            for judgement, found in self._known.items()
            if not (isinstance(judgement, Better) and judgement.source == "edit")
        }

    def _read_one(self, judgement: Judgement) -> list[Evidence]:
        match judgement:
            case Better():
                chosen, rejected = self._phis(judgement.reply_ids)
                wrong, is_choice = self._wrong(judgement), judgement.source == "click"
                weight = judgement.weight
                return [preference(chosen, rejected, weight, wrong=wrong, is_choice=is_choice)]
            case Equal():
                marked = list(
                    zip(self._phis(judgement.reply_ids), self._wrong(judgement), strict=True)
                )
                return [tie(a, b, wrong=(p, q)) for (a, p), (b, q) in pairwise(marked)]
            case Ranked():
                phis = self._phis(judgement.reply_ids)
                return picks(phis, judgement.n_ranked, self._wrong(judgement))
            case Rated():
                phi, weight = self._alone(judgement.reply_id), judgement.weight
                return [thumb(phi, up=judgement.up, weight=weight, wrong=bool(judgement.wrong))]
            case Starred():
                phi = self._alone(judgement.reply_id)
                return [rating(phi, judgement.stars, wrong=bool(judgement.wrong))]
            case Reason():
                about = self._reply(judgement.reply_id)
                step = self._basis.step(
                    about.prompt_text, judgement.measure, REASON_SDS, about.features
                )
                return [towards(step, more=judgement.more)]
            case TraitSaid():
                step = self._basis.usual_step(judgement.measure, REASON_SDS)
                return [towards(step, more=judgement.more, weight=TRAIT_WEIGHT)]
            case Flagged():
                return []

    def _phis(self, reply_ids: Sequence[int]) -> Matrix:
        """(n, D) of replies to one prompt."""
        replies = [self._reply(reply_id) for reply_id in reply_ids]
        return self._basis.phis(
            replies[0].prompt_text,
            [reply.text for reply in replies],
            [reply.features for reply in replies],
        )

    def _alone(self, reply_id: int) -> Vector:
        """(D,): a reply against what is usual for its prompt."""
        reply = self._reply(reply_id)
        phi = self._basis.phi(reply.prompt_text, reply.text, reply.features)
        return self._basis.centre(reply.prompt_text, phi, features=reply.features)

    def _wrong(self, judgement: Better | Equal | Ranked) -> list[bool]:
        return [reply_id in judgement.wrong for reply_id in judgement.reply_ids]
