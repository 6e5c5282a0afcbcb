"""Signed JWTs (RFC 7519, RFC 7523): how a service account proves who it is to a token endpoint. No I/O."""

import base64
import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from holdfast.errors import InputError

__all__ = ["assertion"]

_LIFETIME_S = 60
"""Box allows no more, Salesforce three minutes, Google an hour. It is used at once."""


def assertion(
    claims: Mapping[str, str], private_key: str, now: datetime, *, algorithm: Literal["RS256", "ES256"], key_id: str
) -> str:
    """A JWT with these claims and `iat`, `exp` and `jti`, signed with a key in PEM; `key_id` may be empty.

    Raises InputError for what is no such key, without quoting it.
    """
    issued = int(now.timestamp())
    header = {"alg": algorithm, "typ": "JWT", **({"kid": key_id} if key_id else {})}
    content = {"iat": issued, "exp": issued + _LIFETIME_S, "jti": uuid.uuid4().hex, **claims}
    signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(content).encode())}"
    return f"{signed}.{_encoded(_signature(signed.encode(), private_key, algorithm))}"


def _signature(signed: bytes, private_key: str, algorithm: str) -> bytes:
    # Keys that come out of a JSON file or an environment variable often have their line breaks spelled out.
    pem = private_key.replace("\\n", "\n").strip() + "\n"
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(
            "the private key is no unencrypted key in PEM",
            hint="It begins with -----BEGIN PRIVATE KEY----- and goes on over many lines.",
        ) from error
    if algorithm == "RS256" and isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), SHA256())
    if algorithm == "ES256" and isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
        # RFC 7518 has the two numbers themselves where the library gives them in DER.
        return b"".join(
            number.to_bytes(32, "big") for number in decode_dss_signature(key.sign(signed, ec.ECDSA(SHA256())))
        )
    raise InputError(f"the private key is of another kind than {algorithm} signs with")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
