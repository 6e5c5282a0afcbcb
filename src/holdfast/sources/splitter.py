"""Splits a page's body into its records' bytes, as they were sent, and gives access to what stands beside them.

Fast where the selectors are plain paths: one pass of msgspec that skips everything else unread. What msgspec refuses
takes `scanner`, equal and slower; real JMESPath selectors take `origins`. What is in a record is `columns`' matter.
"""

import codecs
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from holdfast.definitions.selectors import Selector, selector
from holdfast.definitions.values import decode, kind_of
from holdfast.errors import PageUnreadable
from holdfast.sources import scanner
from holdfast.sources.origins import raw_bytes
from holdfast.sources.structs import getter, nested
from holdfast.sources.wrapping import Wrapping

__all__ = ["Split", "Splitter", "decode_leniently", "utf8"]

_MOST_VALUES = 4_000_000
"""Values of a body that is decoded or split: each costs up to 100 bytes of memory, however few it has in the body."""

# APIs that leave the list out when it is empty (Google) are common enough to get the fast path too.
_OR_EMPTY = re.compile(r"\s*(\S+?)\s*\|\|\s*`\[\]`\s*")


@dataclass(frozen=True, slots=True)
class Split:
    """A page taken apart. `find` gives the value of a selector over the whole body, None where there is nothing."""

    raws: list[bytes]
    find: Callable[[str], Any]


class Splitter:
    """Splits the pages of one endpoint. Immutable, safe between threads."""

    def __init__(
        self, records: str, beside: Iterable[str] = (), *, may_lack: bool = False, wrapping: Wrapping | None = None
    ) -> None:
        """`records` selects the list; `beside` are the selectors that `Split.find` will be asked for.

        With `may_lack` an object without the list has no records, rather than being unreadable. With `wrapping`,
        `records` must be a plain path.
        """
        self._wrapping = wrapping
        self._may_lack = may_lack
        self._lenient = (
            _OR_EMPTY.fullmatch(records) is not None and selector(_OR_EMPTY.sub(r"\1", records)).path is not None
        )
        self.records: Selector = selector(_OR_EMPTY.sub(r"\1", records) if self._lenient else records)
        self._decoder: msgspec.json.Decoder[Any] | None = None
        self._get_records: Callable[[Any], Any] = lambda _: None
        self._getters: dict[str, Callable[[Any], Any]] = {}
        if self.records.path is None:
            return
        leaves: dict[tuple[str, ...], Any] = {self.records.path: list[msgspec.Raw] | None}
        plain = {text: path for text in beside if (path := selector(text).path) is not None}
        if self.records.path == ():
            plain = {}
        leaves.update({path: msgspec.Raw for path in plain.values() if path not in leaves})
        kind = nested(leaves)
        if kind is None:
            plain = {}
            kind = nested({self.records.path: leaves[self.records.path]})
            leaves = {self.records.path: None}
        self._decoder = msgspec.json.Decoder(kind)
        self._get_records = getter(leaves, self.records.path)
        self._getters = {text: getter(leaves, path) for text, path in plain.items()}

    def split(self, body: bytes) -> Split:
        """Take one page apart. Raises PageUnreadable: the body is no JSON, or no list of records stands there."""
        _refuse_too_many_values(body)
        if self._wrapping is not None:
            return self._wrapped(body, self._wrapping)
        if self._decoder is not None:
            try:
                page = self._decoder.decode(body)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                pass  # no such JSON, or JSON that msgspec refuses: the scanner tells them apart
            else:
                return self._from_struct(body, page)
            return self._from_scanner(body, self.records.path or ())
        return self._from_jmespath(body)

    def _from_struct(self, body: bytes, page: Any) -> Split:
        try:
            found = self._get_records(page)
        except AttributeError:
            found = msgspec.UNSET
        if isinstance(found, list):
            return Split(list(map(bytes, found)), self._finder(body, page))
        return Split(self._no_list(body, None if found is msgspec.UNSET else found), self._finder(body, page))

    def _finder(self, body: bytes, page: Any) -> Callable[[str], Any]:
        whole: list[Any] = []

        def find(text: str) -> Any:
            get = self._getters.get(text)
            if get is not None and page is not None:
                try:
                    raw = get(page)
                except AttributeError:
                    return None
                return decode_leniently(bytes(raw)) if isinstance(raw, msgspec.Raw) else None
            if not whole:
                whole.append(decode_leniently(body))
            return selector(text).find(whole[0])

        return find

    def _from_scanner(self, body: bytes, path: tuple[str, ...]) -> Split:
        place = scanner.locate(body, path)
        if place is None or body[place[0] : place[0] + 1] != b"[":
            value = None if place is None else decode_leniently(body[place[0] : place[1]])
            return Split(self._no_list(body, value), self._finder(body, None))
        raws = [body[began:end] for began, end in scanner.elements(body, place[0])]
        return Split(raws, _scanning(body))

    def _wrapped(self, body: bytes, wrapping: Wrapping) -> Split:
        place = scanner.locate(body, self.records.path or ())
        raws = None if place is None else wrapping.records(body, place[0])
        if raws is None:
            value = None if place is None else decode_leniently(body[place[0] : place[1]])
            raws = self._no_list(body, value)
        return Split(raws, _scanning(body))

    def _from_jmespath(self, body: bytes) -> Split:
        value = decode_leniently(body)
        found = self.records.find(value)
        if not isinstance(found, list):
            return Split(self._no_list(body, found), lambda text: selector(text).find(value))
        raws = []
        for index, raw in enumerate(raw_bytes(body, value, found)):
            if raw is None:
                raise PageUnreadable(
                    f"record {index + 1} that {self.records.text!r} selects is not an object as it was sent, "
                    f"but {kind_of(found[index])}",
                    hint="`records` must select objects of the body; it may not build new ones.",
                )
            raws.append(raw)
        return Split(raws, lambda text: selector(text).find(value))

    def _no_list(self, body: bytes, found: object) -> list[bytes]:
        if found is None and (self._lenient or self._may_lack) and body.lstrip()[:1] == b"{":
            return []
        where = f"at {self.records.text!r}" if self.records.text else "as the whole body"
        wanted = (
            "an object whose members are records" if self._wrapping and self._wrapping.keys else "a list of records"
        )
        raise PageUnreadable(f"{wanted} was expected {where}, but there is {kind_of(found)}: {excerpt(body)}")


def _scanning(body: bytes) -> Callable[[str], Any]:
    """Finds the value of a selector without decoding more than it must."""

    def find(text: str) -> Any:
        wanted = selector(text)
        if wanted.path is None:
            return wanted.find(decode_leniently(body))
        found = scanner.locate(body, wanted.path)
        return None if found is None else decode_leniently(body[found[0] : found[1]])

    return find


def excerpt(body: bytes) -> str:
    """The beginning of a body, for a message."""
    text = " ".join(body[:200].decode("utf-8", "replace").split())
    return f"{text!r}..." if len(body) > 200 else repr(text)


def _refuse_too_many_values(body: bytes) -> None:
    # A comma in a text counts as well: an error on the safe side, and counting costs nothing beside splitting.
    if len(body) > _MOST_VALUES and body.count(b",") > _MOST_VALUES:
        raise PageUnreadable(
            f"the body has more than {_MOST_VALUES} values", hint="Ask for fewer records a page in the definition."
        )


def decode_leniently(raw: bytes) -> Any:
    """Like `values.decode`, but bytes that are no UTF-8 become U+FFFD: to look into a record, never to store it."""
    _refuse_too_many_values(raw)
    try:
        raw.decode()
    except UnicodeDecodeError:
        raw = raw.decode("utf-8", "replace").encode()
    return decode(raw)


def utf8(body: bytes, charset: str | None) -> bytes:
    """The body as UTF-8 without a byte order mark: JSON in another encoding is transcoded, anything else left as it is.

    `charset` is what Content-Type says. Many servers say iso-8859-1 and send UTF-8 all the same: what is valid UTF-8
    is taken for it. Raises PageUnreadable where the bytes do not fit the encoding.
    """
    encoding = _marked_encoding(body) or _other_encoding(body, charset)
    if encoding is None:
        return body
    try:
        return body.decode(encoding).encode()
    except (UnicodeError, LookupError) as error:
        raise PageUnreadable(f"the body cannot be read as {encoding}: {error}") from error


def _marked_encoding(body: bytes) -> str | None:
    if body[:1] not in {b"\xef", b"\xff", b"\xfe", b"\x00"} and body[1:2] != b"\x00":
        return None
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if body.startswith(mark):
            return encoding
    if body[1:4] == b"\0\0\0":
        return "utf-32-le"
    if body[:3] == b"\0\0\0":
        return "utf-32-be"
    return "utf-16-be" if body[:1] == b"\0" else "utf-16-le" if body[1:2] == b"\0" else None


def _other_encoding(body: bytes, charset: str | None) -> str | None:
    if charset is None or charset.lower().replace("_", "-") in {"utf-8", "utf8", "us-ascii", "ascii"}:
        return None
    try:
        body.decode()
    except UnicodeDecodeError:
        return charset
    return None
