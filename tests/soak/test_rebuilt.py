"""Long random stories, after which the catalog is made again. See tests/acceptance/rebuild."""

from pathlib import Path

import pytest

from tests.acceptance.rebuild.test_rebuilt import tell_and_lose


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 130))
def test_a_rebuilt_catalog_says_the_same_after_a_long_story(tmp_path: Path, seed: int) -> None:
    tell_and_lose(tmp_path, seed, steps=20)
