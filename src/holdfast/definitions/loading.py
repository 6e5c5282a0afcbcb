"""From YAML text to a Definition, or to one error that names everything that is wrong with the text."""

from contextlib import suppress

from holdfast.definitions.document import Definition
from holdfast.definitions.features import READ
from holdfast.definitions.kinds import Reading, Rejected
from holdfast.definitions.language import DOCUMENT
from holdfast.definitions.meaning import check_definition, check_tree
from holdfast.definitions.yaml_tree import read_tree
from holdfast.errors import DefinitionError

__all__ = ["load"]


def load(text: str, file: str | None = None, *, features: frozenset[str] = READ) -> Definition:
    """The definition that `text` describes; `file` is only for messages.

    `features` are the parts of the language that may be used; the caller must be able to do them.

    Raises DefinitionError, whose `problems` hold one error for each thing that is wrong, with line, path and advice.
    """
    tree = read_tree(text, file)
    reading = Reading(file, features)
    definition: Definition | None = None
    with suppress(Rejected):  # the reading has its reasons
        definition = DOCUMENT.read(tree, reading)
    check_tree(tree, reading)
    if definition is not None:
        check_definition(tree, definition, reading)
    if reading.problems:
        raise DefinitionError.of(reading.problems, file=file)
    assert definition is not None, "a document without problems has been read"
    return definition
