"""Where a reader of the feed stands. Opaque to readers; means the same in a catalog made again from the vault."""

import base64
import json
from typing import NamedTuple

from holdfast.errors import InputError


class Cursor(NamedTuple):
    """Everything up to here has been read: by run, then by the endpoint's name, then by record key."""

    run: int
    """Sequence."""
    endpoint: str = ""
    key: str = ""

    def text(self) -> str:
        packed = json.dumps(self, separators=(",", ":"), ensure_ascii=False).encode()
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises InputError for what `text` never gave."""
        try:
            parts = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
            run, endpoint, key = parts
            if type(run) is int and 0 <= run < 2**31 and type(endpoint) is str and type(key) is str:
                endpoint.encode(), key.encode()
                return cls(run, endpoint, key)
        except (ValueError, TypeError, RecursionError):
            pass
        raise InputError(
            "this is no cursor of the change feed", field="after", hint="Give one as an answer of the feed had it."
        )


START = Cursor(0)
