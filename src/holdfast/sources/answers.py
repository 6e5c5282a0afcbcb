"""Says in Holdfast's errors what went wrong with a request: aiohttp's exceptions, and answers that are no success."""

import aiohttp

from holdfast.errors import (
    CredentialRefused,
    SourceError,
    SourceFailed,
    SourceRefused,
    SourceThrottled,
    SourceUnreachable,
)
from holdfast.sources.judging import Verdict
from holdfast.sources.network import AddressRefused
from holdfast.sources.page import Skipped
from holdfast.sources.splitter import excerpt

__all__ = ["refusal", "unreachable"]

_LONGEST_MESSAGE = 500


def refusal(
    status: int, body: bytes, what: str, verdict: Verdict | None = None, *, throttled: bool = False
) -> SourceError:
    """The error for an answer that is no success; `what` names the request. The verdict goes before the status."""
    said = f"{what}: the source answered {status}"
    if verdict is not None and verdict.message is not None:
        said += f": {' '.join(verdict.message[:_LONGEST_MESSAGE].split())}"
    elif body.strip():
        said += f": {excerpt(body)}"
    means = verdict.means if verdict is not None else ""
    if means == "skip" and verdict is not None:
        return Skipped(f"{what}: {verdict.rule.because} (the source answered {status})", status=status)
    if means == "gone":
        return SourceRefused(said, status=status, code="gone")
    if means == "failed":
        return SourceRefused(said, status=status)
    if means == "retry":
        return SourceFailed(said, status=status, hint="The source has a fault of its own: try again later.")
    if throttled or means == "throttled":
        return SourceThrottled(
            said,
            status=status,
            hint="The source wants fewer requests: lower `limits` in the definition, or try again later.",
        )
    if status == 401 or means == "credential":
        return CredentialRefused(
            said, status=status, hint="The credential is wrong or has expired: set the variable that holds it again."
        )
    if status == 403:
        return SourceRefused(
            said, status=status, hint="The credential is not allowed to do this: check its scopes or permissions."
        )
    if status >= 500 or status in {408, 425}:
        return SourceFailed(said, status=status, hint="The source has a fault of its own: try again later.")
    if status == 404:
        return SourceRefused(
            said, status=status, hint="Check `path` in the definition, and the address in its variables."
        )
    return SourceRefused(said, status=status)


def unreachable(error: Exception, host: str, what: str) -> SourceError:
    """The error for a request without a whole answer. SourceUnreachable is worth another attempt, SourceRefused not."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return SourceUnreachable(
            f"{what}: the name {host} cannot be resolved", hint="Check the address for a typing error, and the network."
        )
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return SourceRefused(
            f"{what}: no trusted connection to {host}: {error.os_error}",
            hint="Check that the address is right and that its certificate is valid.",
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        if _is_refused_address(error.os_error):
            return SourceRefused(
                f"{what}: {_reason(error.os_error)}",
                hint="The operator can allow private addresses in the settings (docs/threat-model.md).",
                code="address_refused",
            )
        return SourceUnreachable(
            f"{what}: no connection to {host}: {_reason(error.os_error)}", hint="Check the address, and that it is up."
        )
    if isinstance(error, TimeoutError):
        return SourceUnreachable(
            f"{what}: {host} did not answer in time", hint="Run it again later, or raise `timeout` in the definition."
        )
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return SourceRefused(f"{what}: no request can be made to {host}: {error}")
    return SourceUnreachable(
        f"{what}: the connection to {host} broke: {_reason(error)}", hint="Check the network, and run it again."
    )


def _is_refused_address(error: OSError) -> bool:
    # Where a name has several addresses the connector makes one OSError of several, and keeps only their texts.
    return isinstance(error, AddressRefused) or "this installation does not allow it" in str(error)


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text or type(error).__name__
