"""A real devpi: a login, a list of bare names, an object of releases, files with checksums."""

import base64
import io
import json
import zipfile
from typing import Any

import pytest

from holdfast.definitions import library
from holdfast.operations import instances
from tests.real.library import another, assert_success, blob, stored
from tests.support.installation import Installation
from tests.support.real_sources import Api, Devpi
from tests.support.restoring import planned, restored

pytestmark = pytest.mark.real


class Client:
    """devpi's own protocol, as its client speaks it."""

    def __init__(self, devpi: Devpi, user: str, index: str = "dev") -> None:
        self.api = Api(devpi.url)
        self.index = f"{user}/{index}"
        login = self.api.post("/+login", {"user": user, "password": devpi.password})["result"]["password"]
        # devpi takes its token from a header of its own, or as a password.
        self.api = Api(devpi.url, f"Basic {base64.b64encode(f'{user}:{login}'.encode()).decode()}")

    def upload(self, name: str, version: str, **described: str) -> None:
        wheel = io.BytesIO()
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{name}/__init__.py", f"version = {version!r}\n" * 100)
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            archive.writestr(f"{name}-{version}.dist-info/METADATA", metadata)
        fields = {":action": "file_upload", "name": name, "version": version, "filetype": "bdist_wheel",
                  "pyversion": "py3", "metadata_version": "2.1", **described}  # fmt: skip
        self.send(fields, f"{name}-{version}-py3-none-any.whl", wheel.getvalue())

    def send(self, fields: dict[str, str], filename: str, content: bytes) -> None:
        parts = [
            f'--BB\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()
        ]
        file = f'--BB\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n\r\n'
        body = "".join([*parts, file]).encode() + content + b"\r\n--BB--\r\n"
        self.api.ask("POST", f"/{self.index}/", body, kind="multipart/form-data; boundary=BB")

    def at_source(self) -> dict[str, dict[str, Any]]:
        projects = self.json(f"/{self.index}")["projects"]
        releases = {
            f"{name}~{key}": one for name in projects for key, one in self.json(f"/{self.index}/{name}").items()
        }
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


def test_what_was_deleted_is_restored_in_place_and_into_another_index(installation: Installation, devpi: Devpi) -> None:
    Client(devpi, "root").api.ask("PUT", "/ann", {"password": devpi.password})
    client, other = Client(devpi, "ann"), Client(devpi, "ann", "other")
    for one in (client, other):
        one.api.ask("PUT", f"/{one.index}", {"type": "stage", "bases": [], "volatile": True, "title": "as it was"})
    for number in range(4):
        for version in ("0.1", "0.2"):
            client.upload(f"pkg{number}", version, summary=f"the {number}th é", classifiers="Framework :: Holdfast")
    pages = io.BytesIO()
    with zipfile.ZipFile(pages, "w") as archive:
        archive.writestr("index.html", "<p>how to</p>")
    client.send({":action": "doc_upload", "name": "pkg1", "version": "0.1"}, "pkg1.zip", pages.getvalue())

    def seen(of: Client) -> list[Any]:
        """Everything but where it lies and when it was uploaded."""
        source = of.at_source()
        files = [
            (one["rel"], one["hash_spec"], one["href"].rsplit("/")[-1], of.api.ask("GET", one["href"]))
            for one in source["files"].values()
        ]
        releases = [json.dumps({**one, "+links": None}, sort_keys=True) for one in source["releases"].values()]
        return [sorted(source["projects"]), sorted(releases), sorted(files)]

    given = {"server": devpi.url, "index": "ann/dev", "user": "ann", "password": devpi.password}
    instance = installation.instance(library.read("devpi"), **given)
    assert_success(installation.backup(instance))
    before, addresses = seen(client), client.at_source()["files"].keys()
    assert (len(before[1]), len(before[2])) == (8, 9)

    client.api.ask("DELETE", "/ann/dev/pkg1")
    client.api.ask("DELETE", "/ann/dev/pkg2/0.2")
    (gone,) = [one["href"] for one in client.json("/ann/dev/pkg3")["0.1"]["+links"]]
    client.api.ask("DELETE", gone)
    client.api.ask("PATCH", "/ann/dev", ["title=by mistake"])
    plan = planned(installation, instance, on_conflict="overwrite")
    made = restored(installation, instance, on_conflict="overwrite")
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.complete, plan.total("create"), plan.total("update")) == ("successful", True, 10, 1)
    assert (made.counters["created"], made.counters["updated"]) == (10, 1)
    assert (seen(client), client.at_source()["files"].keys()) == (before, addresses)
    assert client.json("/ann/dev")["title"] == "as it was"

    target = another(installation, instance, **{**given, "index": "ann/other"})
    plan = planned(installation, instance, to=target)
    made = restored(installation, instance, to=target)
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.complete, made.counters["created"]) == ("successful", True, plan.total("create"))
    assert (seen(other), made.counters["created"]) == (before, 4 + 8 + 9)
    again = restored(installation, instance, to=target)
    assert (again.status, again.counters["created"], again.counters["left_alone"]) == ("successful", 0, 22)
