"""`holdfast backup` with a receiver of traces in its environment, as a program of its own."""

from tests.support.command_line import PATIENCE_S, CommandLine
from tests.support.traces import receiving


def test_a_command_that_does_the_work_has_sent_its_trace_when_it_ends(shop: CommandLine) -> None:
    with receiving() as traces:
        shop.set(
            OTEL_EXPORTER_OTLP_ENDPOINT=traces.endpoint, OTEL_SERVICE_NAME="backups", OTEL_BSP_SCHEDULE_DELAY="100"
        )
        command = shop.start("backup", "shop")
        out, err = command.communicate(timeout=PATIENCE_S)
        assert command.returncode == 0, (out, err)
        (root,) = traces.named("backup")
        assert {one.trace_id for one in traces.spans()} == {root.trace_id}
        assert root.resource["service.name"] == "backups" and root.resource["process.pid"] == command.pid
        assert len(traces.named("request")) == 3
        assert b"t0ken" not in traces.raw
