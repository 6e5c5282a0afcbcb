"""The run's writes: packs batch by batch, and transactions that prove that the run is still ours and wanted.

Whoever commits something for a run (pages, blobs, deletions) does it through one of these, in the collector's thread.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from sqlalchemy import Connection

from holdfast import tracing
from holdfast.catalog import counts, leases, packs, runs, streams
from holdfast.catalog.counts import EndpointCounts
from holdfast.catalog.records import CurrentRow
from holdfast.operations.backup.state import RunContext, Stream
from holdfast.operations.backup.watching import Canceled
from holdfast.operations.state_sum import summed
from holdfast.vault import Pack, PackWriter


class RunWriter:
    """Not thread-safe."""

    def __init__(self, context: RunContext, last_batch: int, raise_if_stopping: Callable[[], None]) -> None:
        """`last_batch`: the last one an earlier process of the run has committed. `raise_if_stopping` raises what ends
        the run early."""
        self.context = context
        self.database = context.services.database
        self.batch = last_batch
        self._raise_if_stopping = raise_if_stopping

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction that proves that the run is still ours and wanted."""
        self._raise_if_stopping()
        with tracing.span("commit"), self.database.write() as connection:
            leases.fence(connection, self.context.instance_id, self.context.lease_token)
            if runs.get(connection, self.context.run_id).cancel_requested_at is not None:
                raise Canceled
            yield connection

    def pack_writer(self) -> PackWriter:
        """A pack for the run's next batch."""
        context = self.context
        self.batch += 1
        return context.customer.pack_writer(context.instance_id, context.run_id, context.sequence, self.batch)

    def put(self, writer: PackWriter) -> Pack | None:
        """Make what was added durable; None where nothing was."""
        pack = writer.finish()
        if pack is not None:
            with tracing.span("put pack", pack=pack.id, size_bytes=len(pack.data), batch=self.batch):
                self.context.customer.put_pack(pack)
        return pack

    def register(
        self, connection: Connection, pack: Pack | None, kind: str, refers_to: Collection[int] = ()
    ) -> int | None:
        """The pack's number in the catalog. `refers_to`: the packs in which bytes of its record versions stand."""
        if pack is None:
            return None
        context = self.context
        return packs.add(
            connection, pack.id, customer_id=context.customer.customer_id, instance_id=context.instance_id,
            run_id=context.run_id, sequence=context.sequence, batch=self.batch, kind=kind, size_bytes=len(pack.data),
            raw_bytes=pack.footer.raw_bytes, refers_to=refers_to,
        )  # fmt: skip

    def sum(
        self, connection: Connection, stream: Stream, *, added: Sequence[CurrentRow], removed: Sequence[CurrentRow]
    ) -> None:
        """Keep the stream's state sum."""
        stream.state_sum = summed(connection, stream.state_sum, added=added, removed=removed)

    def save_streams(self, connection: Connection, saved: Sequence[Stream]) -> None:
        """What the streams hold and have counted, as the transaction leaves it."""
        context = self.context
        for stream in saved:
            streams.advance(connection, stream.id, live=stream.live, state_sum=stream.state_sum)
            counted = EndpointCounts(
                run_id=context.run_id, stream=stream.id, sequence=context.sequence, ordinal=stream.ordinal,
                outcome=stream.outcome, live=stream.live, state_sum=stream.state_sum, **asdict(stream.counts),
            )  # fmt: skip
            counts.put(connection, counted)
