import pytest
from obstore.exceptions import GenericError, PermissionDeniedError

from holdfast.errors import ObjectMissing, StorageError, StorageFull, StorageUnavailable
from holdfast.storage.object_store_errors import is_behind_end, translate


def answer(status: int, body: str = "", kind: type[Exception] = GenericError) -> Exception:
    """As obstore words it."""
    return kind(
        f"Generic S3 error: Error performing PUT http://host/bucket/packs/1?X-Amz-Signature=abc in 1.2ms - "
        f"Server returned non-2xx status code: {status} Whatever: {body}\n\nDebug source:\nGeneric {{ uri: ?sig=abc }}"
    )


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        (answer(500), StorageUnavailable, "storage_unavailable"),
        (answer(502), StorageUnavailable, "storage_unavailable"),
        (answer(503, "<Code>SlowDown</Code>"), StorageUnavailable, "storage_unavailable"),
        (answer(429), StorageUnavailable, "storage_unavailable"),
        (answer(408), StorageUnavailable, "storage_unavailable"),
        (answer(400, "<Code>RequestTimeout</Code>"), StorageUnavailable, "storage_unavailable"),
        (answer(400, "<Code>ThrottlingException</Code>"), StorageUnavailable, "storage_unavailable"),
        (GenericError("HTTP error: error sending request"), StorageUnavailable, "storage_unavailable"),
        (GenericError("HTTP error: request or response body error"), StorageUnavailable, "storage_unavailable"),
        (answer(507), StorageFull, "storage_full"),
        (answer(403, "<Code>QuotaExceeded</Code>", PermissionDeniedError), StorageFull, "storage_full"),
        (answer(403, "", PermissionDeniedError), StorageError, "storage_refused"),
        (answer(403), StorageError, "storage_refused"),
        (answer(404, "<Code>NoSuchKey</Code>", FileNotFoundError), ObjectMissing, "object_missing"),
        (answer(404, "<Code>NoSuchBucket</Code>", FileNotFoundError), StorageError, "storage_no_bucket"),
        (answer(404, "<Code>ContainerNotFound</Code>"), StorageError, "storage_no_bucket"),
        (answer(400, "<Code>InvalidRequest</Code>"), StorageError, "storage_error"),
        (answer(501), StorageError, "storage_error"),
        (GenericError("Received redirect without LOCATION"), StorageError, "storage_error"),
        (
            GenericError("Error performing PUT http://169.254.169.254/latest/api/token - HTTP error"),
            StorageError,
            "storage_refused",
        ),
    ],
)
def test_an_answer_means(error: Exception, expected: type[StorageError], code: str) -> None:
    translated = translate(error, "packs/1", "s3://bucket")
    assert type(translated) is expected
    assert translated.code == code
    assert "s3://bucket" in str(translated)


def test_a_range_behind_the_end_is_recognised() -> None:
    assert is_behind_end(translate(answer(416), "packs/1", "s3://bucket"))
    azure = GenericError("Wanted range starting at 10, but object was only 10 bytes long")
    assert is_behind_end(translate(azure, "packs/1", "az://container"))
    assert not is_behind_end(translate(answer(400), "packs/1", "s3://bucket"))


def test_a_message_has_no_signature_and_one_line() -> None:
    message = str(translate(answer(503, "a\nb" * 1_000), "packs/1", "s3://bucket"))
    assert "abc" not in message
    assert "\n" not in message
    assert len(message) < 500
