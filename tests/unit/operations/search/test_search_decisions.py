"""The sieve and the matcher against a reader that decodes everything: on records spelt in every way JSON allows."""

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from holdfast.definitions.values import decode
from holdfast.operations.search.folding import fold, forms
from holdfast.operations.search.matching import Matcher
from holdfast.operations.search.query import Condition, Query
from holdfast.operations.search.sieves import sieve

ALPHABET = 'abkKiI İéÉsSßσΣςпП漢😀"\\/\n\t1:-{}[],'
NAMES = ["name", "tag", "a.b", "ünlü", "kind", "2", "v1.2", 'q"q']


def spelled(value: object, chance: random.Random) -> str:
    """JSON with random escapes, random white space, random spellings of numbers."""
    white = chance.choice(["", "", " ", "\n "])
    if isinstance(value, dict):
        members = [f"{spelled(name, chance)}{white}:{white}{spelled(one, chance)}" for name, one in value.items()]
        return "{" + f"{white},".join(members) + white + "}"
    if isinstance(value, list):
        return "[" + f",{white}".join(spelled(one, chance) for one in value) + "]"
    if isinstance(value, str):
        return '"' + "".join(escaped(one, chance) for one in value) + '"'
    if value == 10 and chance.random() < 0.5:
        return chance.choice(["10.0", "1e1", "1E+1", "10.00"])
    return json.dumps(value)


def escaped(one: str, chance: random.Random) -> str:
    ways = [json.dumps(one, ensure_ascii=False)[1:-1]] * 6
    units = one.encode("utf-16-be").hex()
    unicode = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    ways += [unicode, unicode.upper().replace("\\U", "\\u")]
    if one == "/":
        ways.append("\\/")
    return chance.choice(ways)


def made(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(8 if depth < 3 else 5)
    if kind < 3:
        return "".join(chance.choices(ALPHABET, k=chance.randrange(9)))
    if kind == 3:
        return chance.choice([10, 4711, -1, 0, 10**30])
    if kind == 4:
        return chance.choice([True, False, None])
    if kind == 5:
        return [made(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {name: made(chance, depth + 1) for name in chance.sample(NAMES, chance.randrange(4))}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        yield str(value)


def at(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        if path and path[0].isdecimal() and int(path[0]) < len(value):
            yield from at(value[int(path[0])], path[1:])
        for one in value:
            yield from at(one, path)
    elif not path:
        yield value
    elif isinstance(value, dict):
        for length in range(1, len(path) + 1):
            if ".".join(path[:length]) in value:
                yield from at(value[".".join(path[:length])], path[length:])


def equal(value: Any, text: str) -> bool:
    if isinstance(value, str):
        return value == text
    if value is None or isinstance(value, bool):
        return json.dumps(value) == text
    if isinstance(value, int | float):
        try:
            return str(value) == text or Decimal(str(value)) == Decimal(text)
        except ArithmeticError:
            return False
    return False


def queries(record: Any, chance: random.Random) -> Iterator[Query]:
    found = [text for text in texts(record) if text] or ["x"]
    text = chance.choice(found)
    begin = chance.randrange(len(text))
    piece = text[begin : begin + chance.randrange(1, 5)]
    yield Query(chance.choice([piece, piece.upper(), piece.lower()]))
    yield Query("".join(chance.choices(ALPHABET, k=chance.randrange(1, 4))))
    path = ".".join(chance.choices([*NAMES, "0", "1"], k=chance.randrange(1, 3)))
    values = [*found, "10", "1e1", "true", "null", "4711"]
    for operator in ("=", "!=", "~", ">="):
        yield Query(None, (Condition(path, operator, chance.choice(values)),))  # type: ignore[arg-type]


def expected(record: Any, query: Query) -> bool:
    if query.text is not None:
        return any(fold(query.text) in fold(text) for text in texts(record))
    (condition,) = query.conditions
    found = list(at(record, condition.field.split(".")))
    if condition.operator in {"=", "!="}:
        return any(equal(value, condition.value) for value in found) == (condition.operator == "=")
    if condition.operator == "~":
        spelt = [one if isinstance(one, str) else str(one) if _is_number(one) else json.dumps(one)
                 for one in found if not isinstance(one, dict)]  # fmt: skip
        return any(fold(condition.value) in fold(one) for one in spelt)
    return any(_at_least(value, condition.value) for value in found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _at_least(value: Any, text: str) -> bool:
    if _is_number(value):
        return text.lstrip("-").replace("e", "").isdecimal() and Decimal(str(value)) >= Decimal(text)
    return isinstance(value, str) and value >= text


@pytest.mark.parametrize("seed", range(20))
def test_what_is_found_is_what_a_reader_of_everything_finds(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        record = {"id": 1, **made_object(chance)}
        raw = spelled(record, chance).encode()
        for query in queries(record, chance):
            wanted = expected(decode(raw), query)
            said = f"{query} in {raw!r}"
            assert Matcher(query).matches(raw, raw.lower()) is wanted, said
            if wanted:
                sifter = sieve(query)
                frame = b'{"id":0}' + (raw.lower() if sifter.folds else raw) + b'{"id":2}'
                at_byte = sifter.of_frame(frame)(frame, 8)
                assert 8 <= at_byte < 8 + len(raw), said


def made_object(chance: random.Random) -> dict[str, Any]:
    return {name: made(chance) for name in chance.sample(NAMES, chance.randrange(5))}


def test_forms_are_all_that_fold_to_a_character() -> None:
    for folded in "akisσéπ":
        assert forms(folded) == {chr(code) for code in range(0x20000) if folded in fold(chr(code))} | {folded}


@pytest.mark.parametrize(
    ("text", "raw", "found"),
    [
        ("title", b'{"title": "x", "title2" : 1}', False),
        ("title", b'{"a": "my title"}', True),
        ("title", b'{"a": "title\\":"}', True),
        ("itl", b'{"title":"x"}', False),
        ("1,2", b'{"a":[1,2]}', False),
        ("4711", b'{"a":[14711]}', True),
        ("true", b'{"a":true}', False),
        ("e9", b'{"a":"\\u00e9"}', False),
        ("nabc", b'{"a":"\\nabc"}', False),
        ("\nabc", b'{"a":"\\nABC"}', True),
        ("hello", b'{"a":"\\u0048\\u0065llo"}', True),
        ("kelvin", '{"a":"\N{KELVIN SIGN}elvin"}'.encode(), True),
        ("STRASSE", '{"a":"straße"}'.encode(), False),
        ("a/b", b'{"a":"A\\/B"}', True),
        ("x", b'{"a":"\\ud800 x"}', True),
        ("deep", b'{"a":' + b"[" * 20_000 + b'"deep"' + b"]" * 20_000 + b"}", True),
    ],
)
def test_texts(text: str, raw: bytes, found: bool) -> None:
    assert Matcher(Query(text)).matches(raw, raw.lower()) is found
    finder = sieve(Query(text)).of_frame(raw.lower())
    assert found is False or finder(raw.lower(), 0) >= 0


def test_where_a_text_stands_is_shown() -> None:
    raw = json.dumps({"a": [{"b": "x" * 100 + "Needle" + "y" * 100}], "c": "no"}).encode()
    (match,) = Matcher(Query("needle")).found(raw)
    assert match.field == "a.0.b"
    assert match.excerpt == "…" + "x" * 40 + "Needle" + "y" * 40 + "…"
