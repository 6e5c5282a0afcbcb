"""Drafts: documents that name variables but do not say yet where the API is and what it has.

A definition that was made without a document keeps its variables in one. Nothing can be backed up with it: `loading`
refuses it for what it lacks.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress

from holdfast.definitions.document import Connection, Definition, Variable
from holdfast.definitions.expressions import KEYWORDS
from holdfast.definitions.kinds import Reading, Rejected
from holdfast.definitions.language import RESERVED_NAMES, VARIABLE
from holdfast.definitions.loading import load
from holdfast.definitions.shapes import ListOf
from holdfast.definitions.yaml_tree import Node, read_tree
from holdfast.errors import DefinitionError

__all__ = ["as_json", "is_draft", "load_any", "new_draft"]

_VARIABLES = ListOf(VARIABLE)
_BARE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_COMMENT = "# A draft: `connection` and `endpoints` are missing, and until they are there every backup fails.\n"


def as_json(value: object) -> str:
    """One line of JSON that YAML reads alike: it knows no surrogate pairs, and some characters must not stand bare."""
    return _BARE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def new_draft(name: str) -> str:
    """A draft without variables."""
    return f"{_COMMENT}holdfast: 1\nname: {as_json(name)}\n"


def is_draft(text: str) -> bool:
    """Whether this is a draft. Raises DefinitionError for what is no YAML."""
    return _is_draft(read_tree(text))


def load_any(text: str, file: str | None = None) -> Definition:
    """What `load` makes of a whole document; of a draft a definition without endpoints. Raises DefinitionError."""
    tree = read_tree(text, file)
    if not _is_draft(tree):
        return load(text, file)
    reading = Reading(file)
    variables: tuple[Variable, ...] = ()
    with suppress(Rejected):  # the reading has its reasons
        if "variables" in tree.members:
            variables = tuple(_VARIABLES.read(tree.members["variables"], reading))
            _check(tree.members["variables"], variables, reading)
    if reading.problems:
        raise DefinitionError.of(reading.problems, file=file)
    name = tree.members["name"].text if "name" in tree.members else ""
    return Definition(name=name, connection=Connection(base_url=""), endpoints=(), variables=variables)


def _check(node: Node, variables: Sequence[Variable], reading: Reading) -> None:
    """What `meaning` refuses in a whole document too."""
    keys: set[str] = set()
    for element, variable in zip(node.elements, variables, strict=True):
        if variable.key in RESERVED_NAMES or variable.key in KEYWORDS:
            reading.problem(element, f"`{variable.key}` is what templates call something else")
        if variable.key in keys:
            reading.problem(element, f"there is a variable `{variable.key}` already")
        keys.add(variable.key)


def _is_draft(tree: Node) -> bool:
    return tree.type == "mapping" and not {"connection", "endpoints"} & tree.members.keys()
