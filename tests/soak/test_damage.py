"""Many bits of every object of a vault, one after the other. See tests/acceptance/damage."""

from pathlib import Path

import pytest

from tests.acceptance.damage.conftest import Sound
from tests.acceptance.damage.test_damage import damage_each, flip


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 150))
def test_flipped_bits_are_found_and_never_read(sound: Sound, tmp_path: Path, seed: int) -> None:
    damage_each(sound, tmp_path, flip, seed)
