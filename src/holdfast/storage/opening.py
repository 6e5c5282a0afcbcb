"""Makes a storage of the URL in a setting. The URL never carries credentials: each storage finds its own."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from holdfast.errors import InputError
from holdfast.storage.local import LocalFolder
from holdfast.storage.memory import MemoryStorage
from holdfast.storage.protocol import Storage
from holdfast.storage.retrying import RetryingStorage


def open_storage(url: str) -> Storage:
    """The storage at a URL; that of a provider with retries.

    `file:///path` or a plain path, `memory://` (a new, empty one each time), and with an optional prefix each
    `s3://bucket?endpoint=..&region=..&profile=..&addressing=virtual`, `gs://bucket?credentials=FILE`,
    `az://container?account=..`. Nothing is written or connected to yet. Raises `InputError` when the URL cannot be
    meant.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        if not url.strip():
            raise InputError("the storage's URL is empty", field="storage")
        return LocalFolder(Path(url).expanduser())
    parts = urlsplit(url)
    if scheme == "file":
        if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
            raise InputError(f"{url} is no path on this machine", field="storage", hint="write file:///absolute/path")
        return LocalFolder(Path(unquote(parts.path)))
    if scheme == "memory":
        return MemoryStorage()
    if scheme in {"s3", "gs", "az"}:
        # Imported here: obstore takes 20 ms, which a command that works on a local folder need not wait for.
        from holdfast.storage.providers import open_bucket

        return RetryingStorage(open_bucket(url))
    known = "file:///path, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or memory://"
    raise InputError(f"no storage is called {scheme}://", field="storage", hint=f"write {known}")
