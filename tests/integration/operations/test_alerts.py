"""People are told when something is wrong with their backups: once, and once when it is over."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from holdfast.catalog import runs, schedules
from holdfast.catalog.instances import Instance
from holdfast.catalog.schema import troubles as table
from holdfast.clock import now
from holdfast.errors import MailDeferred, MailError
from holdfast.operations import alarms, alerts, customers, definitions, instances, schedule, troubles, vendors, webhooks
from holdfast.operations.replicate import replicate, replicate_regularly
from holdfast.operations.verify import Plan, verify_resumably
from holdfast.operations.verify.regular import verify_regularly
from holdfast.storage import Storage
from holdfast.storage.memory import MemoryStorage
from tests.support.documents import STABLE_ITEMS, document
from tests.support.faulty import Full
from tests.support.hostile_source import HostileSource, in_thread, make_records
from tests.support.installation import Installation, installed
from tests.support.mailbox import Mailbox
from tests.support.receiver import Receiver

OPERATOR, VENDOR = "ops@example.org", "acme@example.org"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as opened:
        yield opened


@pytest.fixture
def source() -> Iterator[HostileSource]:
    with in_thread(HostileSource({"items": make_records(150)}, token="t0ken")) as served:
        yield served


@pytest.fixture
def installation(tmp_path: Path, mailbox: Mailbox) -> Iterator[Installation]:
    with installed(
        tmp_path / "home", smtp_host="127.0.0.1", smtp_port=mailbox.port, smtp_security="none", alert_to=OPERATOR
    ) as made:
        yield made


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def instance(installation: Installation, source: HostileSource, hook: Receiver) -> Instance:
    """Of a vendor with an address, with a webhook for troubles."""
    services = installation.services
    vendor_id = vendors.create(services, "Acme", VENDOR).vendor.id
    webhooks.create(services, vendor_id, hook.url, ["trouble.began", "trouble.ended"])
    customer = customers.create(services, vendor_id, "Bolt", None)
    text = document(source.url, STABLE_ITEMS).replace(
        "connection:\n", 'connection:\n  auth: {type: bearer, token: "{{ token }}"}\n'
    )
    definition = definitions.create(services, vendor_id, text)
    return instances.create(services, customer.id, definition.id, label="shop", given={"token": "t0ken"})


def told(installation: Installation, mailbox: Mailbox) -> dict[str, list[str]]:
    """Send what is to be sent; the subjects of the mails to each."""
    mailbox.mails.clear()
    alerts.send_alerts(installation.services)
    found: dict[str, list[str]] = {}
    for mail in mailbox.mails:
        found.setdefault(str(mail["To"]), []).append(str(mail["Subject"]))
    return found


def to_both(subject: str) -> dict[str, list[str]]:
    return {VENDOR: [subject], OPERATOR: [subject]}


def published(installation: Installation, hook: Receiver) -> list[tuple[str, str]]:
    """What the vendor's own server has been told so far."""
    webhooks.deliver_due(installation.services)
    events = [msgspec.json.decode(one.body) for one in hook.received]
    assert all(one.headers["webhook-signature"].startswith("v1,") for one in hook.received)
    return sorted((event["type"], event["data"]["kind"]) for event in events)


def test_a_failed_backup_is_told_once_and_once_that_it_is_over(
    installation: Installation, instance: Instance, source: HostileSource, mailbox: Mailbox, hook: Receiver
) -> None:
    assert told(installation, mailbox) == {}
    source.switches.fail_page = 2
    for _ in range(2):
        assert installation.backup(instance).status == "failed"
    assert told(installation, mailbox) == to_both("A backup failed: Hostile of Bolt (shop)")
    assert "page 2" in mailbox.mails[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert installation.backup(instance).status == "failed"
    assert told(installation, mailbox) == {}, "the same trouble is not told again"
    source.switches.fail_page = None
    assert installation.backup(instance).status == "successful"
    assert told(installation, mailbox) == to_both("Over: Hostile of Bolt (shop)")
    assert installation.backup(instance).status == "successful"
    assert told(installation, mailbox) == {}
    assert published(installation, hook) == [("trouble.began", "backup_failed"), ("trouble.ended", "backup_failed")]


def test_a_refused_credential_is_told_as_such(
    installation: Installation, instance: Instance, source: HostileSource, mailbox: Mailbox, hook: Receiver
) -> None:
    source.switches.token = "another"
    assert installation.backup(instance).status == "failed"
    assert told(installation, mailbox) == to_both("A credential was refused: Hostile of Bolt (shop)")
    assert published(installation, hook) == [("trouble.began", "credential_refused")]


def test_a_backup_that_has_not_ended_long_after_it_was_due_is_late(
    installation: Installation, instance: Instance, mailbox: Mailbox, hook: Receiver
) -> None:
    services = installation.services
    schedule.set_schedule(services, instance, schedule.parse("hourly"))
    assert troubles.look_for_late(services) == 0
    with services.database.write() as connection:
        schedules.move(connection, {instance.id: now() - timedelta(hours=25)})
    assert (troubles.look_for_late(services), troubles.look_for_late(services)) == (1, 0)
    assert told(installation, mailbox) == to_both("A backup is late: Hostile of Bolt (shop)")
    assert installation.backup(instance).status == "successful"
    assert told(installation, mailbox) == to_both("Over: Hostile of Bolt (shop)")
    assert published(installation, hook) == [("trouble.began", "backup_late"), ("trouble.ended", "backup_late")]
    with services.database.write() as connection:
        schedules.move(connection, {instance.id: now() + timedelta(hours=1)})
        run, _ = runs.queue(connection, instance.id)
        connection.execute(
            sa.update(runs.runs).where(runs.runs.c.id == run.id).values(queued_at=now() - timedelta(hours=25))
        )
    assert troubles.look_for_late(services) == 1, "it waits, or runs, for too long"


def test_an_alarm_is_told_and_over_when_it_is_acknowledged(
    installation: Installation, instance: Instance, source: HostileSource, mailbox: Mailbox, hook: Receiver
) -> None:
    for _ in range(2):
        installation.backup(instance)
    for number in range(1, 141):
        source.remove("items", number)
    installation.backup(instance, accept_deletions=True)
    mails = told(installation, mailbox)
    assert mails[OPERATOR] and "Hostile of Bolt (shop)" in mailbox.mails[0].as_string()
    with installation.services.database.read() as connection:
        from holdfast.catalog.alarms import unacknowledged

        [alarm] = unacknowledged(connection, instance.id)
    alarms.acknowledge(installation.services, instance, alarm.id)
    assert ("trouble.ended", "alarm") in published(installation, hook)
    assert told(installation, mailbox)[VENDOR]


def test_what_comes_together_is_one_mail_and_waits_for_the_mail_server(
    installation: Installation, instance: Instance, source: HostileSource, mailbox: Mailbox
) -> None:
    other = instances.create(
        installation.services, instance.customer_id, instance.definition_id, label="other", given={"token": "t0ken"}
    )
    source.switches.fail_page = 1
    installation.backup(instance)
    installation.backup(other)
    mailbox.refuse = "451 later"
    with pytest.raises(MailError):
        alerts.send_alerts(installation.services)
    mailbox.refuse = None
    assert told(installation, mailbox) == to_both("Backups: 2 new troubles")


def test_a_recipient_whose_mail_is_deferred_keeps_nobody_else_waiting_and_gets_it_later(
    installation: Installation, instance: Instance, source: HostileSource, mailbox: Mailbox
) -> None:
    mailed = alerts.Mailed()
    source.switches.fail_page = 1
    installation.backup(instance)
    mailbox.not_now = {VENDOR}
    for _ in range(3):
        with pytest.raises(MailDeferred):
            alerts.send_alerts(installation.services, mailed)
    assert [str(mail["To"]) for mail in mailbox.mails] == [OPERATOR], "once"
    mailbox.not_now = set()
    assert alerts.send_alerts(installation.services, mailed) == 1
    assert [str(mail["To"]) for mail in mailbox.mails] == [OPERATOR, VENDOR]
    source.switches.fail_page = None
    installation.backup(instance)
    assert alerts.send_alerts(installation.services, mailed) == 2, "it is over, for both"
    assert alerts.send_alerts(installation.services, mailed) == 0


def test_a_server_that_does_not_serve_us_makes_no_alert_a_refused_one(
    installation: Installation, instance: Instance, source: HostileSource, mailbox: Mailbox
) -> None:
    source.switches.fail_page = 1
    installation.backup(instance)
    mailbox.sender = "somebody@example.org"  # as with a password that was changed: 535
    with pytest.raises(MailError, match="does not serve us: 550"):
        alerts.send_alerts(installation.services)
    mailbox.sender = None
    assert alerts.send_alerts(installation.services) == 2


def test_a_trouble_that_is_over_before_it_was_told_and_one_that_is_old_are_no_news(
    installation: Installation, instance: Instance, source: HostileSource, mailbox: Mailbox
) -> None:
    source.switches.fail_page = 1
    installation.backup(instance)
    source.switches.fail_page = None
    installation.backup(instance)
    assert told(installation, mailbox) == {}
    source.switches.fail_page = 1
    installation.backup(instance)
    with installation.services.database.write() as connection:
        connection.execute(sa.update(table).values(began_at=now() - timedelta(days=2)))
    assert told(installation, mailbox) == {}


def damage(storage: Storage, prefix: str) -> Callable[[], None]:
    """Flip a bit of the first object there; answers how to undo it."""
    name = next(info.name for info in storage.list(prefix))
    good = storage.get(name)
    bad = bytearray(good)
    bad[len(bad) // 2] ^= 1

    def put(data: bytes) -> None:
        storage.delete(name)
        storage.put(name, data)

    put(bytes(bad))
    return lambda: put(good)


def prove_for_a_week(installation: Installation) -> None:
    begin = now()
    for day in range(8):
        verify_regularly(installation.services, begin + timedelta(days=day))


def test_damage_that_a_worker_finds_is_told_once_and_over_when_a_check_finds_it_mended(
    installation: Installation, mailbox: Mailbox, instance: Instance, hook: Receiver
) -> None:
    installation = installation.with_settings(installation.services.settings.model_copy(update={"verify_days": 7}))
    installation.backup(instance)
    mend = damage(installation.services.storage, "packs/")
    prove_for_a_week(installation)
    (subjects,) = {tuple(subjects) for subjects in told(installation, mailbox).values()}
    assert [subject.partition(":")[0] for subject in subjects] == ["The vault has lost something or is damaged"]
    assert told(installation, mailbox) == {}, "once"
    assert published(installation, hook) == [("trouble.began", "vault_damaged")]
    mend()
    verify_resumably(installation.services, Plan(anew=True))
    assert published(installation, hook)[1:] == [("trouble.ended", "vault_damaged")]


def test_damage_of_no_instance_and_of_a_replica_is_told_to_the_operator_alone(
    installation: Installation, mailbox: Mailbox, instance: Instance, hook: Receiver
) -> None:
    settings = installation.services.settings.model_copy(update={"verify_days": 7, "verify_replica_days": 7})
    replica = MemoryStorage()
    installation = installation.with_settings(settings).with_replicas(replica)
    installation.backup(instance)
    replicate(installation.services)
    undo = damage(installation.services.storage, "revisions/0/vendor/"), damage(replica, "packs/")
    prove_for_a_week(installation)
    assert told(installation, mailbox) == {OPERATOR: ["Backups: 2 new troubles"]}
    for mend in undo:
        mend()
    verify_resumably(installation.services, Plan(anew=True))
    verify_resumably(installation.services, Plan(anew=True), replica=replica)
    assert told(installation, mailbox) == {OPERATOR: ["Backups: 2 over"]}
    assert published(installation, hook) == []


def test_a_replica_that_cannot_be_brought_up_to_date_is_told(
    installation: Installation, mailbox: Mailbox, instance: Instance
) -> None:
    replica = MemoryStorage()
    installation.backup(instance)
    full = installation.with_replicas(Full(replica, 3000))
    replicate_regularly(full.services)
    assert told(installation, mailbox) == {OPERATOR: [f"A replica is not up to date: {replica.url}"]}
    replicate_regularly(installation.with_replicas(replica).services)
    assert told(installation, mailbox) == {OPERATOR: [f"Over: {replica.url}"]}
