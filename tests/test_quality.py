"""The arithmetic of `bench quality`."""

from __future__ import annotations

import pytest

from benchmarks.quality_figures import best_of_trl, gaps_at_equal_kl, summarise


def cell(way, person="ada", scale=1.0, kl=1.0, auto="dpo", **found):
    who, method, clicks, *_ = way.split("_")
    known = dict.fromkeys(("win", "facts", "how_to", "utility", "learned"), 0.5)
    return {
        **known,
        "person": person,
        "way": way,
        "who": who,
        "method": method,
        "clicks": int(clicks),
        "scale": scale,
        "kl_nats": kl,
        "auto": auto,
        **found,
    }


def test_two_methods_are_compared_at_the_smaller_kl_of_the_two():
    """DPO gives 2 at 4 nats, so 1 at 1 nat (roots 2 and 1); RLOO gives 1.5 there."""
    found = [cell("ours_dpo_50", kl=4.0, utility=2.0), cell("ours_rloo_50", kl=1.0, utility=1.5)]
    assert gaps_at_equal_kl(found, "rloo", "dpo", "utility", 50) == [pytest.approx(0.5)]


def test_half_strength_says_what_lies_between():
    found = [
        cell("ours_dpo_50", kl=4.0, utility=2.0),
        cell("ours_dpo_50", scale=0.5, kl=1.0, utility=1.8),
        cell("ours_rloo_50", kl=1.0, utility=1.5),
    ]
    assert gaps_at_equal_kl(found, "rloo", "dpo", "utility", 50) == [pytest.approx(-0.3)]


def test_without_an_adapter_everything_is_retained():
    """DPO keeps .8 at 4 nats, so .9 at 1 nat; RLOO .95."""
    found = [cell("ours_dpo_50", kl=4.0, facts=0.8), cell("ours_rloo_50", kl=1.0, facts=0.95)]
    assert gaps_at_equal_kl(found, "rloo", "dpo", "facts", 50) == [pytest.approx(0.05)]


def test_the_setting_of_trl_that_wins_most_over_all_people_counts():
    found = [
        cell("trl_dpo_50_a", win=0.9),
        cell("trl_dpo_50_a", person="bob", win=0.5),
        cell("trl_kto_50_b", win=0.8),
        cell("trl_kto_50_b", person="bob", win=0.7),
    ]
    assert best_of_trl(found) == "trl_kto_50_b"


def test_ours_is_what_the_app_would_have_learned_by_itself():
    ours = [
        cell(f"ours_{method}_{clicks}", auto="kto", win=win)
        for clicks in (25, 50)
        for method, win in (("dpo", 0.9), ("kto", 0.6), ("rloo", 0.9), ("ppo", 0.9))
    ]
    ratios, figures = summarise([*ours, cell("trl_dpo_50_a", win=0.5)], 25, 50)
    assert ratios["win_25_over_trl_50"] == pytest.approx(1.2)
    assert figures["win_25_less_trl_50_low"] == pytest.approx(0.1)
