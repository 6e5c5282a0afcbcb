import pytest

from holdfast.errors import Damaged, InputError, WrongKey
from holdfast.vault.keys import CustomerKeys, RootKey, WrappedKeys, derive, wrap

VAULT_ID = b"v" * 16
NAME = "keys/7/0"


def test_a_root_key_survives_its_text_form_with_space_and_capitals():
    key = RootKey.generate()
    assert RootKey.from_text(key.to_text()) == key
    assert RootKey.from_text(f"  {key.to_text().upper()}\n") == key


def test_every_mistyped_character_of_a_root_key_is_found():
    text = RootKey(bytes(range(32))).to_text()
    for index, character in enumerate(text):
        wrong = text[:index] + ("a" if character != "a" else "b") + text[index + 1 :]
        with pytest.raises(InputError):
            RootKey.from_text(wrong)


@pytest.mark.parametrize(
    "text", ["", "hello", "holdfast-root-1:abc:def", "holdfast-root-2" + ":" + "a" * 52 + ":" + "a" * 8]
)
def test_what_is_no_root_key_is_said_to_be_none(text: str):
    with pytest.raises(InputError, match="not a root key"):
        RootKey.from_text(text)


def test_keys_never_show_in_messages():
    root, keys = RootKey.generate(), CustomerKeys.generate()
    assert root.secret.hex() not in repr(root)
    assert keys.digest.hex() not in repr(keys)
    assert str(keys.digest) not in repr(keys)


def test_derived_keys_differ_by_purpose_and_salt():
    secret = bytes(32)
    assert len({derive(secret, "a"), derive(secret, "b"), derive(secret, "a", b"1"), derive(b"\1" * 32, "a")}) == 4


def test_wrapped_keys_open_with_their_root_key_only():
    root, keys = RootKey.generate(), CustomerKeys.generate()
    data = wrap(keys, root, VAULT_ID, NAME)
    wrapped = WrappedKeys.parse(data, NAME)
    assert wrapped.vault_id == VAULT_ID
    assert wrapped.unwrap(root, NAME) == keys
    assert keys.digest not in data
    assert keys.data[0] not in data
    with pytest.raises(WrongKey, match="does not open the vault"):
        wrapped.unwrap(RootKey.generate(), NAME)


def test_wrapped_keys_do_not_open_under_another_name():
    root = RootKey.generate()
    wrapped = WrappedKeys.parse(wrap(CustomerKeys.generate(), root, VAULT_ID, NAME), NAME)
    with pytest.raises(Damaged):
        wrapped.unwrap(root, "keys/8/0")


def test_a_key_number_nobody_made_is_damage():
    with pytest.raises(Damaged):
        CustomerKeys.generate().data_secret(1, "packs/x")
