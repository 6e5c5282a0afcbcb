"""Keeps a refresh token that the source has replaced in the middle of a run: sealed in the catalog and in the vault
before it is used, since the old one may be worth nothing any more.
"""

import logging
import threading
from collections.abc import Callable

from sqlalchemy import Connection

from holdfast.catalog import instances, leases, scopes
from holdfast.operations import revisions, variables
from holdfast.operations.backup.state import RunContext

TokenRotated = Callable[[str, str], None]
"""Called with a variable's key and its new value."""
_log = logging.getLogger(__name__)


class TokenKeeper:
    """What a run's source calls with a variable's new value. Safe between threads."""

    def __init__(self, context: RunContext, instead: TokenRotated | None = None) -> None:
        """`instead` keeps new values: of a run on a copy, what it keeps itself is thrown away with the copy."""
        self._context = context
        self._instead = instead
        self._lock = threading.Lock()
        self._used = dict(context.variables)
        """The values this run works with."""

    def __call__(self, key: str, value: str) -> None:
        """Raises what catalog and storage raise, and LeaseLost where the run is no longer ours."""
        context, services = self._context, self._context.services
        with self._lock:
            if self._instead is not None:
                self._instead(key, value)
                self._used[key] = value
                return
            with services.database.write() as connection:
                leases.fence(connection, context.instance_id, context.lease_token)
                if self._is_as_used(connection, key):
                    sealed = variables.seal(context.customer, context.instance_id, {key: value})
                    instances.set_variables(connection, context.instance_id, sealed)
                    revisions.instance_changed(connection, context.instance_id)
                else:
                    _log.warning(
                        "%s of instance %d was set while a run used it: that value stands", key, context.instance_id
                    )
            revisions.flush(services)
            self._used[key] = value

    def settle(self) -> None:
        """At the end of the reading: a value that was set meanwhile may be another account's, so no cursor holds."""
        grant = self._context.definition.connection.auth.oauth2
        if grant is None or not grant.refresh_token:
            return
        with self._context.services.database.write() as connection:
            if not self._is_as_used(connection, grant.refresh_token):
                scopes.void_instance(connection, self._context.instance_id)

    def _is_as_used(self, connection: Connection, key: str) -> bool:
        context = self._context
        sealed = instances.variables(connection, context.instance_id)
        return variables.unseal(context.customer, context.instance_id, sealed).get(key) == self._used.get(key)
