from datetime import timedelta
from typing import Any

import pytest

from holdfast.definitions import document as model
from holdfast.definitions.loading import load
from holdfast.errors import DefinitionError

from .cases import RIGHT, WRONG_MEANING, WRONG_SHAPE, Part, text_of


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_document_is_loaded(name: str) -> None:
    assert load(text_of(RIGHT[name])).endpoint("notes").path


@pytest.mark.parametrize(("part", "message"), (WRONG_SHAPE | WRONG_MEANING).values(), ids=WRONG_SHAPE | WRONG_MEANING)
def test_a_wrong_document_is_refused_with_a_line_and_a_reason(part: Part, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        load(text_of(part), "notes.yaml")
    assert any(message in str(problem) for problem in caught.value.problems), str(caught.value)
    assert all(problem.line and problem.file == "notes.yaml" for problem in caught.value.problems)


def notes(name: str) -> model.Endpoint:
    return load(text_of(RIGHT[name])).endpoint("notes")


def connection(name: str) -> model.Connection:
    return load(text_of(RIGHT[name])).connection


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lambda: connection("auth none alone").auth, model.Auth("none")),
        (lambda: connection("auth basic").auth, model.Auth("basic", username="me", password="{{ token }}")),
        (lambda: connection("auth key in a header").auth, model.Auth("api_key", key="K {{ token }}", header="X-Key")),
        (lambda: connection("headers and query").headers, {"Accept": "a/b", "X-V": "2"}),
        (lambda: connection("headers and query").query, {"v": "2", "all": "true"}),
        (lambda: connection("limits").limits, model.Limits(5000, timedelta(hours=1), 8)),
        (lambda: connection("limits of requests alone").limits, model.Limits(10, concurrency_is_stated=False)),
        (lambda: connection("retry").retry, model.Retry(3, timedelta(seconds=1), timedelta(minutes=2), (429, 503))),
        (lambda: connection("check").check, model.Check("/me", {"a": "{{ token }}"})),
        (lambda: connection("timeout and page_bytes").page_bytes, 16 * 1024**2),
        (lambda: connection("timeout and page_bytes").timeout, timedelta(minutes=5)),
        (lambda: notes("as it is").id, ("id",)),
        (lambda: notes("id of parts").id, ("a", "b.c")),
        (lambda: (notes("id in full").id, notes("id in full").global_id), (("a", "b"), True)),
        (lambda: notes("global_id").global_id, True),
        (lambda: notes("paging link_header").paging, model.Paging("link_header")),
        (lambda: notes("paging link_header in full").paging, model.Paging("link_header")),
        (lambda: notes("paging next_url in a header").paging, model.Paging("next_url", header="Next-Page")),
        (lambda: notes("paging cursor").paging, model.Paging("cursor", query="cursor", body="next")),
        (lambda: notes("paging page").paging, model.Paging("page", query="page", start=1)),
        (lambda: notes("paging offset").paging, model.Paging("offset", query="skip", total="total")),
        (lambda: notes("paging offset from 1").paging, model.Paging("offset", query="startIndex", first_offset=1)),
        (
            lambda: notes("incremental in full").incremental,
            model.Incremental("updated_at", {"since": "{{ cursor }}"}, timedelta(0), timedelta(days=30)),
        ),
        (lambda: notes("tombstones").tombstones, model.Tombstones("deleted", True)),
        (lambda: notes("tombstones by text").tombstones, model.Tombstones("status", "gone")),
        (lambda: notes("tombstones by null").tombstones, model.Tombstones("status", None)),
        (lambda: notes("record").record_path, "/notes/{{ record.id }}"),
        (lambda: notes("record in full").record_select, "data"),
        (lambda: notes("volatile").volatile, ("seen_at", "stats.views")),
        (lambda: notes("optional on one").optional_on, frozenset({410})),
        (lambda: notes("blob").blob, model.Blob("{{ record.url }}", version=("etag",))),
        (lambda: notes("blob rechecked").blob, model.Blob("{{ record.url }}", recheck=timedelta(days=30))),
        (lambda: notes("blob never rechecked").blob, model.Blob("{{ record.url }}", recheck=None)),
    ],
)
def test_what_is_written_is_what_the_model_says(found: Any, expected: object) -> None:
    assert found() == expected


def test_a_variable_without_a_name_is_called_by_its_key() -> None:
    assert load(text_of(RIGHT["a default that is a number"])).variables[0] == model.Variable(
        "page", "page", default="100"
    )
