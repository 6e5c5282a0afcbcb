"""The keys of a vault: the root key and, wrapped by it, a set of secrets per customer from which all other keys derive.

Knows no storage. Where wrapped keys lie and how many copies there are is `keyring`'s business.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from holdfast.errors import Damaged, InputError, VaultError, WrongKey

KEY_BYTES = 32
SALT_BYTES = 16
ZERO_NONCE = bytes(12)
"""For keys that encrypt one message only: each is derived from a fresh random salt."""

_TEXT_PREFIX = "holdfast-root-1"
_TEXT = re.compile(r"holdfast-root-1:([a-z2-7]{52}):([a-z2-7]{8})")
_WRAPPED_MAGIC = b"HFK1"
_WRAPPED_HEADER_BYTES = 4 + 16 + 16 + SALT_BYTES


def derive(secret: bytes, purpose: str, salt: bytes = b"") -> bytes:
    """32 bytes of HKDF-SHA256 with `info` = "holdfast/1/" + purpose."""
    return HKDF(SHA256(), KEY_BYTES, salt, b"holdfast/1/" + purpose.encode()).derive(secret)


@dataclass(frozen=True)
class RootKey:
    """The one secret that opens a vault. Its text form is what people keep; `repr` does not show it."""

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise InputError(f"a root key has {KEY_BYTES} bytes, not {len(self.secret)}")

    def __repr__(self) -> str:
        return f"RootKey({self.id.hex()})"

    @classmethod
    def generate(cls) -> "RootKey":
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_text(cls, text: str) -> "RootKey":
        """Read what `to_text` wrote; space around it and capitals do not matter. Else raises InputError."""
        match = _TEXT.fullmatch(text.strip().lower())
        if match is None:
            raise InputError(
                f"this is not a root key: a root key reads {_TEXT_PREFIX}:<52 characters>:<8 characters>",
                hint="Give the whole line that `holdfast init` wrote.",
            )
        secret = base64.b32decode(match[1].upper() + "====")
        if RootKey(secret).to_text() != match[0]:
            raise InputError("the root key is mistyped: its check characters do not fit", hint="Copy it again.")
        return cls(secret)

    def to_text(self) -> str:
        """`holdfast-root-1:<base32 of the key>:<base32 of 5 check bytes>`, lowercase."""
        check = hashlib.sha256(_TEXT_PREFIX.encode() + b":" + self.secret).digest()[:5]
        return f"{_TEXT_PREFIX}:{_base32(self.secret)}:{_base32(check)}"

    @property
    def id(self) -> bytes:
        """16 bytes that tell root keys apart and say nothing about them."""
        return derive(self.secret, "root-id")[:16]


@dataclass(frozen=True, repr=False)
class CustomerKeys:
    """A customer's secrets. `data[n]` is the data secret with the key number n; objects say which one they use."""

    digest: bytes
    data: tuple[bytes, ...]

    @classmethod
    def generate(cls) -> "CustomerKeys":
        return cls(secrets.token_bytes(KEY_BYTES), (secrets.token_bytes(KEY_BYTES),))

    @property
    def newest(self) -> int:
        """The key number that new objects use."""
        return len(self.data) - 1

    def data_secret(self, number: int, object_name: str) -> bytes:
        """Raises Damaged where there is no such key number: nothing in this vault was written with it."""
        if number >= len(self.data):
            raise Damaged(f"{object_name} names a key that does not exist ({number})", object_name=object_name)
        return self.data[number]


@dataclass(frozen=True)
class WrappedKeys:
    """What a key object says in the clear. `parse` it first to learn which root key opens it."""

    vault_id: bytes
    root_id: bytes
    header: bytes
    ciphertext: bytes

    @classmethod
    def parse(cls, data: bytes, object_name: str) -> "WrappedKeys":
        if data[:4] != _WRAPPED_MAGIC or len(data) < _WRAPPED_HEADER_BYTES:
            raise Damaged(f"{object_name} is not a customer's key", object_name=object_name)
        header = data[:_WRAPPED_HEADER_BYTES]
        return cls(header[4:20], header[20:36], header, data[_WRAPPED_HEADER_BYTES:])

    def unwrap(self, root: RootKey, object_name: str) -> CustomerKeys:
        """Raises WrongKey where another root key wrapped it, Damaged where its bytes are not what was written."""
        if not hmac.compare_digest(self.root_id, root.id):
            raise WrongKey(
                f"this root key does not open the vault: {object_name} was written with root key "
                f"{self.root_id.hex()}, this one is {root.id.hex()}",
                hint="Check HOLDFAST_ROOT_KEY (or _FILE, _COMMAND): it must be the key this vault was made with.",
            )
        try:
            plain = AESGCM(_wrapping_key(root, self.header)).decrypt(
                ZERO_NONCE, self.ciphertext, self.header + object_name.encode()
            )
        except (InvalidTag, ValueError):
            raise Damaged(f"{object_name} is damaged", object_name=object_name) from None
        parts = [plain[start : start + KEY_BYTES] for start in range(0, len(plain), KEY_BYTES)]
        if len(parts) < 2 or len(parts[-1]) != KEY_BYTES:
            raise VaultError(f"{object_name} holds {len(plain)} bytes of keys, which this version does not understand")
        return CustomerKeys(parts[0], tuple(parts[1:]))


def wrap(keys: CustomerKeys, root: RootKey, vault_id: bytes, object_name: str) -> bytes:
    """The bytes of a key object. No two calls give the same ones."""
    header = _WRAPPED_MAGIC + vault_id + root.id + secrets.token_bytes(SALT_BYTES)
    plain = b"".join((keys.digest, *keys.data))
    return header + AESGCM(_wrapping_key(root, header)).encrypt(ZERO_NONCE, plain, header + object_name.encode())


def _wrapping_key(root: RootKey, header: bytes) -> bytes:
    return derive(root.secret, "wrap", header[-SALT_BYTES:])


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()
