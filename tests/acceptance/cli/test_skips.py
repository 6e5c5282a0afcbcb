"""What a definition declares as never to be had is told by endpoint and cause; what only seems so, with the way out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine
from tests.support.hostile_source import in_thread
from tests.support.scripted_source import Asked, ScriptedSource, document

ENDPOINTS = """
- name: parents
  path: /parents
  id: id
  stable: true
- name: invoices
  for_each: parents
  path: "/parents/{{ parent.id }}/invoices"
  id: id
  stable: true
  answers:
    - {status: 403, means: skip, because: "archived, so nobody reads it"}
    - {status: 404, means: skip, because: no invoice was made}
  blob: {url: "/files/{{ record.id }}", version: id}
"""


def _script(asked: Asked) -> Any:
    if asked.path == "/parents":
        return [{"id": 1}, {"id": 2}]
    if asked.path == "/parents/1/invoices":
        return [{"id": number} for number in range(4)]
    if asked.path == "/files/3":
        return {"content": "fine"}
    return (403, {}) if asked.path == "/parents/2/invoices" else (404, {})


@pytest.fixture
def api() -> Iterator[ScriptedSource]:
    with in_thread(ScriptedSource(_script)) as served:
        yield served


def test_what_was_skipped_is_told_by_endpoint_and_cause(cli: CommandLine, api: ScriptedSource, tmp_path: Path) -> None:
    file = tmp_path / "billing.yaml"
    file.write_text(document(api, endpoints=ENDPOINTS))
    cli.good("add", str(file), "shop")
    done = cli("backup", "shop")
    assert done.code == 0
    for shown in (done.out, cli("backups", "shop", "1").out):
        assert "invoices: 3 blobs skipped: no invoice was made\n" in shown
        assert "invoices: 1 list skipped: archived, so nobody reads it\n" in shown
    assert cli.good("backups", "shop", "1")["skips"] == [
        {"endpoint": "invoices", "what": "blob", "cause": "no invoice was made", "count": 3},
        {"endpoint": "invoices", "what": "list", "cause": "archived, so nobody reads it", "count": 1},
    ]
    assert "skipped" not in cli("backup", "shop").out.replace("1 list skipped", "")
    assert cli.good("backups", "shop")["backups"][1]["skips"][0]["count"] == 3
    for receipt in (cli.home / "vault").rglob("*"):
        if "receipts" in receipt.parts and receipt.is_file():
            receipt.unlink()
    assert "invoices: 4 skipped, for a cause that the definition declares" in cli("backups", "shop", "1").out
