"""An installation with two backups in which there is one of everything, to be damaged object by object."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.catalog.instances import Instance
from holdfast.errors import HoldfastError
from holdfast.operations.services import Services
from tests.support.documents import CHILDREN, PARENTS, document
from tests.support.hostile_source import HostileSource, StoredBlob, in_thread, make_record
from tests.support.installation import Installation, installed

FILES = """
name: files
path: /cursor/files
records: items
id: id
paging: {type: cursor, body: next_cursor, query: cursor}
stable: true
blob: {url: "{{ record.file }}", version: [etag], name: name}
"""


@dataclass
class Sound:
    """The installation before anything happens to it, and what can be read from it."""

    home: Path
    instance: Instance
    source: HostileSource
    expected: dict[tuple[int, str, str], bytes]
    objects: list[str]
    """Everything in the vault."""

    def copy(self, folder: Path) -> Path:
        target = folder / "home"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.home, target)
        return target


@pytest.fixture(scope="package")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sound]:
    home = tmp_path_factory.mktemp("sound") / "home"
    with in_thread(HostileSource({"parents": [], "files": []}, page_size=10)) as source:
        for number in range(1, 31):
            _put_file(source, number, 1)
        for parent in (1, 2):
            source.put("parents", {"id": parent})
            for number in range(1, 21):
                source.put(f"parents/{parent}/children", make_record(number, word=random.Random(number).random()))
        with installed(home) as installation:
            instance = installation.instance(document(source.url, FILES, PARENTS, CHILDREN), token="secret")
            assert installation.backup(instance).status == "successful"
            for number in range(5, 10):
                _put_file(source, number, 2)
            source.remove("files", 1)
            source.put("parents/1/children", make_record(1, edited=True))
            assert installation.backup(instance).status == "successful"
            expected = read_everything(installation, instance)
            objects = [info.name for info in installation.services.storage.list("")]
        assert all(isinstance(content, bytes) for content in expected.values())
        yield Sound(home, instance, source, expected, objects)  # type: ignore[arg-type]


def _put_file(source: HostileSource, number: int, version: int) -> None:
    more = {}
    if number % 5 == 0:
        data = random.Random(100 * number + version).randbytes(2_000)
        source.blobs[f"f{number}"] = StoredBlob(data, "image/x-test", str(version))
        more = {"file": f"{source.url}/blob/f{number}", "etag": str(version), "name": f"{number}.png"}
    source.put("files", make_record(number, version=version, word=random.Random(number).random(), **more))


def read_everything(
    installation: Installation, instance: Instance
) -> dict[tuple[int, str, str], bytes | HoldfastError]:
    """Each record and blob of each backup by backup, endpoint (or `blob`) and key, read by itself; or the error."""
    browser = installation.browser
    found: dict[tuple[int, str, str], bytes | HoldfastError] = {}
    for sequence in (1, 2):
        state = installation.state(instance, sequence)
        for endpoint in browser.endpoints(state):
            for key in browser.keys(state, endpoint.name, limit=1_000):
                try:
                    record = browser.record(state, endpoint.name, key)
                    found[sequence, endpoint.name, key] = record.raw
                except HoldfastError as error:
                    found[sequence, endpoint.name, key] = error
                    continue
                if record.has_blob:
                    try:
                        found[sequence, "blob", key] = b"".join(browser.blob(state, record).read())
                    except HoldfastError as error:
                        found[sequence, "blob", key] = error
    return found


def vault_file(services_or_home: Services | Path, name: str) -> Path:
    home = services_or_home if isinstance(services_or_home, Path) else services_or_home.settings.home
    return home / "vault" / name
