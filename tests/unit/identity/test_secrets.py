"""Secrets are random, kept as hashes, and shown masked."""

from holdfast.identity import secrets


def test_every_secret_is_another_one_and_its_kind_shows() -> None:
    for make, prefix in (
        (secrets.new_client_id, "hfc_"),
        (secrets.new_client_secret, "hfs_"),
        (secrets.new_token, "hft_"),
    ):
        made = {make() for _ in range(100)}
        assert len(made) == 100
        assert all(one.startswith(prefix) for one in made)


def test_ids_and_secrets_need_no_encoding_in_an_address_or_a_header() -> None:
    for made in (secrets.new_client_id(), secrets.new_client_secret(), secrets.new_token()):
        assert made.isascii()
        assert set(made) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_secret_is_found_among_hashes() -> None:
    hashes = [secrets.hash_of(text) for text in ("one", "two", "three")]
    assert secrets.is_one_of("two", hashes) == 1
    assert secrets.is_one_of("four", hashes) is None
    assert secrets.is_one_of("one", []) is None


def test_anything_can_be_hashed() -> None:
    assert len(secrets.hash_of("\ud800")) == 32


def test_a_mask_shows_the_end_only() -> None:
    secret = secrets.new_client_secret()
    assert secrets.masked(secret) == "*" * 8 + secret[-4:]
