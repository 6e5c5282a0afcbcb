"""Tells what an error of obstore means. Most are of one class there: the HTTP status in the text has to decide."""

import re

from holdfast.errors import ObjectMissing, StorageError, StorageFull, StorageUnavailable

_STATUS = re.compile(r"status code: (\d{3})")
_QUERY = re.compile(r"\?[^\s)\"']*")
_SHOWN = 400

_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist")
_FULL = ("QuotaExceeded", "StorageFull", "InsufficientStorage")
"""Ceph says QuotaExceeded with status 403, MinIO XMinioStorageFull."""
_SLOW = ("SlowDown", "RequestTimeout", "Throttl", "ServerBusy", "OperationAborted", "ConditionalRequestConflict")
"""S3 says RequestTimeout with status 400: the connection was idle too long."""

_PASSING = frozenset({408, 409, 423, 425, 429})
_METADATA = ("169.254.169.254", "169.254.170.2", "metadata.google.internal")
"""Where the providers' machines find their credentials; asked for when there are none elsewhere."""

_BROKEN = ("non-partial response", "Received redirect", "Unable to extract metadata")
"""Answers of a server that will not give better ones next time."""

_BEHIND_END = "storage_range_invalid"
_TOO_SHORT = "Wanted range starting at"
"""Azure answers a range behind the end with the whole object's size, and obstore finds out: no status 416."""


def translate(error: Exception, name: str, url: str) -> StorageError:
    """The `StorageError` that an exception of obstore means, which came of working on the object `name` at `url`."""
    text = str(error).partition("\n\nDebug source:")[0]
    match = _STATUS.search(text)
    status = int(match.group(1)) if match else None
    message = f"{url}: {' '.join(_QUERY.sub('', text).split())[:_SHOWN]}"
    if _says(text, _NO_BUCKET):
        return StorageError(
            f"{url}: there is no such bucket", hint="make the bucket, or correct the URL", code="storage_no_bucket"
        )
    if status == 507 or _says(text, _FULL):
        return StorageFull(message, hint="raise the quota of this bucket or account, or make space")
    if isinstance(error, FileNotFoundError):
        return ObjectMissing(f"{name} is not in {url}")
    if status in {401, 403} or type(error).__name__ in {"PermissionDeniedError", "UnauthenticatedError"}:
        hint = "these credentials may not do this, or an object lock forbids it"
        return StorageError(message, hint=hint, code="storage_refused")
    if status == 416 or _TOO_SHORT in text:
        return StorageError(message, code=_BEHIND_END)
    if status is None and _says(text, _METADATA):
        return StorageError(
            f"{url}: no credentials found",
            hint="set the provider's variables, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            code="storage_refused",
        )
    if _is_permanent(status, text):
        return StorageError(message, hint="is this the right endpoint, region and bucket?")
    return StorageUnavailable(message)


def is_behind_end(error: StorageError) -> bool:
    """Whether the server refused a range because the object is too short for it."""
    return error.code == _BEHIND_END


def _is_permanent(status: int | None, text: str) -> bool:
    if _says(text, _SLOW):
        return False
    if status is None:
        return _says(text, _BROKEN)
    return status == 501 or (status < 500 and status not in _PASSING)


def _says(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)
