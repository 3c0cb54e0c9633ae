"""What people who act together teach: nobody decides for the others, and no side is taken.

The labelled pairs are those of the team's own reward model, whose prior is what the members like
alike (taste/shared.py); beside them stand the members' own pairs, nobody's weighing more than their
share. Where the members clearly differ, a pair teaches only if its two replies are alike in that:
else what they agree on would bring along what they do not (answers full of warm words are long).
It is settled once they say the same of it when they act together.
Of what members rated or rewrote only the pairs in it count; and their own prompts are shown to
nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from chatfeedback.learning.calibration import Calibration
from chatfeedback.learning.dataset import Counts, gather_pairs, own_pairs
from chatfeedback.records import Objective, PreferencePair
from chatfeedback.rules.principles import NO_RULES, Rules
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.likelihoods import Matrix, Vector, normal_cdf
from chatfeedback.taste.shared import CLEAR, Disagreement, cap_shares
from chatfeedback.taste.taste import Taste, share_members

HEARD = "heard"
"""In the settings that are kept with a team's run: person -> the newest event learned from."""

ALIKE = 0.5
"""Most that two replies may differ in a disputed trait, in standard deviations within a prompt."""


def gather_together(
    team: Taste, calibration: Calibration, rules: Rules = NO_RULES
) -> tuple[PreferencePair, ...]:
    """The pairs of one run: what they said together, the labelled pairs, the members' own."""
    labelled = gather_pairs(team, calibration, rules, alike_in_disputed(team))
    return (*labelled, *members_pairs(team, calibration.base_key, rules))


def members_pairs(
    team: Taste, base_key: str, rules: Rules = NO_RULES
) -> tuple[PreferencePair, ...]:
    """The own pairs of everybody who is heard.

    Capped twice: by reactions, as in the shared taste, since who says much by thumbs must not lose
    to who compares; and by what the pairs then weigh, so that none of those who have pairs has more
    than a third (or an equal part, where they are fewer).
    """
    counts, heard = alike_in_disputed(team), team.heard
    weights = cap_shares([each.belief.n for each in heard])
    said = [
        _weigh(own_pairs(each, base_key, rules, counts), weight)
        for each, weight in zip(heard, weights, strict=True)
    ]
    said = [pairs for pairs in said if pairs]
    weights = cap_shares([sum(pair.weight for pair in pairs) for pairs in said])
    weighed = (_weigh(*each) for each in zip(said, weights, strict=True))
    return tuple(pair for pairs in weighed for pair in pairs)


def alike_in_disputed(team: Taste) -> Counts:
    """Tells of two replies whether they are alike in all that is disputed."""
    disputed = [STYLE_MEASURES.index(each.name) for each in open_disputes(team)]

    def are_alike(better: Vector, worse: Vector) -> bool:
        return bool(np.all(np.abs((better - worse)[disputed]) <= ALIKE))

    return are_alike


def open_disputes(team: Taste) -> list[Disagreement]:
    """On what the members clearly differ, less what they settled since, reacting together."""
    found = share_members(team.basis, team.members).disagreements
    return [each for each in found if not _is_settled(team, STYLE_MEASURES.index(each.name))]


def _is_settled(team: Taste, trait: int) -> bool:
    """Whether they came to say the same of a trait together. What the team started from may be
    from before they differed: where that was clear, it settles nothing."""
    prior = team.model.before
    return _is_clear(team.model.mean, team.model.covariance, trait) and not _is_clear(
        prior.mean, prior.covariance, trait
    )


def _is_clear(mean: Vector, covariance: Matrix, trait: int) -> bool:
    wanted = normal_cdf(mean[trait] / np.sqrt(covariance[trait, trait]))
    return not 1 - CLEAR <= wanted <= CLEAR


def choose_together(team: Taste, names: Mapping[int, str]) -> tuple[Objective, str]:
    """What a team's run minimises, and why: whose say it is, and where no side is taken.

    Args:
        names: of everybody, by their ids.
    """
    shares = share_members(team.basis, team.members).shares
    say = ", ".join(f"{names[each]} {100 * share:.0f} %" for each, share in shares.items())
    why = f"You act together; who has how much of the say: {say}."
    if disputes := open_disputes(team):
        labels = ", ".join(each.label for each in disputes)
        why += f" You differ on {labels}: no side is taken."
    return "dpo", why


def _weigh(pairs: Sequence[PreferencePair], weight: float) -> list[PreferencePair]:
    return [replace(pair, weight=weight * pair.weight) for pair in pairs]
