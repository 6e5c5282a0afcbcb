import io
from datetime import UTC, datetime

from rich.console import Console

from holdfast.catalog.runs import Run, Status
from holdfast.cli.following import EndpointProgress, Progress
from holdfast.cli.output import Output
from holdfast.cli.progress import backup_bars, byte_bar, count_bar


def _on_terminal(*, as_json: bool = False) -> tuple[Output, io.StringIO]:
    output, shown = Output(as_json=as_json), io.StringIO()
    output.notes = Console(file=shown, force_terminal=True, width=100, markup=False)
    return output, shown


def _progress(*endpoints: EndpointProgress, status: Status = "in_progress") -> Progress:
    run = Run(1, 2, 3, status, datetime(2026, 1, 1, tzinfo=UTC), None, None, None, None, {}, [], {}, None)
    return Progress(run, endpoints)


def test_each_endpoint_has_a_bar_and_they_vanish_at_the_end() -> None:
    output, shown = _on_terminal()
    with backup_bars(output) as bars:
        bars.show("it", _progress())
        bars.show(
            "it",
            _progress(
                EndpointProgress("items", 1_200, 5_000, 0, 0, False), EndpointProgress("files", 7, None, 3, 4, False)
            ),
        )
    text = shown.getvalue()
    assert "items" in text and "1,200 records" in text
    assert "files" in text and "7 records, 3 of 7 blobs" in text
    assert text.rstrip().endswith("\x1b[2K")  # the last thing done is to clear a line


def test_several_instances_have_a_bar_each() -> None:
    output, shown = _on_terminal()
    with backup_bars(output, by_instance=True) as bars:
        one = EndpointProgress("items", 10, 20, 0, 0, False)
        bars.show("first", _progress(one, one))
        bars.show("second", _progress(EndpointProgress("items", 5, None, 0, 0, True), status="successful"))
    assert "first" in shown.getvalue() and "20 records" in shown.getvalue()
    assert "second" in shown.getvalue()


def test_names_from_a_definition_cannot_steer_the_terminal() -> None:
    output, shown = _on_terminal()
    with backup_bars(output) as bars:
        bars.show("it", _progress(EndpointProgress("[red]\x1b]0;x\x07", 1, None, 0, 0, False)))
    assert "[red]\\x1b]0;x\\x07" in shown.getvalue()


def test_bytes_and_counts_have_bars_too() -> None:
    output, shown = _on_terminal()
    with byte_bar(output, "photo.png", 2_000_000) as advance:
        advance(1_000_000)
    with count_bar(output, "exporting") as bar:
        bar.at(5, 10, "5 records")
    assert "photo.png" in shown.getvalue() and "5 records" in shown.getvalue()


def test_there_are_no_bars_with_json() -> None:
    output, shown = _on_terminal(as_json=True)
    with backup_bars(output) as bars:
        bars.show("it", _progress(EndpointProgress("items", 1, None, 0, 0, False)))
    assert shown.getvalue() == ""
