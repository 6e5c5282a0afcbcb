"""Walks over a state's frames in the order in which they stand in the packs, and yields the records that match.

Each frame is read once. What the sieve stops at is looked up in the pack's footer, decided, and then compared with the
catalog: only the version that the state has at that very place is a hit.
"""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from holdfast.catalog import frames, packs, records, streams
from holdfast.catalog.records import RecordRow
from holdfast.catalog.streams import Stream
from holdfast.errors import NotFound
from holdfast.operations.browsing import State
from holdfast.operations.search.matching import Matcher
from holdfast.operations.search.query import Query
from holdfast.operations.search.sieves import sieve
from holdfast.operations.services import Services
from holdfast.vault import CustomerVault, Footer
from holdfast.vault.locating import FrameRecords, LocatedRecord

_FIRST_GROUP, _LARGEST_GROUP = 4, 128
"""Frames looked through between two steps: few at first, so that the first hits come at once; then 8 MB, so that an
object store is not asked too often."""
_BEHIND = 2**62


class Position(NamedTuple):
    """Everything up to here has been searched: a pack's and a frame's number, and a record's start in it."""

    pack: int
    frame: int
    start: int


@dataclass(frozen=True)
class Hit:
    endpoint: str
    key: str
    raw: bytes
    row: RecordRow
    position: Position


@dataclass(frozen=True)
class Found:
    """One step of a search. Steps without hits come too: `frames` of `frames_total` are behind it."""

    hits: Sequence[Hit]
    position: Position
    frames: int
    frames_total: int


class _Group(NamedTuple):
    pack: int
    frames: list[int]


class _Candidate(NamedTuple):
    frame: int
    located: LocatedRecord
    raw: bytes


def search(services: Services, state: State, query: Query, *, after: Position | None = None) -> Generator[Found]:
    """The records of a state that match, in the order of their places in the vault; on from a position.

    Close the iterator to end it early. Raises NotFound for an unknown endpoint, Damaged, ObjectMissing.
    """
    with services.database.read() as connection:
        found = streams.of_instance(connection, state.instance_id)
        chosen = [one for one in found if query.endpoint in {None, one.endpoint}]
        if query.endpoint is not None and not chosen:
            raise NotFound(f"there is no endpoint {query.endpoint}", field="endpoint")
        chosen = [one for one in chosen if one.first_run <= state.run.sequence]
        places = frames.of_state(connection, chosen, state.run.sequence)
        names = packs.object_ids(connection, {pack for pack, _ in places})
    done, searching = 0, _Search(services, state, query, chosen, names, places, after)
    if after is not None:
        first = after[:2] if after.start < _BEHIND else (after.pack, after.frame + 1)
        remaining = [place for place in places if place >= first]
        done, places = len(places) - len(remaining), remaining
    return searching.steps(places, done)


class _Search:
    def __init__(
        self, services: Services, state: State, query: Query, chosen: Sequence[Stream], names: dict[int, str],
        places: Sequence[tuple[int, int]], after: Position | None,
    ) -> None:  # fmt: skip
        self._database = services.database
        self._customer: CustomerVault = services.vault.customer(state.customer_id)
        self._sequence = state.run.sequence
        self._streams = {stream.endpoint: stream.id for stream in chosen}
        self._names = names
        self._after = after
        self._sieve = sieve(query)
        self._folds = query.text is not None
        self._matcher = Matcher(query)
        self._places = frozenset(places)
        self._known_footer: tuple[int, Footer] | None = None

    def steps(self, places: Sequence[tuple[int, int]], done: int) -> Generator[Found]:
        total = done + len(places)
        with closing(self._read(places)) as groups:
            for group, decoded in groups:
                candidates = self._candidates(group, decoded)
                done += len(group.frames)
                behind = Position(group.pack, group.frames[-1], _BEHIND)
                yield Found(self._confirmed(group.pack, candidates), behind, done, total)

    def _read(self, places: Sequence[tuple[int, int]]) -> Generator[tuple[_Group, dict[int, bytes]]]:
        """The frames' bytes, group by group; the next group is fetched and decoded while one is looked through."""
        with ThreadPoolExecutor(1, thread_name_prefix="search") as reader:
            ahead: tuple[_Group, Future[dict[int, bytes]]] | None = None
            for group in _groups(places):
                reading = reader.submit(self._customer.packs.read_frames_once, self._names[group.pack], group.frames)
                if ahead is not None:
                    yield ahead[0], ahead[1].result()
                ahead = group, reading
            if ahead is not None:
                yield ahead[0], ahead[1].result()

    def _candidates(self, group: _Group, decoded: dict[int, bytes]) -> list[_Candidate]:
        """The records in these frames whose bytes match."""
        found: list[_Candidate] = []
        for number in group.frames:
            frame = decoded[number]
            folded = frame.lower() if self._folds else frame
            find = self._sieve.of_frame(folded)
            at = find(folded, 0)
            if at < 0:
                continue
            located = FrameRecords(self._footer(group.pack), number)
            if self._after is not None and (group.pack, number) == self._after[:2]:
                last = located.at(self._after.start)
                at = -1 if last is None else find(folded, last.end)
            while at >= 0 and (record := located.at(at)) is not None:
                if record.endpoint in self._streams:
                    raw = frame[record.start : record.end]
                    if self._matcher.matches(raw, folded[record.start : record.end] if self._folds else raw):
                        found.append(_Candidate(number, record, raw))
                at = find(folded, record.end)
        return found

    def _footer(self, pack: int) -> Footer:
        if self._known_footer is None or self._known_footer[0] != pack:
            self._known_footer = pack, self._customer.read_footer(self._names[pack])
        return self._known_footer[1]

    def _confirmed(self, pack: int, candidates: Sequence[_Candidate]) -> list[Hit]:
        """Those that the state has, in their order: a frame also holds what was true earlier or later."""
        keys: dict[str, list[str]] = {}
        for one in candidates:
            keys.setdefault(one.located.endpoint, []).append(one.located.key)
        rows: dict[str, dict[str, RecordRow]] = {}
        if keys:
            with self._database.read() as connection:
                for endpoint, some in keys.items():
                    rows[endpoint] = records.get_many(connection, self._streams[endpoint], some, self._sequence)
        hits = []
        for frame, located, raw in candidates:
            row = rows[located.endpoint].get(located.key)
            if row is not None and self._is_that(row, (pack, frame, located.start), located.digest):
                hits.append(Hit(located.endpoint, located.key, raw, row, Position(pack, frame, located.start)))
        return hits

    def _is_that(self, row: RecordRow, place: tuple[int, int, int], digest: bytes) -> bool:
        """Whether the state's version is the one at this place. Prune may have moved it since the search began: then it
        stands where nobody will look, and the same bytes are it."""
        if (row.pack, row.frame, row.start) == place:
            return True
        return row.digest == digest and (row.pack, row.frame) not in self._places


def _groups(places: Sequence[tuple[int, int]]) -> Iterator[_Group]:
    size = _FIRST_GROUP
    for pack, of_pack in groupby(places, key=lambda place: place[0]):
        numbers = [frame for _, frame in of_pack]
        begin = 0
        while begin < len(numbers):
            yield _Group(pack, numbers[begin : begin + size])
            begin += size
            size = min(2 * size, _LARGEST_GROUP)
