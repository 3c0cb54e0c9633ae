"""How good the starter model is: `python launch.py bench starter [--json FILE]`.

Facts and how-to steps in trained and in kept-back phrasings, proper endings, variety of style,
honesty about what it cannot know, and obedience to a taste card's system line; at temperature
0.7 unless said otherwise. What each figure means is written in docs/starter.md.
"""

import json
import random
import time
from pathlib import Path

from chatfeedback.starter import WEIGHTS
from chatfeedback.starter.corpus import items
from chatfeedback.starter.measure import (
    Sampler,
    of_kind,
    repeat,
    score_correct,
    score_finished,
    score_style_difference,
    score_system_lines,
    score_unknown,
    unknown_prompts,
)

THRESHOLDS = {
    "facts_seen": 0.98,
    "facts_unseen": 0.93,
    "how_to_seen": 0.97,
    "how_to_unseen": 0.90,
    "finished": 0.99,
    "finished_greedy": 0.99,
    "style_differs": 0.90,
    "unknown_honest": 0.95,
    "system_obeyed": 0.90,
}


def run(json_path: Path | None = None, *, weights: Path = WEIGHTS, seed: int = 0) -> int:
    """Measure, print and optionally write the report; 0 if every threshold is met."""
    started = time.process_time()
    sampler = Sampler(weights)
    facts, how_tos = of_kind("fact"), repeat(of_kind("how_to"), 4)
    answerable = [item for item in items() if item.kind != "small_talk"]
    some = random.Random(seed).sample(answerable, 400)
    figures = {
        "facts_seen": score_correct(sampler, facts, kept_back=False, seed=seed),
        "facts_unseen": score_correct(sampler, facts, kept_back=True, seed=seed),
        "how_to_seen": score_correct(sampler, how_tos, kept_back=False, seed=seed),
        "how_to_unseen": score_correct(sampler, how_tos, kept_back=True, seed=seed),
        "finished": score_finished(sampler, answerable, 0.7, seed),
        "finished_greedy": score_finished(sampler, answerable, 0.0, seed),
        "style_differs": score_style_difference(sampler, some, seed),
        "unknown_honest": score_unknown(sampler, seed),
        "system_obeyed": score_system_lines(sampler, 500, seed),
    }
    figures = {name: round(value, 4) for name, value in figures.items()}
    report = {
        "name": "starter",
        "ratios": {name: round(value / THRESHOLDS[name], 4) for name, value in figures.items()},
        "figures": figures,
        "settings": {
            "seed": seed,
            "temperature": 0.7,
            "facts": len(facts),
            "how_to_replies": len(how_tos),
            "unknown_prompts": len(unknown_prompts(random.Random(seed))),
            "cpu_s": round(time.process_time() - started, 1),
        },
    }
    for name, value in figures.items():
        verdict = "ok" if value >= THRESHOLDS[name] else "MISSED"
        print(f"{name:16} {value:.3f}  (at least {THRESHOLDS[name]:.2f})  {verdict}")
    if json_path:
        json_path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return int(any(figures[name] < least for name, least in THRESHOLDS.items()))
