"""Trying a definition against its live source without storing anything: samples, what looks suspicious, a forecast."""

from holdfast.operations.trial.comparing import Actual, actual_runs
from holdfast.operations.trial.forecast import Forecast, RunForecast, forecast
from holdfast.operations.trial.sampling import EndpointTrial, Trial, try_definition

__all__ = [
    "Actual",
    "EndpointTrial",
    "Forecast",
    "RunForecast",
    "Trial",
    "actual_runs",
    "forecast",
    "try_definition",
]
