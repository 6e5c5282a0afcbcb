"""What all steps of an instance's prune share: the lease that every commit proves, and when to stop."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from sqlalchemy import Connection

from holdfast.catalog import leases, runs, streams
from holdfast.catalog.emptying import StandingRow
from holdfast.catalog.instances import Instance
from holdfast.catalog.packs import PackRow
from holdfast.engine import Interrupted
from holdfast.operations.backup.leasing import Lease
from holdfast.operations.prune.plan import InstanceReport
from holdfast.operations.prune.windows import Window
from holdfast.operations.services import Services
from holdfast.vault import CustomerVault, Footer, Place


class Salvage(Protocol):
    """How to come by what a damaged pack held."""

    def read(self, endpoint: str, stream: int, row: StandingRow, place: Place) -> bytes:
        """A record's bytes, from wherever they can be had. Raises Damaged."""
        ...

    def footer(self, pack: PackRow, window: Window) -> Footer:
        """The operations that the pack must have had, in place of a footer that is lost."""
        ...

    @property
    def rewrites_footers(self) -> bool:
        """Whether no footer of a condemned pack is to be believed any more."""
        ...


class Postponed(Exception):
    """A backup of the instance waits: it goes first, the next prune goes on."""


@dataclass(frozen=True)
class Work:
    services: Services
    instance: Instance
    customer: CustomerVault
    lease: Lease
    report: InstanceReport
    salvage: "Salvage | None" = None
    """For packs that cannot be read as a whole: a repair has one."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction that proves that the instance is still ours."""
        with self.services.database.write() as connection:
            leases.fence(connection, self.instance.id, self.lease.token)
            yield connection

    def prove(self) -> None:
        """Before something is put into the vault or deleted from it. Raises LeaseLost."""
        with self.transaction():
            pass

    def pause(self) -> None:
        """To be called where stopping leaves nothing half done that the next prune would not bring to its end.

        Raises Postponed, Interrupted.
        """
        if self.services.engine.stopping.is_set():
            raise Interrupted
        with self.services.database.read() as connection:
            if runs.active(connection, self.instance.id) is not None:
                raise Postponed

    @cached_property
    def stream_ids(self) -> list[int]:
        with self.services.database.read() as connection:
            return [stream.id for stream in streams.of_instance(connection, self.instance.id)]
