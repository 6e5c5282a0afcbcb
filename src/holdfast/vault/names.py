"""The names of the vault's objects: made and read here only. docs/vault-format.md lists them."""

import re
from dataclasses import dataclass
from typing import Literal

MARKER = "vault.json"
INSTALLATION = 0
"""The customer id that stands for things of no customer."""

Kind = Literal["marker", "key", "pack", "manifest", "forgotten", "revision", "receipt", "restore", "archive"]

_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("marker", re.compile(r"vault\.json")),
    ("key", re.compile(r"keys/(?P<customer>0|[1-9]\d*)/(?P<number>0|[1-9]\d*)")),
    ("pack", re.compile(r"packs/(?P<customer>0|[1-9]\d*)/(?P<folder>[0-9a-f]{2})/(?P<object>[0-9a-f]{32})")),
    (
        "manifest",
        re.compile(
            r"manifests/(?P<customer>0|[1-9]\d*)/(?P<instance>[1-9]\d*)/(?P<number>\d{10})-(?P<generation>\d{6})"
        ),
    ),
    (
        "forgotten",
        re.compile(r"forgotten/(?P<customer>[1-9]\d*)/(?P<instance>[1-9]\d*)/(?P<number>\d{10})"),
    ),
    (
        "revision",
        re.compile(r"revisions/(?P<customer>0|[1-9]\d*)/(?P<kind>[a-z_]+)/(?P<object>[a-z0-9_-]+)/(?P<number>\d{10})"),
    ),
    ("receipt", re.compile(r"receipts/(?P<customer>0|[1-9]\d*)/(?P<instance>[1-9]\d*)/(?P<number>\d{10})")),
    ("restore", re.compile(r"restores/(?P<customer>[1-9]\d*)/(?P<object>[1-9]\d*)")),
    (
        "archive",
        re.compile(r"exports/(?P<customer>[1-9]\d*)/(?P<object>[1-9]\d*)/(?P<attempt>[0-9a-f]{16})-(?P<number>\d{6})"),
    ),
)
_REVISION_KIND = re.compile(r"[a-z_]+")
_REVISION_OBJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class ObjectName:
    """What a name says. Fields that the kind does not have are None."""

    text: str
    kind: Kind
    customer_id: int | None = None
    instance_id: int | None = None
    object_id: str | None = None
    revision_kind: str | None = None
    number: int | None = None
    """A manifest's or receipt's run sequence; the number of a key copy, a revision, a forgotten object, a segment."""
    generation: int | None = None


def parse(text: str) -> ObjectName | None:
    """What the name of an object says; None for a name that no Holdfast object has."""
    for kind, pattern in _PATTERNS:
        if match := pattern.fullmatch(text):
            found = match.groupdict()
            if kind == "pack" and found["folder"] != found["object"][:2]:
                return None
            return ObjectName(
                text,
                kind,
                customer_id=_number(found.get("customer")),
                instance_id=_number(found.get("instance")),
                object_id=found.get("object"),
                revision_kind=found.get("kind"),
                number=_number(found.get("number")),
                generation=_number(found.get("generation")),
            )
    return None


def keys_prefix(customer_id: int | None = None) -> str:
    return "keys/" if customer_id is None else f"keys/{customer_id}/"


def key(customer_id: int, number: int) -> str:
    return f"keys/{customer_id}/{number}"


def other_key(name: str) -> str:
    """The name of the copy that was written together with this one: copies come in pairs, 0 and 1, 2 and 3."""
    prefix, _, number = name.rpartition("/")
    return f"{prefix}/{int(number) ^ 1}"


def packs_prefix(customer_id: int) -> str:
    return f"packs/{customer_id}/"


def pack(customer_id: int, pack_id: str) -> str:
    return f"packs/{customer_id}/{pack_id[:2]}/{pack_id}"


def manifests_prefix(customer_id: int, instance_id: int) -> str:
    return f"manifests/{customer_id}/{instance_id}/"


def manifest(customer_id: int, instance_id: int, sequence: int, generation: int) -> str:
    return f"manifests/{customer_id}/{instance_id}/{sequence:010d}-{generation:06d}"


def forgotten_prefix(customer_id: int, instance_id: int) -> str:
    return f"forgotten/{customer_id}/{instance_id}/"


def forgotten(customer_id: int, instance_id: int, number: int) -> str:
    return f"forgotten/{customer_id}/{instance_id}/{number:010d}"


def revision(customer_id: int, kind: str, object_id: str, number: int) -> str:
    """Raises ValueError where kind, object id or number cannot stand in a name."""
    if not (_REVISION_KIND.fullmatch(kind) and _REVISION_OBJECT.fullmatch(object_id) and 0 < number < 10**10):
        raise ValueError(f"no name for a revision: {kind!r} {object_id!r} {number}")
    return f"revisions/{customer_id}/{kind}/{object_id}/{number:010d}"


def receipts_prefix(customer_id: int) -> str:
    return f"receipts/{customer_id}/"


def receipt(customer_id: int, instance_id: int, sequence: int) -> str:
    return f"receipts/{customer_id}/{instance_id}/{sequence:010d}"


def of_kind(folder: str, customer_id: int) -> str:
    """The prefix of one kind of a customer's objects, by the folder that they lie in."""
    return f"{folder}/{customer_id}/"


def restores_prefix(customer_id: int) -> str:
    return f"restores/{customer_id}/"


def restore(customer_id: int, restore_id: int) -> str:
    """Where the report of a restore lies."""
    return f"restores/{customer_id}/{restore_id}"


def of_customer(customer_id: int) -> tuple[str, ...]:
    """The prefixes of everything that belongs to a customer, but for its keys."""
    kinds = ("exports", "packs", "manifests", "forgotten", "receipts", "restores", "revisions")
    return tuple(f"{kind}/{customer_id}/" for kind in kinds)


def archives_prefix(customer_id: int | None = None, export_id: int | None = None) -> str:
    """Where exports' archives lie: all of them, one customer's, or all attempts at one."""
    if customer_id is None:
        return "exports/"
    return f"exports/{customer_id}/" if export_id is None else f"exports/{customer_id}/{export_id}/"


def archive_segment(customer_id: int, export_id: int, attempt: str, number: int) -> str:
    return f"exports/{customer_id}/{export_id}/{attempt}-{number:06d}"


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
