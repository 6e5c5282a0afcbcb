"""What the shape of a document cannot say: that names exist, are unique and are used where they mean something."""

import re
from collections.abc import Sequence

from holdfast.definitions.document import Definition, Endpoint
from holdfast.definitions.expressions import KEYWORDS, template
from holdfast.definitions.kinds import Reading, did_you_mean
from holdfast.definitions.language import RESERVED_NAMES
from holdfast.definitions.yaml_tree import Node

__all__ = ["check_definition", "check_tree"]

_NO_ABSENCE = {401: "a refused credential", 407: "a refused proxy credential"}


def check_tree(tree: Node, reading: Reading) -> None:
    """Check what needs only the nodes, so that it comes to light in a document with other problems too."""
    variables, endpoints = _elements(tree, "variables"), _elements(tree, "endpoints")
    _refuse_repeats(variables, "key", "variable", reading)
    _refuse_repeats(endpoints, "name", "endpoint", reading)
    _check_parents(endpoints, reading)
    _check_names(_texts(variables, "key"), endpoints, reading)


def check_definition(tree: Node, definition: Definition, reading: Reading) -> None:
    """Check what needs the whole definition, made of a document whose shape is right."""
    for node, variable in zip(_elements(tree, "variables"), definition.variables, strict=True):
        if variable.key in RESERVED_NAMES or variable.key in KEYWORDS:
            reading.problem(node.members["key"], f"`{variable.key}` is what templates call something else")
        if variable.secret and variable.default is not None:
            reading.problem(node.members["default"], "a secret's default would be there for everyone to read")
    for node, endpoint in zip(_elements(tree, "endpoints"), definition.endpoints, strict=True):
        _check_endpoint(node, endpoint, definition, reading)


def _check_names(variables: Sequence[str], endpoints: Sequence[Node], reading: Reading) -> None:
    """Check every template that was read against the names it may use."""
    for use in reading.templates:
        place = re.match(r"endpoints\[(\d+)\]", use.node.path)
        has_parent = place is not None and _text(endpoints[int(place[1])], "for_each") is not None
        for name in sorted(use.names - set(variables)):
            if name == "parent" and name in use.offered:
                if not has_parent:
                    reading.problem(use.node, "there is no `parent` without `for_each`")
            elif name in RESERVED_NAMES:
                if name not in use.offered:
                    reading.problem(use.node, f"`{name}` means nothing here")
            else:
                near = did_you_mean(name, [*variables, *use.offered])
                hint = None if near else f"Declare it: `variables: [{{key: {name}}}]`."
                reading.problem(use.node, f"there is no variable `{name}`.{near}", hint=hint)


def _check_parents(endpoints: Sequence[Node], reading: Reading) -> None:
    parents = {name: _text(node, "for_each") for node in endpoints if (name := _text(node, "name")) is not None}
    for node in endpoints:
        name, parent = _text(node, "name"), _text(node, "for_each")
        if parent is None:
            continue
        if parent not in parents:
            reading.problem(
                node.members["for_each"], f"there is no endpoint `{parent}`.{did_you_mean(parent, parents)}"
            )
            continue
        chain = [name]
        while parent is not None and parent not in chain:
            chain.append(parent)
            parent = parents.get(parent)
        if parent is not None and parent == name:
            circle = " -> ".join(str(link) for link in [*chain, parent])
            reading.problem(node.members["for_each"], f"this makes a circle: {circle}")


def _check_endpoint(node: Node, endpoint: Endpoint, definition: Definition, reading: Reading) -> None:
    paging, incremental = endpoint.paging, endpoint.incremental
    if incremental is not None and not any("cursor" in template(text).names for text in incremental.query.values()):
        reading.problem(
            node.members["incremental"].members["query"],
            "nothing here uses `cursor`, so every delta would list everything",
            hint='As in `query: {since: "{{ cursor }}"}`.',
        )
    if paging.query is not None and paging.query in endpoint.query:
        reading.problem(node.members["query"].members[paging.query], f"`{paging.query}` is set by the paging")
    if incremental is not None and paging.query is not None and paging.query in incremental.query:
        at = node.members["incremental"].members["query"].members[paging.query]
        reading.problem(at, f"`{paging.query}` is set by the paging")
    if endpoint.record_path is not None and "record" not in template(endpoint.record_path).names:
        reading.problem(
            node.members["record"].members["path"], "nothing here uses `record`: every record would be the same"
        )
    if endpoint.blob is not None and "record" not in template(endpoint.blob.url).names:
        reading.problem(
            node.members["blob"].members["url"], "nothing here uses `record`: every record would have the same blob"
        )
    for status in sorted(endpoint.optional_on):
        other = _NO_ABSENCE.get(status) or ("tried again" if status in definition.connection.retry.statuses else None)
        if other is not None:
            reading.problem(
                node.members["optional"], f"the status {status} means {other}, so it cannot mean that a list is absent"
            )


def _refuse_repeats(nodes: Sequence[Node], key: str, what: str, reading: Reading) -> None:
    seen: dict[str, int] = {}
    for node in nodes:
        text = _text(node, key)
        if text is None:
            continue
        if text in seen:
            reading.problem(node.members[key], f"the {what} `{text}` stands already in line {seen[text]}")
        seen.setdefault(text, node.members[key].line)


def _elements(tree: Node, key: str) -> Sequence[Node]:
    node = tree.members.get(key)
    return node.elements if node is not None else ()


def _text(node: Node, key: str) -> str | None:
    member = node.members.get(key)
    return member.text if member is not None and member.is_scalar else None


def _texts(nodes: Sequence[Node], key: str) -> list[str]:
    return [text for node in nodes if (text := _text(node, key)) is not None]
