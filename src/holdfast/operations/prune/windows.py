"""The stretches between runs that are kept: what leads from one to the next is what its manifest names."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from holdfast.catalog.packs import PackRow
from holdfast.catalog.runs import Run


@dataclass(frozen=True)
class Window:
    """Everything after one kept run (0: from the beginning) up to the next one, dropped runs in between included."""

    after: int
    last: int
    run_id: int
    """Of the run `last`."""

    def of(self, packs: Sequence[PackRow]) -> list[PackRow]:
        """Those of an instance's packs that apply here, in their order."""
        return [pack for pack in packs if self.after < pack.sequence <= self.last]


def windows(ended: Sequence[Run]) -> list[Window]:
    """One for each kept run; `ended` ascending."""
    sequences = [0, *(run.sequence for run in ended)]
    return [Window(after, last, run.id) for (after, last), run in zip(pairwise(sequences), ended, strict=True)]
