"""Backup definitions: the built-in library, a vendor's own, and the revisions of their documents."""

from functools import lru_cache

from sqlalchemy import Connection

from holdfast.catalog import definitions, vendors
from holdfast.catalog.definitions import BackupDefinition
from holdfast.catalog.vendors import Vendor
from holdfast.clock import now
from holdfast.definitions import library
from holdfast.definitions.document import Definition
from holdfast.definitions.drafts import load_any
from holdfast.definitions.loading import load
from holdfast.operations import acting, revisions
from holdfast.operations.services import Services

LIBRARY_VENDOR = "holdfast"
"""The vendor that publishes the built-in definitions. Its client id has no secret: nobody logs in as it."""


def create(
    services: Services, vendor_id: int, document: str, *, file: str | None = None, published: bool = False
) -> BackupDefinition:
    """A definition from its document. Raises DefinitionError."""
    loaded = load(document, file)
    with services.database.write() as connection:
        made = definitions.create(connection, vendor_id, loaded.name, loaded.description or "", published)
        _add_document(connection, made.id, document)
        revisions.definition_changed(connection, made.id)
        acting.note(connection, vendor_id, "definition.create", "definition", made.id, name=made.name)
        made = definitions.get(connection, made.id)
    revisions.flush(services)
    return made


def create_empty(services: Services, vendor_id: int, name: str, description: str, published: bool) -> BackupDefinition:
    """A definition without a document: its backups fail and say so, until `set_document` gives it one."""
    with services.database.write() as connection:
        made = definitions.create(connection, vendor_id, name, description, published)
        revisions.definition_changed(connection, made.id)
        acting.note(connection, vendor_id, "definition.create", "definition", made.id, name=name)
    revisions.flush(services)
    return made


def change(
    services: Services,
    definition: BackupDefinition,
    *,
    name: str | None = None,
    description: str | None = None,
    published: bool | None = None,
) -> BackupDefinition:
    """Another name, description, or whether others see it; None leaves each as it is. The document stays."""
    with services.database.write() as connection:
        now_there = definitions.get(connection, definition.id)
        definitions.change(
            connection,
            definition.id,
            name=now_there.name if name is None else name,
            description=now_there.description if description is None else description,
            published=now_there.published if published is None else published,
        )
        revisions.definition_changed(connection, definition.id)
        given = {"name": name, "description": description, "published": published}
        told = {field: value for field, value in given.items() if value is not None}
        acting.note(connection, definition.vendor_id, "definition.change", "definition", definition.id, **told)
        changed = definitions.get(connection, definition.id)
    revisions.flush(services)
    return changed


def remove(services: Services, definition: BackupDefinition) -> None:
    """Nobody sees it any more and no instance can be made of it; those there are go on being backed up with it."""
    with services.database.write() as connection:
        definitions.mark_deleted(connection, definition.id, now())
        acting.note(connection, definition.vendor_id, "definition.delete", "definition", definition.id)
        revisions.definition_changed(connection, definition.id)
    revisions.flush(services)


def set_document(services: Services, definition_id: int, document: str, *, file: str | None = None) -> int:
    """Make this the definition's document; running backups keep theirs. Answers the revision's id.

    The same document again makes no revision. Raises DefinitionError.
    """
    load(document, file)
    with services.database.write() as connection:
        definition = definitions.get(connection, definition_id)
        if definition.revision_id is not None:
            newest = definitions.revision(connection, definition.revision_id)
            if newest.document == document:
                return newest.id
        revision_id = _add_document(connection, definition_id, document)
        acting.note(
            connection, definition.vendor_id, "definition.document", "definition", definition_id, revision=revision_id
        )
    revisions.flush(services)
    return revision_id


def document(services: Services, definition: BackupDefinition) -> str | None:
    """The definition's newest document; None where it has none yet."""
    if definition.revision_id is None:
        return None
    with services.database.read() as connection:
        return definitions.revision(connection, definition.revision_id).document


def loaded(services: Services, definition: BackupDefinition) -> Definition | None:
    """The newest document as a Definition, without endpoints where it is a draft; None where there is none yet."""
    text = document(services, definition)
    return None if text is None else _loaded(text, definition.name)


def has_whole_document(services: Services, definition: BackupDefinition) -> bool:
    """Whether backups can be made with it: its document is there and no draft."""
    known = loaded(services, definition)
    return known is not None and bool(known.endpoints)


def publish_library(services: Services) -> None:
    """Bring the catalog's built-in definitions to what this version of Holdfast ships."""
    with services.database.write() as connection:
        vendor = library_vendor(connection)
        for name in library.names():
            text = library.read(name)
            shipped = load(text, f"{name}.yaml")
            found = definitions.find(connection, vendor.id, name)
            if found is None:
                found = definitions.create(connection, vendor.id, name, shipped.description or "", True)
                revisions.definition_changed(connection, found.id)
            if found.revision_id is None or definitions.revision(connection, found.revision_id).document != text:
                _add_document(connection, found.id, text)
    revisions.flush(services)


def library_vendor(connection: Connection) -> Vendor:
    """The vendor of the built-in definitions, made where it is missing."""
    vendor = vendors.find(connection, LIBRARY_VENDOR)
    if vendor is None:
        vendor = vendors.create(connection, LIBRARY_VENDOR, None, LIBRARY_VENDOR)
        revisions.vendor_changed(connection, vendor.id)
    return vendor


@lru_cache(maxsize=128)
def _loaded(text: str, name: str) -> Definition:
    """Reading a document takes 5 ms and more; what it says does not change."""
    return load_any(text, name)


def _add_document(connection: Connection, definition_id: int, text: str) -> int:
    revision = definitions.add_revision(connection, definition_id, text)
    revisions.document_added(connection, revision)
    return revision.id
