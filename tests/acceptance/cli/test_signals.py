"""Ctrl-C, another worker, a worker that dies: with programs of their own, as an operator runs them."""

import asyncio
import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.command_line import PATIENCE_S, CommandLine
from tests.support.hostile_source import HostileSource


class Gate:
    """Holds the source's answers from page 2 on until it is opened; tells when a request stands before it."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    async def __call__(self, request: web.Request, number: int) -> web.StreamResponse | None:
        if number >= 2 and not self._opened.is_set():
            self.reached.set()
            await asyncio.to_thread(self._opened.wait, PATIENCE_S)
        return None

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
def gate(api: HostileSource) -> Iterator[Gate]:
    made = Gate()
    api.switches.hook = made
    yield made
    made.open()


def test_ctrl_c_leaves_a_backup_that_the_same_command_goes_on_with(
    shop: CommandLine, api: HostileSource, gate: Gate
) -> None:
    command = shop.start("backup", "shop")
    assert gate.reached.wait(PATIENCE_S)
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 130, (out, err)
    assert "Interrupted. Nothing is lost: `holdfast backup shop` goes on" in err and "Traceback" not in err
    assert shop.good("status")["instances"][0]["last_run"] == {"backup": 1, "status": "interrupted"}
    gate.open()
    done = shop("backup", "shop")
    assert done.code == 0, done
    assert "under way already" in done.err and "Backup 1 of shop is complete" in done.out
    assert shop.good("endpoints", "shop")["endpoints"][0]["records"] == 250


def test_a_command_follows_the_worker_there_is_and_goes_on_when_that_is_killed(shop: CommandLine, gate: Gate) -> None:
    worker = shop.start("worker")
    assert worker.stderr is not None
    assert "working" in worker.stderr.readline()
    follower = shop.start("backup", "shop")
    assert follower.stderr is not None
    assert f"the worker (process {worker.pid}) does the work" in follower.stderr.readline()
    assert gate.reached.wait(PATIENCE_S)
    assert shop.good("status")["worker"].startswith(f"process {worker.pid} ")
    worker.kill()
    worker.communicate(timeout=PATIENCE_S)
    gate.open()
    out, err = follower.communicate(timeout=PATIENCE_S)
    assert follower.returncode == 0, (out, err)
    assert "the other worker has gone: this process goes on" in err
    assert "Backup 1 of shop is complete" in out


def test_the_service_answers_works_and_stops_on_sigterm(shop: CommandLine, tmp_path: Path) -> None:
    service = shop.start("serve", "--port", "0", in_group_of_its_own=True)
    assert service.stderr is not None
    line = service.stderr.readline()
    assert "serving at http://127.0.0.1:" in line, line
    address = line.split("serving at ")[1].split(",")[0]
    with urllib.request.urlopen(f"{address}/v1/ping", timeout=PATIENCE_S) as answer:
        assert answer.status == 200
    assert shop.good("backup", "shop")["status"] == "successful"  # done by the service's worker, or by this process
    taken = shop("serve", "--port", address.rsplit(":", 1)[1])
    assert taken.code == 2 and "--port" in taken.err
    for number in (signal.SIGINT, signal.SIGTERM):  # as Ctrl-C under a supervisor sends them
        os.killpg(service.pid, number)
    _, err = service.communicate(timeout=PATIENCE_S)
    assert service.returncode == 0, err
    assert "stopped" in err and "Traceback" not in err


def test_a_secret_is_asked_for_on_the_terminal_and_not_shown(cli: CommandLine, document: Path) -> None:
    code, shown = cli.on_terminal(
        "add", str(document), "shop", asked="Access token (token):", answer="t0ken-secret", hidden=True
    )
    assert code == 0, shown
    assert "t0ken-secret" not in shown and "********" in shown
    code, shown = cli.on_terminal("remove", "shop", asked="[y/N]:", answer="n")
    assert code == 1 and len(cli.good("status")["instances"]) == 1
    code, shown = cli.on_terminal("remove", "shop", asked="[y/N]:", answer="y")
    assert code == 0 and cli.good("status")["instances"] == []


def test_a_canceled_backup_ends_though_its_source_does_not_answer(
    shop: CommandLine, api: HostileSource, gate: Gate
) -> None:
    command = shop.start("backup", "shop")
    assert gate.reached.wait(PATIENCE_S)
    assert shop.good("cancel", "shop")["status"] == "canceled"
    out, err = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 1, (out, err)
    gate.open()
    again = shop("cancel", "shop")
    assert again.code == 2, again
    assert "no backup of shop is under way" in again.err


def test_a_service_without_a_worker_answers_and_leaves_the_work_to_others(shop: CommandLine) -> None:
    service = shop.start("serve", "--no-worker", "--port", "0")
    assert service.stderr is not None
    line = service.stderr.readline()
    with urllib.request.urlopen(f"{line.split('serving at ')[1].split(',')[0]}/v1/ping", timeout=PATIENCE_S) as answer:
        assert answer.status == 200
    assert shop.good("backup", "shop")["status"] == "successful"  # by the command itself: there is no worker
    service.terminate()
    _, err = service.communicate(timeout=PATIENCE_S)
    assert service.returncode == 0 and "does the work" not in err, err
