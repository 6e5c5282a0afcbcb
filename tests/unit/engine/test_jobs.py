import pytest

from holdfast import tracing
from holdfast.engine import Interrupted, JobState, RetryPolicy
from holdfast.engine.jobs import Handler, JobRunner, Kind
from holdfast.errors import CatalogBusy, EngineError, SourceRefused

QUICK = RetryPolicy(attempts=3, first_pause_s=0.001, factor=2)


def runner(handler: Handler, retry: RetryPolicy = QUICK) -> JobRunner:
    return JobRunner({"backup": Kind("backup", handler, 1, 1.0)}, retry)


def raising(*errors: Exception | None) -> tuple[Handler, list[int]]:
    """A handler that raises these in turn, and the list of its calls."""
    calls: list[int] = []

    def handler(subject_id: int) -> None:
        calls.append(subject_id)
        if (error := errors[len(calls) - 1]) is not None:
            raise error

    return handler, calls


def test_the_handler_gets_its_subject() -> None:
    handler, calls = raising(None)
    runner(handler).run("backup", 7)
    assert calls == [7]


def test_log_lines_within_a_job_have_its_key() -> None:
    seen: list[object] = []
    runner(lambda _: seen.append(tracing.log_fields())).run("backup", 7)
    assert seen == [{"job": "backup-7"}] and tracing.log_fields() == {}


def test_a_retryable_error_is_tried_again() -> None:
    handler, calls = raising(CatalogBusy("busy"), CatalogBusy("busy"), None)
    runner(handler).run("backup", 7)
    assert calls == [7, 7, 7]


def test_retries_are_bounded() -> None:
    handler, calls = raising(*[CatalogBusy("busy")] * 4)
    with pytest.raises(CatalogBusy):
        runner(handler).run("backup", 7)
    assert calls == [7, 7, 7]


def test_any_other_error_fails_the_job_at_once() -> None:
    handler, calls = raising(SourceRefused("no"), None)
    made = runner(handler)
    with pytest.raises(SourceRefused):
        made.run("backup", 7)
    assert calls == [7] and str(made.given_up["backup 7"]) == "no"


def test_an_unexpected_exception_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    handler, _ = raising(ZeroDivisionError("division by zero"))
    with pytest.raises(EngineError, match="backup 7 failed unexpectedly: ZeroDivisionError"):
        runner(handler).run("backup", 7)
    assert caplog.records[-1].exc_info is not None


def test_a_job_that_waits_for_its_retry_is_interrupted_by_the_stop() -> None:
    def handler(_: int) -> None:
        stopped.stopping.set()
        raise CatalogBusy("busy")

    stopped = runner(handler, RetryPolicy(first_pause_s=3600))
    with pytest.raises(Interrupted):
        stopped.run("backup", 7)


def test_no_job_begins_after_the_stop() -> None:
    handler, calls = raising(None)
    stopped = runner(handler)
    stopped.stopping.set()
    with pytest.raises(Interrupted):
        stopped.run("backup", 7)
    assert calls == []


def test_no_handler_of_errors_takes_an_interruption_for_one() -> None:
    assert not issubclass(Interrupted, Exception)


@pytest.mark.parametrize(("failures", "pause_s"), [(1, 1), (2, 5), (3, 25)])
def test_pauses_grow(failures: int, pause_s: float) -> None:
    assert RetryPolicy().pause_s(failures) == pause_s


def test_only_queued_and_running_jobs_are_live() -> None:

    assert {state for state in JobState if state.is_live} == {JobState.QUEUED, JobState.RUNNING}
