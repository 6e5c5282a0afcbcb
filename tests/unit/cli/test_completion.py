from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.cli import completion
from holdfast.operations import definitions, holds, instances
from holdfast.operations.retention import RetentionRules
from tests.support.installation import installed

DOCUMENT = """
holdfast: 1
name: My shop
variables:
  - {key: token, secret: true}
  - {key: team}
connection: {base_url: "https://shop.example"}
endpoints:
  - {name: items, path: /items, id: id}
"""


def _context(**params: str) -> Any:
    return SimpleNamespace(params=params)


@pytest.fixture
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two instances of one definition, one of them backed up in vain."""
    with installed(tmp_path / "home") as installation:
        services = installation.services
        made = definitions.create(services, installation.customer.vendor_id, DOCUMENT)
        first = instances.create(services, installation.customer.id, made.id, label="shop")
        instances.create(services, installation.customer.id, made.id, label="store")
        instances.set_variables(services, first, {"token": "t", "team": "x"})
        installation.backup(first)
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))


@pytest.mark.usefixtures("_home")
def test_names_are_completed() -> None:
    assert completion.instance_names("s") == ["shop", "store"]
    assert completion.instance_names("sh") == ["shop"]
    assert completion.endpoint_names(_context(name="shop"), "") == ["items"]
    assert completion.endpoint_names(_context(name="nobody"), "") == []
    assert {"kinto", "My shop"} <= set(completion.definition_names(""))
    assert completion.assignments(_context(name="shop"), "t") == ["token=", "team="]
    assert "server=" in completion.assignments(_context(definition="kinto", name=None), "")


@pytest.mark.usefixtures("_home")
def test_whose_policy_or_hold_it_is_is_completed(tmp_path: Path) -> None:
    with installed(tmp_path / "home") as installation:
        hold = holds.place(installation.services, installation.customer.id, "asked for", actor="test")
    assert completion.customer_names("lo") == ["local"]
    assert "local" in completion.vendor_names("")
    assert completion.hold_ids("") == [str(hold.id)]


def test_every_retention_rule_is_completed() -> None:
    assert completion.retention_rules("w") == ["weekly=", "within="]
    given = " ".join(f"{name}={'1d' if name in ('within', 'after_deletion') else 1}" for name in completion.RULES)
    assert len(RetentionRules.parse(given).as_mapping()) == len(fields(RetentionRules)) == len(completion.RULES)


def test_completion_is_silent_where_there_is_no_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    assert completion.instance_names("") == completion.endpoint_names(_context(name="x"), "") == []
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("HOLDFAST_PORT", "no number")
    assert completion.instance_names("") == []
    assert "kinto" in completion.definition_names("k")
