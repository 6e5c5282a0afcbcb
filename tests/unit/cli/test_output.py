import io
import sys
from datetime import timedelta

import msgspec
import pytest

from holdfast.cli import output
from holdfast.cli.output import Output, age, count, duration, forget_consoles, moment, printable, size
from holdfast.clock import now


@pytest.fixture(autouse=True)
def _own_streams() -> None:
    forget_consoles()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, naïve, 東京, 🙂", "plain, naïve, 東京, 🙂"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb\tc\x7f", "a\\x0db\\x09c\\x7f"),
        ("user\u202egpj.exe", "user\\u202egpj.exe"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_what_could_steer_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    printable(text).encode()


def test_a_line_end_within_a_cell_is_escaped() -> None:
    assert printable("two\nlines", lines=False) == "two\\x0alines"


def test_data_is_never_markup(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output()
    out.say("[red]x[/red] :smile: https://example.com")
    out.table(["name"], [["[bold]x[/bold]"]])
    assert "[red]x[/red] :smile:" in (said := capsys.readouterr().out)
    assert "[bold]x[/bold]" in said


def test_results_and_notes_go_to_streams_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output()
    out.say("result")
    out.note("aside")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("result\n", "aside\n")


def test_with_json_nothing_but_the_document_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(as_json=True)
    out.say("result")
    out.note("aside")
    out.table(["name"], [["x"]])
    out.document({"raw": msgspec.Raw(b'{"a":1.00}'), "none": None})
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ('{"raw":{"a":1.00},"none":null}\n', "")


def test_without_json_no_document_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Output().document({"a": 1})
    assert capsys.readouterr().out == ""


def test_a_table_aligns_numbers_and_leaves_empty_columns_out(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(["name", "records #", "held #", ""], [["a", 1_234, None, ""], ["bb", 5, None, ""]])
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "name  records",
        "a       1,234",
        "bb          5",
    ]


def test_a_table_without_rows_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(["name"], [])
    assert capsys.readouterr().out == ""


def test_nothing_is_cut_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(["name …"], [["x" * 500]])
    assert "x" * 500 in capsys.readouterr().out


def test_a_record_keeps_its_tokens_and_what_cannot_be_indented_is_shown_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output().record(b'{"a":1.00,"b":[1e400]}')
    assert capsys.readouterr().out.split() == ["{", '"a":', "1.00,", '"b":', "[", "1e400", "]", "}"]
    for raw in (b'{"a":"\\ud800"}', b"[" * 3_000 + b"]" * 3_000):
        Output().record(raw)
        assert capsys.readouterr().out.strip() == raw.decode()


def test_bytes_are_written_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    Output().bytes(b"\xff\x00")
    assert raw.getvalue() == b"\xff\x00"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1.0 KB"), (999_999, "1000.0 KB"), (1_500_000, "1.5 MB"),
     (12_000_000_000, "12.0 GB"), (5_000_000_000_000_000, "5000.0 TB")],
)  # fmt: skip
def test_sizes(number: int, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.9, "9.9 s"), (61, "61 s"), (120, "2 minutes"), (7_199, "119 minutes"), (7_200, "2 hours"),
     (172_800, "2 days")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_times_are_local_and_ages_relative() -> None:
    assert moment(None) == age(None) == ""
    assert age(now() - timedelta(hours=3)) == "3 hours ago"
    assert moment(now()) == now().astimezone().strftime("%Y-%m-%d %H:%M:%S")


def test_counts_have_their_noun() -> None:
    assert [count(number, "record") for number in (0, 1, 2_000)] == ["0 records", "1 record", "2,000 records"]
    assert count(2, "entry", "entries") == "2 entries"


def test_no_spinner_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Output().busy("starting"):
        pass
    assert capsys.readouterr() == ("", "")
    assert output.styled("x", "red").style == "red"
