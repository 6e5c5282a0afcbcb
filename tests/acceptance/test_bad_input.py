"""What people get wrong: each gets a message that says what is wrong and what to do, and nothing is lost.

The exit codes and the printing are the command line's: tests/acceptance/cli.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog.runs import Run
from holdfast.errors import InputError
from holdfast.operations import instances
from tests.support.documents import STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, in_thread, make_records
from tests.support.installation import Installation, installed


@pytest.fixture
def source() -> Iterator[HostileSource]:
    with in_thread(HostileSource({"items": make_records(30)}, page_size=10)) as served:
        yield served


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path / "home") as made:
        yield made


def text_for(url: str) -> str:
    """With an address that an instance gives, and a token sent as credential."""
    text = document("'{{ address }}'", STABLE_ITEMS)
    text = text.replace("variables:\n", "variables:\n  - {key: address, name: Address}\n")
    return text.replace("connection:\n", "connection:\n  auth: {type: bearer, token: '{{ token }}'}\n")


def only_failure(run: Run, code: str) -> str:
    assert run.status == "failed"
    assert [failure["code"] for failure in run.failures] == [code]
    message: str = run.failures[0]["message"]
    return message


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}", "http://no-such-host.invalid"])
def test_a_host_that_does_not_answer(installation: Installation, source: HostileSource, address: str) -> None:
    instance = installation.instance(text_for(source.url), address=source.url, token="t")
    assert installation.backup(instance).status == "successful"
    wrong = address.format(port=unused_port())
    instances.set_variables(installation.services, instance, {"address": wrong})
    message = only_failure(installation.backup(instance), "source_unreachable")
    assert wrong.removeprefix("http://").partition(":")[0] in message
    assert len(installation.records(instance, "items")) == 30
    instances.set_variables(installation.services, instance, {"address": source.url})
    assert installation.backup(instance).status == "successful"


def test_a_wrong_credential(installation: Installation, source: HostileSource) -> None:
    source.switches.token = "right"
    instance = installation.instance(text_for(source.url), address=source.url, token="wrong-and-secret")
    message = only_failure(installation.backup(instance), "credential_refused")
    assert "401" in message
    assert "wrong-and-secret" not in message
    instances.set_variables(installation.services, instance, {"token": "right"})
    assert installation.backup(instance).status == "successful"


def test_a_missing_variable(installation: Installation, source: HostileSource) -> None:
    instance = installation.instance(text_for(source.url), token="t")
    message = only_failure(installation.backup(instance), "missing_variable")
    assert "address" in message
    assert "holdfast set it address=" in message


@pytest.mark.parametrize("address", ["", "nonsense", "ftp://127.0.0.1", "http://", "http://[::1"])
def test_an_address_that_is_none(installation: Installation, source: HostileSource, address: str) -> None:
    instance = installation.instance(text_for(source.url), address=address, token="t")
    run = installation.backup(instance)
    assert run.status == "failed"
    assert "address" in run.failures[0]["message"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("records: items", "recrods: items"), ["recrods", "Did you mean `records`"]),
        (("concurrency: 4", "concurrency: four"), ["concurrency", "number"]),
        (("path: /cursor/items", "path: [1]"), ["path"]),
        (("holdfast: 1", "holdfast: 7"), ["holdfast", "1"]),
        (("{type: cursor,", "{type: curser,"), ["curser", "cursor"]),
    ],
)
def test_an_error_in_a_definition(
    installation: Installation, source: HostileSource, change: tuple[str, str], said: list[str]
) -> None:
    text = text_for(source.url)
    wrong = text.replace(*change)
    assert wrong != text
    with pytest.raises(InputError) as raised:
        installation.instance(wrong)
    line = next(number for number, line in enumerate(wrong.splitlines(), 1) if change[1] in line)
    message = f"{raised.value} {raised.value.hint}"
    assert f"{line}:" in message
    for word in said:
        assert word in message


def test_an_unknown_variable(installation: Installation, source: HostileSource) -> None:
    with pytest.raises(InputError, match="did you mean 'token'") as raised:
        installation.instance(text_for(source.url), tokne="t")
    assert "address" in str(raised.value.hint)
