"""Records that refer to each other: the order of writing, and which cannot be written at all."""

import time
from collections.abc import Iterable

import pytest

from holdfast.catalog.restore_records import Action
from holdfast.definitions.loading import load
from holdfast.operations.restore.deciding import Decision
from holdfast.operations.restore.ordering import in_order, without_what_they_need
from tests.support.writable_source import DOCUMENT

ENDPOINT = load(DOCUMENT.format(url="https://x.test")).endpoint("cards")


def decision(key: str, *refers: str, needs: Iterable[str] = (), action: Action = "create") -> Decision:
    return Decision(ENDPOINT, key, "", action, {}, refers=frozenset((*refers, *needs)), needs=frozenset(needs))


def order(*decisions: Decision) -> str:
    return "".join(one.key for one in in_order(decisions))


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([decision("a"), decision("b"), decision("c")], "abc"),
        ([decision("a", "c"), decision("b"), decision("c")], "cab"),
        ([decision("a", "c", "b"), decision("b", "d"), decision("c", "d"), decision("d")], "dbca"),
        ([decision("a", "b"), decision("b", "c"), decision("c", "a"), decision("d", "a")], "cbad"),
        ([decision("a", "a", "nowhere"), decision("b")], "ab"),
    ],
)
def test_what_others_refer_to_comes_first_and_the_rest_as_it_came(decisions: list[Decision], expected: str) -> None:
    assert order(*decisions) == expected


def impossible(*decisions: Decision) -> dict[str, str | None]:
    return {one.key: one.why for one in without_what_they_need(decisions) if one.action == "impossible"}


def test_what_needs_something_that_cannot_be_is_impossible_too() -> None:
    gone = decision("a", action="impossible")
    told = impossible(gone, decision("d", needs="c"), decision("c", needs="ab"), decision("b"), decision("e", "a"))
    assert told == {
        "a": None, "c": "it refers to a, which cannot be restored", "d": "it refers to c, which cannot be restored",
    }  # fmt: skip


def test_of_those_that_need_each_other_none_can_be() -> None:
    late = "it refers to a, which would have to be there before it"
    assert impossible(decision("a", needs="b"), decision("b", needs="a"), decision("c", needs="a"), decision("d")) == {
        "b": late, "a": "it refers to b, which cannot be restored", "c": "it refers to a, which cannot be restored",
    }  # fmt: skip
    assert impossible(decision("a", needs="a")) == {"a": late}
    assert impossible(decision("a", needs="b"), decision("b", "a")) == {}


@pytest.mark.parametrize("chain", ["forwards", "backwards"])
def test_long_chains_cost_their_length(chain: str) -> None:
    made = [decision(str(number), needs=[str(number + 1)]) for number in range(20_000)]
    made.append(decision("20000", action="impossible"))
    if chain == "backwards":
        made.reverse()
    used = time.process_time()
    assert len(impossible(*made)) == len(made)
    assert time.process_time() - used < 5
