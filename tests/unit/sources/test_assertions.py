"""Signed JWTs, checked by another library."""

from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from holdfast.errors import InputError
from holdfast.sources.assertions import assertion

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("spelled_out", [False, True])
def test_it_is_a_jwt_that_lives_a_minute(algorithm: str, form: PrivateFormat, spelled_out: bool) -> None:
    key = RSA if algorithm == "RS256" else EC
    text = pem(key, form).replace("\n", "\\n") if spelled_out else pem(key, form)
    claims = {"iss": "me@example", "aud": "https://x/token"}
    made = assertion(claims, text, NOW, algorithm=algorithm, key_id="k1")  # type: ignore[arg-type]
    assert jwt.get_unverified_header(made) == {"alg": algorithm, "typ": "JWT", "kid": "k1"}
    read = jwt.decode(
        made, key.public_key(), algorithms=[algorithm], audience="https://x/token",
        options={"verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert read["iss"] == "me@example"
    assert (read["iat"], read["exp"] - read["iat"]) == (int(NOW.timestamp()), 60)
    assert len(read["jti"]) == 32


@pytest.mark.parametrize(
    ("key", "algorithm", "message"),
    [
        ("no key at all", "RS256", "no unencrypted key in PEM"),
        (pem(RSA)[:200], "RS256", "no unencrypted key in PEM"),
        (pem(EC), "RS256", "of another kind than RS256"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "ES256", "of another kind than ES256"),
    ],
)
def test_what_is_no_such_key_is_refused_without_showing_it(key: str, algorithm: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        assertion({}, key, NOW, algorithm=algorithm, key_id="")  # type: ignore[arg-type]
    assert key[:20] not in str(caught.value)
