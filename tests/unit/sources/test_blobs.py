"""Blobs: streamed, resumed, checked, and the credential kept at home."""

import gzip
from typing import Any

import pytest

from holdfast.definitions.document import Blob, Definition
from holdfast.errors import SourceFailed, SourceRefused, SourceUnreachable
from holdfast.sources.blobs import BlobChanged, BlobDownload, BlobMark, disposition_name, reference
from holdfast.sources.policy import NetworkPolicy
from holdfast.sources.source import Source
from tests.support.fake_time import FakeTime
from tests.support.hostile_source import HostileSource, StoredBlob, endpoint

_DATA = bytes(range(256)) * 4000


def _definition(api: HostileSource, **blob: Any) -> Definition:
    return api.definition(endpoint("items", blob=Blob(**{"url": "{{ record.file.url }}", **blob})))


def _source(api: HostileSource, definition: Definition) -> Source:
    time = FakeTime()
    return Source(definition, api.variables, NetworkPolicy(allow_private=True), clock=time.clock, sleep=time.sleep)


async def _read(blob: BlobDownload) -> bytes:
    return b"".join([piece async for piece in blob])


async def _download(api: HostileSource, record: dict[str, Any], **blob: Any) -> tuple[bytes, BlobDownload]:
    async with _source(api, _definition(api, **blob)) as source, source.blob("items", None, record) as download:
        return await _read(download), download


def _record(api: HostileSource, name: str = "a") -> dict[str, Any]:
    return {"id": 1, "file": {"url": f"{api.url}/blob/{name}"}}


async def test_a_blob_comes_with_what_the_answer_says_of_it() -> None:
    async with HostileSource(token="t0ken") as api:
        api.blobs["a"] = StoredBlob(
            _DATA, "image/png", '"v1"', {"Content-Disposition": 'attachment; filename="x/../p\\"ic.png"'}
        )
        data, blob = await _download(api, _record(api))
    assert data == _DATA
    assert (blob.content_type, blob.name, blob.version, blob.size) == ("image/png", 'p"ic.png', '"v1"', len(_DATA))
    assert api.credentials == ["Bearer t0ken"]
    assert api.seen_headers[0]["Accept-Encoding"] == "identity"


async def test_what_the_record_says_goes_before_what_the_answer_says() -> None:
    record = {"file": {"type": "text/plain", "name": "n.txt", "size": "9", "etag": 5, "rev": "b"}}
    found = reference(
        Blob("x", ("file.etag", "file.rev", "file.no"), None, "file.type", "file.name", "file.size"), "u", record
    )
    assert (found.content_type, found.name, found.size) == ("text/plain", "n.txt", 9)
    assert found.version == "1:51:b4:None"
    assert reference(Blob("x", ("file.no",)), "u", record).version is None


@pytest.mark.parametrize("ranges", [True, False])
async def test_a_broken_download_goes_on_where_it_broke(ranges: bool) -> None:
    async with HostileSource(break_blob_after=300_000, break_blob_times=2, blob_ranges=ranges) as api:
        api.blobs["a"] = StoredBlob(_DATA, etag='"v1"')
        data, blob = await _download(api, _record(api))
    assert data == _DATA
    assert blob.requests == 3
    assert api.seen_headers[1]["Range"].startswith("bytes=")
    assert api.seen_headers[1]["If-Range"] == '"v1"'


async def test_a_download_without_a_validator_is_not_patched_together() -> None:
    async with HostileSource(break_blob_after=300_000) as api:
        api.blobs["a"] = StoredBlob(_DATA)
        with pytest.raises(SourceUnreachable, match=r"endpoint items, blob: the connection to 127\.0\.0\.1 broke"):
            await _download(api, _record(api))
        assert len(api.log) == 1


@pytest.mark.parametrize("etag", ['W/"weak"', '"v1"'])
async def test_a_blob_that_changed_meanwhile_is_a_failure(etag: str) -> None:
    async with HostileSource(break_blob_after=300_000) as api:
        api.blobs["a"] = StoredBlob(_DATA, etag=etag, headers={"Last-Modified": "Tue, 24 Nov 2026 12:00:00 GMT"})
        async with _source(api, _definition(api)) as source, source.blob("items", None, _record(api)) as blob:
            api.blobs["a"] = StoredBlob(_DATA[::-1], etag='"v2"')
            with pytest.raises(SourceFailed, match="changed while it was downloaded"):
                await _read(blob)


async def test_it_gives_up_when_nothing_comes_any_more() -> None:
    async with HostileSource(break_blob_after=0, break_blob_times=99) as api:
        api.blobs["a"] = StoredBlob(_DATA, etag='"v1"')
        with pytest.raises(SourceUnreachable):
            await _download(api, _record(api))
        assert len(api.log) == 3


@pytest.mark.parametrize(
    ("size", "reason"), [(len(_DATA) + 1, "1024000 bytes came"), (10, "more bytes come than the 10")]
)
async def test_a_size_that_the_record_announces_must_be_right(size: int, reason: str) -> None:
    async with HostileSource() as api:
        api.blobs["a"] = StoredBlob(_DATA)
        record = _record(api)
        record["file"]["size"] = size
        with pytest.raises(SourceFailed, match=reason):
            await _download(api, record, size="file.size")


async def test_throttled_downloads_wait_and_go_on() -> None:
    async with HostileSource(throttle_times=2, throttle_headers={"Retry-After": "30"}) as api:
        api.blobs["a"] = StoredBlob(_DATA)
        data, blob = await _download(api, _record(api))
    assert data == _DATA
    assert blob.requests == 3


async def test_a_blob_compressed_on_its_way_is_decompressed_and_must_be_whole() -> None:
    async with HostileSource() as api:
        whole = gzip.compress(_DATA[:500_000]) + gzip.compress(_DATA[500_000:])
        api.blobs["a"] = StoredBlob(whole, headers={"Content-Encoding": "gzip"})
        data, blob = await _download(api, _record(api))
        assert data == _DATA
        assert blob.size == len(_DATA)
        for broken, reason in ((whole[:-9], "ends in the middle"), (b"\x1f\x8bxxxx", "cannot be decompressed")):
            api.blobs["a"] = StoredBlob(broken, headers={"Content-Encoding": "gzip"})
            with pytest.raises(SourceFailed, match=reason):
                await _download(api, _record(api))
        api.blobs["a"] = StoredBlob(whole, headers={"Content-Encoding": "rot13"})
        with pytest.raises(SourceFailed, match="encoded as rot13"):
            await _download(api, _record(api))


async def test_a_blob_that_is_gone_says_so_by_its_status() -> None:
    async with HostileSource() as api:
        with pytest.raises(SourceRefused) as caught:
            await _download(api, _record(api, "missing"))
    assert caught.value.status == 404


async def test_the_credential_never_goes_to_another_origin() -> None:
    async with HostileSource(token="t0ken") as api, HostileSource() as elsewhere:
        elsewhere.blobs["a"] = StoredBlob(_DATA)
        data, _ = await _download(api, _record(elsewhere))
        assert data == _DATA
        assert elsewhere.credentials == [None]
        assert not any("t0ken" in str(headers) for headers in elsewhere.seen_headers)


async def test_the_credential_stays_away_where_the_definition_says_so() -> None:
    async with HostileSource(token="t0ken") as api:
        with pytest.raises(Exception, match="401"):
            await _download(api, _record(api), send_credential=False)
        assert api.credentials == [None]


async def test_a_record_without_a_blob_has_none() -> None:
    async with HostileSource() as api:
        source = _source(api, _definition(api))
        assert source.blob_reference("items", None, {"id": 1, "file": None}) is None
        assert source.blob_reference("items", None, {"id": 1}) is None
        with pytest.raises(SourceRefused, match="the record has none"):
            source.blob("items", None, {"id": 1})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("attachment", None),
        ('attachment; filename="a b.txt"', "a b.txt"),
        ("attachment; filename=plain.txt; size=3", "plain.txt"),
        ("attachment; filename=\"fallback.txt\"; filename*=UTF-8''%e2%82%ac%20rates.txt", "€ rates.txt"),
        ("attachment; filename*=iso-8859-1'en'%A3.txt", "£.txt"),
        ('attachment; filename="..\\\\..\\\\evil.exe"', "evil.exe"),
        ('attachment; filename="/etc/passwd"', "passwd"),
    ],
)
def test_the_name_in_a_content_disposition(header: str, expected: str | None) -> None:
    assert disposition_name(header) == expected


@pytest.mark.parametrize(
    ("known", "header"),
    [
        ('"v1"', "If-None-Match"),
        ('W/"v1"', "If-None-Match"),
        ("unquoted", "If-None-Match"),
        ("Tue, 24 Nov 2026 09:00:00 GMT", "If-Modified-Since"),
    ],
)
async def test_a_known_blob_is_asked_for_by_its_version(known: str, header: str) -> None:
    async with HostileSource() as api:
        api.blobs["a"] = StoredBlob(b"data", etag=known)
        async with (
            _source(api, _definition(api)) as source,
            source.blob("items", None, _record(api), known=known) as blob,
        ):
            assert (await _read(blob), blob.unchanged) == (b"", True) if header == "If-None-Match" else (b"data", False)
    assert api.seen_headers[0][header] == known


async def test_the_rest_of_a_blob_comes_alone_or_not_at_all() -> None:
    mark = BlobMark('"v1"', "", 4)
    async with HostileSource() as api:
        api.blobs["a"] = StoredBlob(b"data", etag='"v1"')
        async with _source(api, _definition(api)) as source:
            async with source.blob("items", None, _record(api), resume=(3, mark)) as blob:
                assert (await _read(blob), blob.size, blob.version) == (b"a", 4, '"v1"')
            api.blobs["a"] = StoredBlob(b"other", etag='"v2"')
            with pytest.raises(BlobChanged):
                async with source.blob("items", None, _record(api), resume=(3, mark)):
                    pass
            api.switches.blob_ranges = False
            api.blobs["a"] = StoredBlob(b"data", etag='"v1"')
            async with source.blob("items", None, _record(api), resume=(3, mark)) as blob:
                assert await _read(blob) == b"a"
