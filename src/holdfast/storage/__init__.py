"""Object storage: named, immutable byte strings in a local folder, in memory, on S3, GCS or Azure.

What the bytes are is the vault's matter. `protocol.py` says what every storage promises.
"""

from holdfast.storage.append_only import AppendOnly
from holdfast.storage.beneath import every_name, s3_beneath, without_patience
from holdfast.storage.opening import open_storage
from holdfast.storage.probing import Capabilities, probe
from holdfast.storage.protocol import ObjectInfo, Storage
from holdfast.storage.removing import Removal, remove

__all__ = [
    "AppendOnly", "Capabilities", "ObjectInfo", "Removal", "Storage", "every_name", "open_storage", "probe", "remove",
    "s3_beneath", "without_patience",
]  # fmt: skip
