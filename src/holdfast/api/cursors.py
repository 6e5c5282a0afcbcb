"""Opaque cursors: what a later request needs to go on, in a form that clients hand back and do not read."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from holdfast.api.errors import BadRequest, Problem


def encode(*parts: str | int | None) -> str:
    packed = json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode(text: str, *kinds: type | tuple[type, ...], field: str = "after") -> Sequence[Any]:
    """The parts that `encode` was given, each of its kind. Raises BadRequest for everything else."""
    try:
        parts = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, list) or len(parts) != len(kinds) or not all(map(_is, parts, kinds)):
        raise BadRequest([Problem(field, "invalid", "this is no cursor that an earlier answer gave")])
    return parts


def _is(part: object, kind: type | tuple[type, ...]) -> bool:
    return isinstance(part, kind) and not isinstance(part, bool) and (not isinstance(part, int) or abs(part) < 2**63)
