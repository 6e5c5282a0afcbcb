import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.definitions import identity
from holdfast.definitions.values import decode
from holdfast.errors import PageUnreadable

ids = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("7", "7"),
        ('"7"', "7"),
        ("18446744073709551617", "18446744073709551617"),
        ("1.0", "1.0"),
        ("1E3", "1E3"),
        ('"a~b%/é"', "a~b%/é"),
        ("-5", "-5"),
    ],
)
def test_an_id_is_its_text_and_a_number_its_spelling(token: str, text: str) -> None:
    assert identity.part(decode(token.encode())) == text
    assert identity.part(msgspec.Raw(token.encode())) == text


@pytest.mark.parametrize("token", ["null", "true", "false", "{}", "[]", "[1]", '""', '"a\\u0000b"', '"\\ud800"'])
def test_what_identifies_nothing_is_refused(token: str) -> None:
    with pytest.raises(PageUnreadable, match="the id"):
        identity.part(decode(token.encode()))
    with pytest.raises(PageUnreadable, match="the id"):
        identity.part(msgspec.Raw(token.encode()))


def test_a_plain_float_is_refused_because_its_spelling_is_lost() -> None:
    with pytest.raises(PageUnreadable, match="spelling was lost"):
        identity.part(1.0)


def test_a_single_part_stands_as_it_is() -> None:
    assert identity.join(["a~b%"]) == "a~b%"
    assert identity.split("a~b%", 1) == ["a~b%"]


def test_parts_are_joined_by_a_tilde_and_escaped() -> None:
    assert identity.join(["a~b", "100%"]) == "a%7Eb~100%25"
    assert identity.child_key("a~b", "c~d") == "a%7Eb~c%7Ed"


@given(st.lists(ids, min_size=1, max_size=4))
def test_split_undoes_join(parts: list[str]) -> None:
    assert identity.split(identity.join(parts), len(parts)) == parts


@given(ids, ids, ids, ids)
def test_different_records_have_different_keys(parent: str, record: str, other_parent: str, other_record: str) -> None:
    same = identity.child_key(parent, record) == identity.child_key(other_parent, other_record)
    assert same == ((parent, record) == (other_parent, other_record))
    assert identity.split_child_key(identity.child_key(parent, record)) == (parent, record)


def test_the_wrong_number_of_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="has 3 parts, not 2"):
        identity.split("a~b~c", 2)


@pytest.mark.parametrize(
    ("parent", "is_global", "key"), [("", False, "a~b"), ("p", True, "a~b"), ("p", False, "p~a%7Eb")]
)
def test_the_parent_takes_part_unless_the_id_is_global(parent: str, is_global: bool, key: str) -> None:
    assert identity.record_key(parent, "a~b", global_id=is_global) == key
