"""A definition as the rest of Holdfast sees it: checked, complete, immutable. `loading` makes one from YAML.

Templates stay text here (`expressions` renders them), selectors too (`selectors` compiles them).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Literal

from holdfast.definitions.restoring import Restore, texts_within

Template = str
"""Text with `{{ expressions }}`; see `definitions.expressions`."""
Selector = str
"""A JMESPath expression; plain dotted paths take a fast path. See `definitions.selectors`."""
JsonTemplate = object
"""JSON as Python has it, in which every text is a template."""
TimeForm = Literal["seconds", "unix", "unix_ms", "time"]
"""How a source tells a time: seconds from now, seconds or milliseconds since 1970, or in ISO 8601 or as HTTP does."""


@dataclass(frozen=True)
class Variable:
    key: str
    name: str
    description: str | None = None
    secret: bool = False
    optional: bool = False
    default: str | None = None


@dataclass(frozen=True)
class OAuth2:
    """Where access tokens come from. Only the fields of its `grant` are set."""

    grant: Literal["refresh_token", "client_credentials", "jwt_bearer"]
    token_url: Template
    client_id: Template = ""
    client_secret: Template = ""
    client_auth: Literal["basic", "body"] = "basic"
    """Whether client id and secret go as HTTP Basic or as form fields."""
    refresh_token: str = ""
    """The key of the variable that holds it: a new one from the source is sealed there first."""
    scope: Template = ""
    parameters: Mapping[str, Template] = field(default_factory=dict)
    """More form fields of the token request."""
    private_key: Template = ""
    """PEM; signs the assertion of `jwt_bearer`."""
    key_id: Template = ""
    algorithm: Literal["RS256", "ES256"] = "RS256"
    claims: Mapping[str, Template] = field(default_factory=dict)
    """Claims of the assertion (iss, sub, aud, scope ...); times are added."""


@dataclass(frozen=True)
class RequestBody:
    """What a request that is not a GET sends. Exactly one of `json` (not None), `form` and `graphql` is set."""

    json: JsonTemplate = None
    form: Mapping[str, Template] | None = None
    graphql: str | None = None
    """The text of a query, no template; sent as JSON with `variables`."""
    variables: JsonTemplate = None

    def templates(self) -> list[Template]:
        """Every template in it."""
        return texts_within(self.json, self.form, self.variables)


@dataclass(frozen=True)
class Login:
    """A request that gives a session token, repeated when the token has expired or is refused."""

    path: Template
    body: RequestBody
    token: Selector = ""
    """Over the answer's body; empty where a header has it."""
    token_header: str = ""
    """The response header that has the token; of `Set-Cookie` the cookies, as they are sent back."""
    expires_in: Selector | None = None
    """Where the answer says how many seconds the token is good for."""
    header: str = "Authorization"
    value: Template = "Bearer {{ session }}"
    """What that header says, with `session` for the token."""


@dataclass(frozen=True)
class Auth:
    """How a request proves who asks. Only the fields of its `type` are set."""

    type: Literal["none", "basic", "bearer", "api_key", "headers", "oauth2", "login"]
    username: Template = ""
    password: Template = ""
    token: Template = ""
    key: Template = ""
    header: str | None = None
    query: str | None = None
    headers: Mapping[str, Template] = field(default_factory=dict)
    """Several headers that are the credential together; like every credential they never leave the API's origin."""
    oauth2: OAuth2 | None = None
    login: Login | None = None


@dataclass(frozen=True)
class Quota:
    """Response headers that tell how many requests are left, so that a limit is honoured before it bites."""

    remaining: str
    reset: str
    reset_as: TimeForm = "seconds"
    reserve: int = 0
    """Requests that are left to other clients of the same account."""


@dataclass(frozen=True)
class AnswerRule:
    """What an answer means that fits all the conditions given: status, headers and selectors over the body."""

    means: Literal["throttled", "credential", "gone", "retry", "skip", "failed", "expired"]
    statuses: tuple[int, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[Selector, object] = field(default_factory=dict)
    contains: str = ""
    """Text somewhere in the body."""
    because: str = ""
    """The permanent cause of a `skip`, for the run's report."""
    message: Selector | None = None
    """Where the body says for people what is wrong."""
    wait: str | None = None
    """The response header that says until when to wait."""
    wait_as: TimeForm = "seconds"


@dataclass(frozen=True)
class Limits:
    """`requests` per `per`, and at most `concurrency` requests under way at once. None: no such limit."""

    requests: int | None = None
    per: timedelta = timedelta(seconds=1)
    concurrency: int = 4
    quota: Quota | None = None
    concurrency_is_stated: bool = True
    """Whether the document says it: then all who use the same credential keep to it together. Else each does."""


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
    origins: tuple[Template, ...] = ()
    """More origins of the API, which are sent the credential as well."""
    headers: Mapping[str, Template] = field(default_factory=dict)
    query: Mapping[str, Template] = field(default_factory=dict)
    limits: Limits = Limits(concurrency_is_stated=False)
    retry: Retry = Retry()
    check: Check | None = None
    timeout: timedelta = timedelta(seconds=60)
    page_bytes: int = 64 * 1024 * 1024
    """A response body larger than this, after decompression, is refused."""
    answers: tuple[AnswerRule, ...] = ()
    """The first that fits an answer decides what it means; an endpoint's own come first."""


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
    into: tuple[str, ...] = ()
    """Instead of `query`: where in the request's JSON body the cursor, number or offset goes."""


@dataclass(frozen=True)
class Incremental:
    """Ask only for what has changed. The cursor is the greatest `field` seen, less `overlap` where it is a time; or a
    `token` that the last page gives.
    """

    field: Selector
    """Over a record; empty where there is a `token`."""
    query: Mapping[str, Template]
    overlap: timedelta = timedelta(0)
    full_every: timedelta = timedelta(days=7)
    token: Selector | None = None
    """Over the body of the last page."""
    expired_on: frozenset[int] = frozenset()
    """Statuses that mean: this cursor is too old, list everything."""


@dataclass(frozen=True)
class Tombstones:
    """A record that says of itself that it is deleted: `field` is present and equal to `equals`."""

    field: Selector
    equals: object = True


@dataclass(frozen=True)
class Listing:
    """A list beside an endpoint's own, with its own paging."""

    path: Template
    query: Mapping[str, Template] = field(default_factory=dict)
    records: Selector = ""
    paging: Paging = Paging()


@dataclass(frozen=True)
class ChangeFeed:
    """A feed of what has changed, read instead of the list where there is a cursor for it.

    An entry names a record by `id`, or several where that selects a list. It holds the whole record at `record`; what
    it names and does not hold is asked for by id.
    """

    listing: Listing
    id: tuple[Selector, ...]
    start: Template
    """The path that gives the first cursor, asked for before a full listing begins."""
    start_token: Selector
    next: Selector
    """Over a page's body: the cursor after it."""
    record: Selector | None = None
    tombstones: Tombstones | None = None
    gap: Selector | None = None
    """Over a page's body: true where the feed has left something out, so that everything must be listed."""
    expired_on: frozenset[int] = frozenset()
    start_query: Mapping[str, Template] = field(default_factory=dict)
    full_every: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class Sweep:
    """A cheap complete list of ids: what it does not have is deleted."""

    listing: Listing
    id: tuple[Selector, ...]
    every: timedelta = timedelta(days=1)


@dataclass(frozen=True)
class Deletions:
    """A list of what was deleted since `cursor`."""

    listing: Listing
    id: tuple[Selector, ...]
    field: Selector
    """What its cursor is taken from."""


@dataclass(frozen=True)
class Detail:
    """The list has stubs: a record is what this path answers, asked for when a `version` of the stub has changed."""

    path: Template
    version: tuple[Selector, ...]
    select: Selector = ""
    query: Mapping[str, Template] = field(default_factory=dict)


@dataclass(frozen=True)
class Count:
    """The source's own count of a list, taken before and after it is read."""

    path: Template | None = None
    """None: told by the list's own first page."""
    method: Literal["GET", "HEAD"] = "GET"
    query: Mapping[str, Template] = field(default_factory=dict)
    header: str | None = None
    select: Selector | None = None


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
    checksum: Selector | None = None
    """Where the record has a checksum of the bytes; other bytes are a failure."""
    headers: Mapping[str, Template] = field(default_factory=dict)
    send_credential: bool = True
    """Even when true the credential never leaves the origin of `connection.base_url`."""
    inline: Selector | None = None
    """Instead of `url` (which is empty then): where the record holds the binary as text."""
    encoding: Literal["base64", "text"] = "base64"
    """Of `inline`; base64 with either alphabet."""
    lookup: Template | None = None
    """A path that is asked for first: `url` then has its JSON as `answer`, and `inline` selects from it."""
    lookup_query: Mapping[str, Template] = field(default_factory=dict)
    answers: tuple[AnswerRule, ...] = ()
    """For its own requests only; they come before the endpoint's."""


@dataclass(frozen=True)
class Endpoint:
    name: str
    path: Template
    id: tuple[Selector, ...]
    """One selector, or several for a composite id."""
    description: str | None = None
    method: Literal["GET", "POST"] = "GET"
    query: Mapping[str, Template] = field(default_factory=dict)
    headers: Mapping[str, Template] = field(default_factory=dict)
    records: Selector = ""
    """Where the list of records stands in the body; empty: the body is the list."""
    keys: str | None = None
    """The list is an object, each member a record: the field that its key becomes."""
    values: str | None = None
    """The list has plain values: the one field of the records that they become."""
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
    record_query: Mapping[str, Template] = field(default_factory=dict)
    record_select: Selector = ""
    """Where the record stands in that answer's body; empty: the body is the record."""
    volatile: tuple[str, ...] = ()
    """Dotted paths that are stored but not compared."""
    optional_on: frozenset[int] = frozenset()
    """Statuses that mean: this parent has no such list."""
    blob: Blob | None = None
    body: RequestBody | None = None
    """With the method POST."""
    where: Selector | None = None
    """Over a parent's record: it is listed only for those where this gives something."""
    only_changed: bool = False
    """It is listed only for parents whose record has changed since it was listed last."""
    within: str | None = None
    """The parent whose records hold these at `records`; no request is made, and `path` is empty."""
    for_each_also: tuple[str, ...] = ()
    """More parents beside `for_each`, for a list that records of several endpoints have."""
    answers: tuple[AnswerRule, ...] = ()
    changes: ChangeFeed | None = None
    sweep: Sweep | None = None
    deletions: Deletions | None = None
    detail: Detail | None = None
    count: Count | None = None
    restore: Restore | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        """The endpoints that are read before this one."""
        return (self.for_each, *self.for_each_also) if self.for_each is not None else ()

    @property
    def restored_after(self) -> tuple[str, ...]:
        """The endpoints whose records are restored before this one's; never itself."""
        if self.restore is None:
            return self.parents
        referred = (one.endpoint for one in self.restore.references.values())
        return (*self.parents, *self.restore.after, *(name for name in referred if name != self.name))

    @property
    def finds_without_parent(self) -> bool:
        """Whether a single record can be asked for by its id alone, when nothing is known of its parent any more."""
        path, query = self.record_path, self.record_query
        if path is None and self.detail is not None:
            path, query = self.detail.path, self.detail.query
        said = () if path is None else (path, *query.values(), *self.headers.values())
        return bool(said) and not any("parent" in text for text in said)

    @property
    def uses_grandparent(self) -> bool:
        """Whether anything in it needs the parent's parent."""
        waiting: list[object] = [asdict(replace(self, restore=None))]
        while waiting:
            value = waiting.pop()
            if isinstance(value, str):
                if "grandparent" in value:
                    return True
            elif isinstance(value, Mapping):
                waiting.extend(value.values())
            elif isinstance(value, list | tuple):
                waiting.extend(value)
        return False


@dataclass(frozen=True)
class Definition:
    name: str
    connection: Connection
    endpoints: Sequence[Endpoint]
    """In the document's order."""
    variables: Sequence[Variable] = ()
    description: str | None = None
    documentation: str | None = None
    verified: str | None = None
    """How it was tried, honestly: against what, and what not."""

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
            ready = [endpoint for endpoint in waiting if all(parent in done for parent in endpoint.parents)]
            done.update((endpoint.name, endpoint) for endpoint in ready)
            waiting = [endpoint for endpoint in waiting if endpoint.name not in done]
        return list(done.values())

    def restored(self) -> list[Endpoint]:
        """The endpoints in the order in which they are restored: parents and what is referred to before what refers."""
        done: dict[str, Endpoint] = {}
        waiting = list(self.planned())
        while waiting:
            ready = next(one for one in waiting if all(name in done for name in one.restored_after))
            done[ready.name] = ready
            waiting.remove(ready)
        return list(done.values())
