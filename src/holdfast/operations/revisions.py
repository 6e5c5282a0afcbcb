"""What the vault has to know beside backups: every change of a vendor, customer, definition or instance, as a revision.

A change writes the object's whole new state into the catalog's outbox, in its own transaction; `flush` sends what waits
there to the vault. `restore` is the way back, for a rebuild.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from holdfast.catalog import (
    alarms,
    customers,
    definitions,
    erasures,
    holds,
    instances,
    outbox,
    retention,
    vendors,
    webhooks,
)
from holdfast.catalog.alarms import Alarm
from holdfast.catalog.retention import Owner
from holdfast.clock import format_time, parse_time
from holdfast.errors import HoldfastError, NotFound, VaultError
from holdfast.operations.services import Services
from holdfast.vault import CustomerVault, Revision, put_revision

INSTALLATION = 0
"""In place of a customer's id: what belongs to none is sealed with the installation's key."""


def vendor_changed(connection: Connection, vendor_id: int) -> None:
    vendor = vendors.get(connection, vendor_id)
    secrets = [
        {
            "id": secret.id,
            "hash": secret.secret_hash.hex(),
            "hint": secret.hint,
            "created_at": _text(secret.created_at),
            "revoked_at": _text(secret.revoked_at),
        }
        for secret in vendors.secrets(connection, vendor_id, revoked=True)
    ]
    payload = {
        "name": vendor.name,
        "email": vendor.email,
        "client_id": vendor.client_id,
        "created_at": _text(vendor.created_at),
        "disabled_at": _text(vendor.disabled_at),
        "secrets": secrets,
    }
    outbox.add(connection, "vendor", vendor_id, INSTALLATION, payload)


def customer_changed(connection: Connection, customer_id: int) -> None:
    customer = customers.get(connection, customer_id, deleted=True)
    payload = {
        "vendor_id": customer.vendor_id,
        "name": customer.name,
        "email": customer.email,
        "created_at": _text(customer.created_at),
        "deleted_at": _text(customer.deleted_at),
    }
    outbox.add(connection, "customer", customer_id, customer_id, payload)


def definition_changed(connection: Connection, definition_id: int) -> None:
    definition = definitions.get(connection, definition_id, deleted=True)
    payload = {
        "vendor_id": definition.vendor_id,
        "name": definition.name,
        "description": definition.description,
        "published": definition.published,
        "created_at": _text(definition.created_at),
        "deleted_at": _text(definition.deleted_at),
    }
    outbox.add(connection, "definition", definition_id, INSTALLATION, payload)


def document_added(connection: Connection, revision: definitions.Revision) -> None:
    payload = {
        "definition_id": revision.definition_id,
        "number": revision.number,
        "document": revision.document,
        "created_at": _text(revision.created_at),
    }
    outbox.add(connection, "document", revision.id, INSTALLATION, payload)


def instance_changed(connection: Connection, instance_id: int) -> None:
    instance = instances.get(connection, instance_id, deleted=True)
    sealed = instances.variables(connection, instance_id)
    payload = {
        "definition_id": instance.definition_id,
        "label": instance.label,
        "frequency": instance.frequency,
        "cron": instance.cron,
        "time_zone": instance.time_zone,
        "created_at": _text(instance.created_at),
        "deleted_at": _text(instance.deleted_at),
        "variables": {key: value.hex() for key, value in sealed.items()},
    }
    outbox.add(connection, "instance", instance_id, instance.customer_id, payload)


def hold_changed(connection: Connection, hold_id: int) -> None:
    hold = holds.get(connection, hold_id)
    payload = {
        "instance_id": hold.instance_id,
        "run_id": hold.run_id,
        "reason": hold.reason,
        "placed_at": _text(hold.placed_at),
        "released_at": _text(hold.released_at),
    }
    outbox.add(connection, "hold", hold_id, hold.customer_id, payload)


def webhook_changed(connection: Connection, webhook_id: int) -> None:
    """Its address and signing secret (sealed); not what is still to be delivered."""
    webhook = webhooks.find(connection, webhook_id)
    payload: dict[str, Any] = {"deleted": webhook is None}
    if webhook is not None:
        payload |= {
            "vendor_id": webhook.vendor_id,
            "url": webhook.url,
            "events": list(webhook.events),
            "secret": webhook.sealed_secret.hex(),
            "disabled_at": _text(webhook.disabled_at),
        }
    outbox.add(connection, "webhook", webhook_id, INSTALLATION, payload)


def retention_changed(connection: Connection, owner: Owner, object_id: int, customer_id: int) -> None:
    rules = retention.get_rules(connection, owner, object_id)
    outbox.add(connection, "retention", object_id, customer_id, {"owner": owner, "rules": rules and dict(rules)})


def erasure_changed(connection: Connection, customer_id: int) -> None:
    erasure = erasures.find(connection, customer_id)
    assert erasure is not None, "called in the transaction that writes it"
    payload = {
        "vendor_id": erasure.vendor_id,
        "requested_at": _text(erasure.requested_at),
        "destroyed": [dict(one) for one in erasure.destroyed],
        "ended_at": _text(erasure.ended_at),
        "certificate": None if erasure.certificate is None else erasure.certificate.decode(),
    }
    outbox.add(connection, "erasure", customer_id, INSTALLATION, payload)


def alarm_changed(connection: Connection, alarm_id: int) -> None:
    alarm = alarms.get(connection, alarm_id)
    payload = {
        "instance_id": alarm.instance_id,
        "run_id": alarm.run_id,
        "sequence": alarm.sequence,
        "kind": alarm.kind,
        "endpoint": alarm.endpoint,
        "message": alarm.message,
        "figures": dict(alarm.figures),
        "raised_at": _text(alarm.raised_at),
        "acknowledged_at": _text(alarm.acknowledged_at),
        "acknowledged_by": alarm.acknowledged_by,
    }
    customer_id = instances.get(connection, alarm.instance_id, deleted=True).customer_id
    outbox.add(connection, "alarm", alarm_id, customer_id, payload)


def flush(services: Services) -> int:
    """Send every revision that waits to the vault, oldest first; answers how many. Safe to call from many places.

    What waits for a customer that is being erased is dropped: nobody is to read it. What waits for one whose keys do
    not open goes on waiting, and nobody else's with it.
    """
    return _flush(services)[0]


def flush_regularly(services: Services) -> int:
    """The same, and raises VaultError or NotFound where something has to wait for keys."""
    sent, held = _flush(services)
    for error in held.values():
        raise error
    return sent


def _flush(services: Services) -> tuple[int, dict[int, HoldfastError]]:
    """How many were sent, and why those of some customers could not be, by the customer's id."""
    sent, after = 0, 0
    held: dict[int, HoldfastError] = {}
    while True:
        with services.database.read() as connection:
            waiting = outbox.pending(connection, after=after)
        if not waiting:
            return sent, held
        done: list[int] = []
        for entry in waiting:
            customer = None if entry.customer_id in held else _customer(services, entry.customer_id, held)
            if entry.customer_id in held:
                continue
            if customer is not None:
                put_revision(customer, entry.kind, entry.object_id, entry.number, dict(entry.payload))
            done.append(entry.id)
        with services.database.write() as connection:
            outbox.sent(connection, done)
        sent += len(done)
        after = waiting[-1].id


def _customer(services: Services, customer_id: int, held: dict[int, HoldfastError]) -> CustomerVault | None:
    """Where a customer's revisions go; None where it is being erased, or `held` says why they cannot."""
    if customer_id != INSTALLATION:
        with services.database.read() as connection:
            if erasures.find(connection, customer_id) is not None:
                return None
    try:
        return services.vault.customer(customer_id)
    except (VaultError, NotFound) as error:
        held[customer_id] = error
        return None


def restore(connection: Connection, revision: Revision) -> None:
    """Put an object back into an empty catalog as its newest revision says. In the order of `KINDS`."""
    _RESTORE[revision.kind](connection, int(revision.object_id), revision.customer_id, revision.payload)
    outbox.set_number(connection, revision.kind, int(revision.object_id), revision.number)


def _restore_vendor(connection: Connection, vendor_id: int, _: int, payload: Mapping[str, Any]) -> None:
    vendors.create(
        connection,
        payload["name"],
        payload["email"],
        payload["client_id"],
        vendor_id=vendor_id,
        created_at=_time(payload["created_at"]),
    )
    vendors.set_disabled(connection, vendor_id, _time(payload["disabled_at"]))
    for secret in payload["secrets"]:
        vendors.add_secret(
            connection,
            vendor_id,
            bytes.fromhex(secret["hash"]),
            secret["hint"],
            secret_id=secret["id"],
            created_at=_time(secret["created_at"]),
        )
        if secret["revoked_at"]:
            vendors.revoke_secret(connection, vendor_id, secret["id"], at=_time(secret["revoked_at"]))


def _restore_customer(connection: Connection, customer_id: int, _: int, payload: Mapping[str, Any]) -> None:
    customers.create(
        connection,
        payload["vendor_id"],
        payload["name"],
        payload["email"],
        customer_id=customer_id,
        created_at=_time(payload["created_at"]),
        deleted_at=_time(payload["deleted_at"]),
    )


def _restore_definition(connection: Connection, definition_id: int, _: int, payload: Mapping[str, Any]) -> None:
    definitions.create(
        connection,
        payload["vendor_id"],
        payload["name"],
        payload["description"],
        payload["published"],
        definition_id=definition_id,
        created_at=_time(payload["created_at"]),
        deleted_at=_time(payload["deleted_at"]),
    )


def _restore_document(connection: Connection, revision_id: int, _: int, payload: Mapping[str, Any]) -> None:
    definitions.add_revision(
        connection,
        payload["definition_id"],
        payload["document"],
        revision_id=revision_id,
        number=payload["number"],
        created_at=_time(payload["created_at"]),
    )


def _restore_instance(connection: Connection, instance_id: int, customer_id: int, payload: Mapping[str, Any]) -> None:
    instances.create(
        connection,
        customer_id,
        payload["definition_id"],
        label=payload["label"],
        frequency=payload["frequency"],
        cron=payload["cron"],
        time_zone=payload["time_zone"],
        instance_id=instance_id,
        created_at=_time(payload["created_at"]),
        deleted_at=_time(payload["deleted_at"]),
    )
    instances.set_variables(
        connection, instance_id, {key: bytes.fromhex(value) for key, value in payload["variables"].items()}
    )


def _restore_hold(connection: Connection, hold_id: int, customer_id: int, payload: Mapping[str, Any]) -> None:
    holds.place(
        connection,
        customer_id,
        payload["reason"],
        instance_id=payload["instance_id"],
        run_id=payload["run_id"],
        hold_id=hold_id,
        placed_at=_time(payload["placed_at"]),
        released_at=_time(payload["released_at"]),
    )


def _restore_webhook(connection: Connection, webhook_id: int, _: int, payload: Mapping[str, Any]) -> None:
    if payload["deleted"]:
        return
    made = webhooks.create(
        connection,
        payload["vendor_id"],
        payload["url"],
        payload["events"],
        bytes.fromhex(payload["secret"]),
        webhook_id=webhook_id,
    )
    webhooks.change(
        connection, made.id, url=made.url, events=made.events, disabled_at=_time(payload["disabled_at"])
    )  # fmt: skip


def _restore_retention(connection: Connection, object_id: int, _: int, payload: Mapping[str, Any]) -> None:
    retention.set_rules(connection, payload["owner"], object_id, payload["rules"])


def _restore_erasure(connection: Connection, customer_id: int, _: int, payload: Mapping[str, Any]) -> None:
    requested_at = _time(payload["requested_at"])
    assert requested_at is not None, "an erasure was asked for at some time"
    erasures.begin(connection, customer_id, payload["vendor_id"], requested_at)
    erasures.set_destroyed(connection, customer_id, payload["destroyed"])
    ended_at = _time(payload["ended_at"])
    if ended_at is not None:
        erasures.end(connection, customer_id, payload["certificate"].encode(), ended_at)


def _restore_alarm(connection: Connection, alarm_id: int, _: int, payload: Mapping[str, Any]) -> None:
    raised_at = parse_time(payload["raised_at"])
    moments = {"raised_at": raised_at, "acknowledged_at": _time(payload["acknowledged_at"])}
    alarms.restore(connection, Alarm(**{**payload, **moments, "id": alarm_id}))


_RESTORE: dict[str, Callable[[Connection, int, int, Mapping[str, Any]], None]] = {
    "vendor": _restore_vendor,
    "customer": _restore_customer,
    "definition": _restore_definition,
    "document": _restore_document,
    "instance": _restore_instance,
    "alarm": _restore_alarm,
    "hold": _restore_hold,
    "webhook": _restore_webhook,
    "retention": _restore_retention,
    "erasure": _restore_erasure,
}
KINDS = tuple(_RESTORE)
"""In the order in which they refer to each other."""


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)
