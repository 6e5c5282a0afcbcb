"""What makes two records equal: the same tokens, whatever the order of keys and the white space between them.

Tokens are never decoded: 1.0 and 1.00 differ, numbers of any size and lone surrogates are fine. One pass over tokens,
25 us for a record of 1 KB; values nested very deep take another way, in which closing one copies nothing.
"""

import re
from functools import lru_cache
from typing import Any

from holdfast.errors import VaultError

_WHITE = b" \t\n\r"
_tokens = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s"{}\[\],:]+', re.DOTALL).findall
"""Strings, brackets, other scalars. Commas and colons are left out: the order of tokens says where they stand."""
_QUOTE, _OPEN_LIST, _CLOSE_LIST, _OPEN_OBJECT, _CLOSE_OBJECT = b'"[]{}'
_DEPTH_MAX = 50
"""Deeper values are built without joining at every level, which costs size times depth."""

_Paths = dict[bytes, Any]
"""Keys as JSON strings; None for a member to leave out, or what to leave out within it."""


def canonical(raw: bytes) -> bytes:
    """The record with sorted keys and without white space; every string and number token stays as it was sent.

    Keys are sorted bytewise as they are spelt; members of one name keep their order, since the last one counts. Any
    depth is fine. Raises VaultError where `raw` is not one JSON value.
    """
    form = _canonical(raw, {})
    if len(form.translate(None, _WHITE)) != len(raw.translate(None, _WHITE)):
        raise _not_json("a comma or colon is missing, or there is one too many")
    return form


def comparable(raw: bytes, volatile: tuple[str, ...]) -> bytes:
    """`canonical` without the members that the dotted paths in `volatile` name; lists on the way are passed through.

    `raw` must be JSON; not everything that is not is found out.
    """
    return _canonical(raw, _compiled(volatile)) if volatile else canonical(raw)


@lru_cache(maxsize=256)
def _compiled(volatile: tuple[str, ...]) -> _Paths:
    root: _Paths = {}
    for path in volatile:
        *above, last = [_quoted(name) for name in path.split(".")]
        node: _Paths | None = root
        for name in above:
            node = node.setdefault(name, {}) if node is not None else None
        if node is not None:
            node[last] = None
    return root


def _canonical(raw: bytes, paths: _Paths) -> bytes:
    stack: list[tuple[list[Any], bool, bytes | None, _Paths | None]] = []
    parts: list[Any] = []  # of the innermost object: (key, value); of a list: values; at the top: the one value
    is_object = False
    key: bytes | None = None
    inner: _Paths | None = paths  # what to leave out here; None: everything, as this is within a member left out
    for token in _tokens(raw):
        first = token[0]
        if is_object and key is None and first != _CLOSE_OBJECT:
            if first != _QUOTE:
                raise _not_json("a key is not a string")
            key = token
            continue
        if first in (_OPEN_OBJECT, _OPEN_LIST):
            if len(stack) == _DEPTH_MAX:
                return _deep_canonical(raw, paths)
            stack.append((parts, is_object, key, inner))
            if inner and is_object:
                inner = inner.get(_plain(key), {})
            parts, is_object, key = [], first == _OPEN_OBJECT, None
            continue
        if first in (_CLOSE_OBJECT, _CLOSE_LIST):
            if not stack or is_object != (first == _CLOSE_OBJECT) or key is not None:
                raise _not_json("brackets do not match")
            value = _joined(parts, is_object)
            parts, is_object, key, inner = stack.pop()
        else:
            value = token
        if not is_object:
            parts.append(value)
        elif not inner or inner.get(_plain(key), inner) is not None:
            parts.append((key, value))
        key = None
    if stack or len(parts) != 1:
        raise _not_json("it ends early, or goes on")
    form: bytes = parts[0]
    return form


def _joined(parts: list[Any], is_object: bool) -> bytes:
    if is_object:
        parts.sort(key=_key_of)
        return b"{" + b",".join([key + b":" + value for key, value in parts]) + b"}"
    return b"[" + b",".join(parts) + b"]"


def _key_of(member: tuple[bytes, Any]) -> bytes:
    return member[0]


class _Node:
    """An object or list whose members are tokens or further nodes."""

    __slots__ = ("inner", "is_object", "key", "parts")

    def __init__(self, is_object: bool, inner: _Paths | None) -> None:
        self.is_object = is_object
        self.inner = inner
        self.key: bytes | None = None
        self.parts: list[tuple[bytes, Any]] = []


def _deep_canonical(raw: bytes, paths: _Paths) -> bytes:
    """As `_canonical`, building a tree first: a record may nest deeper than Python's stack."""
    root = _Node(False, paths)
    stack = [root]
    for token in _tokens(raw):
        top = stack[-1]
        first = token[0]
        if top.is_object and top.key is None and first != _CLOSE_OBJECT:
            if first != _QUOTE:
                raise _not_json("a key is not a string")
            top.key = token
            continue
        if first in (_CLOSE_OBJECT, _CLOSE_LIST):
            if len(stack) == 1 or top.is_object != (first == _CLOSE_OBJECT) or top.key is not None:
                raise _not_json("brackets do not match")
            stack.pop()
            continue
        value: bytes | _Node = token
        inner = top.inner
        if first in (_OPEN_OBJECT, _OPEN_LIST):
            below = inner.get(_plain(top.key), {}) if inner and top.is_object else inner
            value = _Node(first == _OPEN_OBJECT, below)
            stack.append(value)
        if not (top.is_object and inner) or inner.get(_plain(top.key), inner) is not None:
            top.parts.append((top.key or b"", value))
        top.key = None
    if len(stack) > 1 or len(root.parts) != 1:
        raise _not_json("it ends early, or goes on")
    return _written(root.parts[0][1])


def _written(root: bytes | _Node) -> bytes:
    pieces: list[bytes] = []
    pending: list[bytes | _Node] = [root]
    while pending:
        value = pending.pop()
        if isinstance(value, bytes):
            pieces.append(value)
            continue
        if value.is_object:
            value.parts.sort(key=_key_of)
        pieces.append(b"{" if value.is_object else b"[")
        pending.append(b"}" if value.is_object else b"]")
        for index in range(len(value.parts) - 1, -1, -1):
            key, member = value.parts[index]
            pending.append(member)
            if value.is_object:
                pending.append(key + b":")
            if index:
                pending.append(b",")
    return b"".join(pieces)


def _plain(key: bytes | None) -> bytes:
    """The key as `_quoted` writes it, however it is spelt."""
    assert key is not None
    if b"\\" not in key:
        return key
    text = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", _unescaped, key[1:-1].decode("utf-8", "surrogatepass"))
    # Through UTF-16, which makes one character of a pair of surrogates.
    return _quoted(text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"))


def _quoted(name: str) -> bytes:
    return b'"' + name.encode("utf-8", "surrogatepass") + b'"'


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    if escape[0] == "u" and len(escape) == 5:
        return chr(int(escape[1:], 16))
    return {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}.get(escape, escape)


def _not_json(reason: str) -> VaultError:
    return VaultError(f"a record is not one JSON value: {reason}")
