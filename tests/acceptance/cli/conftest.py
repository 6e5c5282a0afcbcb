"""`cli` is the command line of a new installation, `api` a source, `document` its definition, `shop` an instance."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.hostile_source import HostileSource, in_thread, make_records
from tests.support.installation import installed

DOCUMENT = """
holdfast: 1
name: Shop
variables:
  - {{key: token, name: Access token, secret: true}}
  - {{key: base_url, name: Address, default: "{url}"}}
connection:
  base_url: "{{{{ base_url }}}}"
  auth: {{type: bearer, token: "{{{{ token }}}}"}}
  retry: {{attempts: 2, first_wait: 1ms, longest_wait: 2ms}}
endpoints:
  - name: items
    path: /cursor/items
    records: items
    id: id
    stable: true
    paging: {{type: cursor, body: next_cursor, query: cursor}}
"""


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[CommandLine]:  # fmt: skip
    with installed(tmp_path / "home"):
        pass
    made = CommandLine(tmp_path / "home", monkeypatch, capsys)
    yield made
    made.close()


@pytest.fixture
def api() -> Iterator[HostileSource]:
    """250 items in pages of 100."""
    with in_thread(HostileSource({"items": make_records(250)})) as served:
        yield served


@pytest.fixture
def document(api: HostileSource, tmp_path: Path) -> Path:
    file = tmp_path / "shop.yaml"
    file.write_text(DOCUMENT.format(url=api.url))
    return file


@pytest.fixture
def shop(cli: CommandLine, document: Path) -> CommandLine:
    """The command line, with an instance `shop` of the source."""
    cli.good("add", str(document), "shop", "--set", "token=t0ken")
    return cli
