"""Answers with large bodies: whole or a range of them, revalidated by their ETag, streamed in pieces from a thread."""

import re
from collections.abc import Callable, Iterator
from itertools import chain
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from holdfast.api.errors import Problem, answer

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}(?:\s*;[\x20-\x7e]{0,200})?")
_UNSAFE = re.compile(r"[^A-Za-z0-9 !#$&+.^_`{}~()\[\],=@-]")
_DEFAULT_TYPE = "application/octet-stream"


def ranged(
    request: Request,
    size_bytes: int,
    etag: str,
    read: Callable[[int, int], Iterator[bytes]],
    *,
    content_type: str | None = None,
    name: str | None = None,
) -> Response:
    """200 with everything, 206 with the one range that was asked for, 304 or 416. `read` gives (start, length).

    Always an attachment in a sandbox: what a source sent must not run in this service's name.
    """
    headers = {
        "ETag": f'"{etag}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": disposition(name),
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    if _matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    start, length, status = 0, size_bytes, 200
    wanted = _range(request, etag, size_bytes)
    if wanted is not None:
        if wanted[1] <= 0:
            problem = Problem("Range", "out_of_range", f"there are {size_bytes} bytes")
            return answer(416, [problem], {"Content-Range": f"bytes */{size_bytes}", "Accept-Ranges": "bytes"})
        start, length = wanted
        status = 206
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size_bytes}"
    headers["Content-Length"] = str(length)
    headers["Content-Type"] = content_type if content_type and _MEDIA_TYPE.fullmatch(content_type) else _DEFAULT_TYPE
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    pieces = read(start, length)
    # What cannot be read at all is found before the answer begins.
    first = next(pieces, b"")
    return StreamingResponse(chain([first], pieces), status, headers)


def disposition(name: str | None) -> str:
    """A Content-Disposition of RFC 6266 with a name that nothing can break out of."""
    if not name:
        return "attachment"
    last = name.replace("\\", "/").rpartition("/")[2][:200]
    plain = _UNSAFE.sub("_", last)
    encoded = quote(last.encode("utf-8", "replace"), safe="")
    return f'attachment; filename="{plain}"' + ("" if plain == last else f"; filename*=UTF-8''{encoded}")


def _matches(header: str | None, etag: str) -> bool:
    """Of If-None-Match: the comparison is the weak one."""
    if header is None:
        return False
    return header.strip() == "*" or f'"{etag}"' in [one.strip().removeprefix("W/") for one in header.split(",")]


def _range(request: Request, etag: str, size_bytes: int) -> tuple[int, int] | None:
    """(start, length) that is asked for, with a length of 0 where there is no such range; None: everything.

    Several ranges, and what cannot be read, are answered with everything, as RFC 9110 has it.
    """
    found = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if found is None or request.headers.get("if-range", f'"{etag}"').strip() != f'"{etag}"':
        return None
    first, last = found.groups()
    if first:
        start = int(first)
        end = min(int(last), size_bytes - 1) if last else size_bytes - 1
        if last and int(last) < start:
            return None
    elif last:
        start = max(size_bytes - int(last), 0)
        end = size_bytes - 1 if int(last) else start - 1
    else:
        return None
    return start, max(end - start + 1, 0)
