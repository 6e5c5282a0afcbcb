"""What deploy/grafana asks Prometheus for is what `/metrics` serves."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from holdfast.api.context import ApiContext
from holdfast.api.routes.health import get_metrics
from holdfast.catalog import schedules
from tests.support.installation import installed
from tests.unit.catalog.world import World

DASHBOARD = Path(__file__).parents[2] / "deploy/grafana/holdfast.json"
_SAMPLE = re.compile(r"^(holdfast_\w+)(?:\{(.*)\})? \S+$", re.MULTILINE)
_KEYWORDS = {"sum", "max", "rate", "time", "histogram_quantile", "by"}


def _panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def _expressions() -> list[str]:
    return [target["expr"] for panel in _panels() for target in panel.get("targets", [])]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The labels of every metric, as a service with an instance and an answered request serves them."""
    with installed(tmp_path_factory.mktemp("served") / "home") as installation:
        context = ApiContext.of(installation.services)
        context.metrics.observe("GET", "/v1/ping", 200, 0.01)
        with installation.services.database.write() as connection:
            instance = World.make(connection).instance.id
            schedules.change(connection, instance, frequency="daily")
        text = bytes(get_metrics(context).body).decode()
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for name, written in _SAMPLE.findall(text):
        labels[name] |= set(re.findall(r'(\w+)="', written))
    return dict(labels)


def test_every_metric_and_label_that_a_panel_asks_for_is_served(served: dict[str, set[str]]) -> None:
    for expression in _expressions():
        asked = re.findall(r"(holdfast_\w+)(?:\{([^}]*)\})?", expression)
        assert asked, expression
        known = set[str]()
        for name, selector in asked:
            assert name in served, f"{expression}: nobody serves {name}"
            assert set(re.findall(r"(\w+) *(?:=|!)", selector)) <= served[name], expression
            known |= served[name]
        for grouped in re.findall(r"by *\(([^)]*)\)", expression):
            assert set(re.findall(r"\w+", grouped)) <= known, expression


def test_legends_name_labels_that_are_served(served: dict[str, set[str]]) -> None:
    for panel in _panels():
        for target in panel.get("targets", []):
            known = set[str]().union(*(served[name] for name in re.findall(r"holdfast_\w+", target["expr"])))
            assert set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))) <= known, panel["title"]


def test_expressions_are_closed_and_use_functions_that_are_known() -> None:
    for expression in _expressions():
        assert all(expression.count(one) == expression.count(other) for one, other in ("()", "[]", "{}")), expression
        assert set(re.findall(r"([a-z_]+) *\(", expression)) <= _KEYWORDS, expression


def test_nearly_everything_that_is_served_is_on_the_dashboard(served: dict[str, set[str]]) -> None:
    shown = set(re.findall(r"holdfast_\w+", " ".join(_expressions())))
    assert set(served) - shown == {
        "holdfast_http_request_duration_seconds_sum",
        "holdfast_http_request_duration_seconds_count",
    }


def test_the_age_of_the_last_good_backup_comes_first() -> None:
    first = min((panel for panel in _panels() if panel.get("targets")), key=_place)
    assert "holdfast_instance_good_backup_at_seconds" in first["targets"][0]["expr"]


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = _panels()
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def _place(panel: dict[str, Any]) -> tuple[int, int]:
    return panel["gridPos"]["y"], panel["gridPos"]["x"]
