"""Fixtures that every suite may use; each is described where it is made."""

pytest_plugins = ["tests.support.kinto", "tests.support.postgresql", "tests.support.real_sources", "tests.support.s3"]
