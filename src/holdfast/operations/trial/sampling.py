"""Asks a source for the first pages of everything its definition names. Stores nothing, and asks for little: a few
pages of a few lists of each endpoint, one record by its address, one blob's beginning.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.definitions.document import Auth, Definition, Endpoint
from holdfast.errors import HoldfastError, SourceError
from holdfast.operations.trial.findings import EndpointSample, Seen
from holdfast.operations.trial.forecast import Forecast, forecast
from holdfast.operations.trial.sampler import Sampler
from holdfast.operations.trial.suspicions import suspicions
from holdfast.sources.exchange import Exchange
from holdfast.sources.policy import NetworkPolicy
from holdfast.sources.sessions import TokenRotated
from holdfast.sources.source import Source

PAGES = 3
LISTS = 3


@dataclass(frozen=True)
class EndpointTrial:
    """One endpoint as it was found."""

    sample: EndpointSample
    suspicions: Sequence[str]

    @property
    def name(self) -> str:
        return self.sample.name


@dataclass(frozen=True)
class Trial:
    endpoints: Sequence[EndpointTrial]
    """In the definition's order."""
    suspicions: Sequence[str]
    """About the whole of the connection."""
    failure: str | None
    """Why nothing could be read: the credential, the address."""
    forecast: Forecast | None
    """None: something could not be read."""
    requests: int
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether everything could be read; there may be suspicions."""
        return self.failure is None and all(one.sample.failure is None for one in self.endpoints)


async def try_definition(
    definition: Definition, variables: Mapping[str, str], network: NetworkPolicy, *,
    token_rotated: TokenRotated | None = None, only: Iterable[str] = (), pages: int = PAGES,
    lists: int = LISTS,
) -> Trial:  # fmt: skip
    """Sample the source. `only` names endpoints (their parents are read as well), `pages` and `lists` say how much of
    each is read at most. What the source does wrong is in the result.

    Raises DefinitionError and InputError for variables that do not fit.
    """
    began = time.monotonic()
    seen: list[Seen] = []

    def note(exchange: Exchange) -> None:
        body = exchange.body if exchange.status < 400 else exchange.body[:2_000]
        seen.append(Seen(exchange.asked, exchange.status, dict(exchange.headers), body, exchange.seconds))

    wanted = _with_parents(definition, set(only))
    found: list[EndpointTrial] = []
    general: list[str] = []
    failure: str | None = None
    async with Source(definition, variables, network, token_rotated=token_rotated, observe=note) as source:
        if definition.connection.check is not None:
            try:
                await source.check()
            except SourceError as error:
                failure = error.in_full
        if failure is None:
            samples: dict[str, Sampler] = {}
            for endpoint in definition.planned():
                if endpoint.name not in wanted:
                    continue
                sampler = Sampler(source, definition, endpoint, seen, pages, lists)
                samples[endpoint.name] = sampler
                await sampler.sample([samples[name] for name in endpoint.parents + _within(endpoint)])
                if sampler.is_hopeless:
                    failure = sampler.found.failure
                    break
            ordered = [samples[one.name].found for one in definition.endpoints if one.name in samples]
            found = [EndpointTrial(one, suspicions(definition, one)) for one in ordered]
        if failure is None:
            general += await _without_credential(definition, variables, network) or _without_check(definition)
        requests = source.requests
    is_whole = failure is None and all(one.sample.failure is None for one in found)
    expected = forecast(definition, [one.sample for one in found]) if is_whole and found else None
    return Trial(found, general, failure, expected, requests, time.monotonic() - began)


def _within(endpoint: Endpoint) -> tuple[str, ...]:
    """The endpoint that holds its records, where `parents` does not name it already."""
    return (endpoint.within,) if endpoint.within is not None and endpoint.within not in endpoint.parents else ()


def _with_parents(definition: Definition, only: set[str]) -> set[str]:
    if not only:
        return {endpoint.name for endpoint in definition.endpoints}
    wanted, waiting = set(), list(only)
    while waiting:
        endpoint = definition.endpoint(waiting.pop())
        wanted.add(endpoint.name)
        waiting += [name for name in endpoint.parents + _within(endpoint) if name not in wanted]
    return wanted


def _without_check(definition: Definition) -> list[str]:
    if definition.connection.auth.type == "none" or definition.connection.check is not None:
        return []
    return [
        "there is no `connection.check`: whether the credential is good shows only in the first list that is read; "
        "name a cheap request that fails without a good one"
    ]


async def _without_credential(
    definition: Definition, variables: Mapping[str, str], network: NetworkPolicy
) -> list[str]:  # fmt: skip
    """Whether the check succeeds for anybody: then it proves nothing."""
    if definition.connection.auth.type == "none":
        return []
    secrets = {one.key for one in definition.variables if one.secret}
    anonymous = replace(definition, connection=replace(definition.connection, auth=Auth("none")))
    given = {key: value for key, value in variables.items() if key not in secrets}
    try:
        async with Source(anonymous, given, network) as source:
            await source.check()
    except HoldfastError:
        return []
    what = "`connection.check`" if definition.connection.check else "the first list, as there is no `connection.check`,"
    return [
        f"{what} succeeds without the credential too: a backup with one that was refused would look complete; choose a "
        "`check` that needs it"
    ]
