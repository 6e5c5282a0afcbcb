"""A backup's numbers as alarms measure them: what went at the source, told once."""

from typing import NamedTuple

from holdfast.vault import EndpointState


class Figures(NamedTuple):
    deleted: int
    """Records that were found gone for the first time: deleted now, or held back."""
    deleted_now: int
    """Without those that are held back."""
    changed: int
    live_before: int


def figures(now: EndpointState, held_before: int) -> Figures:
    """`held_before`: what the backup before held back. Deleting that at last, as the operator wants, is nothing new."""
    return Figures(
        max(now.deleted + now.held - held_before, 0),
        max(now.deleted - held_before, 0),
        now.changed,
        max(now.live - now.new + now.deleted, 0),
    )
