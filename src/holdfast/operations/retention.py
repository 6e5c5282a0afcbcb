"""Which backups are kept: the rules of a policy, and the pure function that applies them.

Rules count successful backups, so that a source that fails for weeks does not push out what was good. Of the failed
ones only those since the last success are counted, by the same rules among themselves; older ones go. The newest backup
and the newest successful one stay whatever the rules say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from holdfast.catalog import audit, customers, instances, retention, vendors
from holdfast.catalog.retention import Owner
from holdfast.definitions.durations import format_duration, parse_duration
from holdfast.errors import InputError
from holdfast.operations import revisions
from holdfast.operations.services import Services


@dataclass(frozen=True)
class RetentionRules:
    """What to keep; a backup that any rule keeps is kept. Without any rule everything is.

    Hourly to yearly keep the newest backup of each of the last so many hours to years in which there was one, in UTC.
    """

    last: int | None = None
    hourly: int | None = None
    daily: int | None = None
    weekly: int | None = None
    monthly: int | None = None
    yearly: int | None = None
    within_s: int | None = None
    """Every backup younger than this, counted from the newest."""
    after_deletion_s: int | None = None
    """How long the backups of a deleted instance are kept; without it for ever, by the other rules."""

    @property
    def keep_everything(self) -> bool:
        return all(getattr(self, name) is None for name in (*_COUNTED, "within_s"))

    def as_mapping(self) -> dict[str, int]:
        """For the catalog and the vault: without what is not set."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}

    @classmethod
    def of(cls, rules: Mapping[str, Any]) -> "RetentionRules":
        """What `as_mapping` made."""
        return cls(**{field.name: rules[field.name] for field in fields(cls) if field.name in rules})

    @classmethod
    def parse(cls, text: str) -> "RetentionRules":
        """`last=7 daily=30 weekly=12 within=14d after_deletion=90d`, in any order. Raises InputError."""
        found: dict[str, int] = {}
        words = text.replace(",", " ").split()
        for word in words:
            name, _, value = word.partition("=")
            try:
                if name in _COUNTED:
                    if not value.removeprefix("-").isdecimal():
                        shown = next((one for one in words if one.isdecimal()), "3")
                        raise InputError(f"{word!r} has no number: say {name}={shown}", field="retention", hint=_HINT)
                    found[name] = int(value)
                elif name in ("within", "after_deletion"):
                    found[name + "_s"] = int(parse_duration(value).total_seconds())
                else:
                    raise InputError(f"there is no rule {name!r}", field="retention", hint=_HINT)
            except ValueError as error:
                raise InputError(f"{word!r} is no rule: {error}", field="retention", hint=_HINT) from error
            if found.get(name, found.get(name + "_s", 0)) < 1:
                raise InputError(f"{word!r} would keep nothing", field="retention", hint=_HINT)
        return cls(**found)

    def __str__(self) -> str:
        words = []
        for name, value in self.as_mapping().items():
            if name.endswith("_s"):
                words.append(f"{name.removesuffix('_s')}={format_duration(timedelta(seconds=value))}")
            else:
                words.append(f"{name}={value}")
        return " ".join(words) or "everything"


_COUNTED = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
_HINT = "Rules are last, hourly, daily, weekly, monthly, yearly (=NUMBER), within, after_deletion (=14d, 12w, ...)."
_BUCKETS: dict[str, Callable[[datetime], tuple[int, ...]]] = {
    "hourly": lambda moment: (moment.year, moment.month, moment.day, moment.hour),
    "daily": lambda moment: (moment.year, moment.month, moment.day),
    "weekly": lambda moment: tuple(moment.isocalendar())[:2],
    "monthly": lambda moment: (moment.year, moment.month),
    "yearly": lambda moment: (moment.year,),
}


@dataclass(frozen=True)
class EndedRun:
    """A backup that has ended, as far as the rules look at it. `ended_at` in UTC."""

    sequence: int
    run_id: int
    status: str
    ended_at: datetime


def keep(
    ended: Sequence[EndedRun],
    rules: RetentionRules,
    *,
    moment: datetime,
    deleted_at: datetime | None = None,
    protected: Mapping[int, str] | None = None,
) -> dict[int, list[str]]:
    """The backups of an instance that are kept, by sequence, each with the reasons. All others may go.

    `deleted_at` is when the instance was deleted, `protected` says why backups stay whatever the rules say (a legal
    hold, an export that reads them).
    """
    reasons: dict[int, list[str]] = {sequence: [reason] for sequence, reason in (protected or {}).items()}

    def note(run: EndedRun, reason: str) -> None:
        reasons.setdefault(run.sequence, []).append(reason)

    kept_after_deletion = timedelta(seconds=rules.after_deletion_s or 0)
    if deleted_at is not None and rules.after_deletion_s is not None and moment - deleted_at >= kept_after_deletion:
        return reasons
    newest_first = sorted(ended, key=lambda run: run.sequence, reverse=True)
    if rules.keep_everything:
        for run in newest_first:
            note(run, "no rule")
        return reasons
    good = [run for run in newest_first if run.status == "successful"]
    failed = [run for run in newest_first if not good or run.sequence > good[0].sequence]
    for run in newest_first[:1]:
        note(run, "the newest")
    for run in good[:1]:
        note(run, "the newest successful one")
    for group in (good, failed):
        _apply(group, rules, note)
    return reasons


def _apply(newest_first: Sequence[EndedRun], rules: RetentionRules, note: Callable[[EndedRun, str], None]) -> None:
    for run in newest_first[: rules.last or 0]:
        note(run, "last")
    for name, bucket_of in _BUCKETS.items():
        wanted = getattr(rules, name) or 0
        seen: set[tuple[int, ...]] = set()
        for run in newest_first:
            bucket = bucket_of(run.ended_at)
            if bucket in seen:
                continue
            if len(seen) == wanted:
                break
            seen.add(bucket)
            note(run, name)
    if rules.within_s is not None and newest_first:
        oldest = newest_first[0].ended_at - timedelta(seconds=rules.within_s)
        for run in newest_first:
            if run.ended_at > oldest:
                note(run, "within")


def set_rules(
    services: Services, owner: Owner, object_id: int, rules: RetentionRules | None, *, actor: str
) -> None:  # fmt: skip
    """Give a vendor, a customer or an instance rules of its own, or with None take them away. Raises NotFound."""
    with services.database.write() as connection:
        vendor_id, customer_id = _owner(connection, owner, object_id)
        retention.set_rules(connection, owner, object_id, None if rules is None else rules.as_mapping())
        shown = {} if rules is None else rules.as_mapping()
        audit.add(connection, vendor_id, actor, "retention.set", owner, object_id, shown)
        revisions.retention_changed(connection, owner, object_id, customer_id)
    revisions.flush(services)


def rules_of(services: Services, instance_id: int) -> tuple[Owner | None, RetentionRules]:
    """The rules that hold for an instance, and whose they are; None: nobody's, everything is kept."""
    with services.database.read() as connection:
        found = retention.of_instance(connection, instance_id)
    return (None, RetentionRules()) if found is None else (found[0], RetentionRules.of(found[1]))


def _owner(connection: Connection, owner: Owner, object_id: int) -> tuple[int, int]:
    """The owner's vendor, and the customer whose key seals its revision (0: the installation's)."""
    if owner == "vendor":
        return vendors.get(connection, object_id).id, revisions.INSTALLATION
    if owner == "customer":
        customer = customers.get(connection, object_id)
        return customer.vendor_id, customer.id
    instance = instances.get(connection, object_id, deleted=True)
    return customers.get(connection, instance.customer_id, deleted=True).vendor_id, instance.customer_id
