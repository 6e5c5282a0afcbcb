"""A definition as the rest of Holdfast sees it: checked, complete, immutable. `loading` makes one from YAML.

Templates stay text here (`expressions` renders them), selectors too (`selectors` compiles them).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

Template = str
"""Text with `{{ expressions }}`; see `definitions.expressions`."""
Selector = str
"""A JMESPath expression; plain dotted paths take a fast path. See `definitions.selectors`."""


@dataclass(frozen=True)
class Variable:
    key: str
    name: str
    description: str | None = None
    secret: bool = False
    optional: bool = False
    default: str | None = None


@dataclass(frozen=True)
class Auth:
    """How a request proves who asks. Only the fields of its `type` are set."""

    type: Literal["none", "basic", "bearer", "api_key"]
    username: Template = ""
    password: Template = ""
    token: Template = ""
    key: Template = ""
    header: str | None = None
    query: str | None = None


@dataclass(frozen=True)
class Limits:
    """`requests` per `per`, and at most `concurrency` requests under way at once. None: no such limit."""

    requests: int | None = None
    per: timedelta = timedelta(seconds=1)
    concurrency: int = 4


@dataclass(frozen=True)
class Retry:
    """How often and how long a failing request is tried again before the page counts as failed."""

    attempts: int = 6
    first_wait: timedelta = timedelta(milliseconds=500)
    longest_wait: timedelta = timedelta(seconds=60)
    statuses: tuple[int, ...] = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Check:
    """A cheap request that succeeds only with a good credential."""

    path: Template
    query: Mapping[str, Template] = field(default_factory=dict)


@dataclass(frozen=True)
class Connection:
    base_url: Template
    auth: Auth = Auth("none")
    headers: Mapping[str, Template] = field(default_factory=dict)
    query: Mapping[str, Template] = field(default_factory=dict)
    limits: Limits = Limits()
    retry: Retry = Retry()
    check: Check | None = None
    timeout: timedelta = timedelta(seconds=60)
    page_bytes: int = 64 * 1024 * 1024
    """A response body larger than this, after decompression, is refused."""


@dataclass(frozen=True)
class Paging:
    """How the next page is found. Each type ends only where the source itself says so: see docs/definition-language.md.

    none       one page
    link_header  the `Link` header's rel="next"
    next_url   a URL in the body (`body`, a selector) or in a response header (`header`)
    cursor     a token in the body (`body`) or header (`header`), sent as query parameter `query`
    page       a number sent as `query`, from `start`; ends at a page without records, past `total_pages` or `has_more`
    offset     the number of records so far sent as `query`; ends at a page without records, or at `total` / `has_more`
    """

    type: Literal["none", "link_header", "next_url", "cursor", "page", "offset"] = "none"
    body: Selector | None = None
    header: str | None = None
    query: str | None = None
    start: int = 1
    """The first page's number."""
    first_offset: int = 0
    """What an offset counts from: 0 or 1."""
    total_pages: Selector | None = None
    total: Selector | None = None
    has_more: Selector | None = None


@dataclass(frozen=True)
class Incremental:
    """Ask only for what has changed. The cursor is the greatest `field` seen, less `overlap` where it is a time."""

    field: Selector
    query: Mapping[str, Template]
    overlap: timedelta = timedelta(0)
    full_every: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class Tombstones:
    """A record that says of itself that it is deleted: `field` is present and equal to `equals`."""

    field: Selector
    equals: object = True


@dataclass(frozen=True)
class Blob:
    """The binary that belongs to a record. No `url` after rendering (empty): the record has none.

    `version` are selectors whose values change when the bytes do. Without them, `recheck` says how old the last
    download may be before the blob is asked for again (None: never again).
    """

    url: Template
    version: tuple[Selector, ...] = ()
    recheck: timedelta | None = None
    content_type: Selector | None = None
    name: Selector | None = None
    size: Selector | None = None
    headers: Mapping[str, Template] = field(default_factory=dict)
    send_credential: bool = True
    """Even when true the credential never leaves the origin of `connection.base_url`."""


@dataclass(frozen=True)
class Endpoint:
    name: str
    path: Template
    id: tuple[Selector, ...]
    """One selector, or several for a composite id."""
    description: str | None = None
    method: Literal["GET"] = "GET"
    query: Mapping[str, Template] = field(default_factory=dict)
    headers: Mapping[str, Template] = field(default_factory=dict)
    records: Selector = ""
    """Where the list of records stands in the body; empty: the body is the list."""
    paging: Paging = Paging()
    for_each: str | None = None
    """The parent endpoint: this one is listed once per record of it, with `parent` in its templates."""
    global_id: bool = False
    """The id is unique over all parents; otherwise the identity is (parent, id)."""
    stable: bool = False
    """Records do not move between pages while they are listed (a listing by key). Otherwise absence is confirmed."""
    incremental: Incremental | None = None
    tombstones: Tombstones | None = None
    record_path: Template | None = None
    """Where one record can be asked for, with `record` and `parent` in the template: confirms absence, pays debts."""
    record_select: Selector = ""
    """Where the record stands in that answer's body; empty: the body is the record."""
    volatile: tuple[str, ...] = ()
    """Dotted paths that are stored but not compared."""
    optional_on: frozenset[int] = frozenset()
    """Statuses that mean: this parent has no such list."""
    blob: Blob | None = None


@dataclass(frozen=True)
class Definition:
    name: str
    connection: Connection
    endpoints: Sequence[Endpoint]
    """In the document's order."""
    variables: Sequence[Variable] = ()
    description: str | None = None
    documentation: str | None = None

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint of that name. Raises KeyError."""
        for endpoint in self.endpoints:
            if endpoint.name == name:
                return endpoint
        raise KeyError(name)

    def planned(self) -> list[Endpoint]:
        """The endpoints, parents before children, otherwise in the document's order."""
        done: dict[str, Endpoint] = {}
        waiting = list(self.endpoints)
        while waiting:
            ready = [endpoint for endpoint in waiting if endpoint.for_each is None or endpoint.for_each in done]
            done.update((endpoint.name, endpoint) for endpoint in ready)
            waiting = [endpoint for endpoint in waiting if endpoint.name not in done]
        return list(done.values())
