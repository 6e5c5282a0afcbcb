"""Makes a storage of the URL in a setting. The URL never carries credentials: each storage finds its own."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from holdfast.errors import InputError
from holdfast.storage.local import LocalFolder
from holdfast.storage.memory import MemoryStorage
from holdfast.storage.protocol import Storage


def open_storage(url: str) -> Storage:
    """The storage at `file:///path`, a plain path or `memory://` (a new, empty one each time).

    Nothing is written or connected to yet. Raises `InputError` when the URL cannot be meant.
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
    raise InputError(f"no storage is called {scheme}://", field="storage")
