"""Documents that are right and wrong in one place each: shared by the tests of the loader and of the JSON Schema."""

from typing import Any

import yaml

from holdfast.definitions.yaml_tree import Node

Part = dict[str, Any]


def document(*, endpoint: Part | None = None, connection: Part | None = None, **top: Any) -> Part:
    """A small right document with parts of it replaced; a value of ... takes the key away."""
    merged: Part = {
        "holdfast": 1,
        "name": "Notes",
        "variables": [
            {"key": "token", "name": "Token", "secret": True},
            {"key": "host", "name": "Host", "optional": True},
        ],
        "connection": {"base_url": "https://api.example"} | (connection or {}),
        "endpoints": [
            {"name": "folders", "path": "/folders", "id": "id"},
            {"name": "notes", "for_each": "folders", "path": "/folders/{{ parent.id }}/notes", "id": "id"}
            | (endpoint or {}),
        ],
    }
    merged |= top
    for mapping in (merged, merged["connection"], *merged["endpoints"]):
        for key in [key for key, value in mapping.items() if value is ...]:
            del mapping[key]
    return merged


def text_of(part: Part) -> str:
    """The document as YAML text."""
    return yaml.safe_dump(part, sort_keys=False, allow_unicode=True)


def as_json(node: Node) -> Any:
    """A document as an editor with YAML 1.2 sees it."""
    if node.type == "mapping":
        return {key: as_json(member) for key, member in node.members.items()}
    if node.type == "list":
        return [as_json(element) for element in node.elements]
    return node.text if node.type == "text" else yaml.safe_load(node.text)


def incremental(**more: Any) -> Part:
    return {"incremental": {"field": "updated_at", "query": {"since": "{{ cursor }}"}} | more}


def blob(**more: Any) -> Part:
    return {"blob": {"url": "{{ record.url }}", "version": "etag"} | more}


RIGHT: dict[str, Part] = {
    "as it is": document(),
    "no variables": document(variables=...),
    "all texts": document(description="d", documentation="long\ntext"),
    "a default that is a number": document(variables=[{"key": "page", "default": 100}]),
    "a default that is true": document(variables=[{"key": "page", "default": True}]),
    "base_url of a variable": document(connection={"base_url": "{{ host }}"}),
    "auth none alone": document(connection={"auth": "none"}),
    "auth none": document(connection={"auth": {"type": "none"}}),
    "auth basic": document(connection={"auth": {"type": "basic", "username": "me", "password": "{{ token }}"}}),
    "auth basic without a password": document(connection={"auth": {"type": "basic", "username": "{{ token }}"}}),
    "auth bearer": document(connection={"auth": {"type": "bearer", "token": "{{ token }}"}}),
    "auth key in a header": document(
        connection={"auth": {"type": "api_key", "key": "K {{ token }}", "header": "X-Key"}}
    ),
    "auth key in the query": document(connection={"auth": {"type": "api_key", "key": "{{ token }}", "query": "key"}}),
    "headers and query": document(connection={"headers": {"Accept": "a/b", "X-V": 2}, "query": {"v": 2, "all": True}}),
    "limits": document(connection={"limits": {"requests": 5000, "per": "1h", "concurrency": 8}}),
    "limits of requests alone": document(connection={"limits": {"requests": 10}}),
    "limits empty": document(connection={"limits": {}}),
    "retry": document(
        connection={"retry": {"attempts": 3, "first_wait": "1s", "longest_wait": "2m", "statuses": [429, 503]}}
    ),
    "check": document(connection={"check": {"path": "/me", "query": {"a": "{{ token }}"}}}),
    "timeout and page_bytes": document(connection={"timeout": "5m", "page_bytes": "16MiB"}),
    "page_bytes as a number": document(connection={"page_bytes": 65536}),
    "endpoint texts": document(endpoint={"description": "d", "method": "GET", "records": "data.items"}),
    "query and headers of the parent": document(
        endpoint={"query": {"folder": "{{ parent.id }}", "limit": 100}, "headers": {"X-F": "{{ parent.id }}"}}
    ),
    "id of parts": document(endpoint={"id": ["a", "b.c"]}),
    "id in full": document(endpoint={"id": {"fields": ["a", "b"], "global": True}}),
    "id in full of one": document(endpoint={"id": {"fields": "a"}}),
    "global_id": document(endpoint={"global_id": True}),
    "id by JMESPath": document(endpoint={"id": "ids[0] || id"}),
    "paging none": document(endpoint={"paging": "none"}),
    "paging link_header": document(endpoint={"paging": "link_header"}),
    "paging link_header in full": document(endpoint={"paging": {"type": "link_header"}}),
    "paging next_url in the body": document(endpoint={"paging": {"type": "next_url", "body": "links.next"}}),
    "paging next_url in a header": document(endpoint={"paging": {"type": "next_url", "header": "Next-Page"}}),
    "paging cursor": document(endpoint={"paging": {"type": "cursor", "query": "cursor", "body": "next"}}),
    "paging cursor in a header": document(endpoint={"paging": {"type": "cursor", "query": "c", "header": "X-Next"}}),
    "paging page": document(endpoint={"paging": {"type": "page", "query": "page"}}),
    "paging page in full": document(
        endpoint={"paging": {"type": "page", "query": "page", "start": 0, "total_pages": "pages", "has_more": "more"}}
    ),
    "paging link_header with a total": document(endpoint={"paging": {"type": "link_header", "total": "total"}}),
    "paging cursor with has_more": document(
        endpoint={"paging": {"type": "cursor", "query": "c", "body": "next", "has_more": "more"}}
    ),
    "paging offset": document(endpoint={"paging": {"type": "offset", "query": "skip", "total": "total"}}),
    "paging offset from 1": document(endpoint={"paging": {"type": "offset", "query": "startIndex", "start": 1}}),
    "stable": document(endpoint={"stable": True}),
    "incremental": document(endpoint=incremental()),
    "incremental in full": document(endpoint=incremental(overlap="0s", full_every="30d")),
    "incremental of the parent": document(endpoint=incremental(query={"q": "{{ parent.id }}>{{ cursor }}"})),
    "tombstones": document(endpoint={"tombstones": {"field": "deleted"}}),
    "tombstones by text": document(endpoint={"tombstones": {"field": "status", "equals": "gone"}}),
    "tombstones by null": document(endpoint={"tombstones": {"field": "status", "equals": None}}),
    "record": document(endpoint={"record": {"path": "/notes/{{ record.id }}"}}),
    "record in full": document(
        endpoint={"record": {"path": "/folders/{{ parent.id }}/notes/{{ record.id }}", "select": "data"}}
    ),
    "volatile": document(endpoint={"volatile": ["seen_at", "stats.views"]}),
    "optional": document(endpoint={"optional": {"on": [404, 410]}}),
    "optional on one": document(endpoint={"optional": {"on": 410}}),
    "blob": document(endpoint=blob()),
    "blob in full": document(
        endpoint=blob(
            url="/files/{{ parent.id }}/{{ record.id }}",
            version=["etag", "size"],
            content_type="type",
            name="name",
            size="size",
            headers={"Accept": "*/*", "X-Id": "{{ parent.id }}"},
            send_credential=False,
        )
    ),
    "blob rechecked": document(endpoint={"blob": {"url": "{{ record.url }}", "recheck": "30d"}}),
    "blob never rechecked": document(endpoint={"blob": {"url": "{{ record.url }}", "recheck": "never"}}),
}
"""By what is in it, a document that both the loader and the schema take."""

WRONG_SHAPE: dict[str, tuple[Part, str]] = {
    "an unknown key": (document(endpoitns=[]), "unknown key `endpoitns`. Did you mean `endpoints`?"),
    "no version": (document(holdfast=...), "the key `holdfast` is missing"),
    "another version": (document(holdfast=2), "holdfast: expected the number 1, not '2'"),
    "no name": (document(name=...), "the key `name` is missing"),
    "a name that is a number": (document(name=7), "name: expected text, not '7'"),
    "no connection": (document(connection={}) | {"connection": None}, "connection: expected a mapping"),
    "no base_url": (document(connection={"base_url": ...}), "connection: the key `base_url` is missing"),
    "base_url of a file": (document(connection={"base_url": "file:///etc"}), "expected a URL that begins with http"),
    "no endpoints": (document(endpoints=[]), "endpoints: expected a list"),
    "endpoints as a mapping": (document() | {"endpoints": {"notes": {}}}, "endpoints: expected a list"),
    "a variable's key with a hyphen": (
        document(variables=[{"key": "api-key"}]),
        "variables[0].key: expected a name of",
    ),
    "a variable without a key": (document(variables=[{"name": "x"}]), "variables[0]: the key `key` is missing"),
    "secret as text": (document(variables=[{"key": "a", "secret": "yes"}]), "expected true or false, not 'yes'"),
    "auth unknown": (document(connection={"auth": {"type": "baerer"}}), "Did you mean `bearer`?"),
    "auth without a type": (
        document(connection={"auth": {"token": "x"}}),
        "connection.auth: the key `type` is missing",
    ),
    "auth alone": (document(connection={"auth": "bearer"}), "`bearer` cannot stand alone: write a mapping with"),
    "auth as a list": (document(connection={"auth": ["none"]}), "connection.auth: expected a mapping with a `type`"),
    "auth with a foreign key": (
        document(connection={"auth": {"type": "bearer", "token": "x", "username": "y"}}),
        "`username` does not go with the type `bearer`, but with `basic`",
    ),
    "auth bearer without a token": (document(connection={"auth": {"type": "bearer"}}), "the key `token` is missing"),
    "auth key nowhere": (
        document(connection={"auth": {"type": "api_key", "key": "x"}}),
        "exactly one of `header` and `query` must be given",
    ),
    "auth key in both": (
        document(connection={"auth": {"type": "api_key", "key": "x", "header": "H", "query": "q"}}),
        "exactly one of `header` and `query` must be given",
    ),
    "a header's name with a space": (document(connection={"headers": {"X Y": "z"}}), "'X Y' is no header"),
    "a header of our own": (document(connection={"headers": {"Host": "z"}}), "the header `Host` is set by Holdfast"),
    "a header that is a list": (document(connection={"headers": {"X": ["z"]}}), "connection.headers.X: expected text"),
    "limits per without requests": (document(connection={"limits": {"per": "1h"}}), "means nothing without `requests`"),
    "limits of none": (document(connection={"limits": {"requests": 0}}), "expected a whole number from 1"),
    "limits of a fraction": (document(connection={"limits": {"requests": 1.5}}), "expected a whole number from 1"),
    "a duration without a unit": (document(connection={"timeout": 30}), "expected a duration such as"),
    "a duration in words": (document(connection={"timeout": "1 hour"}), "expected a duration such as"),
    "a size in words": (document(connection={"page_bytes": "much"}), "expected a number of bytes such as"),
    "no size": (document(connection={"page_bytes": 0}), "expected a number of bytes such as"),
    "retry statuses alone": (document(connection={"retry": {"statuses": 429}}), "expected a list, each element"),
    "retry of no status": (document(connection={"retry": {"statuses": [42]}}), "statuses[0]: expected a whole number"),
    "check without a path": (document(connection={"check": {}}), "connection.check: the key `path` is missing"),
    "no path": (document(endpoint={"path": ...}), "endpoints[1]: exactly one of `path` and `within` must be given"),
    "a path without a slash": (document(endpoint={"path": "notes"}), "expected a path that begins with `/`"),
    "a path with a query": (document(endpoint={"path": "/notes?a=b"}), "with neither `?`, `#` nor blanks"),
    "an endpoint's name in capitals": (document(endpoint={"name": "Notes"}), "expected a name of lower-case letters"),
    "another method": (document(endpoint={"method": "PUT"}), "expected one of `GET`, `POST`, not 'PUT'"),
    "no id": (document(endpoint={"id": ...}), "endpoints[1]: the key `id` is missing"),
    "id of nothing": (document(endpoint={"id": []}), "endpoints[1].id: expected"),
    "id that is empty": (document(endpoint={"id": ""}), "endpoints[1].id: expected a selector"),
    "id in full without fields": (document(endpoint={"id": {"global": True}}), "the key `fields` is missing"),
    "paging alone": (document(endpoint={"paging": "cursor"}), "`cursor` cannot stand alone"),
    "paging unknown": (document(endpoint={"paging": "link_headers"}), "Did you mean `link_header`?"),
    "paging of another type's keys": (
        document(endpoint={"paging": {"type": "offset", "query": "skip", "total_pages": "t"}}),
        "`total_pages` does not go with the type `offset`, but with `page`",
    ),
    "paging cursor without query": (
        document(endpoint={"paging": {"type": "cursor", "body": "b"}}),
        "exactly one of `query` and `into` must be given",
    ),
    "paging next_url from nowhere": (document(endpoint={"paging": {"type": "next_url"}}), "exactly one of `body` and"),
    "paging from page 7": (
        document(endpoint={"paging": {"type": "page", "query": "p", "start": 7}}),
        "expected a whole number from 0 to 1",
    ),
    "incremental without a field": (
        document(endpoint={"incremental": {"query": {"since": "{{ cursor }}"}}}),
        "exactly one of `field` and `token` must be given",
    ),
    "full_every of nothing": (document(endpoint=incremental(full_every=7)), "expected a duration such as"),
    "tombstones of a list": (
        document(endpoint={"tombstones": {"field": "d", "equals": []}}),
        "expected text, a number",
    ),
    "record as a path": (document(endpoint={"record": "/notes/{{ record.id }}"}), "record: expected a mapping"),
    "volatile as text": (document(endpoint={"volatile": "seen_at"}), "volatile: expected a list"),
    "optional on success": (document(endpoint={"optional": {"on": [200]}}), "expected a whole number from 400 to 499"),
    "blob without a version": (
        document(endpoint={"blob": {"url": "{{ record.url }}"}}),
        "exactly one of `version` and `recheck` must be given",
    ),
    "blob with both": (document(endpoint=blob(recheck="1d")), "exactly one of `version` and `recheck` must be given"),
    "blob rechecked always": (
        document(endpoint={"blob": {"url": "{{ record.url }}", "recheck": "always"}}),
        "expected a duration such as `30d`, or",
    ),
}
"""By what is wrong with it, a document that neither the loader nor the schema takes, and a piece of the message."""

WRONG_MEANING: dict[str, tuple[Part, str]] = {
    "a variable twice": (document(variables=[{"key": "a"}, {"key": "a"}]), "the variable `a` stands already in line"),
    "a variable that is a word of expressions": (document(variables=[{"key": "in"}]), "`in` is what templates call"),
    "a variable with a reserved name": (document(variables=[{"key": "parent"}]), "`parent` is what templates call"),
    "a secret with a default": (
        document(variables=[{"key": "a", "secret": True, "default": "x"}]),
        "a secret's default would be there for everyone",
    ),
    "an unknown variable": (
        document(connection={"auth": {"type": "bearer", "token": "{{ tokn }}"}}),
        "Did you mean `token`",
    ),
    "an unknown variable like nothing": (
        document(endpoint={"query": {"a": "{{ xyz }}"}}),
        "there is no variable `xyz`.",
    ),
    "a template that does not parse": (document(endpoint={"query": {"a": "{{ host "}}), "in the template"),
    "a template with a statement": (document(endpoint={"query": {"a": "{% if host %}"}}), "no {% statements %}"),
    "an unknown filter": (document(endpoint={"query": {"a": "{{ host | lowr }}"}}), "did you mean `lower`?"),
    "a path with a lone brace": (document(endpoint={"path": "/notes/{{ x }/y"}), "braces only in {{ expressions }}"),
    "a selector that does not parse": (document(endpoint={"records": "data["}), "'data[' is no selector"),
    "a volatile path that is no plain one": (document(endpoint={"volatile": ["a[0]"]}), "expected dotted names"),
    "parent without for_each": (document(endpoint={"for_each": ...}), "there is no `parent` without `for_each`"),
    "record where there is none": (
        document(endpoint={"query": {"a": "{{ record.id }}"}}),
        "`record` means nothing here",
    ),
    "cursor where there is none": (document(endpoint={"query": {"a": "{{ cursor }}"}}), "`cursor` means nothing here"),
    "parent in the connection": (
        document(connection={"headers": {"X": "{{ parent.id }}"}}),
        "`parent` means nothing here",
    ),
    "an unknown parent": (
        document(endpoint={"for_each": "folder"}),
        "there is no endpoint `folder`. Did you mean `folders`?",
    ),
    "a circle of one": (document(endpoint={"for_each": "notes"}), "this makes a circle: notes -> notes"),
    "an endpoint twice": (document(endpoint={"name": "folders"}), "the endpoint `folders` stands already in line"),
    "a circle of two": (
        document(
            endpoints=[
                {"name": "a", "for_each": "b", "path": "/a", "id": "id"},
                {"name": "b", "for_each": "a", "path": "/b", "id": "id"},
            ]
        ),
        "this makes a circle: a -> b -> a",
    ),
    "incremental without cursor": (document(endpoint=incremental(query={"since": "x"})), "nothing here uses `cursor`"),
    "a page number in the query": (
        document(endpoint={"paging": {"type": "page", "query": "page"}, "query": {"page": 1}}),
        "`page` is set by the paging",
    ),
    "a page number in the incremental query": (
        document(endpoint=incremental(query={"p": "{{ cursor }}"}) | {"paging": {"type": "page", "query": "p"}}),
        "`p` is set by the paging",
    ),
    "record path of all": (document(endpoint={"record": {"path": "/notes"}}), "nothing here uses `record`"),
    "blob of all": (document(endpoint=blob(url="/logo.png")), "nothing here uses `record`"),
    "optional on a refused credential": (document(endpoint={"optional": {"on": [401]}}), "means a refused credential"),
    "optional on what is tried again": (document(endpoint={"optional": {"on": [429]}}), "means tried again"),
    "a duration of nothing": (document(connection={"timeout": "0s"}), "'0s' is too short"),
    "a number too large for a size": (
        document(connection={"limits": {"concurrency": 10**30}}),
        "expected a whole number",
    ),
}
"""By what is wrong with it, a document of the right shape that only the loader sees through."""
