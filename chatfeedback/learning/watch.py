"""The guards' report for one person: gathers the records, and asks every guard.

At a gate, and once a week, the version itself is measured anew (promotion.py); what that found is
kept as a setting, and joins what the records say.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np

from chatfeedback.asking.attention import attention_of
from chatfeedback.asking.trials import read_trials
from chatfeedback.learning.calibration import Calibration
from chatfeedback.learning.guards import (
    Finding,
    alarms,
    watch_collapse,
    watch_fatigue,
    watch_forgetting,
    watch_gaming,
    watch_gullibility,
    watch_length_rival,
    watch_one_sided,
    watch_over_optimisation,
    watch_protected_axes,
    watch_uncertainty,
)
from chatfeedback.protocols import Store
from chatfeedback.records import AdapterVersion, GateReport, StoredReply
from chatfeedback.settings import Settings
from chatfeedback.taste.features import WORD
from chatfeedback.taste.likelihoods import MOST_RIVALS, Matrix
from chatfeedback.taste.preferences import Better, Ranked
from chatfeedback.taste.taste import Taste

NEWEST_REPLIES = 100
NEWEST_CONVERSATIONS = 20
KEPT_AS = "guard_findings"
LEAST_ENDED = 0.9  # of served replies, as a share of the base's that end by themselves


def guard_report(
    store: Store,
    person_id: int,
    taste: Taste,
    calibration: Calibration | None,
    settings: Settings,
) -> list[Finding]:
    """What every guard sees now, alarms first.

    Fresh measurements of what serves (`keep_findings`) take the place of what the records alone
    would say.
    """
    comparisons, events = store.comparisons(person_id), store.feedback(person_id)
    serving = store.serving(person_id, taste.basis.base_key)
    served = _served(store, person_id, taste)
    choices = _choices(taste)
    claimed = serving.report.better_probability if serving and serving.report else None
    findings = [
        watch_over_optimisation(read_trials(comparisons, events), claimed),
        watch_length_rival(taste.scores.mean_log_score, [_length_gaps(each) for each in choices]),
        _uncertainty(taste, served, calibration),
        watch_gullibility([each[0] for each in choices]),
        watch_one_sided(events),
        watch_gaming(events),
        watch_fatigue(attention_of(store, person_id)),
        *_of_version(serving, served, calibration, settings),
    ]
    fresh = {each.guard: each for each in stored_findings(store, person_id, serving)}
    findings = [fresh.get(each.guard, each) for each in findings]
    return sorted(findings, key=lambda each: (not each.is_alarm, each.value is None))


def keep_findings(
    store: Store, person_id: int, version: AdapterVersion, findings: Sequence[Finding]
) -> None:
    """Remember what a fresh measurement of this version found."""
    kept = {"adapter_id": version.adapter_id, "findings": [asdict(each) for each in findings]}
    store.set_setting(person_id, KEPT_AS, json.dumps(kept))


def stored_findings(store: Store, person_id: int, serving: AdapterVersion | None) -> list[Finding]:
    """What the last measurement found, if it was of the version that serves."""
    stored = store.setting(person_id, KEPT_AS, "")
    if not stored or serving is None:
        return []
    kept = json.loads(stored)
    if kept["adapter_id"] != serving.adapter_id:
        return []
    return [Finding(**each) for each in kept["findings"]]


def weakened(report: GateReport, settings: Settings, findings: Sequence[Finding]) -> GateReport:
    """The report of a version that must serve more weakly from now on: one scale down, 0 where
    there is no weaker one."""
    weaker = [scale for scale in settings.scales if scale < report.scale]
    reasons = tuple(finding.message for finding in alarms(findings))
    return replace(report, scale=max(weaker, default=0.0), reasons=reasons)


def _of_version(
    serving: AdapterVersion | None,
    served: Sequence[StoredReply],
    calibration: Calibration | None,
    settings: Settings,
) -> list[Finding]:
    """Collapse, forgetting and protected axes: from served replies and the gate's own report."""
    texts = [reply.text for reply in served]
    pool = calibration.pool if calibration else ()
    usual = [reply.text for each in pool for reply in each.replies[:2]]
    report = serving.report if serving else None
    ended = sum(reply.stop_reason == "end" for reply in served) / max(1, len(served))
    usually = [reply.finished for each in pool for reply in each.replies] or [True]
    least = LEAST_ENDED * sum(usually) / len(usually)
    return [
        watch_collapse(texts, usual, ended if len(served) >= 20 else 1.0, least),
        watch_forgetting(
            report.facts_share if report else None,
            report.how_to_share if report else None,
            settings.min_retention_share,
            report.facts_error if report else 0.0,
            report.how_to_error if report else 0.0,
        ),
        watch_protected_axes(texts, usual),
    ]


def _uncertainty(
    taste: Taste, served: Sequence[StoredReply], calibration: Calibration | None
) -> Finding:
    """Spread of the reward of served replies, and of the pool's, each relative to its prompt."""
    if calibration is None or len(served) < 5:
        return watch_uncertainty([], [])
    usual = [(each.prompt, reply.text) for each in calibration.pool for reply in each.replies[:1]]
    mine = [(reply.prompt_text, reply.text) for reply in served]
    return watch_uncertainty(
        list(taste.model.spread(_centred(taste, mine))),
        list(taste.model.spread(_centred(taste, usual))),
    )


def _centred(taste: Taste, replies: Sequence[tuple[str, str]]) -> Matrix:
    """(n, D): phi of each (prompt, text) relative to what is usual for its prompt, style alone."""
    rows = [
        taste.basis.centre(prompt, taste.basis.phi(prompt, text, None)) for prompt, text in replies
    ]
    return np.array(rows)


def _served(store: Store, person_id: int, taste: Taste) -> list[StoredReply]:
    """The newest replies that stand in conversations, of this base, as the model wrote them."""
    ids: list[int] = []
    for conversation in store.conversations(person_id, limit=NEWEST_CONVERSATIONS):
        exchanges = store.exchanges(person_id, conversation.conversation_id)
        ids += [each.shown_reply_id for each in exchanges if each.shown_reply_id is not None]
    replies = store.replies(person_id, sorted(ids)[-NEWEST_REPLIES:])
    return [
        reply
        for reply in replies
        if reply.state == "done" and reply.stop_reason and reply.base_key == taste.basis.base_key
    ]


def _choices(taste: Taste) -> list[list[tuple[str, str]]]:
    """(chosen, rejected) texts of each of the person's choices, oldest first: of a choice among
    more than two all pairs that the reward model foretells of it."""
    pairs = []
    for judgement in taste.judgements:
        match judgement:
            case Better(source="click"):
                pairs.append([judgement.reply_ids])
            case Ranked():
                ids = judgement.reply_ids
                pairs.append(
                    [
                        (ids[place], rival)
                        for place in range(judgement.n_ranked)
                        for rival in ids[place + 1 : place + 1 + MOST_RIVALS]
                    ]
                )
    return [[_texts(taste, *pair) for pair in choice] for choice in pairs]


def _texts(taste: Taste, chosen_id: int, rejected_id: int) -> tuple[str, str]:
    return taste.reply(chosen_id).text, taste.reply(rejected_id).text


def _length_gaps(choice: Sequence[tuple[str, str]]) -> list[float]:
    return [_log_length(chosen) - _log_length(rejected) for chosen, rejected in choice]


def _log_length(text: str) -> float:
    return math.log1p(len(WORD.findall(text)))
