"""The fixtures of the short forms."""

from tests.acceptance.crash.conftest import workers, world
from tests.acceptance.damage.conftest import sound

__all__ = ["sound", "workers", "world"]
