"""Where requests go: a definition's templates rendered to URLs and headers."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from holdfast.definitions.cursors import earlier
from holdfast.definitions.document import Blob, Connection, Definition, Endpoint, Listing
from holdfast.definitions.expressions import template
from holdfast.errors import DefinitionError, InputError, SourceRefused
from holdfast.sources.bodies import Content
from holdfast.sources.page import Parent

__all__ = ["Targets", "appended", "with_parameter"]

_QUERY_SAFE = "/:,@"
"""Left as they are in a query: legal there, and URLs stay readable in logs."""


class Targets:
    """Renders the templates of one definition with one instance's variables. Raises DefinitionError throughout where a
    template needs what is not there; SourceRefused where it is a record that has not got it, which is no matter of the
    others.
    """

    def __init__(self, definition: Definition, variables: Mapping[str, str]) -> None:
        defaults = {one.key: one.default for one in definition.variables}
        self.variables: Mapping[str, str | None] = {**defaults, **variables}
        """Defaults included; None: neither set nor with a default."""
        self._connection: Connection = definition.connection
        self.base_url = self.text(self._connection.base_url).rstrip("/")
        self._secrets = {one.key for one in definition.variables if one.secret}
        self.secret_query = {
            name: value
            for name, text in self._connection.query.items()
            if self._is_secret(text) and (value := template(text).render_optional(**self.variables))
        }
        """Query parameters of the connection that hold a secret: part of the credential, and of no URL made here."""
        self.has_secrets = bool(self.secret_query) or any(map(self._is_secret, self._connection.headers.values()))
        """Whether requests carry a secret, apart from what the definition calls `auth`."""

    def secrets(self) -> list[str]:
        """The values of the variables that are secret, as far as they are set."""
        return [value for key, value in self.variables.items() if key in self._secrets and value]

    def _is_secret(self, text: str) -> bool:
        return bool(template(text).names & self._secrets)

    def text(self, text: str) -> str:
        """A template that only knows the variables."""
        return template(text).render(**self.variables)

    def optional(self, text: str) -> str | None:
        """The same; None where a variable has no value."""
        return template(text).render_optional(**self.variables)

    def headers(
        self, declared: Mapping[str, str], parent: Parent | None = None, *, of_blob: bool = False,
        more: Mapping[str, Any] | None = None, required: Collection[str] = (),
    ) -> dict[str, str]:  # fmt: skip
        """The connection's headers and `declared` ones, which win; what renders to nothing is left out, but for the
        `required` ones where what is missing is no variable. `more` are names that their templates may use.

        `of_blob`: the connection's `Accept` does not count, for it names a form of JSON, in which some sources would
        then describe the file instead of sending it.
        """
        rendered = {"Accept": "*/*" if of_blob else "application/json"}
        context = {**_context(parent), **(more or {})}
        common = [
            (name, text) for name, text in self._connection.headers.items() if name.lower() != "accept" or not of_blob
        ]
        for name, text in (*common, *declared.items()):
            with _about(context):
                value = self._optional(text, context, required=name in required)
            if value is None or value == "":
                continue
            if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
                with _about(context):
                    raise InputError(f"the header {name} has a line break or control character")
            rendered = {known: one for known, one in rendered.items() if known.lower() != name.lower()}
            rendered[name] = value
        return rendered

    def listing(self, endpoint: Endpoint, parent: Parent | None, cursor: str | None, paging_query: str | None) -> str:
        """The URL of a listing, with every query parameter but the paging's own; more can be appended to it."""
        context = _since(endpoint, parent, cursor)
        query = dict(endpoint.query)
        if "cursor" in context and endpoint.incremental is not None:
            query.update(endpoint.incremental.query)
        query.pop(paging_query or "", None)
        return self.url(endpoint.path, query, context)

    def content(self, endpoint: Endpoint, parent: Parent | None, cursor: str | None) -> Content | None:
        """What a listing sends with POST; None: it is asked for with GET."""
        if endpoint.body is None:
            return None
        context = _since(endpoint, parent, cursor)
        with _about(context):
            return Content(endpoint.body, {**self.variables, **context})

    def beside(self, listing: Listing, parent: Parent | None, cursor: str | None) -> tuple[str, str]:
        """The URLs of a list beside the endpoint's own: of its first page, and of those behind it, to which the paging
        adds its own query parameter."""
        context = _context(parent)
        if cursor is not None:
            context["cursor"] = cursor
        further = {name: text for name, text in listing.query.items() if name != listing.paging.query}
        return self.url(listing.path, listing.query, context), self.url(listing.path, further, context)

    def single(
        self, path: str, query: Mapping[str, str], parent: Parent | None, fields: Mapping[str, Any] | None = None
    ) -> str:
        """The URL of something that is no list: of one record (whose `fields` are known) or of a parent."""
        return self.url(path, query, _context(parent) if fields is None else {**_context(parent), "record": fields})

    def blob(
        self, blob: Blob, parent: Parent | None, fields: Mapping[str, Any], answer: Mapping[str, Any] | None = None
    ) -> str | None:
        """The URL of a record's blob, or, as long as there is no `answer`, that of its `lookup`; None: it has none."""
        if blob.lookup is not None and answer is None:
            with _about(fields):
                path = template(blob.lookup).render_url(**self.variables, **_context(parent), record=fields)
            return self.single(blob.lookup, blob.lookup_query, parent, fields) if path else None
        more = {**_context(parent), "record": fields, "answer": answer}
        with _about(more):
            url = template(blob.url).render_url(**self.variables, **more).strip()
        if not url:
            return None
        return url if url.lower().startswith(("http://", "https://")) else f"{self.base_url}/{url.lstrip('/')}"

    def url(
        self, path: str, query: Mapping[str, str], context: Mapping[str, Any], *, required: bool = False
    ) -> str:  # fmt: skip
        """A path below `base_url` with the connection's and these query parameters; empty ones are left out, and where
        they are not `required`, those of which something is missing."""
        with _about(context):
            return self._url(path, query, context, required=required)

    def _url(self, path: str, query: Mapping[str, str], context: Mapping[str, Any], *, required: bool) -> str:
        rendered = template(path).render_path(**self.variables, **context)
        url = rendered if rendered.startswith(("http://", "https://")) else f"{self.base_url}/{rendered.lstrip('/')}"
        parameters = []
        for name, text in {**self._connection.query, **query}.items():
            if name not in query and self._is_secret(text):
                continue
            value = self._optional(text, context, required=required and name in query)
            if value is not None and (value or not text):
                try:
                    parameters.append(f"{quote(name, safe=_QUERY_SAFE)}={quote(value, safe=_QUERY_SAFE)}")
                except UnicodeEncodeError as error:
                    raise DefinitionError("text with a lone surrogate cannot stand in a query") from error
        return appended(url, "&".join(parameters))

    def _optional(self, text: str, context: Mapping[str, Any], *, required: bool) -> str | None:
        """What may be left out; not where it is `required`, unless it needs nothing but variables."""
        found = template(text)
        if required and found.names - self.variables.keys():
            return found.render(**self.variables, **context)
        return found.render_optional(**self.variables, **context)


@contextmanager
def _about(context: Mapping[str, Any]) -> Iterator[None]:
    """What a template can make nothing of, where it stands in a record of the source and not in a variable, is that
    record's trouble: no other one is to be left unread for it."""
    try:
        yield
    except InputError as error:
        if not context:
            raise
        raise SourceRefused(str(error), hint=error.hint, code=error.code) from error


def appended(url: str, parameters: str) -> str:
    """The URL with more (encoded) query parameters."""
    if not parameters:
        return url
    return f"{url}{'&' if '?' in url else '?'}{parameters}"


def with_parameter(url: str, parameter: tuple[str, str] | None) -> str:
    """The URL with one more query parameter, which is encoded here."""
    if parameter is None:
        return url
    return appended(url, f"{quote(parameter[0], safe=_QUERY_SAFE)}={quote(parameter[1], safe=_QUERY_SAFE)}")


def _since(endpoint: Endpoint, parent: Parent | None, cursor: str | None) -> dict[str, Any]:
    """What the templates of a listing may use; with a cursor for a delta only."""
    if cursor is None or endpoint.incremental is None:
        return _context(parent)
    return {**_context(parent), "cursor": earlier(cursor, endpoint.incremental.overlap)}


def _context(parent: Parent | None) -> dict[str, Any]:
    if parent is None:
        return {}
    above = {} if parent.parent is None else {"grandparent": parent.parent.fields}
    return {"parent": parent.fields, **above}
