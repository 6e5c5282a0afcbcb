"""Which packs are worth writing anew: a pure function of how much of each is still needed."""

from collections.abc import Sequence
from itertools import pairwise

from holdfast.operations.prune.plan import PackShare

UNUSED_SHARE_MAX = 0.05
"""So much of what is stored may be unused: the last percents cost the most to get rid of. restic's default too."""
SMALL_BYTES = 256 * 1024
"""Packs below this compress badly, having no dictionary, and cost a request each: several in a row become one."""


def choose(shares: Sequence[PackShare], kept: Sequence[int]) -> list[PackShare]:
    """The packs to condemn: those of which nothing is needed, then those of which the least is until little enough is
    unused, and small ones that apply between the same two kept runs (`kept`: their numbers, ascending)."""
    chosen = [share for share in shares if share.raw_bytes and not share.needed_bytes]
    rest = sorted(
        (share for share in shares if share.raw_bytes and share.needed_bytes),
        key=lambda share: share.needed_bytes / share.raw_bytes,
    )
    unused = sum(share.unused_bytes for share in rest)
    stored = sum(share.size_bytes for share in rest)
    for share in rest:
        if unused <= UNUSED_SHARE_MAX * stored:
            break
        chosen.append(share)
        unused -= share.unused_bytes
        stored -= share.unused_bytes
    return chosen + _small_ones(shares, chosen, kept)


def _small_ones(shares: Sequence[PackShare], chosen: Sequence[PackShare], kept: Sequence[int]) -> list[PackShare]:
    numbers = {share.number for share in chosen}
    found: list[PackShare] = []
    for after, last in pairwise([0, *kept]):
        between = [share for share in shares if after < share.sequence <= last]
        small = [share for share in between if share.size_bytes < SMALL_BYTES]
        written_anyway = any(share.number in numbers and share.needed_bytes for share in between)
        if len(small) + written_anyway >= 2:
            found += [share for share in small if share.number not in numbers]
    return found
