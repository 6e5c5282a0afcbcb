"""The fixtures of the short forms."""

from tests.acceptance.cluster.conftest import gate, kennel, machines, prepared, source
from tests.acceptance.crash.conftest import wiped, workers, world
from tests.acceptance.damage.conftest import sound

__all__ = ["gate", "kennel", "machines", "prepared", "sound", "source", "wiped", "workers", "world"]
