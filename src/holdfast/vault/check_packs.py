"""Checks single packs: that every byte is authentic and every record and chunk has the digest its footer says."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from zstandard import ZstdDecompressor

from holdfast.errors import Damaged, ObjectMissing
from holdfast.storage import ObjectInfo
from holdfast.vault import digests, names
from holdfast.vault.findings import KEYS_NAMED_MAX, REPAIR_PACK, Finding, Lost
from holdfast.vault.footers import Footer, cut
from holdfast.vault.packs import Dictionary, Directory, PackCodec, decompressor_for, dictionary_of
from holdfast.vault.vault import CustomerVault

ADVICE_UNNAMED = "A write was broken off, or a backup is running: `holdfast prune` deletes what nobody comes back for."


@dataclass(frozen=True)
class Origin:
    """Which run's manifest names a pack."""

    instance_id: int
    sequence: int


@dataclass
class PackReport:
    """One pack: its footer, if it can be read, and what is wrong with it."""

    pack_id: str
    object_name: str
    size_bytes: int
    footer: Footer | None = None
    findings: list[Finding] = field(default_factory=list)


def check_pack(customer: CustomerVault, info: ObjectInfo, origin: Origin | None, *, data: bool) -> PackReport:
    """Check one pack. Without `data` only its directory and footer are read."""
    if data:
        try:
            whole = customer.storage.get(info.name)
        except ObjectMissing:
            report = _report(info)
            report.findings.append(_finding(customer, report, "is listed but cannot be read", origin))
            return report
        return check_pack_bytes(customer, info, whole, origin)
    report = _report(info)
    try:
        footer, directory = customer.packs.read_contents(report.pack_id)
        if directory.size_bytes != info.size_bytes:
            raise Damaged(f"is {info.size_bytes} bytes long, not {directory.size_bytes}", object_name=info.name)
        report.footer = footer
        _check_accounts(report, directory, _ends(footer))
    except Damaged as error:
        report.findings.append(_finding(customer, report, str(error), origin))
    except ObjectMissing:
        report.findings.append(_finding(customer, report, "is listed but cannot be read", origin))
    return report


def check_pack_bytes(
    customer: CustomerVault, info: ObjectInfo, data: bytes, origin: Origin | None = None
) -> PackReport:  # fmt: skip
    """Check all of a pack whose bytes are at hand."""
    report = _report(info)
    try:
        _check_data(customer, report, data, origin)
    except Damaged as error:
        report.findings.append(_finding(customer, report, str(error), origin))
    return report


def _report(info: ObjectInfo) -> PackReport:
    return PackReport(info.name.rsplit("/", 1)[-1], info.name, info.size_bytes)


def _check_data(customer: CustomerVault, report: PackReport, data: bytes, origin: Origin | None) -> None:
    codec, directory = customer.packs.open_whole(report.pack_id, data)
    if len(data) != directory.size_bytes:
        raise Damaged(f"is {len(data)} bytes long, not {directory.size_bytes}", object_name=report.object_name)
    footer = codec.decode_footer(directory, memoryview(data)[directory.footer.start :])
    report.footer = footer
    _check_accounts(report, directory, _ends(footer))
    frames = _Frames(codec, directory, data)
    bad = _check_records(customer, footer, frames)
    chunks_lost = _check_chunks(customer, footer, frames)
    frames.read_unseen()
    if frames.damaged or bad or chunks_lost:
        what = "its records or chunks are not those that were written"
        if frames.damaged:
            numbers = ", ".join(map(str, sorted(frames.damaged)[:KEYS_NAMED_MAX]))
            what = f"is damaged in frame {numbers}"
            dependent = len(frames.undecodable) - len(frames.damaged)
            if dependent:
                what += f", without which {dependent} others cannot be decoded"
        if chunks_lost:
            what += f"; {chunks_lost} chunks of blobs are lost"
        report.findings.append(_finding(customer, report, what, origin, bad))


def _check_records(customer: CustomerVault, footer: Footer, frames: "_Frames") -> dict[str, list[str]]:
    """The keys of records that are not what was written, by endpoint."""
    bad: dict[str, list[str]] = {}
    ends: dict[int, int] = {}
    for columns in footer.records:
        start = 0
        for frame, group in groupby(columns.frames):
            stop = start + sum(1 for _ in group)
            offset = ends.get(frame, 0)
            keys = columns.keys[start:stop]
            raw = frames.read(frame)
            raws = []
            for length in columns.lengths[start:stop]:
                raws.append(raw[offset : offset + length] if raw is not None else b"")
                offset += length
            ends[frame] = offset
            if raw is None:
                bad.setdefault(columns.endpoint, []).extend(keys)
            else:
                found = digests.record_digests(customer.digest_key, columns.endpoint, keys, raws)
                if b"".join(found) != columns.digests[16 * start : 16 * stop]:
                    bad.setdefault(columns.endpoint, []).extend(
                        key for i, key in enumerate(keys) if found[i] != cut(columns.digests, start + i)
                    )
            start = stop
    return bad


def _check_chunks(customer: CustomerVault, footer: Footer, frames: "_Frames") -> int:
    lost = 0
    for digest, frame, offset, length in footer.chunk_places():
        raw = frames.read(frame)
        if raw is None or digests.content_digest(customer.chunk_key, raw[offset : offset + length]) != digest:
            lost += 1
    return lost


class _Frames:
    """Decodes the frames of a pack at hand, one after the other, and remembers which do not decode."""

    def __init__(self, codec: PackCodec, directory: Directory, data: bytes) -> None:
        self._codec = codec
        self._parts = directory.frames
        self._data = memoryview(data)
        self._dictionaries: dict[int, Dictionary | None] = {}
        self._decompressors: dict[int | None, ZstdDecompressor] = {None: decompressor_for(None)}
        self._last: tuple[int, bytes | None] = (-1, None)
        self._seen: set[int] = set()
        self._dictionary_numbers = {part.dictionary for part in self._parts if part.dictionary is not None}
        self.damaged: set[int] = set()
        """Frames whose own bytes are wrong."""
        self.undecodable: set[int] = set()
        """These and the frames that have one of them as dictionary."""

    def read(self, index: int) -> bytes | None:
        """A frame's raw bytes; None where they cannot be had."""
        if index in self._dictionaries:
            dictionary = self._dictionaries[index]
            return None if dictionary is None else dictionary.as_bytes()
        if self._last[0] != index:
            raw = self._decode(index)
            self._last = (index, raw)
            self._seen.add(index)
            if index in self._dictionary_numbers:
                self._dictionaries[index] = dictionary = None if raw is None else dictionary_of(raw)
                if dictionary is not None:
                    self._decompressors[index] = decompressor_for(dictionary)
        return self._last[1]

    def read_unseen(self) -> None:
        """Read the frames that hold no record and no chunk."""
        for index in range(len(self._parts)):
            if index not in self._seen:
                self.read(index)

    def _decode(self, index: int) -> bytes | None:
        part = self._parts[index]
        stored = self._data[part.start : part.start + part.stored_bytes]
        if part.dictionary is not None:
            self.read(part.dictionary)
        decompressor = self._decompressors.get(part.dictionary)
        try:
            if decompressor is not None:
                return self._codec.decode_frame(index, stored, part, decompressor)
            self._codec.authenticate_frame(index, stored)
        except Damaged:
            self.damaged.add(index)
        self.undecodable.add(index)
        return None


def _ends(footer: Footer) -> dict[int, int]:
    """How many raw bytes the footer accounts for in every frame."""
    ends: dict[int, int] = {}
    columns = [(each.frames, each.lengths) for each in footer.records]
    if footer.chunks is not None:
        columns.append((footer.chunks.frames, footer.chunks.lengths))
    for frames, lengths in columns:
        for frame, length in zip(frames, lengths, strict=True):
            ends[frame] = ends.get(frame, 0) + length
    return ends


def _check_accounts(report: PackReport, directory: Directory, ends: dict[int, int]) -> None:
    """Every byte of every frame belongs to just one record or chunk."""
    there = {index: part.raw_bytes for index, part in enumerate(directory.frames)}
    wrong = sorted(index for index in there.keys() | ends.keys() if there.get(index) != ends.get(index, 0))
    if wrong:
        raise Damaged(f"frame {wrong[0]} does not have the length of what it holds", object_name=report.object_name)


def _finding(
    customer: CustomerVault,
    report: PackReport,
    what: str,
    origin: Origin | None,
    lost: dict[str, list[str]] | None = None,
) -> Finding:
    footer = report.footer
    if lost is None and footer is not None:
        lost = {}
        for columns in footer.records:
            lost.setdefault(columns.endpoint, []).extend(columns.keys)
    instance_id = footer.instance_id if footer else origin.instance_id if origin else None
    sequence = footer.sequence if footer else origin.sequence if origin else None
    what = what.removeprefix(f"{report.object_name} ")
    return Finding(
        "error" if origin else "warning",
        report.object_name,
        what if origin else f"{what}; no backup names it",
        REPAIR_PACK if origin else ADVICE_UNNAMED,
        customer.customer_id,
        instance_id,
        sequence,
        named(lost or {}),
    )


def named(keys_by_endpoint: dict[str, list[str]], kind: Literal["record", "blob"] = "record") -> tuple[Lost, ...]:
    return tuple(
        Lost(endpoint, len(keys), tuple(keys[:KEYS_NAMED_MAX]), kind)
        for endpoint, keys in sorted(keys_by_endpoint.items())
    )


def pack_infos(customer: CustomerVault) -> Iterable[ObjectInfo]:
    """The customer's packs as listed, ascending."""
    for info in customer.storage.list(names.packs_prefix(customer.customer_id)):
        name = names.parse(info.name)
        if name is not None and name.kind == "pack":
            yield info
