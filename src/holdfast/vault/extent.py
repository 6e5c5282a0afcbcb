"""Of which packs a check reads all data, and not only what says where it is: all, some by chance, the rest."""

import hashlib
from dataclasses import dataclass

from holdfast.vault import names


@dataclass(frozen=True)
class Extent:
    share: float = 1.0
    """Of all packs: 1.0 all, 0.0 none."""
    seed: str = ""
    """Which ones a share is: the same for all parts of one check, another for the next."""
    after: str = ""
    """The name of the last pack that an earlier part of this check has proved."""

    def reads(self, pack_name: str) -> bool:
        return self.is_behind(pack_name) and self._is_chosen(pack_name)

    def is_behind(self, pack_name: str) -> bool:
        """Whether a check comes to the pack only after what was proved before."""
        return not self.after or order_of(pack_name) > order_of(self.after)

    def _is_chosen(self, pack_name: str) -> bool:
        if self.share >= 1.0 or self.share <= 0.0:
            return self.share >= 1.0
        drawn = hashlib.sha256(f"{self.seed}/{pack_name}".encode()).digest()
        return int.from_bytes(drawn[:8], "big") < self.share * 2**64


def order_of(pack_name: str) -> tuple[int, str]:
    """A check goes through the customers ascending by number, and through each one's packs ascending by id."""
    name = names.parse(pack_name)
    assert name is not None and name.object_id is not None, "the name of a pack"
    return name.customer_id or 0, name.object_id
