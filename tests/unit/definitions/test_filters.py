import pytest

from holdfast.definitions.expressions import Template
from holdfast.definitions.filters import FILTERS
from holdfast.definitions.values import decode
from holdfast.errors import DefinitionError

CASES = [
    ("{{ none_there | default('x') }}", "x"),
    ("{{ empty | default('x') }}", "x"),
    ("{{ record.deep.down | default('y') }}", "y"),
    ("{{ word | lower }}", "a b/c"),
    ("{{ word | upper }}", "A B/C"),
    ("{{ '  x ' | trim }}", "x"),
    ("{{ word | replace('/', '-') }}", "A b-c"),
    ("{{ word | split('/') | last }}", "c"),
    ("{{ word | split('/') | first }}", "A b"),
    ("{{ record.tags | join(',') }}", "1,2.50"),
    ("{{ record.tags | length }}", "2"),
    ("{{ '7' | int + 1 }}", "8"),
    ("{{ '7.9' | int }}", "7"),
    ("{{ word | urlencode }}", "A%20b%2Fc"),
    ("{{ (word ~ ':x') | b64encode }}", "QSBiL2M6eA=="),
    ("{{ 'QSBiL2M6eA' | b64decode }}", "A b/c:x"),
    ("{{ record | tojson }}", '{"tags":[1,2.50],"ok":true,"none":null}'),
    ("{{ word | path }}", "A%20b/c"),
    ("{{ word | encoded }}", "A b/c"),
    ("{{ time | unix }}", "1709294400"),
    ("{{ time | unix_ms }}", "1709294400000"),
    ("{{ 1709294400 | from_unix }}", "2024-03-01T12:00:00Z"),
    ("{{ '1709294400500' | from_unix_ms }}", "2024-03-01T12:00:00.500000Z"),
    ("{{ time | minus('1d') }}", "2024-02-29T12:00:00Z"),
    ("{{ time | strftime('%Y/%m/%d') }}", "2024/03/01"),
]
VALUES = {
    "word": "A b/c",
    "empty": None,
    "time": "2024-03-01T12:00:00Z",
    "record": decode(b'{"tags": [1, 2.50], "ok": true, "none": null}'),
}


@pytest.mark.parametrize(("text", "made"), CASES)
def test_a_filter_makes_what_it_says(text: str, made: str) -> None:
    assert Template(text).render(**VALUES) == made


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_has_a_case(name: str) -> None:
    assert any(f"| {name}" in text for text, _ in CASES)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ word | int }}", "is no number"),
        ("{{ '1e999' | int }}", "no whole number"),
        ("{{ word | unix }}", "no ISO 8601 time"),
        ("{{ 1e30 | from_unix }}", "is no time"),
        ("{{ time | minus('1 day') }}", "no duration"),
        ("{{ time | minus('999999w') }}", "out of range"),
        ("{{ time | strftime('%0999999Y') }}", "strftime knows"),
        ("{{ '!!' | b64decode }}", "not base64"),
        ("{{ word | replace('', 'x') }}", "replace takes"),
        ("{{ word | split('') }}", "split takes"),
        ("{{ 7 | first }}", "neither text nor a list"),
        ("{{ record | upper }}", "an object cannot be inserted"),
        ("{{ huge }}", "longer than"),
        ("{{ big | replace('a', 'bbbbbbbbbb') }}", "longer than"),
        ("{{ [big, big] | join('') }}", "longer than"),
        ("{{ big + big }}", "longer than"),
        ("{{ big | b64encode }}", "longer than"),
    ],
)
def test_a_filter_says_what_does_not_fit(text: str, reason: str) -> None:
    with pytest.raises(DefinitionError, match=reason):
        Template(text).render(**VALUES, big="a" * 65_000, huge="a" * 100_000)


@pytest.mark.parametrize("name", sorted(set(FILTERS) - {"default", "tojson"}))
def test_what_is_missing_stays_missing_through_a_filter(name: str) -> None:
    arguments = {"replace": "('a', 'b')", "split": "('a')", "minus": "('1h')", "strftime": "('%Y')"}.get(name, "")
    assert Template(f"x{{{{ record.nothing | {name}{arguments} }}}}").render_optional(**VALUES) is None
    assert Template(f"x{{{{ empty | {name}{arguments} }}}}").render_optional(**VALUES) is None
