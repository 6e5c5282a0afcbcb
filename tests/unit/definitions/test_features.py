"""The parts of the language that can be said before they are done: refused by default, whole where they are allowed."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.definitions import document as model
from holdfast.definitions.features import FEATURES, READ
from holdfast.definitions.kinds import Kind
from holdfast.definitions.language import DOCUMENT
from holdfast.definitions.loading import load
from holdfast.definitions.shapes import Shape, Variants
from holdfast.errors import DefinitionError

from .cases import Part, document, text_of

ALL = frozenset(FEATURES)
CURSOR = {"query": {"since": "{{ cursor }}"}}
FEED = {"path": "/c", "id": "i", "next": "n", "start": {"path": "/s", "token": "t"}, "query": {"since": "{{ cursor }}"}}
GRAPHQL = "query ($after: String) { notes(after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } }"


def auth(**given: Any) -> Part:
    return document(connection={"auth": given})


def notes(**given: Any) -> Part:
    return document(endpoint=given)


SAID: list[tuple[str, Part, Any]] = [
    (
        "header_credentials",
        auth(type="headers", headers={"X-App": "a", "X-Key": "{{ token }}"}),
        lambda d, e: d.connection.auth == model.Auth("headers", headers={"X-App": "a", "X-Key": "{{ token }}"}),
    ),
    (
        "oauth2",
        auth(
            type="oauth2_refresh_token", token_url="https://x/token", client_id="c", client_secret="s",
            client_auth="body", refresh_token="token", scope="read", parameters={"a": "b"},
        ),
        lambda d, e: d.connection.auth.oauth2
        == model.OAuth2(
            "refresh_token", "https://x/token", "c", "s", "body", refresh_token="token", scope="read",
            parameters={"a": "b"},
        ),
    ),
    (
        "oauth2",
        auth(type="oauth2_client_credentials", token_url="https://x/token", client_id="c"),
        lambda d, e: d.connection.auth.oauth2 == model.OAuth2("client_credentials", "https://x/token", "c"),
    ),
    (
        "oauth2",
        auth(
            type="oauth2_jwt", token_url="https://x/token", private_key="{{ token }}", key_id="k", algorithm="ES256",
            claims={"iss": "me", "scope": "drive"},
        ),
        lambda d, e: d.connection.auth.oauth2.claims == {"iss": "me", "scope": "drive"},
    ),
    (
        "login",
        auth(type="login", path="/login", json={"user": "me", "password": "{{ token }}"}, token="access_token"),
        lambda d, e: d.connection.auth.login
        == model.Login(
            "/login", model.RequestBody(json={"user": "me", "password": "{{ token }}"}), "access_token"
        ),
    ),
    (
        "login",
        auth(
            type="login", path="/login", form={"p": "{{ token }}"}, token="sid", expires_in="ttl", header="X-Session",
            value="{{ session }}",
        ),
        lambda d, e: (d.connection.auth.login.header, d.connection.auth.login.value) == ("X-Session", "{{ session }}"),
    ),
    (
        "login",
        auth(type="login", path="/l", form={"p": "{{ token }}"}, token_header="Set-Cookie", header="Cookie"),
        lambda d, e: d.connection.auth.login.token_header == "Set-Cookie",
    ),
    (
        "errors",
        document(
            connection={
                "answers": [
                    {
                        "status": 403, "headers": {"x-ratelimit-remaining": 0}, "means": "throttled",
                        "wait": {"header": "x-ratelimit-reset", "as": "unix"},
                    },
                    {"status": [200], "body": {"ok": False}, "means": "failed", "message": "error"},
                ]
            },
            endpoint={"answers": [{"status": 451, "contains": "legal", "means": "skip", "because": "withheld by law"}]},
        ),
        lambda d, e: d.connection.answers
        == (
            model.AnswerRule(
                "throttled", (403,), {"x-ratelimit-remaining": "0"}, wait="x-ratelimit-reset", wait_as="unix"
            ),
            model.AnswerRule("failed", (200,), body={"ok": False}, message="error"),
        )
        and e.answers == (model.AnswerRule("skip", (451,), contains="legal", because="withheld by law"),),
    ),
    (
        "quota",
        document(
            connection={"limits": {"quota": {"remaining": "X-Left", "reset": "X-Reset", "as": "unix", "reserve": 50}}}
        ),
        lambda d, e: d.connection.limits.quota == model.Quota("X-Left", "X-Reset", "unix", 50),
    ),
    (
        "request_body",
        notes(
            method="POST", path="/graphql", records="data.notes.nodes",
            body={"graphql": GRAPHQL, "variables": {"n": 9}},
            paging={
                "type": "cursor", "into": "variables.after", "body": "data.notes.pageInfo.endCursor",
                "has_more": "data.notes.pageInfo.hasNextPage",
            },
        ),
        lambda d, e: (e.method, e.body.graphql, e.body.variables, e.paging.into)
        == ("POST", GRAPHQL, {"n": 9}, ("variables", "after")),
    ),
    (
        "request_body",
        notes(
            method="POST", incremental={"field": "t", "query": {}},
            body={"json": {"filter": {"since": ["{{ cursor | default('1970') }}", 1, None, True]}}},
        ),
        lambda d, e: e.body.templates() == ["{{ cursor | default('1970') }}"],
    ),
    (
        "request_body",
        notes(method="POST", body={"form": {"folder": "{{ parent.id }}"}}),
        lambda d, e: e.body == model.RequestBody(form={"folder": "{{ parent.id }}"}),
    ),
    (
        "sync_token",
        notes(incremental={"token": "nextSyncToken", "expired_on": 410, **CURSOR}),
        lambda d, e: e.incremental
        == model.Incremental("", CURSOR["query"], token="nextSyncToken", expired_on=frozenset({410})),
    ),
    (
        "change_feed",
        notes(
            changes={
                "path": "/changes", "records": "changes", "id": "fileId", "record": "file", "next": "newStartPageToken",
                "start": {"path": "/changes/startPageToken", "query": {"a": "b"}, "token": "startPageToken"},
                "gap": "limited", "full_every": "2d",
                "tombstones": {"field": "removed"}, "expired_on": [410], **CURSOR,
            }
        ),
        lambda d, e: e.changes
        == model.ChangeFeed(
            model.Listing("/changes", CURSOR["query"], "changes"), ("fileId",), "/changes/startPageToken",
            "startPageToken", "newStartPageToken", "file", model.Tombstones("removed"), "limited", frozenset({410}),
            {"a": "b"}, timedelta(days=2),
        ),
    ),
    (
        "sweep",
        notes(
            incremental={"field": "t", **CURSOR},
            sweep={"path": "/ids", "id": "id", "paging": "link_header", "every": "2d"},
        ),
        lambda d, e: e.sweep
        == model.Sweep(model.Listing("/ids", paging=model.Paging("link_header")), ("id",), timedelta(days=2)),
    ),
    (
        "deletions",
        notes(deletions={"path": "/deleted", "id": "key", "field": "deleted_at", **CURSOR}),
        lambda d, e: e.deletions == model.Deletions(model.Listing("/deleted", CURSOR["query"]), ("key",), "deleted_at"),
    ),
    (
        "detail",
        notes(detail={"path": "/notes/{{ record.id }}", "version": "etag", "select": "data", "query": {"full": 1}}),
        lambda d, e: e.detail == model.Detail("/notes/{{ record.id }}", ("etag",), "data", {"full": "1"}),
    ),
    (
        "nested",
        notes(within="folders", records="notes", path=..., for_each=...),
        lambda d, e: (e.within, e.for_each, e.path, e.parents) == ("folders", "folders", "", ("folders",)),
    ),
    (
        "several_parents",
        document(
            endpoints=[
                {"name": "issues", "path": "/issues", "id": "id"},
                {"name": "notes", "for_each": ["issues", "pulls"], "path": "/{{ parent.id }}/notes", "id": "id"},
                {"name": "pulls", "path": "/pulls", "id": "id"},
            ]
        ),
        lambda d, e: (e.parents, [one.name for one in d.planned()])
        == (("issues", "pulls"), ["issues", "pulls", "notes"]),
    ),
    (
        "count",
        notes(count={"path": "/count", "method": "HEAD", "query": {"a": "b"}, "header": "Total-Objects"}),
        lambda d, e: e.count == model.Count("/count", "HEAD", {"a": "b"}, "Total-Objects"),
    ),
    ("count", notes(count={"select": "total"}), lambda d, e: e.count == model.Count(select="total")),
    (
        "inline_blob",
        notes(blob={"inline": "body.data", "encoding": "base64", "version": "etag"}),
        lambda d, e: e.blob == model.Blob("", ("etag",), inline="body.data"),
    ),
    (
        "inline_blob",
        notes(
            blob={
                "lookup": {"path": "/m", "query": {"id": "{{ record.id }}", "format": "raw"}}, "inline": "raw",
                "version": "id",
            }
        ),
        lambda d, e: (e.blob.lookup, e.blob.lookup_query) == ("/m", {"id": "{{ record.id }}", "format": "raw"}),
    ),
    (
        "inline_blob",
        notes(blob={"lookup": "/files/{{ record.id }}", "url": "{{ answer.download_url }}", "recheck": "never"}),
        lambda d, e: (e.blob.lookup, e.blob.url) == ("/files/{{ record.id }}", "{{ answer.download_url }}"),
    ),
]  # fmt: skip
NAMES = [f"{feature}-{index}" for index, (feature, _, _) in enumerate(SAID)]

BLOB = {"url": "{{ record.u }}", "recheck": "never"}


def parts(*some: Any, **more: Any) -> Part:
    """Notes with files, created by a body of these parts."""
    create = {"path": "/n", "multipart": {"parts": list(some), **more}}
    return notes(blob=BLOB, restore={"find": "a", "create": create})


WRONG: list[tuple[Part, str]] = [
    (parts({"text": "a"}), "a part of a form has a `name`"),
    (parts({"name": "a"}), "exactly one of `text` and `json` and `file` must be given"),
    (parts({"name": "a", "text": "a", "filename": "b"}), "`filename` means nothing without `file`"),
    (parts({"name": "a", "json": 1}, type="related"), "parts of `related` are known by their order"),
    (parts({"file": "blob"}, {"file": "blob"}, type="related"), "it is in another part already"),
    (parts({"file": "record"}, type="related"), "expected `blob`, not"),
    (
        notes(restore={"find": "a", "create": {"path": "/n", "multipart": {"parts": [{"name": "f", "file": "blob"}]}}}),
        "the endpoint's records have no `blob`",
    ),
    (
        notes(
            blob=BLOB,
            restore={
                "find": "a",
                "create": {"path": "/n", "multipart": {"parts": [{"name": "f", "file": "blob"}]}},
                "blob": {"path": "/n/{{ record.id }}"},
            },
        ),
        "`blob` below `restore` would send it once more",
    ),
    (
        notes(restore={"find": "a", "create": {"path": "/n", "json": {}, "multipart": {"parts": [{"text": "a"}]}}}),
        "`json` and `multipart` exclude each other",
    ),
    (notes(restore={"comes_with": "folders"}), "the records of folders do not belong to these"),
    (notes(restore={"comes_with": "folder"}), "there is no endpoint `folder`. Did you mean"),
    (notes(restore={"comes_with": "notes", "impossible": "x"}), "`comes_with` and `impossible` contradict each other"),
    (
        notes(
            restore={
                "find": "a",
                "create": {"path": "/n"},
                "references": {"f": {"endpoint": "folders", "required": False, "otherwise": "root"}},
            }
        ),
        "`required` means nothing beside `otherwise`",
    ),
    (
        notes(within="folders", path=..., for_each=..., records="n", restore={"find": "a", "create": {"path": "/n"}}),
        "`find` needs a `path`, to read back what was made",
    ),
    (
        notes(restore={"find": "a", "update": {"path": "/n", "fields": ["text"]}}),
        "nothing here uses `record`: it would be sent to the same place",
    ),
    (notes(method="POST"), "`method: POST` and `body` go together"),
    (notes(body={"json": {}}), "`method: POST` and `body` go together"),
    (notes(method="POST", body={}), "exactly one of `json` and `form` and `graphql` must be given"),
    (notes(method="POST", body={"json": {"a": "{{ record.id }}"}}), "`record` means nothing here"),
    (notes(method="POST", body={"json": 1, "variables": {}}), "`variables` means nothing without `graphql`"),
    (notes(paging={"type": "page", "into": "page"}), "`into` needs a `body`"),
    (notes(method="POST", body={"form": {}}, paging={"type": "page", "into": "a.b"}), "must be a single name"),
    (notes(paging={"type": "page"}), "exactly one of `query` and `into` must be given"),
    (notes(within="folders"), "exactly one of `path` and `within` must be given"),
    (notes(within="folders", path=..., for_each=...), "`within` needs `records`"),
    (notes(within="folders", path=..., records="n"), "`for_each` means nothing with `within`"),
    (notes(within="folder", path=..., for_each=..., records="n"), "there is no endpoint `folder`. Did you mean"),
    (notes(path="/{{ grandparent.id }}"), "there is no `grandparent` where the parent has no parent itself"),
    (notes(for_each=["folders", "notes"]), "this makes a circle: notes -> notes"),
    (notes(changes={"path": "/c", "id": "i", "next": "n", "start": {"path": "/s", "token": "t"}}), "uses `cursor`"),
    (notes(deletions={"path": "/d", "id": "i", "field": "f"}), "nothing here uses `cursor`"),
    (
        notes(deletions={"path": "/d", "id": ["i", "j"], "field": "f", **CURSOR}),
        "`id` has 2 parts, the endpoint's own 1",
    ),
    (notes(changes=FEED, incremental={"field": "t", **CURSOR}), "`changes` and `incremental` exclude each other"),
    (notes(changes=FEED), "its entries hold no `record`, and none can be asked for"),
    (notes(sweep={"path": "/ids", "id": "id"}), "`sweep` means nothing where every run lists everything"),
    (notes(detail={"path": "/notes", "version": "v"}), "nothing here uses `record`"),
    (notes(blob={"lookup": "/x", "url": "{{ answer.u }}", "recheck": "never"}), "nothing here uses `record`"),
    (notes(blob={"url": "/f/{{ record.id }}/{{ answer.u }}", "recheck": "never"}), "no `answer` without `lookup`"),
    (notes(blob={"inline": "a", "url": "{{ record.u }}", "recheck": "never"}), "exactly one of `url` and `inline`"),
    (notes(incremental={"token": "t", "overlap": "1h", **CURSOR}), "`overlap` means nothing without `field`"),
    (notes(answers=[{"body": {"a ||": 1}, "means": "retry"}]), "'a ||' is no selector"),
    (notes(answers=[{"means": "retry"}]), "a rule without a condition fits every answer"),
    (notes(answers=[{"status": 404, "means": "skip"}]), "`means: skip` and `because` go together"),
    (notes(answers=[{"status": 404, "means": "gon"}]), "Did you mean `gone`?"),
    (auth(type="login", path="/l", json={}, token="t", value="x"), "nothing here uses `session`"),
    (
        auth(type="oauth2_refresh_token", token_url="https://x", client_id="c", refresh_token="host"),
        "there is no secret variable `host`",
    ),
    (
        auth(type="oauth2_refresh_token", token_url="https://x", client_id="c", refresh_token="tokn"),
        "there is no secret variable `tokn`. Did you mean `token`?",
    ),
]


@pytest.mark.parametrize(("feature", "part"), [case[:2] for case in SAID], ids=NAMES)
def test_what_is_not_done_yet_is_refused_with_a_line(feature: str, part: Part) -> None:
    with pytest.raises(DefinitionError, match="does not know") as caught:
        load(text_of(part), "n.yaml", features=ALL - {feature})
    assert FEATURES[feature] in str(caught.value)
    assert all(problem.line for problem in caught.value.problems)
    if feature not in READ:
        with pytest.raises(DefinitionError, match="does not know"):
            load(text_of(part))


@pytest.mark.parametrize(("part", "holds"), [case[1:] for case in SAID], ids=NAMES)
def test_what_is_allowed_becomes_the_model(part: Part, holds: Any) -> None:
    definition = load(text_of(part), features=ALL)
    assert holds(definition, definition.endpoint("notes")), definition


@pytest.mark.parametrize(("part", "message"), WRONG, ids=range(len(WRONG)))
def test_what_makes_no_sense_is_refused(part: Part, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        load(text_of(part), features=ALL)
    assert message in str(caught.value)


def features_of(kind: Kind[Any], seen: set[int]) -> set[str]:
    if id(kind) in seen:
        return set()
    seen.add(id(kind))
    found: set[str] = set()
    below: list[Kind[Any]] = list(kind.parts())
    if isinstance(kind, Shape):
        found |= {field.feature for field in kind.fields.values() if field.feature} | ({kind.feature} - {None})
        below += [field.kind for field in kind.fields.values()]
    if isinstance(kind, Variants):
        below += kind.shapes.values()
    return found.union(*(features_of(part, seen) for part in below))


def test_every_feature_has_a_case_and_every_gate_a_feature() -> None:
    assert {case[0] for case in SAID} == set(FEATURES)
    assert features_of(DOCUMENT, set()) <= set(FEATURES)
    assert set(FEATURES) >= READ
