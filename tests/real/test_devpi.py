"""A real devpi: a login, a list of bare names, an object of releases, files with checksums."""

import base64
import io
import json
import zipfile
from typing import Any

import pytest

from holdfast.definitions import library
from holdfast.operations import instances
from tests.real.library import assert_success, blob, stored
from tests.support.installation import Installation
from tests.support.real_sources import Api, Devpi

pytestmark = pytest.mark.real


class Client:
    """devpi's own protocol, as its client speaks it."""

    def __init__(self, devpi: Devpi, user: str) -> None:
        self.api = Api(devpi.url)
        login = self.api.post("/+login", {"user": user, "password": devpi.password})["result"]["password"]
        # devpi takes its token from a header of its own, or as a password.
        self.api = Api(devpi.url, f"Basic {base64.b64encode(f'{user}:{login}'.encode()).decode()}")

    def upload(self, name: str, version: str) -> None:
        wheel = io.BytesIO()
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{name}/__init__.py", f"version = {version!r}\n" * 100)
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            archive.writestr(f"{name}-{version}.dist-info/METADATA", metadata)
        fields = {":action": "file_upload", "name": name, "version": version, "filetype": "bdist_wheel",
                  "pyversion": "py3", "metadata_version": "2.1"}  # fmt: skip
        parts = [
            f'--BB\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()
        ]
        filename = f"{name}-{version}-py3-none-any.whl"
        file = f'--BB\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n\r\n'
        body = "".join([*parts, file]).encode() + wheel.getvalue() + b"\r\n--BB--\r\n"
        self.api.ask("POST", "/ann/dev/", body, kind="multipart/form-data; boundary=BB")

    def at_source(self) -> dict[str, dict[str, Any]]:
        projects = self.json("/ann/dev")["projects"]
        releases = {f"{name}~{key}": one for name in projects for key, one in self.json(f"/ann/dev/{name}").items()}
        files = {
            f"{key.replace('~', '%7E')}~{link['href']}": link
            for key, release in releases.items()
            for link in release.get("+links", [])
        }
        return {"projects": {name: {"name": name} for name in projects}, "releases": releases, "files": files}

    def json(self, path: str) -> Any:
        return json.loads(self.api.ask("GET", path, accept="application/json"))["result"]


def test_every_project_release_and_file(installation: Installation, devpi: Devpi) -> None:
    Client(devpi, "root").api.ask("PUT", "/ann", {"password": devpi.password})
    client = Client(devpi, "ann")
    client.api.ask("PUT", "/ann/dev", {"type": "stage", "bases": [], "volatile": True})
    for number in range(6):
        for version in ("0.1", "0.2"):
            client.upload(f"pkg{number}", version)

    def assert_same() -> None:
        source = client.at_source()
        for endpoint, records in source.items():
            assert stored(installation, instance, endpoint) == records, endpoint
        for key, link in source["files"].items():
            assert blob(installation, instance, "files", key) == client.api.ask("GET", link["href"])

    given = {"server": devpi.url, "index": "ann/dev", "user": "ann", "password": devpi.password}
    instance = installation.instance(library.read("devpi"), **given)
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    assert run.counters["blobs"] == 12

    client.upload("pkg3", "0.3")
    client.upload("another", "1.0")
    client.api.ask("DELETE", "/ann/dev/pkg5")
    client.api.ask("DELETE", "/ann/dev/pkg4/0.1")
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    assert (run.counters["blobs"], run.counters["deleted"]) == (2, 1 + 2 + 2 + 1 + 1)
    run = installation.backup(instance, full=True)
    assert (run.status, run.counters["packs"]) == ("successful", 0)

    instances.set_variables(installation.services, instance, {"password": "wrong"})
    run = installation.backup(instance)
    assert (run.status, [one["code"] for one in run.failures]) == ("failed", ["credential_refused"])
