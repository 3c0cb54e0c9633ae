"""What people who act together teach: the members' own pairs, and nobody decides for the others.

The labelled pairs are those of the team's own reward model, whose prior is what the members like
alike (taste/shared.py). Beside them stand the members' own pairs, with two limits: nobody's weigh
more than their share, and where people clearly differ a pair counts only if the shared taste, which
takes no side there, is as sure of it as of a label. Of what members rated or rewrote only the pairs
in it count; what they wrote in private is shown to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from chatfeedback.learning.dataset import LABEL_CERTAINTY, own_pairs
from chatfeedback.records import Objective, PreferencePair, StoredReply
from chatfeedback.rules.principles import NO_RULES, Rules
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.shared import SharedTaste, cap_shares
from chatfeedback.taste.taste import Taste, share_members


def members_pairs(
    team: Taste, base_key: str, rules: Rules = NO_RULES
) -> tuple[PreferencePair, ...]:
    """The own pairs of everybody who is heard; none for somebody who is no team.

    Capped twice: by reactions, as in the shared taste, since who says much by thumbs must not lose
    to who compares; and by what the pairs then weigh, so that nobody has more than their share.
    """
    heard = team.heard
    takes_no_side = without_sides(share_members(team.basis, team.members))
    weights = cap_shares([each.belief.n for each in heard])
    said = [
        _weigh(own_pairs(each, base_key, rules, takes_no_side), weight)
        for each, weight in zip(heard, weights, strict=True)
    ]
    said = [pairs for pairs in said if pairs]
    weights = cap_shares([sum(pair.weight for pair in pairs) for pairs in said])
    weighed = (_weigh(*each) for each in zip(said, weights, strict=True))
    return tuple(pair for pairs in weighed for pair in pairs)


def without_sides(shared: SharedTaste) -> Callable[[StoredReply, StoredReply], bool]:
    """Tells whether a choice may teach all of them: its replies are alike in all that is disputed,
    or the shared taste is sure of it in spite of that."""
    disputed = [STYLE_MEASURES.index(each.name) for each in shared.disagreements]

    def may_teach(chosen: StoredReply, rejected: StoredReply) -> bool:
        better, worse = shared.model.basis.phis(
            rejected.prompt_text,
            [chosen.text, rejected.text],
            [chosen.features, rejected.features],
        )
        if not (better - worse)[disputed].any():
            return True
        gap, sd = shared.model.compare(better, worse)
        return gap > LABEL_CERTAINTY * sd

    return may_teach


def choose_together(team: Taste, names: Mapping[int, str]) -> tuple[Objective, str]:
    """What a team's run minimises, and why: whose say it is, and where no side is taken.

    Args:
        names: of everybody, by their ids.
    """
    shared = share_members(team.basis, team.members)
    say = ", ".join(f"{names[each]} {share:.0%}" for each, share in shared.shares.items())
    why = f"You act together; who has how much of the say: {say}."
    if shared.disagreements:
        labels = ", ".join(each.label for each in shared.disagreements)
        why += f" You differ on {labels}: no side is taken."
    return "dpo", why


def _weigh(pairs: Sequence[PreferencePair], weight: float) -> list[PreferencePair]:
    return [replace(pair, weight=weight * pair.weight) for pair in pairs]
