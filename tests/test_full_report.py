"""The report of the full benchmark: means over people, and whether promises are kept."""

from dataclasses import replace

import pytest

from chatfeedback.simulation.full_report import per_person, save_full_report, write_full_report
from chatfeedback.simulation.judging import Row

ROW = Row(
    person="concise",
    clicks=20,
    lane="B+C",
    win=0.82,
    win_low=0.7,
    win_high=0.9,
    facts=0.99,
    how_to=0.97,
    kl_nats=1.5,
    finished=1.0,
)
FACTS = [{"oracle_best_of_4": 0.8, "oracle_best_of_8": 0.9}]


def line(report: str, beginning: str) -> str:
    [found] = [each for each in report.splitlines() if each.startswith(f"| {beginning}")]
    return found


def test_the_lives_of_one_person_are_one_person():
    rows = [replace(ROW, win=0.6), replace(ROW, win=0.8), replace(ROW, person="formal", win=0.5)]
    assert per_person(rows, "B+C", 20) == {"concise": pytest.approx(0.7), "formal": 0.5}


def test_a_promise_is_kept_at_the_figure_and_missed_below_it():
    kept = write_full_report([replace(ROW, win=0.80)], FACTS)
    missed = write_full_report([replace(ROW, win=0.79)], FACTS)
    assert line(kept, "win of B+C at 20").endswith("| 0.8 | 0.800 | kept |")
    assert line(missed, "win of B+C at 20").endswith("| 0.8 | 0.790 | missed |")


def test_the_worst_person_is_told_beside_the_mean():
    rows = [replace(ROW, facts=1.0), replace(ROW, person="formal", facts=0.94)]
    report = write_full_report(rows, FACTS)
    assert line(report, "facts kept at 20, mean").endswith("| 0.985 | 0.970 | missed |")
    assert line(report, "facts kept at 20, worst").endswith("| 0.96 | 0.940 | missed |")


def test_contextual_people_are_those_of_all_contextual_kinds():
    rows = [
        replace(ROW, clicks=50, win=0.9),
        replace(ROW, clicks=50, person="contextual_2", win=0.7),
        replace(ROW, clicks=50, person="arbitrary", win=0.8),
    ]
    report = write_full_report(rows, FACTS)
    assert line(report, "contextual people").endswith("| 0.72 | 0.750 | kept |")


def test_what_is_not_known_of_anybody_is_not_promised():
    report = write_full_report([replace(ROW, facts=None, how_to=None)], FACTS)
    assert "facts kept" not in report


def test_nothing_is_promised_of_another_model_than_the_starter():
    assert "promise" not in write_full_report([ROW], FACTS, promised=False)


def test_the_picture_has_a_line_for_every_lane_that_has_a_curve(tmp_path):
    rows = [replace(ROW, clicks=0, lane=lane, win=0.5) for lane in ("prompt", "B", "C", "B+C")] + [
        replace(ROW, lane=lane) for lane in ("B", "C", "B+C")
    ]
    save_full_report(rows, FACTS, tmp_path)
    assert (tmp_path / "curves.svg").read_text().count("<polyline") == 3
    assert "| concise | 0.50 | 0.82 |" in (tmp_path / "report.md").read_text()
