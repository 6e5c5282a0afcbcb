"""`definition show NAME --summary`: what a definition reads and how, in words; nothing is asked of the source."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from holdfast.cli.output import Output, count

if TYPE_CHECKING:
    from holdfast.definitions.document import Definition, Endpoint, Variable


def mark(definition: "Definition") -> str:
    """The first paragraph of `verified` on one line: against what it was tried."""
    return " ".join((definition.verified or "").strip().partition("\n\n")[0].split())


def document(definition: "Definition") -> dict[str, Any]:
    """The same for machines."""
    return {
        "name": definition.name,
        "description": definition.description,
        "verified": definition.verified,
        "documentation": definition.documentation,
        "variables": [variable_document(one) for one in definition.variables],
        "endpoints": [
            {"name": one.name, "description": one.description, "parents": list(parents(one)), "changes": changes(one),
             "deletions": deletions(one), "blobs": one.blob is not None}
            for one in definition.endpoints
        ],
    }  # fmt: skip


def variable_document(variable: "Variable") -> dict[str, Any]:
    return {
        "key": variable.key, "name": variable.name, "description": variable.description, "secret": variable.secret,
        "optional": variable.optional, "default": variable.default,
    }  # fmt: skip


def tell(output: Output, definition: "Definition") -> None:
    """Print it."""
    output.say(definition.name, "bold")
    _paragraphs(output, definition.description)
    _paragraphs(output, definition.documentation)
    _titled(output, "How it was verified")
    _paragraphs(output, definition.verified or "Nobody has said so.")
    _titled(output, f"Reads {count(len(definition.endpoints), 'endpoint')}")
    output.table(
        ["endpoint", "of each", "changes", "deletions", "blobs", "description"],
        [
            [one.name, " ".join(parents(one)), changes(one), deletions(one), "yes" if one.blob else "", one.description]
            for one in definition.endpoints
        ],
    )
    if definition.variables:
        _titled(output, "Asks for")
        output.table(
            ["variable", "", "name", "default", "description"],
            [
                [one.key, "secret" if one.secret else "optional" if one.optional else "", one.name, one.default,
                 one.description]
                for one in definition.variables
            ],
        )  # fmt: skip


def parents(endpoint: "Endpoint") -> tuple[str, ...]:
    return (endpoint.within,) if endpoint.within else endpoint.parents


def changes(endpoint: "Endpoint") -> str:
    """How a later run finds what has changed."""
    if endpoint.within:
        return "with the parent"
    if endpoint.changes is not None:
        return f"feed of changes, all {_every(endpoint.changes.full_every)}"
    if endpoint.incremental is not None:
        by = "sync token" if endpoint.incremental.token else f"by {endpoint.incremental.field}"
        return f"{by}, all {_every(endpoint.incremental.full_every)}"
    return "of changed parents" if endpoint.only_changed else "all listed"


def deletions(endpoint: "Endpoint") -> str:
    """How a deletion is found, beside the full listing that finds every one."""
    feed = endpoint.changes
    told = [
        name
        for name, said in (
            ("feed", feed and (feed.tombstones or feed.record is None)),
            ("tombstones", endpoint.tombstones),
            ("list of deletions", endpoint.deletions),
            (f"ids {_every(endpoint.sweep.every)}" if endpoint.sweep else "", endpoint.sweep),
        )
        if said
    ]
    return ", ".join(told) or "full listing"


def _every(span: timedelta) -> str:
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if span.total_seconds() >= seconds and not span.total_seconds() % seconds:
            return f"every {span.total_seconds() // seconds:.0f} {unit}"
    return f"every {span.total_seconds():g} s"


def _titled(output: Output, title: str) -> None:
    output.say("")
    output.say(title, "bold")


def _paragraphs(output: Output, text: str | None) -> None:
    """Its lines are joined to paragraphs, as a terminal of any width needs."""
    for index, paragraph in enumerate((text or "").strip().split("\n\n")):
        if index:
            output.say("")
        if paragraph.strip():
            output.say(" ".join(paragraph.split()))
