import pytest

from holdfast.definitions.yaml_tree import LONGEST_DOCUMENT, read_tree
from holdfast.errors import DefinitionError


def problems_of(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        read_tree(text, "d.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_nodes_know_their_line_and_path() -> None:
    tree = read_tree("a:\n  - b: 1\n  -\n    c: {d: x}\n")
    node = tree.members["a"].elements[1].members["c"].members["d"]
    assert (node.path, node.line, node.text) == ("a[1].c.d", 4, "x")
    assert tree.members["a"].key_line == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("yes", "text"), ("on", "text"), ("NO", "text"), ("2024-01-01", "text"), ("12:30", "text"), ("1_000", "text"),
        ("'1'", "text"), ('"true"', "text"), ("~x", "text"), (".", "text"), ("-", "text"), ("+", "text"),
        ("true", "boolean"), ("False", "boolean"), ("~", "null"), ("null", "null"), ("", "null"),
        ("7", "number"), ("-7", "number"), ("007", "number"), ("1.5", "number"), (".5", "number"), ("1e3", "number"),
    ],
)  # fmt: skip
def test_plain_scalars_are_typed_as_in_yaml_1_2(text: str, kind: str) -> None:
    if text == "-":
        assert read_tree("a: '-'").members["a"].type == kind
    else:
        assert read_tree(f"a: {text}").members["a"].type == kind


def test_a_key_is_always_text() -> None:
    assert list(read_tree("{on: 1, 404: 2, true: 3, null: 4}").members) == ["on", "404", "true", "null"]


def test_every_duplicate_key_is_named_with_both_lines() -> None:
    assert problems_of("a: 1\nb: {c: 1, c: 2}\na: 3\n") == [
        "d.yaml:2: b.c: this key stands already in line 2",
        "d.yaml:3: a: this key stands already in line 1",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [1]\nb: *x\n", "d.yaml:1: not valid YAML: anchors (&) and aliases (*) are not allowed"),
        ("a: 1\n<<: *x\n", "d.yaml:2: not valid YAML: anchors (&) and aliases (*) are not allowed"),
        (
            "a: !!python/name:os.system x\n",
            "d.yaml:1: a: the tag 'tag:yaml.org,2002:python/name:os.system' is not allowed",
        ),
        ("a: 1\n? [x]\n: 2\n", "d.yaml:2: document: a key must be text"),
        ("a: 1\nb: {{ c }}\n", 'd.yaml:2: b: a key must be text: an expression needs quotes, as in "{{ token }}"'),
        (
            "a: 1\n\tb: 2\n",
            "d.yaml:2: not valid YAML: a tab may not stand here: use spaces",
        ),
        (
            "a: [1\n",
            "d.yaml:2: not valid YAML: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "d.yaml:2: not valid YAML: expected a single document in the stream, but found another document",
        ),
        ("a: x\x00y\n", "d.yaml:1: not valid YAML: the character '\\x00' may not stand here"),
        ("", "d.yaml: the document is empty"),
        ("# nothing\n", "d.yaml: the document is empty"),
        ("[" * 1000, "d.yaml:1: not valid YAML: nested too deeply"),
        ("a: " + "x" * LONGEST_DOCUMENT, "d.yaml: the document is longer than 256 KiB"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(text: str, message: str) -> None:
    assert problems_of(text) == [message]


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nurl: {{ base }}/notes\nb: 2\n",
        "a: 1\nblob: {url: {{ record.file }}/x, version: id}\n",
        "a:\n- {{ x }}/y\n",
    ],
)
def test_an_expression_without_quotes_is_told_as_that(text: str) -> None:
    with pytest.raises(DefinitionError, match=r"text that begins with \{\{ needs quotes") as caught:
        read_tree(text)
    assert caught.value.line == 2


@pytest.mark.parametrize("text", ["a:\n\tb: 1\n", "a:\n  b: 1\n\tc: 2\n", "a: \n  - \tb: 1\n\t- c\n"])
def test_a_tab_is_told_as_that(text: str) -> None:
    with pytest.raises(DefinitionError, match="a tab may not stand here: use spaces"):
        read_tree(text)


def test_another_error_near_an_expression_is_told_as_it_is() -> None:
    with pytest.raises(DefinitionError) as caught:
        read_tree('url: "{{ base }}/notes\n')
    assert "quotes" not in str(caught.value).replace("quoted", "")


@pytest.mark.parametrize("text", ['a: "x\\0"', '"\\uD83D": 1', 'a:\n  - "\\uDC00"'])
def test_what_no_database_keeps_is_no_text(text: str) -> None:
    with pytest.raises(DefinitionError, match="may not stand in a text"):
        read_tree(text)
