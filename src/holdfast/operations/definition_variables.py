"""A definition's variables, one by one. The document is the truth about them: a change writes a new revision of it."""

from collections.abc import Callable, Sequence

from holdfast.catalog import definitions
from holdfast.catalog.definitions import BackupDefinition
from holdfast.definitions.document import Variable
from holdfast.definitions.drafts import new_draft
from holdfast.definitions.editing import add_variable, replace_variable
from holdfast.errors import CatalogBusy, Conflict, NotFound
from holdfast.operations import acting, revisions
from holdfast.operations.definitions import loaded
from holdfast.operations.services import Services

_ATTEMPTS = 5


def all_of(services: Services, definition: BackupDefinition) -> Sequence[Variable]:
    """In the document's order."""
    document = loaded(services, definition)
    return () if document is None else document.variables


def get(services: Services, definition: BackupDefinition, key: str) -> Variable:
    """Raises NotFound."""
    for variable in all_of(services, definition):
        if variable.key == key:
            return variable
    raise NotFound(f"this definition has no variable {key}", field="key")


def add(services: Services, definition: BackupDefinition, variable: Variable) -> None:
    """One more, behind the others. Raises Conflict for a key that is there, DefinitionError for what cannot be one."""

    def edited(text: str) -> str:
        if any(one.key == variable.key for one in all_of(services, _newest(services, definition))):
            raise Conflict(f"there is a variable {variable.key} already", field="key", code="taken")
        return add_variable(text, variable)

    _edit(services, definition, edited)


def change(services: Services, definition: BackupDefinition, variable: Variable) -> None:
    """In place of the one with the same key. Raises NotFound, DefinitionError."""
    get(services, definition, variable.key)
    _edit(services, definition, lambda text: replace_variable(text, variable))


def _edit(services: Services, definition: BackupDefinition, edited: Callable[[str], str]) -> None:
    """Make a new revision of the document. Reading a large one takes seconds, so that happens outside of the
    transaction, and again where somebody else was faster."""
    for _ in range(_ATTEMPTS):
        seen = _newest(services, definition)
        with services.database.read() as connection:
            text = (
                new_draft(seen.name)
                if seen.revision_id is None
                else definitions.revision(connection, seen.revision_id).document
            )
        changed = edited(text)
        with services.database.write() as connection:
            if definitions.get(connection, definition.id).revision_id == seen.revision_id:
                revision = definitions.add_revision(connection, definition.id, changed)
                revisions.document_added(connection, revision)
                acting.note(
                    connection, seen.vendor_id, "definition.document", "definition", seen.id, revision=revision.id
                )
                break
    else:
        raise CatalogBusy(f"definition {definition.id} is being changed by others all the time")
    revisions.flush(services)


def _newest(services: Services, definition: BackupDefinition) -> BackupDefinition:
    with services.database.read() as connection:
        return definitions.get(connection, definition.id)
