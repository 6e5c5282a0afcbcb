"""The fixtures of the short forms."""

from tests.acceptance.crash.conftest import workers, world

__all__ = ["workers", "world"]
