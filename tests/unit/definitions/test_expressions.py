from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.definitions.expressions import Template, template
from holdfast.definitions.values import decode
from holdfast.errors import DefinitionError

RECORD: Any = decode(
    b'{"id": 12345678901234567890123, "price": 1.50, "ok": true, "none": null, "name": "a b/\\u00e9",'
    b' "items": ["x", "y"], "file": {"url": "https://files.example/a?b=c d"}, "list": []}'
)


def test_plain_text_is_itself() -> None:
    assert Template("state=all {x}").render() == "state=all {x}"
    assert Template("plain").names == frozenset()


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{{ record.name }}", "a b/é"),
        ("{{ record.id }}", "12345678901234567890123"),
        ("{{ record.price }}", "1.50"),
        ("{{ record.ok }}", "true"),
        ("id-{{ record.id }}!", "id-12345678901234567890123!"),
        ("{{ record.items[0] }}{{ record['items'][-1] }}", "xy"),
        ("{{ 'p' ~ record.price ~ record.ok }}", "p1.50true"),
        ("{{ 'yes' if record.ok else 'no' }}", "yes"),
        ("{{ 'yes' if record.nothing.there else 'no' }}", "no"),
        ("{{ 'yes' if record.nothing is defined else 'no' }}", "no"),
        ("{{ 'y' in record.items }}", "true"),
        ("{{ record.name[0:1] }}", "a"),
        ("{{ 7 % 4 * 2 }}", "6"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("a\n{{ record.ok }}\n", "a\ntrue\n"),
    ],
)
def test_an_expression_is_replaced_by_its_value(text: str, rendered: str) -> None:
    assert Template(text).render(record=RECORD) == rendered


def test_names_are_what_it_looks_up() -> None:
    assert Template("{{ token ~ parent.x }}{{ record.y | default(fallback) }}").names == {
        "token", "parent", "record", "fallback",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "{{ record.nothing }}", "{{ record.none }}", "x{{ record.file.x.y }}", "{{ unset }}",
        "{{ record['list'][0] }}",
        "{{ record.name[99] }}", "{{ 'y' in record.nothing }}", "{{ record.nothing ~ 'x' }}",
        "{{ 1 + record.nothing }}", "{{ record.none - 1 }}",
    ],
)  # fmt: skip
def test_what_is_missing_or_null_cannot_be_inserted(text: str) -> None:
    with pytest.raises(DefinitionError, match="in the template"):
        Template(text).render(record=RECORD)
    assert Template(text).render_optional(record=RECORD) is None
    assert Template(text).render_url(record=RECORD) == ""


@pytest.mark.parametrize("text", ["{{ record.file }}", "{{ record.items }}", "{{ record.ok + 'x' }}", "{{ 1 // 0 }}"])
def test_what_is_no_text_is_an_error_that_names_the_template(text: str) -> None:
    with pytest.raises(DefinitionError, match="in the template"):
        Template(text).render(record=RECORD)


def test_a_message_never_shows_a_value() -> None:
    with pytest.raises(DefinitionError) as caught:
        Template("{{ secret | unix_ms + record.x }}{{ record.y }}").render(secret="2024-01-01", record={})
    assert "2024" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{% for x in record %}x{% endfor %}", "no {% statements %}"),
        ("{% set x = 1 %}", "no {% statements %}"),
        ("{% include 'x' %}", "no {% statements %}"),
        ("{{ record.name.split('/') }}", "nothing can be called"),
        ("{{ range(10) }}", "nothing can be called"),
        ("{{ record | upcase }}", "no filter `upcase`"),
        ("{{ record | urlencod }}", "did you mean `urlencode`"),
        ("{{ 'x' | center(100000000) }}", "no filter `center`"),
        ("{{ record is divisibleby 2 }}", "no test"),
        ("{{ record.", "in the template"),
        ("{{ a b }}", "in the template"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "longer than"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "nested too deeply"),
        ("{{ x" + " | lower" * 900 + " }}", "nested too deeply"),
    ],
)
def test_only_bounded_expressions_are_templates(text: str, reason: str) -> None:
    with pytest.raises(DefinitionError, match=reason):
        Template(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ record.__class__ }}", "{{ ().__class__.__mro__ }}", "{{ 'x'.format }}", "{{ record.items.append }}",
        "{{ self }}", "{{ 'a' * 1000000000 }}", "{{ [1] * 1000000000 }}", "{{ '%1000000000d' % 1 }}",
        "{{ 9 ** 999999 }}", "{{ " + "9" * 5000 + " }}", "{{ 0x" + "f" * 8000 + " }}", "{{ {[1]: 2} | tojson }}",
        "{{ (1e999) | int }}",
    ],
)  # fmt: skip
def test_python_is_out_of_reach(text: str) -> None:
    with pytest.raises(DefinitionError):
        Template(text).render(record=RECORD)


def test_json_is_not_made_where_it_would_be_too_long() -> None:
    with pytest.raises(DefinitionError, match="longer than"):
        Template("{{ [" + "long," * 1500 + "] | tojson }}").render(long="x" * 60_000)
    assert Template("{{ [a, {'b': [a]}] | tojson }}").render(a="x" * 30_000).count("x") == 60_000


def test_a_path_takes_every_value_as_one_segment() -> None:
    path = Template("/notes/{{ record.name }}/{{ 'x/' ~ record.id }}").render_path(record=RECORD)
    assert path == "/notes/a%20b%2F%C3%A9/x%2F12345678901234567890123"


def test_a_path_leaves_alone_what_is_marked() -> None:
    assert Template("/repos/{{ r | path }}").render_path(r="octo cat/hello") == "/repos/octo%20cat/hello"
    assert Template("/{{ r | encoded }}").render_path(r="a%2Fb") == "/a%2Fb"
    assert Template("{{ r | encoded }}/x").render_path(r="https://api.example/v1") == "https://api.example/v1/x"


@pytest.mark.parametrize("value", ["", ".", "..", "\ud800"])
def test_a_path_refuses_a_value_that_would_lead_elsewhere(value: str) -> None:
    with pytest.raises(DefinitionError):
        Template("/notes/{{ id }}/files").render_path(id=value)


@pytest.mark.parametrize("value", ["../admin", "a/../b", "%2e%2e/x", "%2E/x", "..\\x", "..?x=y"])
def test_a_path_refuses_dot_segments_in_what_is_marked(value: str) -> None:
    with pytest.raises(DefinitionError, match="segments"):
        Template("/notes/{{ id | encoded }}").render_path(id=value)


def test_a_path_begins_with_a_slash() -> None:
    with pytest.raises(DefinitionError, match="does not begin"):
        Template("{{ url }}/x").render_path(url="https://elsewhere.example")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text not in (".", "..")))
def test_no_value_escapes_its_segment(value: str) -> None:
    path = Template("/a/{{ x }}/b").render_path(x=value)
    assert path.count("/") == 3
    assert not set(path) & set("?#\\ \n\r")


def test_a_url_at_the_beginning_stands_as_it_is() -> None:
    assert Template("{{ record.file.url }}").render_url(record=RECORD) == "https://files.example/a?b=c d"
    assert (
        Template("{{ base }}/files/{{ record.name }}").render_url(base="https://api.example/v1", record=RECORD)
        == "https://api.example/v1/files/a%20b%2F%C3%A9"
    )


def test_values_further_on_in_a_url_are_encoded() -> None:
    assert Template("/files/{{ record.name }}?alt=media").render_url(record=RECORD) == "/files/a%20b%2F%C3%A9?alt=media"
    with pytest.raises(DefinitionError, match="segments"):
        Template("/files/{{ id }}").render_url(id="..")


def test_compiled_templates_are_kept() -> None:
    assert template("{{ a }}") is template("{{ a }}")
