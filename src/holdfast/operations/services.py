"""The concrete things an operation works with, wired together once by `holdfast.app`."""

from dataclasses import dataclass

from holdfast.catalog.database import Database
from holdfast.engine import Engine
from holdfast.settings import Settings
from holdfast.sources.policy import NetworkPolicy
from holdfast.storage import Storage
from holdfast.vault import Vault


@dataclass(frozen=True)
class Services:
    settings: Settings
    database: Database
    storage: Storage
    vault: Vault
    engine: Engine
    network: NetworkPolicy
    replicas: tuple[Storage, ...] = ()
    """Copies of the vault: `replicate` fills them, erasures reach them too."""
