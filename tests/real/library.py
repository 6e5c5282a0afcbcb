"""What the tests of the library share: definitions with what an imitation lacks taken out, and comparisons."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from holdfast.catalog.instances import Instance
from holdfast.catalog.runs import Run
from holdfast.definitions import library
from holdfast.definitions.yaml_tree import read_tree
from holdfast.operations import instances
from tests.support.installation import Installation
from tests.unit.definitions.cases import as_json

Records = Mapping[str, Any]
"""By the record key that Holdfast gives: what the source says now."""


def adapted(
    name: str, *, only: Iterable[str] = (), endpoints: Mapping[str, Mapping[str, Any]] | None = None
) -> str:  # fmt: skip
    """A built-in definition for a server that lacks a part of the API: `only` these endpoints (none named: all), some
    of their keys replaced, or (None) taken out. What is changed here stands in the definition's `verified`."""
    document = as_json(read_tree(library.read(name)))
    wanted = set(only)
    if wanted:
        document["endpoints"] = [one for one in document["endpoints"] if one["name"] in wanted]
        assert {one["name"] for one in document["endpoints"]} == wanted
    document["connection"]["limits"] = {"concurrency": 8}
    for endpoint in document["endpoints"]:
        for key, value in (endpoints or {}).get(endpoint["name"], {}).items():
            endpoint[key] = value
            if value is None:
                del endpoint[key]
    return json.dumps(document)


def another(installation: Installation, instance: Instance, **given: str) -> Instance:
    """An instance of the same definition, with other values."""
    definition_id = instance.definition_id
    return instances.create(
        installation.services, installation.customer.id, definition_id, label="another", given=given
    )


def stored(installation: Installation, instance: Instance, endpoint: str) -> dict[str, Any]:
    return {key: json.loads(raw) for key, raw in installation.records(instance, endpoint).items()}


def blob(installation: Installation, instance: Instance, endpoint: str, key: str) -> bytes:
    state = installation.state(instance)
    record = installation.browser.record(state, endpoint, key)
    return b"".join(installation.browser.blob(state, record).read())


def without(records: Records, *volatile: str) -> dict[str, Any]:
    """The records without fields that change with every look at them."""
    return {key: {name: value for name, value in one.items() if name not in volatile} for key, one in records.items()}


def assert_success(run: Run) -> None:
    assert (run.status, run.failures) == ("successful", [])
