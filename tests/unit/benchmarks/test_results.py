"""Figures become a table and JSON with their ratios and goals."""

import json
from pathlib import Path

from benchmarks import results
from benchmarks.results import Result


def test_a_figure_knows_whether_its_goal_is_met_and_its_ratio() -> None:
    floor = Result("floor", 200.0, "a second")
    assert results.at_least("fast", 100.0, "a second", 60, beside=floor) == Result(
        "fast", 100.0, "a second", "floor", 0.5, "at least 60", True
    )
    assert results.at_most("memory", 301.0, "MB", 300).met is False


def test_the_table_is_aligned_and_marks_what_was_missed() -> None:
    lines = results.table([Result("floor", 1234567.0, "records"), results.at_most("memory", 301.25, "MB", 300)]).split(
        "\n"
    )
    assert lines[2] == "floor     1,234,567  records"
    assert lines[3].split() == ["memory", "301", "MB", "at", "most", "300", "NO"]


def test_json_has_the_fields_that_other_programs_read(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.json"
    results.save([results.at_least("fast", 100.0, "a second", 60)], path)
    (saved,) = json.loads(path.read_text())
    assert list(saved) == ["name", "value", "unit", "reference", "ratio", "goal", "met"]
