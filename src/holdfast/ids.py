"""Public ids: 64-bit integers that need no coordination, ascend with time and are never used twice.

41 bits of milliseconds since 2025 and 12 bits drawn at random stay below 2**53, so that a JavaScript client, whose
numbers are doubles, reads them whole. Within a process they ascend strictly. A catalog rebuilt from the vault needs no
counter to avoid an id that was used before.
"""

import secrets
import threading
import time
from datetime import datetime

_EPOCH_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z
_RANDOM_BITS = 12

_lock = threading.Lock()
_last = 0


def new_id() -> int:
    """A new public id, greater than every one this process made before."""
    global _last  # noqa: PLW0603 - the one piece of state that makes ids ascend within a process
    with _lock:
        milliseconds = time.time_ns() // 1_000_000 - _EPOCH_MS
        candidate = (milliseconds << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
        _last = max(candidate, _last + 1)
        return _last


def lowest_id(moment: datetime) -> int:
    """No id that was made at or after this time is lower."""
    return max(int(moment.timestamp() * 1_000) - _EPOCH_MS, 0) << _RANDOM_BITS


def new_object_id() -> str:
    """A new name for a vault object: 128 random bits as 32 lowercase hex digits."""
    return secrets.token_hex(16)
