"""Bodies of several parts, of which one may be a file that is read while it is sent. No I/O but that reading."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.definitions.document import RequestBody
from holdfast.definitions.expressions import template
from holdfast.definitions.restoring import Multipart, Part
from holdfast.errors import DefinitionError
from holdfast.sources.bodies import Content
from holdfast.sources.exchange import Streamed

__all__ = ["UploadedFile", "file_in_form", "packed"]


@dataclass(frozen=True)
class UploadedFile:
    """A blob on its way back. `open` reads it from its beginning; one that ends early breaks the request off."""

    size_bytes: int
    open: Callable[[], AsyncIterator[bytes]]
    content_type: str
    name: str


_Piece = tuple[str, bytes | UploadedFile]
"""The headers of a part, and what it is."""


def packed(
    multipart: Multipart, context: Mapping[str, Any], file: UploadedFile | None
) -> tuple[bytes | Streamed, str]:  # fmt: skip
    """The body and its content type. Without a `file` its part is left out, as is a text that renders to nothing; a
    `related` body of which one part is left is that part alone. Raises DefinitionError.
    """
    pieces: list[tuple[Part, str, bytes | UploadedFile]] = []
    for part in multipart.parts:
        if part.is_file and file is not None:
            pieces.append((part, _one_line(file.content_type), file))
        elif part.text is not None:
            text = template(part.text).render_optional(**context)
            if text is not None:
                pieces.append((part, "", _encoded(text)))
        elif not part.is_file:
            content = Content(RequestBody(json=part.json), context)
            pieces.append((part, content.content_type, _in_ascii(content.encoded())))
    if multipart.type == "related":
        if len(pieces) == 1:
            _, kind, content_of_it = pieces[0]
            return _whole(content_of_it), kind or "text/plain; charset=utf-8"
        return _joined([(_kind(kind or "text/plain; charset=utf-8"), what) for _, kind, what in pieces], "related")
    return _joined(
        [(_disposition(part, what, context) + _kind(kind), what) for part, kind, what in pieces], "form-data"
    )


def file_in_form(name: str, file: UploadedFile) -> tuple[Streamed, str]:
    """A form that is nothing but this file, and its content type."""
    form = Multipart((Part(name=name, is_file=True),))
    body, kind = packed(form, {}, file)
    assert isinstance(body, Streamed), "a file is read while it is sent"
    return body, kind


def _joined(pieces: Sequence[_Piece], kind: str) -> tuple[Streamed, str]:
    boundary = secrets.token_hex(16)
    heads = [f"--{boundary}\r\n{headers}\r\n".encode() for headers, _ in pieces]
    tail = f"--{boundary}--\r\n".encode()

    async def parts() -> AsyncIterator[bytes]:
        for head, (_, what) in zip(heads, pieces, strict=True):
            yield head
            if isinstance(what, bytes):
                yield what
            else:
                async for piece in what.open():
                    yield piece
            yield b"\r\n"
        yield tail

    sizes = (len(what) if isinstance(what, bytes) else what.size_bytes for _, what in pieces)
    size = sum(sizes) + sum(len(head) + 2 for head in heads) + len(tail)
    return Streamed(size, parts), f"multipart/{kind}; boundary={boundary}"


def _whole(what: bytes | UploadedFile) -> bytes | Streamed:
    return what if isinstance(what, bytes) else Streamed(what.size_bytes, what.open)


def _disposition(part: Part, what: bytes | UploadedFile, context: Mapping[str, Any]) -> str:
    said = f'Content-Disposition: form-data; name="{_quoted(part.name)}"'
    if isinstance(what, bytes):
        return said + "\r\n"
    name = what.name if part.filename is None else template(part.filename).render(**context)
    return f'{said}; filename="{_quoted(name) or "file"}"\r\n'


def _kind(content_type: str) -> str:
    return f"Content-Type: {content_type}\r\n" if content_type else ""


def _quoted(text: str) -> str:
    """As it stands between quotes; no two servers agree on how to escape what cannot."""
    return "".join(one for one in text if one.isprintable() and one not in '"\\')


def _one_line(text: str) -> str:
    return "".join(one for one in text if one.isprintable())


def _in_ascii(json: bytes) -> bytes:
    """The same JSON: emulate, for one, takes the UTF-8 of a part for Latin-1."""
    text = json.decode()
    if text.isascii():
        return json
    units = ((one, one.encode("utf-16-be")) for one in text)
    return "".join(
        one
        if one.isascii()
        else "".join(f"\\u{int.from_bytes(pair[at : at + 2]):04x}" for at in range(0, len(pair), 2))
        for one, pair in units
    ).encode()


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DefinitionError("text with a lone surrogate cannot be sent in a body") from error
