import io
import sys
from pathlib import Path

import pytest

from holdfast.cli.values import ask_missing, read_assignments, shown
from holdfast.definitions.document import Variable
from holdfast.errors import InputError

TOKEN = Variable("token", "Access token", secret=True)
OWNER = Variable("owner", "Owner")
LIMIT = Variable("limit", "Limit", default="10")
NOTE = Variable("note", "Note", optional=True)
VARIABLES = (TOKEN, OWNER, LIMIT, NOTE)


def test_a_value_stands_on_the_command_line_in_a_file_or_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("t0=ken\n\n")
    monkeypatch.setenv("OWNER_NAME", "octo cat")
    assert read_assignments(
        [f"token=@{tmp_path / 'token'}", "owner=env:OWNER_NAME", "limit=a=b@c", "note="], VARIABLES
    ) == {"token": "t0=ken\n", "owner": "octo cat", "limit": "a=b@c", "note": ""}


def test_a_value_comes_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("t0ken\n"))
    assert read_assignments(["token=@-"], VARIABLES) == {"token": "t0ken"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("=x", "names no variable"),
        ("token=@/no/such/file", "/no/such/file cannot be read"),
        ("token=env:HOLDFAST_NO_SUCH", "no environment variable HOLDFAST_NO_SUCH"),
        ("token", "standard input is no terminal"),
    ],
)
def test_a_value_that_cannot_be_had_is_an_error(given: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_assignments([given], VARIABLES)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not a text file"):
        read_assignments([f"token=@{tmp_path / 'token'}"], VARIABLES)


def test_what_is_missing_is_named_where_nobody_can_be_asked() -> None:
    with pytest.raises(InputError) as caught:
        ask_missing({}, VARIABLES)
    assert "token (Access token), owner (Owner)" in str(caught.value)
    assert caught.value.code == "missing_variable"
    assert ask_missing({"token": "", "owner": "x"}, VARIABLES) == {}


def test_secrets_are_masked() -> None:
    assert shown({"owner": "x", "token": "t0ken"}, VARIABLES) == {"token": "********", "owner": "x"}
