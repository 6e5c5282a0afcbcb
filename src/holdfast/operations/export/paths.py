"""File names for an archive that is unpacked on any system, made of texts that anybody may have chosen."""

import hashlib
import re

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]')
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$")
_LONGEST = 120
"""Characters; some systems allow 260 characters for a whole path."""
_LONGEST_BYTES = 240
"""Most allow 255 bytes for a name."""


def safe_name(text: str) -> str:
    """One path segment that stands for this text. Where something had to be changed a digest keeps it different from
    every other text's; no result is empty, hidden, reserved on Windows, or leads elsewhere."""
    safe = _UNSAFE.sub("_", text).rstrip(". ")
    if safe.startswith("."):
        safe = "_" + safe[1:]
    if not safe or _RESERVED.match(safe):
        safe = f"_{safe}"
    if safe == text and len(safe) <= _LONGEST and len(safe.encode()) <= _LONGEST_BYTES:
        return safe
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    stem, dot, suffix = safe.rpartition(".")
    if not dot or len(suffix) > 10:
        stem, suffix = safe, ""
    stem = stem[: _LONGEST - 20].encode()[: _LONGEST_BYTES - 50].decode(errors="ignore")
    return f"{stem}~{digest}" + (f".{suffix}" if suffix else "")
