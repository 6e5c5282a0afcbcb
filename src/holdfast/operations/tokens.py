"""Access tokens: granted to a vendor's client, or by a vendor for one of its customers; looked up on every request."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from holdfast.catalog import customers, tokens, vendors
from holdfast.clock import now
from holdfast.errors import InputError
from holdfast.identity import secrets
from holdfast.operations import acting
from holdfast.operations.services import Services

CUSTOMER_TOKEN_LONGEST = timedelta(days=1)


@dataclass(frozen=True)
class Grant:
    """A token in clear, for the one moment in which it exists so."""

    access_token: str
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token a request shows."""

    vendor_id: int
    customer_id: int | None
    """Set: only this customer's own instances, to read, back up and export."""
    token_hash: bytes
    expires_at: datetime

    def actor(self, address: str) -> str:
        """As the audit log names it."""
        return f"client {address}" if self.customer_id is None else f"customer {self.customer_id} {address}"


def grant_to_client(services: Services, client_id: str, client_secret: str) -> Grant | None:
    """A token for the vendor whose client this is; None where id and secret do not belong together, or the vendor is
    disabled: which of these, nobody is told."""
    if len(client_id) > secrets.LONGEST or len(client_secret) > secrets.LONGEST:
        return None
    with services.database.read() as connection:
        vendor = vendors.find(connection, client_id)
        known = [] if vendor is None else vendors.secrets(connection, vendor.id)
    matching = secrets.is_one_of(client_secret, [secret.secret_hash for secret in known])
    if vendor is None or vendor.disabled_at is not None or matching is None:
        return None
    secret_id = known[matching].id
    token, seconds = secrets.new_token(), services.settings.token_seconds
    with services.database.write() as connection:
        # Looked up again: a secret that was revoked a moment ago must not leave a token behind.
        if secret_id not in {secret.id for secret in vendors.secrets(connection, vendor.id)}:
            return None
        _keep(connection, token, vendor.id, seconds, secret_id=secret_id)
    return Grant(token, seconds)


def grant_to_customer(services: Services, vendor_id: int, customer_id: int, expires_in_s: int | None = None) -> Grant:
    """A token that is good only for this customer. Raises NotFound for another vendor's, InputError for a silly
    time."""
    seconds = services.settings.token_seconds if expires_in_s is None else expires_in_s
    if not 1 <= seconds <= CUSTOMER_TOKEN_LONGEST.total_seconds():
        raise InputError(
            f"a token lives 1 to {CUSTOMER_TOKEN_LONGEST.total_seconds():.0f} seconds",
            field="expires_in",
            code="out_of_range",
        )
    token = secrets.new_token()
    with services.database.write() as connection:
        customers.get(connection, customer_id, vendor_id=vendor_id)
        _keep(connection, token, vendor_id, seconds, customer_id=customer_id)
        acting.note(connection, vendor_id, "customer_token.create", "customer", customer_id, expires_in=seconds)
    return Grant(token, seconds)


def find(services: Services, token: str) -> Caller | None:
    """Whose token this is; None where it is good for nothing, for whatever reason."""
    if not token or len(token) > secrets.LONGEST:
        return None
    with services.database.read() as connection:
        found = tokens.find(connection, secrets.hash_of(token), now())
    if found is None:
        return None
    return Caller(found.vendor_id, found.customer_id, found.token_hash, found.expires_at)


def revoke(services: Services, token: str, vendor_id: int) -> None:
    """The token is good for nothing from now on; another vendor's, or none, is no error and nothing happens."""
    caller = find(services, token)
    if caller is not None and caller.vendor_id == vendor_id:
        with services.database.write() as connection:
            tokens.revoke(connection, caller.token_hash, now())


def forget_expired(services: Services) -> int:
    """Delete tokens that expired an hour ago and more; answers how many."""
    with services.database.write() as connection:
        return tokens.forget_expired(connection, now() - timedelta(hours=1))


def _keep(
    connection: Connection, token: str, vendor_id: int, seconds: int, *,
    customer_id: int | None = None, secret_id: int | None = None,
) -> None:  # fmt: skip
    expires_at = now() + timedelta(seconds=seconds)
    tokens.grant(
        connection, secrets.hash_of(token), vendor_id, expires_at, customer_id=customer_id, secret_id=secret_id
    )
