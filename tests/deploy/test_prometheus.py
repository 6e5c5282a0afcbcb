"""A real Prometheus scrapes a real service, and is asked everything that the dashboard, the docs and the rules ask."""

import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from holdfast.operations import schedule
from tests.support.command_line import PROGRAM
from tests.support.documents import ITEMS, document
from tests.support.hostile_source import HostileSource, in_thread, make_records
from tests.support.installation import installed

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/holdfast.rules.yaml"
DASHBOARD = ROOT / "deploy/grafana/holdfast.json"
_PATIENCE_S = 60.0
_MAY_BE_EMPTY = re.compile(r"> 0|absent")
"""A figure that is not there yet, and what asks for trouble where there is none."""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address; it has scraped a service with an instance that was backed up on schedule."""
    folder = tmp_path_factory.mktemp("prometheus")
    with installed(folder / "home") as installation, in_thread(HostileSource({"items": make_records(30)})) as source:
        instance = installation.instance(document(source.url, ITEMS), label="shop")
        installation.backup(instance)
        schedule.set_schedule(installation.services, instance, schedule.parse("daily"))
    with _served(folder) as service:
        configuration = {
            "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "holdfast", "static_configs": [{"targets": [service]}]}],
        }
        (folder / "prometheus.yml").write_text(json.dumps(configuration))  # JSON is YAML
        with _running(folder) as address:
            _until_good(address, "rate(holdfast_http_request_duration_seconds_bucket[1m])")
            yield address


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    environment = {**os.environ, "HOLDFAST_HOME": str(folder / "home"), "HOLDFAST_PORT": "0"}
    command = [*PROGRAM, "serve", "--no-worker"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = next(line for line in process.stderr if "serving at" in line)
            yield said.partition("serving at http://")[2].partition(",")[0]
        finally:
            process.terminate()
            process.stderr.read()


@contextmanager
def _running(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}", "--log.level=warn",
    ]  # fmt: skip
    with subprocess.Popen(command) as process:
        try:
            yield f"http://{address}"
        finally:
            process.terminate()


def _asked(address: str, path: str, **query: str) -> Any:
    with urllib.request.urlopen(f"{address}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
        found = json.load(answer)
    assert found["status"] == "success", found
    return found["data"]


def _until_good(address: str, expression: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if _asked(address, "query", query=expression)["result"]:
                return
        except urllib.error.URLError:
            pass  # it begins to listen only now
        time.sleep(0.2)
    raise AssertionError(f"{expression}: nothing within {_PATIENCE_S:.0f} s")


def _expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    of_panels = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    of_docs = re.findall(r"\| `((?:time\(|max\(|max by).*?)` \|$", (ROOT / "docs/operations.md").read_text(), re.M)
    assert len(of_docs) >= 7
    return sorted({*of_panels, *of_docs})


@pytest.mark.parametrize("expression", _expressions())
def test_it_understands_and_answers_what_panels_and_docs_ask(prometheus: str, expression: str) -> None:
    found = _asked(prometheus, "query", query=expression.replace("$__rate_interval", "1m"))
    assert found["result"] or _MAY_BE_EMPTY.search(expression), expression


def test_the_first_panel_tells_the_age_of_the_last_good_backup_by_instance(prometheus: str) -> None:
    first = json.loads(DASHBOARD.read_text())["panels"][0]["targets"][0]["expr"]
    (one,) = _asked(prometheus, "query", query=first)["result"]
    assert set(one["metric"]) == {"backup_instance"} and 0 <= float(one["value"][1]) < 3600


def test_it_takes_the_rules_and_finds_nothing_wrong_with_them_nor_with_this_installation(prometheus: str) -> None:
    checked = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        (group,) = _asked(prometheus, "rules")["groups"]
        if all(rule["health"] == "ok" for rule in group["rules"]) or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert {rule["name"]: (rule["health"], rule["state"]) for rule in group["rules"]} == {
        rule["name"]: ("ok", "inactive") for rule in group["rules"]
    }
    assert len(group["rules"]) == 8
