"""One bit flipped anywhere in the vault, or one object gone: `verify` names the object and what it held, a read of it
is an error and never wrong data, an export says what it lacks, and the next backup is made nevertheless.
"""

import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast import app
from holdfast.errors import HoldfastError, WrongKey
from holdfast.operations.export import write_export
from holdfast.operations.services import Services
from holdfast.operations.verify import verify
from holdfast.vault import RootKey, names
from holdfast.vault.findings import Finding
from tests.acceptance.damage.conftest import Sound, read_everything
from tests.support.installation import Installation, settings_for


def flip(file: Path, dice: random.Random) -> None:
    data = bytearray(file.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    file.write_bytes(data)


def remove(file: Path, dice: random.Random) -> None:
    file.unlink()


def check_findings(services: Services, name: str) -> None:
    findings = [finding for finding in verify(services).findings if finding.object_name == name]
    assert findings, f"verify has not found {name}"
    assert all(finding.severity in {"error", "warning"} and finding.advice for finding in findings)
    if name.startswith("packs/"):
        assert any(_says_what_is_lost(finding) for finding in findings), [str(finding) for finding in findings]


def _says_what_is_lost(finding: Finding) -> bool:
    return bool(finding.lost) or "no record" in finding.what


def check_reading(installation: Installation, sound: Sound) -> None:
    found = read_everything(installation, sound.instance)
    errors = {key for key, content in found.items() if isinstance(content, HoldfastError)}
    for key in found.keys() - errors:
        assert found[key] == sound.expected[key], f"{key} is wrong"
    lost = sound.expected.keys() - found.keys()
    assert {key for _, endpoint, key in lost if endpoint == "blob"} <= {key for _, _, key in errors}
    for sequence in (1, 2):
        report = write_export(installation.browser, installation.state(sound.instance, sequence), io.BytesIO())
        said = {failure["record_id"] for failure in report.failures}
        assert said == {key for at, _, key in errors if at == sequence}
        assert report.is_complete == (not said)


def damage_each(sound: Sound, folder: Path, damage: Callable[[Path, random.Random], None], seed: int) -> None:
    dice = random.Random(seed)
    home = sound.copy(folder)
    for name in sound.objects:
        file = home / "vault" / name
        good = file.read_bytes()
        damage(file, dice)
        with app.opened(settings_for(home), even_damaged=True) as services:
            check_findings(services, name)
            check_reading(Installation(services), sound)
        file.write_bytes(good)
    with app.opened(settings_for(home)) as services:
        assert verify(services).findings == []


@pytest.mark.parametrize("damage", [flip, remove])
def test_damage_is_found_and_never_read(sound: Sound, tmp_path: Path, damage: Callable[..., None]) -> None:
    damage_each(sound, tmp_path, damage, seed=1)


@pytest.mark.parametrize("damage", [flip, remove])
def test_what_is_damaged_stops_no_backup_but_where_it_has_to_be_read(
    sound: Sound, tmp_path: Path, damage: Callable[..., None]
) -> None:
    """A list's address needs its parent's fields: where those are lost, the backup says what is lost."""
    dice = random.Random(2)
    for name in _one_of_each(sound.objects):
        home = sound.copy(tmp_path)
        damage(home / "vault" / name, dice)
        with app.opened(settings_for(home), even_damaged=True) as services:
            run = Installation(services).backup(sound.instance)
        if run.status != "successful":
            assert name.startswith("packs/")
            assert [failure["code"] for failure in run.failures] in (["damaged"], ["object_missing"])
            assert name in run.failures[0]["message"]
            assert "holdfast verify" in run.failures[0]["message"]


def _one_of_each(objects: list[str]) -> list[str]:
    """All packs, and of everything else the last of its kind."""
    kinds = {(parsed.kind, parsed.revision_kind): name for name in objects if (parsed := names.parse(name))}
    return [*kinds.values(), *(name for name in objects if name.startswith("packs/"))]


def test_a_wrong_key_is_said_to_be_one(sound: Sound, tmp_path: Path) -> None:
    home = sound.copy(tmp_path)
    (home / "root.key").write_text(RootKey.generate().to_text())
    with pytest.raises(WrongKey, match="key") as raised, app.opened(settings_for(home)):
        pass
    assert raised.value.hint


@pytest.mark.parametrize("text", ["", "holdfast-root-1:abc:def", "\n\n", "x" * 200])
def test_what_is_no_key_is_said_to_be_none(sound: Sound, tmp_path: Path, text: str) -> None:
    home = sound.copy(tmp_path)
    (home / "root.key").write_text(text)
    with pytest.raises(HoldfastError, match="key"), app.opened(settings_for(home)):
        pass
