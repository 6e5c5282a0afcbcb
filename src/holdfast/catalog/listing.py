"""The contract's lists: ascending by id, by page number with a total, or on from the last id of the page before."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """One page. A page past the end has no items."""

    items: list[Item]
    total: int
    page: int
    per_page: int

    @property
    def last_page(self) -> int:
        """The number of the last page, 1 where there is nothing."""
        return max(1, -(-self.total // self.per_page))


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Page `number` from 1. `after`: the last id of the page before, where the caller knows it: then nothing is skipped
    over row by row."""

    number: int = 1
    per_page: int = 20
    after: int | None = None


def listed(
    conn: sa.Connection, query: sa.Select[Any], key: sa.ColumnElement[int], page: PageRequest,
    make: Callable[..., Item],
) -> Listing[Item]:  # fmt: skip
    """Run `query` for one page, ascending by `key`; `make` is called with each row's columns."""
    total = conn.execute(sa.select(sa.func.count()).select_from(query.order_by(None).subquery())).scalar_one()
    chosen = query.order_by(key).limit(page.per_page)
    if page.after is not None:
        chosen = chosen.where(key > page.after)
    else:
        chosen = chosen.offset((page.number - 1) * page.per_page)
    return Listing([make(*row) for row in conn.execute(chosen)], total, page.number, page.per_page)
