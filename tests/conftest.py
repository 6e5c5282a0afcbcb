"""Fixtures that every suite may use; each is described where it is made."""

import signal

pytest_plugins = ["tests.support.kinto", "tests.support.postgresql", "tests.support.real_sources", "tests.support.s3"]


def pytest_configure() -> None:
    # What a shell starts in the background ignores Ctrl-C, and so would every program that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
