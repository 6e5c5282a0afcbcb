"""What a POST sends: a definition's `body` rendered, with the paging's own value put into it. No I/O."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from holdfast.definitions.document import RequestBody
from holdfast.definitions.expressions import template
from holdfast.definitions.filters import json_text
from holdfast.errors import DefinitionError

__all__ = ["Content"]


class Content:
    """A body with everything in it but where the listing goes on."""

    def __init__(self, body: RequestBody, context: Mapping[str, Any]) -> None:
        """Raises DefinitionError where a template cannot be rendered."""
        self._form = body.form is not None
        self._value: Any
        if body.form is not None:
            self._value = _rendered(body.form, context, as_text=True) or {}
        elif body.graphql is not None:
            self._value = {"query": body.graphql, "variables": _rendered(body.variables, context) or {}}
        else:
            rendered = _rendered(body.json, context)
            self._value = {} if rendered is None and body.json is not None else rendered

    @property
    def content_type(self) -> str:
        return "application/x-www-form-urlencoded" if self._form else "application/json"

    def encoded(self, into: tuple[str, ...] = (), value: object = None) -> bytes:
        """The bytes to send, with `value` at `into`. Raises DefinitionError where no object stands on the way there."""
        content = self._value if value is None else _with(self._value, into, value)
        try:
            return urlencode(content).encode() if self._form else json_text(content).encode()
        except UnicodeEncodeError as error:
            raise DefinitionError("text with a lone surrogate cannot be sent in a body") from error


def _rendered(value: object, context: Mapping[str, Any], *, as_text: bool = False) -> Any:
    """JSON with its templates rendered; what renders to nothing is left out, and what is empty for that as well."""
    if isinstance(value, str):
        compiled = template(value)
        return compiled.render_optional(**context) if as_text else compiled.value(**context)
    if isinstance(value, Mapping):
        members = {key: _rendered(member, context, as_text=as_text) for key, member in value.items()}
        kept = {key: member for key, member in members.items() if member is not None or value[key] is None}
        return kept if kept or not value else None
    if isinstance(value, list | tuple):
        elements = [(element, _rendered(element, context)) for element in value]
        left = [rendered for element, rendered in elements if rendered is not None or element is None]
        return left if left or not value else None
    return value


def _with(content: Any, path: tuple[str, ...], value: object) -> Any:
    if not path:
        return value
    if not isinstance(content, dict):
        raise DefinitionError(f"the paging's `into` leads to {path[0]!r}, but the body has no object there")
    return {**content, path[0]: _with(content.get(path[0], {}), path[1:], value)}
