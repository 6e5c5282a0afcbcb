"""How the API is served."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI

from holdfast.cli.serving import Stop, server_config


def test_the_server_outwaits_pooled_clients_and_writes_no_access_log_of_its_own() -> None:
    config = server_config(FastAPI())
    assert config.timeout_keep_alive > 60
    assert not config.access_log
    assert not config.server_header


@pytest.fixture
def stop() -> Iterator[Stop]:
    numbers = (signal.SIGTERM, signal.SIGINT)
    handlers = [signal.getsignal(number) for number in numbers]
    yield Stop(os.getppid())
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)
    signal.set_wakeup_fd(-1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_known_before_anything_else_runs_and_stays_known(stop: Stop, number: signal.Signals) -> None:
    assert not stop.wait(0)
    os.kill(os.getpid(), number)
    assert stop.wait(0) and stop.wait(0) and stop.wait()


def test_every_thread_that_waits_is_told(stop: Stop) -> None:
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(stop.wait, 60.0) for _ in range(2)]
        os.kill(os.getpid(), signal.SIGTERM)
        assert [one.result() for one in waiting] == [True, True]


def test_more_signals_than_a_pipe_holds_are_one(stop: Stop) -> None:
    for _ in range(70_000):
        signal.raise_signal(signal.SIGTERM)
    assert stop.wait(0)


def test_a_parent_that_has_gone_is_a_reason_to_stop(stop: Stop) -> None:
    stop.parent = os.getpid()
    assert stop.wait(0)
