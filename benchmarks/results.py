"""The measured figures: as a table for people, as JSON for machines."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    name: str
    value: float
    unit: str
    reference: str | None = None
    """What the figure is held against, measured in the same run."""
    ratio: float | None = None
    """The figure divided by the reference's."""
    goal: str | None = None
    met: bool | None = None


Note = Callable[[Result], Result]
"""Takes down a figure as soon as it is there, and gives it back."""


def at_least(name: str, value: float, unit: str, goal: float, *, beside: Result | None = None) -> Result:
    """A figure that should not be smaller than `goal`."""
    return _result(name, value, unit, f"at least {goal:,g}", value >= goal, beside)


def at_most(name: str, value: float, unit: str, goal: float, *, beside: Result | None = None) -> Result:
    """A figure that should not be greater than `goal`."""
    return _result(name, value, unit, f"at most {goal:,g}", value <= goal, beside)


def table(results: Sequence[Result]) -> str:
    """Aligned columns, one line a figure."""
    rows = [("measured", "value", "unit", "ratio", "to", "goal", "met")]
    for result in results:
        ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
        met = "" if result.met is None else "yes" if result.met else "NO"
        rows.append(
            (result.name, _figure(result.value), result.unit, ratio, result.reference or "", result.goal or "", met)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    numbers = {1, 3}
    lines = [
        "  ".join(
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in (lines[0], "-" * len(lines[0]), *lines[1:]))


def save(results: Sequence[Result], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")


def _result(name: str, value: float, unit: str, goal: str, met: bool, beside: Result | None) -> Result:
    reference, ratio = (beside.name, round(value / beside.value, 3)) if beside is not None else (None, None)
    return Result(name, round(value, 3), unit, reference, ratio, goal, met)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
