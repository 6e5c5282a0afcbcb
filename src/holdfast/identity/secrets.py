"""Client ids, client secrets and access tokens: made at random, kept as a hash, compared in constant time.

All of them are 256 random bits (a client id fewer), so a plain hash is enough: there is nothing to guess that a slow
one would protect. Each kind has a prefix, so that a secret in a log or a repository is found by scanners and by people.
"""

import hmac
import secrets
from hashlib import sha256

_CLIENT_PREFIX = "hfc_"
_SECRET_PREFIX = "hfs_"
_TOKEN_PREFIX = "hft_"
_SHOWN = 4
LONGEST = 512
"""Characters of anything that is worth hashing: longer ones are nobody's."""


def new_client_id() -> str:
    """Public, unique, of letters, digits, `-` and `_`."""
    return _CLIENT_PREFIX + secrets.token_urlsafe(15)


def new_client_secret() -> str:
    return _SECRET_PREFIX + secrets.token_urlsafe(32)


def new_token() -> str:
    return _TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes:
    """32 bytes, which are what is stored of a client secret or a token."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def is_one_of(secret: str, hashes: list[bytes]) -> int | None:
    """The place of the secret's hash among these; None: it is none of them. Takes as long whichever it is."""
    given = hash_of(secret)
    found: int | None = None
    for position, expected in enumerate(hashes or [bytes(32)]):
        if hmac.compare_digest(given, expected) and hashes:
            found = position
    return found


def masked(secret: str) -> str:
    """What may be shown of a secret: enough to tell two of them apart."""
    return "*" * 8 + secret[-_SHOWN:]
