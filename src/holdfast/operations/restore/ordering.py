"""The order in which an endpoint's records are written where they refer to each other, and which cannot be for that.

Which records are chosen and what becomes of each by itself, `deciding` says. Pure.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.operations.restore.deciding import Decision

__all__ = ["in_order", "without_what_they_need"]


def in_order(decisions: Sequence["Decision"]) -> list["Decision"]:
    """As they came, but those that others of the same endpoint refer to before these; a circle begins anywhere."""
    waiting = {one.key: one for one in decisions}
    ordered: list[Decision] = []
    for first in decisions:
        way = [first.key]
        entered: set[str] = set()
        while way:
            one = waiting.get(way[-1])
            if one is None:
                way.pop()
                continue
            is_new = one.key not in entered
            entered.add(one.key)
            before = [key for key in sorted(one.refers) if is_new and key in waiting and key not in entered]
            if before:
                way += reversed(before)
            else:
                ordered.append(waiting.pop(way.pop()))
    return ordered


def without_what_they_need(decisions: Sequence["Decision"]) -> list["Decision"]:
    """The same, those impossible that need a record which is neither there nor made before them."""
    absent = {one.key for one in decisions if one.action == "impossible" and one.live is None}
    waiting = {one.key for one in decisions if one.action == "create"}
    told: dict[str, str] = {}
    for one in in_order(decisions):
        waiting.discard(one.key)
        if one.action != "create":
            continue
        if lost := one.needs & absent:
            told[one.key] = f"it refers to {min(lost)}, which cannot be restored"
        elif late := {key for key in one.needs if key in waiting or key == one.key}:
            told[one.key] = f"it refers to {min(late)}, which would have to be there before it"
        if one.key in told:
            absent.add(one.key)
    return [replace(one, action="impossible", why=told[one.key]) if one.key in told else one for one in decisions]
