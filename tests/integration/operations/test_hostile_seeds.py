"""Whatever a source does, in any way of paging: a backup is complete, or a failure that names it; nothing stored is
ever lost; and once the source behaves, the next backup has everything.
"""

import json
import random
import re
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from holdfast.sources import paging
from tests.support.hostile_source import STYLES, HostileSource, in_thread, make_record
from tests.support.hostilities import BARE, HOSTILITIES, PAGE_BYTES, Host
from tests.support.installation import Installation, installed

DOCUMENT = """
holdfast: 1
name: {name}
variables: [{{key: token, secret: true}}]
connection:
  base_url: {url}
  auth: {{type: bearer, token: "{{{{ token }}}}"}}
  retry: {{attempts: {attempts}, first_wait: 1ms, longest_wait: 1ms}}
  page_bytes: {page_bytes}
endpoints:
  - name: items
    path: /{style}/items
    query: {{per_page: 500}}
    id: id
    stable: {stable}
{more}
"""
_DELTA = '    incremental: {field: updated_at, query: {since: "{{ cursor }}"}, overlap: 400d, full_every: 1ms}'
_ASKED = '    record: {path: "/record/items/{{ record.id }}"}'


@pytest.fixture(autouse=True)
def _a_listing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "_MOST_PAGES", 40)


def _document(api: HostileSource, chance: random.Random, host: Host, style: str, name: str) -> str:
    told = STYLES[style]
    keys = {key: getattr(told, key) for key in ("body", "header", "query", "has_more", "total_pages", "total")}
    lines = [f"    paging: {json.dumps({'type': told.type} | {key: value for key, value in keys.items() if value})}"]
    if style not in BARE:
        lines.append("    records: items")
    moves = any(type(kind).__name__ == "MovingRecords" for kind in host.kinds)
    is_odd = any(kind.is_odd for kind in host.kinds)
    if chance.random() < 0.5:
        lines.append(_ASKED)
    if chance.random() < 0.3 and not is_odd:
        lines.append(_DELTA)
    return DOCUMENT.format(
        name=name, url=api.url, style=style, more="\n".join(lines), attempts=chance.choice([1, 3]),
        page_bytes=PAGE_BYTES, stable=str(not moves and chance.random() < 0.5).lower(),
    )  # fmt: skip


def _change(api: HostileSource, chance: random.Random) -> None:
    records = api.collections["items"]
    for _ in range(chance.randrange(4)):
        number = str(chance.randrange(1, 60))
        if number in records and len(records) > 15 and chance.random() < 0.4:
            del records[number]
        else:
            api.put("items", make_record(int(number), title=str(chance.random())))


def survive(installation: Installation, seed: int, names: list[str] | None = None) -> list[str]:
    """Three backups, two of them of a hostile source; their outcomes."""
    chance = random.Random(f"hostile {seed}")
    names = names or chance.sample(list(HOSTILITIES), chance.choice([1, 1, 1, 2, 3]))
    kinds = [HOSTILITIES[name] for name in names]
    styles = [style for style in STYLES if style != "none" and all(style in kind.styles for kind in kinds)]
    if not styles:
        return []
    with in_thread(HostileSource({"items": []}, token="s3cret-token")) as api:
        api.switches.page_size = chance.choice([5, 10, 100])
        for number in range(1, chance.choice([13, 30, 45])):
            api.put("items", make_record(number))
        host = Host([kind(api, chance) for kind in kinds], chance)
        for kind in host.kinds:
            kind.prepare()
        api.switches.hook = host
        text = _document(api, chance, host, chance.choice(styles), f"Hostile {seed}")
        instance = installation.instance(text, label=f"seed{seed}", token="s3cret-token")
        outcomes = []
        for number in range(3):
            before = installation.records(instance, "items") if number else {}
            at_once = chance.random() < 0.5 and not any(kind.needs_stored for kind in kinds)
            if number == 1 or (number == 0 and at_once):
                host.begin()
            run = installation.backup(instance)
            outcomes.append(run.status)
            stored = installation.records(instance, "items")
            _check(api, host, run.status, [str(one["message"]) for one in run.failures], before, stored, names)
            if not host.loose:
                assert run.status == "successful", run.failures
                assert stored == api.collections["items"]
            host.loose = False
            _change(api, chance)
    return outcomes


def _check(
    api: HostileSource, host: Host, status: str, messages: list[str], before: dict[str, bytes],
    stored: dict[str, bytes], names: list[str],
) -> None:  # fmt: skip
    there, touched = api.collections["items"], host.touched
    lost = [key for key in before if key in there and key not in touched and key not in stored]
    assert not lost, f"stored before, and lost although they exist: {lost}"
    if status == "successful":
        missing = [key for key, raw in there.items() if key not in touched and stored.get(key) != raw]
        assert not missing, f"a success without {missing}"
        assert set(stored) <= set(there) | touched
        return
    assert status == "failed"
    assert host.happened, messages
    named = [kind.named for kind in host.happened if kind.named]
    assert any(re.search(pattern, message) for pattern in named for message in messages), (names, messages)
    assert not any("s3cret-token" in message for message in messages)


def _survive_all(home: Path, seeds: range) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    with installed(home) as installation:
        for seed in seeds:
            try:
                outcomes.update(survive(installation, seed))
            except AssertionError as error:
                error.add_note(f"seed {seed}")
                raise
    return outcomes


@pytest.mark.parametrize("part", range(4))
def test_a_success_has_everything_and_a_failure_names_its_cause(tmp_path: Path, part: int) -> None:
    outcomes = _survive_all(tmp_path, range(50 * part, 50 * part + 50))
    assert outcomes["failed"] >= 20 and outcomes["successful"] >= 60, outcomes


@pytest.mark.soak
def test_a_success_has_everything_and_a_failure_names_its_cause_thousands_of_times(tmp_path: Path) -> None:
    for part in range(60):
        _survive_all(tmp_path / str(part), range(1_000 + 50 * part, 1_050 + 50 * part))


@pytest.mark.parametrize("name", HOSTILITIES)
def test_each_hostility_alone(tmp_path: Path, name: str) -> None:
    """Memory too is bounded, whatever comes."""
    with installed(tmp_path) as installation:
        tracemalloc.start()
        try:
            outcomes = survive(installation, 1, [name])
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert outcomes[-1] == "successful"
    assert peak < 60_000_000
