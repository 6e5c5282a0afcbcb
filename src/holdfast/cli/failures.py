"""Tells what went wrong in a backup: where, why, and which command helps."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.cli.output import Output

SHOWN = 10
"""Different failures shown; of more there is the number, and `holdfast backups NAME N` shows all."""

_ASKED = re.compile(r" \[[A-Z]+ \S+\]")
"""What was asked, as messages have it: another address for every record."""
_LATER = "Run `holdfast backup {name}` again later: it goes on where this one ended."
ADVICE: Mapping[str, str] = {
    "credential_refused": "A new credential: `holdfast set {name} {secret}`.",
    "missing_variable": "Set what is missing: `holdfast set {name} KEY=VALUE`.",
    "address_refused": "The source has a private address: HOLDFAST_ALLOW_PRIVATE_NETWORK=true allows that.",
    "source_unreachable": "See that the address is right (`holdfast set {name} KEY=VALUE`) and the source is up.",
    "source_throttled": _LATER,
    "source_failed": _LATER,
    "deletions_held": "Look at the source. If they really are gone: `holdfast backup {name} --accept-deletions`.",
    "page_unreadable": "Compare the definition with what the source answers: `holdfast definition try FILE`.",
    "definition_invalid": "Mend the definition: `holdfast definition check FILE`, then `... save FILE`.",
    "storage_full": "Make room where the vault is, then run `holdfast backup {name}` again: it goes on.",
    "catalog_full": "Make room where the catalog is, then run `holdfast backup {name}` again.",
    "damaged": "`holdfast verify` says what is damaged and what to do.",
    "object_missing": "`holdfast verify` says what is missing and what to do.",
    "counts_disagree": "Compare with the application itself: does the account see all its records?",
    "books_disagree": "This is a defect of Holdfast: please report it.",
    "internal_error": "This is a defect of Holdfast: please report it, with the log.",
}
"""What to do, by a failure's code, with the instance's `name` and the key of a `secret` variable."""


def tell_failures(
    output: Output,
    name: str,
    failures: Sequence[Mapping[str, Any]],
    *,
    secrets: Sequence[str] = (),
    shown: int | None = SHOWN,
    number: int | None = None,
) -> None:
    """What went wrong, each thing once with its first example and how often, then what to do about it.

    `secrets` are the keys of secret variables. `shown` None: all, and also which records shared a failure.
    """
    groups = alike(failures)
    for group in groups[:shown]:
        times = f"{len(group):,} × " if len(group) > 1 else ""
        output.say(times + sentence(group[0]), "red", indent=2)
        others = [str(failure["record_id"]) for failure in group[1:] if failure.get("record_id")]
        if shown is None and others:
            output.say(f"likewise: {', '.join(others)}", indent=4)
    more = 0 if shown is None else sum(len(group) for group in groups[shown:])
    if more > 0:
        output.say(f"and {more:,} more: holdfast backups {name} {number or ''}".rstrip(), "red", indent=2)
    told = dict.fromkeys(ADVICE[code] for failure in failures if (code := failure["code"]) in ADVICE)
    for advice in told:
        output.say("→ " + advice.format(name=name, secret=" ".join(secrets[:1]) or "KEY=VALUE"), indent=2)


def alike(failures: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Failures that differ in nothing but the record, together; in the order of their first ones."""
    groups: dict[tuple[object, ...], list[Mapping[str, Any]]] = {}
    for failure in failures:
        message, record = _ASKED.sub("", str(failure["message"])), failure.get("record_id")
        if record:
            parent, _, own = str(record).rpartition("~")
            for name in filter(None, (str(record), parent, own)):
                message = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", message)
        key = (failure.get("endpoint"), failure.get("page"), failure["code"], message, bool(record))
        groups.setdefault(key if record else (*key, failure.get("parent")), []).append(failure)
    return list(groups.values())


def sentence(failure: Mapping[str, Any]) -> str:
    """Where it was and what it was; messages of sources name endpoint and page as well, which is said once here."""
    message = str(failure["message"])
    if failure.get("endpoint"):
        rest = message.removeprefix(f"endpoint {failure['endpoint']}")
        if rest != message and rest[:1] in {",", ":"}:
            page = f", page {failure.get('page')}"
            rest = rest.removeprefix(page) if rest.startswith((f"{page},", f"{page}:")) else rest
            message = rest[1:].lstrip()
    return where(failure) + message


def where(failure: Mapping[str, Any]) -> str:
    """Endpoint, parent, page and record of a failure, as far as it has them."""
    endpoint = failure.get("endpoint")
    parts = [
        endpoint,
        failure.get("parent") and f"of {failure['parent']}",
        failure.get("page") and f"page {failure['page']}",
        failure.get("record_id") and f"record {failure['record_id']}",
    ]
    found = ", ".join(str(part) for part in parts if part)
    return f"{found}: " if found else ""
