"""Changes a document's variables in its text, so that everything else in it stays as its author wrote it.

A variable that is added or replaced is written as one flow mapping, which may stand in a block list and in JSON alike.
"""

from dataclasses import replace

import yaml

from holdfast.definitions.document import Definition, Variable
from holdfast.definitions.drafts import as_json, load_any
from holdfast.definitions.yaml_tree import compose
from holdfast.errors import DefinitionError

__all__ = ["add_variable", "replace_variable"]


def add_variable(text: str, variable: Variable) -> str:
    """The document with one more variable, behind the others. Raises DefinitionError where it cannot be one."""
    before = load_any(text)
    after = replace(before, variables=(*before.variables, variable))
    return _checked(_added(text, _written(variable)), after)


def replace_variable(text: str, variable: Variable) -> str:
    """The document with this variable in place of the one with the same key. Raises DefinitionError, KeyError."""
    before = load_any(text)
    position = [one.key for one in before.variables].index(variable.key)
    after = replace(
        before, variables=(*before.variables[:position], variable, *before.variables[position + 1 :])
    )  # fmt: skip
    listed = _member(compose(text), "variables")
    assert isinstance(listed, yaml.SequenceNode), "a document with variables has a list of them"
    item = listed.value[position]
    return _checked(text[: item.start_mark.index] + _written(variable) + text[_end(item, text) :], after)


def _added(text: str, written: str) -> str:
    root = compose(text)
    assert isinstance(root, yaml.MappingNode), "a document that loads is a mapping"
    listed = _member(root, "variables")
    if listed is None:
        if root.flow_style:
            begin = root.start_mark.index + 1
            return f'{text[:begin]}"variables": [{written}], {text[begin:]}'
        return _inserted(text, _before_connection(root, text), f"variables:\n  - {written}\n")
    assert isinstance(listed, yaml.SequenceNode), "a document that loads has a list of variables"
    if listed.flow_style or not listed.value:
        end = listed.end_mark.index - 1
        inside = text[listed.start_mark.index + 1 : end].rstrip()
        comma = ", " if inside and not inside.endswith(",") else ""
        return f"{text[:end]}{comma}{written}{text[end:]}"
    last = _end(listed.value[-1], text)
    line_end = text.find("\n", last)
    column = " " * listed.start_mark.column
    return _inserted(text, len(text) if line_end < 0 else line_end + 1, f"{column}- {written}\n")


def _before_connection(root: yaml.MappingNode, text: str) -> int:
    """Where the variables go that a document does not have yet."""
    for key, _ in root.value:
        if key.value in ("connection", "endpoints"):
            index: int = key.start_mark.index
            return index
    return len(text)


def _inserted(text: str, at: int, lines: str) -> str:
    """The text with whole lines put in at the beginning of one, or at the end."""
    newline = "" if at == 0 or text[at - 1] == "\n" else "\n"
    return text[:at] + newline + lines + text[at:]


def _member(root: yaml.Node, name: str) -> yaml.Node | None:
    assert isinstance(root, yaml.MappingNode), "a document that loads is a mapping"
    for key, value in root.value:
        if key.value == name:
            found: yaml.Node = value
            return found
    return None


def _end(node: yaml.Node, text: str) -> int:
    """Where a node's text ends. A block collection claims the comments and blank lines behind it: its last leaf does
    not."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, yaml.MappingNode) else last, text)
    end: int = node.end_mark.index
    return len(text[:end].rstrip())


def _written(variable: Variable) -> str:
    """One line that YAML and, in a JSON document, JSON read alike."""
    fields: dict[str, object] = {"key": variable.key, "name": variable.name}
    if variable.description is not None:
        fields["description"] = variable.description
    if variable.secret:
        fields["secret"] = True
    if variable.optional:
        fields["optional"] = True
    if variable.default is not None:
        fields["default"] = variable.default
    return as_json(fields)


def _checked(text: str, expected: Definition) -> str:
    """The text, if it says just what was meant. Raises DefinitionError."""
    if load_any(text) != expected:
        raise DefinitionError(
            "the variable cannot be written into this document", hint="Change the document itself and send it whole."
        )
    return text
