"""One sealed message: how manifests, revisions and the catalog's secrets are encrypted.

Layout: "HFE1", key number (2 bytes, big endian), salt (16 bytes, random), AES-256-GCM ciphertext with its tag. The salt
makes a key of its own for every message, so no count of messages is ever too many and a nonce never repeats.
"""

import secrets

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfast.errors import Damaged
from holdfast.vault.keys import SALT_BYTES, ZERO_NONCE, CustomerKeys, derive

_MAGIC = b"HFE1"
_HEADER_BYTES = 4 + 2 + SALT_BYTES
_DOCUMENT_BYTES_MAX = 1 << 30
"""No document is this large; what claims to be is refused before memory is asked for."""


def seal(keys: CustomerKeys, purpose: str, context: bytes, plaintext: bytes) -> bytes:
    """Encrypt and authenticate. Only the same purpose and context open it again."""
    header = _MAGIC + keys.newest.to_bytes(2, "big") + secrets.token_bytes(SALT_BYTES)
    key = derive(keys.data[keys.newest], purpose, header[-SALT_BYTES:])
    return header + AESGCM(key).encrypt(ZERO_NONCE, plaintext, header + context)


def unseal(keys: CustomerKeys, purpose: str, context: bytes, sealed: bytes, object_name: str) -> bytes:
    """What `seal` was given. Raises Damaged, naming the object, for everything that `seal` did not return."""
    header = sealed[:_HEADER_BYTES]
    if header[:4] != _MAGIC or len(header) < _HEADER_BYTES:
        raise Damaged(f"{object_name} does not begin as it must", object_name=object_name)
    secret = keys.data_secret(int.from_bytes(header[4:6], "big"), object_name)
    key = derive(secret, purpose, header[-SALT_BYTES:])
    try:
        return AESGCM(key).decrypt(ZERO_NONCE, sealed[_HEADER_BYTES:], header + context)
    except (InvalidTag, ValueError):
        raise Damaged(f"{object_name} is damaged, or was made for another place", object_name=object_name) from None


def seal_document(keys: CustomerKeys, purpose: str, object_name: str, document: bytes) -> bytes:
    """A whole object: the document compressed, sealed with its own name as context."""
    return seal(keys, purpose, object_name.encode(), zstandard.ZstdCompressor(level=3).compress(document))


def unseal_document(keys: CustomerKeys, purpose: str, object_name: str, data: bytes) -> bytes:
    """The document of a whole object. Raises Damaged."""
    compressed = unseal(keys, purpose, object_name.encode(), data, object_name)
    try:
        if zstandard.frame_content_size(compressed) > _DOCUMENT_BYTES_MAX:
            raise Damaged(f"{object_name} claims to be larger than any document", object_name=object_name)
        return zstandard.ZstdDecompressor().decompress(compressed)
    except zstandard.ZstdError as error:
        raise Damaged(f"{object_name} does not decompress: {error}", object_name=object_name) from error
