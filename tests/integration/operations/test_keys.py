"""The root key: rotated without a byte of data rewritten, exported under a passphrase."""

from pathlib import Path

import pytest

from holdfast import app
from holdfast.catalog import outbox
from holdfast.catalog.outbox import Entry
from holdfast.errors import Conflict, Damaged, InputError, VaultError, WrongKey
from holdfast.operations import customers, erase, keys, revisions
from holdfast.operations.locking import KEYS, locked
from holdfast.operations.services import Services
from holdfast.operations.verify import verify
from holdfast.storage.memory import MemoryStorage
from holdfast.vault import RootKey, Vault, keyring
from tests.support.documents import ITEMS, document
from tests.support.faulty import Last, Stopped, Stopping
from tests.support.hostile_source import HostileSource, make_record
from tests.support.installation import Installation

OLD, NEW = RootKey(bytes(range(32))), RootKey(bytes(range(1, 33)))


def test_a_rotated_key_opens_everything_and_no_data_was_written(
    installation: Installation, source: HostileSource
) -> None:
    source.put("items", make_record(1))
    instance = installation.instance(document(source.url, ITEMS), token="secret")
    installation.backup(instance)
    expected = installation.everything(instance)
    storage, settings = installation.services.storage, installation.services.settings
    before = {info.name: storage.get(info.name) for info in storage.list("") if not info.name.startswith("keys/")}
    old = app.read_root_key(settings)

    report = keys.rotate_key_file(installation.services, actor="test")
    assert (report.customers, report.copies_destroyed) == (2, 4)
    new = app.read_root_key(settings)
    assert new != old
    assert settings.effective_root_key_file.stat().st_mode & 0o777 == 0o600
    after = {info.name: storage.get(info.name) for info in storage.list("") if not info.name.startswith("keys/")}
    assert after == before
    with pytest.raises(WrongKey):
        Vault.open(storage, old)
    with app.opened(settings) as services:
        again = Installation(services)
        assert verify(services).findings == []
        assert again.everything(instance) == expected
        assert again.backup(instance).status == "successful"
    assert installation.backup(instance).status == "successful", "a process that was open all the time goes on"
    customers.create(installation.services, installation.customer.vendor_id, "new", None)
    assert verify(installation.services).findings == []


def test_every_write_of_a_rotation_may_be_the_last(installation: Installation, source: HostileSource) -> None:
    """Whatever breaks it off: the vault opens with the key in the file, and the next rotation cleans up."""
    memory = MemoryStorage()
    for info in installation.services.storage.list(""):
        memory.put(info.name, installation.services.storage.get(info.name))
    vault = Vault.open(memory, installation.services.vault.root_key)
    customers_ids = [0, *vault.customers()]

    def steps(storage: Stopping, root: RootKey) -> RootKey:
        for customer_id in customers_ids:
            keyring.rewrap(storage, root, NEW, customer_id, vault.id)
        return NEW

    points = 0
    for last in Last:
        for after in range(100):
            copy = MemoryStorage()
            for info in memory.list(""):
                copy.put(info.name, memory.get(info.name))
            stopping = Stopping(copy, after, last)
            root = vault.root_key
            try:
                root = steps(stopping, root)
                for customer_id in customers_ids:
                    keyring.retire(stopping, NEW, customer_id)
            except Stopped:
                pass
            opened = Vault.open(copy, root)
            assert [opened.customer(customer_id).customer_id for customer_id in customers_ids] == customers_ids
            steps(copy, root)  # type: ignore[arg-type]
            for customer_id in customers_ids:
                keyring.retire(copy, NEW, customer_id)
            assert all(Vault.open(copy, NEW).customer(customer_id) for customer_id in customers_ids)
            left = [one for customer_id in customers_ids for one in keyring.copies(copy, NEW, customer_id)]
            assert sum(one.keys is not None for one in left) == 2 * len(customers_ids)
            assert not any(isinstance(one.error, WrongKey) for one in left), "none opens with the old key"
            points += 1
            if not stopping.dead:
                break
    assert points >= 3 * 4 * len(customers_ids)


def test_nothing_is_destroyed_before_the_new_key_opens_it_twice(installation: Installation) -> None:
    with pytest.raises(VaultError, match="opens 0 copies"):
        keyring.retire(installation.services.storage, NEW, 0)
    assert verify(installation.services).findings == []


def test_a_rotation_that_was_broken_off_goes_on_with_the_same_key(installation: Installation) -> None:
    settings = installation.services.settings
    following = settings.effective_root_key_file.with_name("root.key.next")
    keys.write_key_file(following, NEW)
    keys.prepare_rotation(installation.services, NEW)
    notes = {finding.severity for finding in verify(installation.services).findings}
    assert notes == {"warning"}
    keys.rotate_key_file(installation.services, actor="test")
    assert app.read_root_key(settings) == NEW
    assert not following.exists()
    following.write_text("holdfast-root-1:torn")
    keys.rotate_key_file(installation.services, actor="test")
    assert app.read_root_key(settings) != NEW
    assert verify(installation.services).findings == []


def test_a_customer_made_by_a_process_with_the_old_key_is_not_lost(installation: Installation) -> None:
    """Between the end of a rotation and the moment in which a process learns of it."""
    storage, vault = installation.services.storage, installation.services.vault
    stale = vault.root_key
    keys.rotate_key_file(installation.services, actor="test")
    with pytest.raises(WrongKey):
        keyring.make(storage, stale, 77, vault.id)
    assert list(storage.list("keys/77/")) == []


def test_rotation_and_erasure_do_not_meet(installation: Installation) -> None:
    with locked(installation.services, KEYS), pytest.raises(Conflict, match="another process"):
        keys.prepare_rotation(installation.services, NEW)
    made = customers.create(installation.services, installation.customer.vendor_id, "gone", None)
    erase._begin(installation.services, made.id, "test")
    keys.prepare_rotation(installation.services, NEW)
    keys.finish_rotation(installation.services, NEW, actor="test")
    assert len(list(installation.services.storage.list(f"keys/{made.id}/"))) == 2
    erase.resume(installation.services)
    assert list(installation.services.storage.list(f"keys/{made.id}/")) == []


def test_a_key_from_the_environment_is_rotated_in_two_steps(installation: Installation) -> None:
    services, settings = installation.services, installation.services.settings
    given = settings.model_copy(update={"root_key_command": "cat the-key"})
    with pytest.raises(InputError, match="does not come from a file"):
        keys.rotate_key_file(installation.with_settings(given).services, actor="test")
    keys.prepare_rotation(services, NEW)
    assert Vault.open(services.storage, services.vault.root_key).id == Vault.open(services.storage, NEW).id
    keys.finish_rotation(services, NEW, actor="test")
    assert Vault.open(services.storage, NEW).customers() == services.vault.customers()


def test_an_exported_key_opens_with_its_passphrase_only(installation: Installation, tmp_path: Path) -> None:
    passphrase = "correct horse \N{LATIN SMALL LETTER E WITH ACUTE} staple"
    text = keys.export_key(installation.services, passphrase)
    assert "\n" not in text
    assert installation.services.vault.root_key.to_text() not in text
    storage = installation.services.storage

    def opens(root: RootKey) -> object:
        return Vault.open(storage, root)

    found = keys.import_key(tmp_path / "key", text, "correct horse e\N{COMBINING ACUTE ACCENT} staple", opens=opens)
    assert found == installation.services.vault.root_key
    assert keys.read_key_file(tmp_path / "key") == found
    for wrong, given in (
        (passphrase + "x", text),
        (passphrase, text.replace('"n":131072', '"n":65536')),
        (passphrase, text.replace(installation.services.vault.id, "0" * 32)),
        (passphrase, "holdfast-root-1:..."),
    ):
        with pytest.raises(InputError):
            keys.import_key(tmp_path / "other", given, wrong, opens=opens)
    assert not (tmp_path / "other").exists()
    with pytest.raises(FileExistsError):
        keys.import_key(tmp_path / "key", text, passphrase, opens=opens)
    with pytest.raises(InputError, match="12"):
        keys.export_key(installation.services, "too short")


def test_a_customer_whose_keys_do_not_open_keeps_nobody_else_waiting(installation: Installation) -> None:
    services, vendor_id = installation.services, installation.customer.vendor_id
    broken, other = (customers.create(services, vendor_id, name, None) for name in ("broken", "other"))
    damaged = {info.name: services.storage.get(info.name) for info in services.storage.list(f"keys/{broken.id}/")}
    for name in damaged:
        services.storage.destroy(name)
        services.storage.put(name, b"nonsense")
    services.vault.forget_customer(broken.id)
    for one in (broken, other):
        customers.change(services, one.id, name=f"{one.name} now", email=None)
    [waiting] = _waiting(services)
    assert waiting.customer_id == broken.id
    assert len(list(services.storage.list(f"revisions/{other.id}/customer/"))) == 2
    with pytest.raises(Damaged):
        revisions.flush_regularly(services)
    for name, data in damaged.items():
        services.storage.destroy(name)
        services.storage.put(name, data)
    assert revisions.flush_regularly(services) == 1
    assert _waiting(services) == []


def _waiting(services: Services) -> list[Entry]:
    with services.database.read() as connection:
        return outbox.pending(connection)
