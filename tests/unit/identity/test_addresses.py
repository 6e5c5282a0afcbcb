"""What passes for an email address."""

import pytest

from holdfast.errors import InputError
from holdfast.identity.addresses import check_email


@pytest.mark.parametrize(
    "address", ["a@b.example", "first.last+tag@mail.acme.example", "ü@ä.example", "o'hara@x-y.example", "root@mailhost"]
)
def test_addresses_are_taken(address: str) -> None:
    check_email(address)


@pytest.mark.parametrize(
    "address",
    ["", "a", "@b.example", "a@", "a@b@c.example", "a b@c.example", "a@b..example", "a@.example", "a@b.example.",
     "a@b.example\nBcc: c@d.example", "a\0@b.example", "<a@b.example>", "a@b.example,c@d.example",
     "x" * 250 + "@b.example"],
)  # fmt: skip
def test_what_is_none_is_refused(address: str) -> None:
    with pytest.raises(InputError) as raised:
        check_email(address)
    assert raised.value.field == "email"
