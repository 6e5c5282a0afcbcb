"""A signature is good for its text and its key only."""

from holdfast.identity.signatures import Signer


def test_a_signature_is_good_for_its_text_and_key_only() -> None:
    signer = Signer(b"k" * 32)
    signature = signer.sign("export 1 2")
    assert signer.is_valid("export 1 2", signature)
    assert not signer.is_valid("export 1 3", signature)
    assert not Signer(b"x" * 32).is_valid("export 1 2", signature)
    for wrong in ("", signature[:-1], signature + "A", "\ud800"):
        assert not signer.is_valid("export 1 2", wrong)


def test_a_signature_may_stand_in_an_address() -> None:
    for number in range(50):
        signature = Signer(b"k" * 32).sign(str(number))
        assert len(signature) == 32
        assert signature.replace("-", "").replace("_", "").isalnum()
