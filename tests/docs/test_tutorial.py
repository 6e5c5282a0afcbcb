"""The tutorial of docs/definitions.md, typed command by command against the server that it names."""

from pathlib import Path

import pytest
from demo import tracker

from tests.docs.console import blocks, run, steps
from tests.support.command_line import CommandLine

PAGE = (Path(__file__).parents[2] / "docs/definitions.md").read_text(encoding="utf-8")


def test_every_command_of_the_tutorial_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cli = CommandLine(tmp_path / "exercise", monkeypatch, capsys)
    # The limit of 20 a second would cost this test its waits; that limits are kept other tests show.
    with tracker.serving(requests_per_second=10_000) as server:
        page = PAGE.replace(f"http://127.0.0.1:{tracker.PORT}", server.url).replace("requests: 20", "requests: 10000")
        assert PAGE.count(f"127.0.0.1:{tracker.PORT}") > 8 and f"`{tracker.TOKEN}`" in PAGE
        for block in blocks(page):
            if block.language == "console":
                for step in steps(block.text):
                    run(step, cli)
            elif block.about.endswith(".yaml"):
                with (tmp_path / block.about).open("a") as file:
                    file.write(block.text)
        assert len(cli.good("endpoints", "mine")["endpoints"]) == 3
        stored = cli.good("records", "mine", "issues", "--limit", "1000")["records"]
        assert {int(one["id"]) for one in stored} == set(server.issues)
