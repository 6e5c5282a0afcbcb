"""What happened to an instance, day by day."""

import base64
import binascii
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from holdfast.api.authentication import VendorOrCustomer
from holdfast.api.context import ApiContext, Context
from holdfast.api.errors import BadRequest, Problem
from holdfast.api.models import LogEntry, LogPage
from holdfast.api.parameters import PathId, PathToken, QueryDate, parse_date
from holdfast.api.routes.answers import MAY_BE_BOTH
from holdfast.api.routes.instances import own_instance
from holdfast.catalog import logs
from holdfast.clock import now

router = APIRouter(prefix="/v1/backup_instances/{backup_instance_id}/logs", tags=["Logs"])

_ENTRIES = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@router.get("", operation_id="list_log_entries", responses=MAY_BE_BOTH)
def list_log_entries(
    caller: VendorOrCustomer,
    context: Context,
    backup_instance_id: PathId,
    date: Annotated[QueryDate, Query(description="A day (UTC); today if left out.")] = None,
) -> LogPage:
    """The first entries of a day, oldest first."""
    instance = own_instance(context, caller, backup_instance_id)
    return _page(context, instance.id, date or now().date(), None)


@router.get("/{scroll_id}", operation_id="list_more_log_entries", responses=MAY_BE_BOTH)
def list_more_log_entries(
    caller: VendorOrCustomer, context: Context, backup_instance_id: PathId, scroll_id: PathToken
) -> LogPage:
    """The entries behind those that came with this `scroll_id`. None are left where there are no entries; the same
    `scroll_id` then shows those that are still to come."""
    instance = own_instance(context, caller, backup_instance_id)
    day, after = _read_scroll_id(scroll_id)
    return _page(context, instance.id, day, after)


def _page(context: ApiContext, instance_id: int, day: date, after: tuple[datetime, int] | None) -> LogPage:
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = begin + timedelta(days=1) if day < date.max else datetime.max.replace(tzinfo=UTC)
    with context.services.database.read() as connection:
        found = logs.page(connection, instance_id, begin, end, after=after, limit=_ENTRIES)
    last = (found[-1].logged_at, found[-1].id) if found else after
    return LogPage(
        entries=[
            LogEntry(time=one.logged_at, level=one.level, message=one.message, fields=dict(one.fields)) for one in found
        ],
        scroll_id=_scroll_id(day, last),
    )


def _scroll_id(day: date, last: tuple[datetime, int] | None) -> str:
    """The day and the last entry that was shown, as text that may stand in a path."""
    moment, entry_id = last or (_EPOCH, 0)
    text = f"{day.isoformat()} {(moment - _EPOCH) // timedelta(microseconds=1)} {entry_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_scroll_id(text: str) -> tuple[date, tuple[datetime, int]]:
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        day, microseconds, entry_id = decoded.split(" ")
        if not 0 <= int(entry_id) < 2**63:
            raise ValueError
        return parse_date(day), (_EPOCH + timedelta(microseconds=int(microseconds)), int(entry_id))
    except (ValueError, binascii.Error, OverflowError):
        raise BadRequest([Problem("scroll_id", "invalid", "this is no scroll_id of this log")]) from None
