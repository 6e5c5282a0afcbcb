"""Search finds what a state has, where it stands, in any order of backups; and goes on where it stopped."""

import json
import random

import pytest

from holdfast.catalog.instances import Instance
from holdfast.catalog.runs import queue
from holdfast.errors import InputError, NotFound
from holdfast.operations.search import Hit, Position, Query, search
from tests.support.documents import CHILDREN, PARENTS, STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, make_record
from tests.support.installation import Installation


def hits(
    installation: Installation, instance: Instance, text: str | None = None, *where: str, sequence: int | None = None,
    endpoint: str | None = None, after: Position | None = None,
) -> list[Hit]:  # fmt: skip
    state = installation.state(instance, sequence)
    steps = search(installation.services, state, Query.parse(text, where, endpoint), after=after)
    return [hit for step in steps for hit in step.hits]


def keys(*arguments: object, **options: object) -> list[str]:
    return sorted(hit.key for hit in hits(*arguments, **options))  # type: ignore[arg-type]


def test_every_state_has_its_own_answer(installation: Installation, source: HostileSource) -> None:
    for number in range(1, 31):
        source.put("items", make_record(number, title=f"Invoice {number}"))
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    source.put("items", make_record(7, title="Receipt 7"))
    source.remove("items", 8)
    source.put("items", make_record(99, title="invoice 99"))
    installation.backup(instance)
    everything = sorted(str(number) for number in range(1, 31))
    assert keys(installation, instance, "INVOICE", sequence=1) == everything
    later = sorted(key for key in [*everything, "99"] if key not in {"7", "8"})
    assert keys(installation, instance, "invoice") == keys(installation, instance, "invoice", sequence=2) == later
    assert keys(installation, instance, "receipt") == ["7"]
    assert keys(installation, instance, "receipt", sequence=1) == []
    assert keys(installation, instance, "invoice 1", "id>=10", "id<13") == ["10", "11", "12"]
    assert keys(installation, instance, None, "title=Invoice 3") == ["3"]
    with installation.services.database.write() as connection:
        queue(connection, instance.id)
    assert keys(installation, instance, "invoice", sequence=2) == later, "a backup is queued now"


def test_a_hit_is_the_record_as_it_was_sent(installation: Installation, source: HostileSource) -> None:
    raw = b'{ "id" : 1, "title": "caf\\u00e9 \\"Zum L\xc3\xb6wen\\"" }'
    source.put("items", raw)
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    (hit,) = hits(installation, instance, 'CAFÉ "zum lö')
    assert (hit.endpoint, hit.key, hit.raw) == ("items", "1", raw)
    assert keys(installation, instance, "title") == []


def test_all_endpoints_or_one(installation: Installation, source: HostileSource) -> None:
    for parent in (1, 2):
        source.put("parents", {"id": parent, "name": "needle"})
        source.put(f"parents/{parent}/children", make_record(5, title="a needle"))
    instance = installation.instance(document(source.url, PARENTS, CHILDREN))
    installation.backup(instance)
    assert sorted((hit.endpoint, hit.key) for hit in hits(installation, instance, "needle")) == [
        ("children", "1~5"), ("children", "2~5"), ("parents", "1"), ("parents", "2"),
    ]  # fmt: skip
    assert keys(installation, instance, "needle", endpoint="children") == ["1~5", "2~5"]
    with pytest.raises(NotFound):
        keys(installation, instance, "needle", endpoint="nothing")


def test_it_goes_on_behind_any_hit(installation: Installation, source: HostileSource) -> None:
    chance = random.Random(1)
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    source.switches.page_size = 100
    for _ in range(3):
        for number in chance.sample(range(1, 1_000), 400):
            body = "".join(chance.choices("abcdefgh ", k=600))
            source.put("items", make_record(number, body=body, title=chance.choice(["needle", "hay"])))
        installation.backup(instance)
    wanted = {
        key for key, raw in source.collections["items"].items() if json.loads(raw)["title"] == "needle"
    }  # fmt: skip
    whole = hits(installation, instance, "needle")
    assert {hit.key for hit in whole} == wanted and len(whole) == len(wanted)
    assert [hit.position for hit in whole] == sorted(hit.position for hit in whole)
    for index in chance.sample(range(len(whole)), 25):
        rest = hits(installation, instance, "needle", after=whole[index].position)
        assert [hit.key for hit in rest] == [hit.key for hit in whole[index + 1 :]]
    state = installation.state(instance)
    steps = list(search(installation.services, state, Query.parse("needle", [])))
    assert steps[-1].frames == steps[-1].frames_total
    for index, step in enumerate(steps):
        rest = hits(installation, instance, "needle", after=step.position)
        assert len(rest) == sum(len(one.hits) for one in steps[index + 1 :])


def test_nothing_of_the_content_is_left_outside_of_the_vault(installation: Installation, source: HostileSource) -> None:
    source.put("items", make_record(1, title="topsecretword"))
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    assert keys(installation, instance, "topsecretword") == ["1"]
    for file in installation.services.settings.home.rglob("*"):
        assert not file.is_file() or b"topsecretword" not in file.read_bytes().lower(), file


@pytest.mark.parametrize(("text", "where"), [(None, []), ("", []), ("x", ["title"]), (None, ["=3"]), ("x" * 2_000, [])])
def test_what_is_no_query_is_refused(text: str | None, where: list[str]) -> None:
    with pytest.raises(InputError):
        Query.parse(text, where)
