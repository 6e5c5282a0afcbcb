"""A vault in memory with one customer."""

import pytest

from holdfast.storage.memory import MemoryStorage
from holdfast.vault import CustomerVault, RootKey, Vault

ROOT = RootKey(bytes(range(32)))


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def root() -> RootKey:
    return ROOT


@pytest.fixture
def vault(storage: MemoryStorage, root: RootKey) -> Vault:
    return Vault.create(storage, root)


@pytest.fixture
def customer(vault: Vault) -> CustomerVault:
    return vault.create_customer(7)
