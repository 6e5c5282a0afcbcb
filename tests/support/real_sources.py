"""Real servers that others wrote, to verify the library against. Installed on first use into `.real-sources/`, which
git ignores; started on loopback. Only tests/real uses them, collected where HOLDFAST_TEST_REAL is set.

emulate 0.12.2 (npm) imitates GitHub, Google, Slack, Stripe and Linear; the Node that it needs (22.15) is installed
beside it, whatever the machine has. Always pinned: what npm calls `latest` is another program. Synapse 1.163.2 (pip) is
a whole Matrix homeserver, in a virtual environment of its own; so is devpi-server 6.20.3 (pip), an index of packages.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

VARIABLE = "HOLDFAST_TEST_REAL"
FOLDER = Path(__file__).parents[2] / ".real-sources"
EMULATE = "0.12.2"
NODE = "24"
SYNAPSE = "1.163.2"
DEVPI = "6.20.3"
SERVICES = ("github", "google", "slack", "stripe", "linear")
_PATIENCE_S = 60.0
_SEED = {
    "tokens": {
        "ghtok": {"login": "octocat", "scopes": ["repo", "user", "admin:org"]},
        "hubtok": {"login": "hubot", "scopes": ["repo", "user", "admin:org"]},
        "gmail-from": {"login": "from@example.com", "scopes": []},
        "gmail-to": {"login": "to@example.com", "scopes": []},
    },
    "github": {
        "users": [
            {"login": "octocat", "name": "The Octocat", "email": "octocat@github.com"},
            {"login": "hubot", "name": "Hubot", "email": "hubot@github.com"},
        ],
        "repos": [
            {"owner": "octocat", "name": "hello-world", "auto_init": True},
            {"owner": "octocat", "name": "other", "auto_init": True},
        ],
    },
    "google": {
        "users": [
            {"email": "testuser@example.com", "name": "Test User"},
            {"email": "from@example.com", "name": "Whose Mailbox It Was"},
            {"email": "to@example.com", "name": "Whose Mailbox It Becomes"},
        ],
        "oauth_clients": [
            {"client_id": "the-client", "client_secret": "GOCSPX-secret", "redirect_uris": ["http://localhost:3000/cb"]}
        ],
    },
    "slack": {
        "team": {"name": "WS", "domain": "ws"},
        "users": [{"name": "developer", "real_name": "Developer", "email": "dev@example.com"}],
        "channels": [{"name": "general"}, {"name": "second"}],
        "tokens": [{"token": "xoxb-local-test", "user": "developer", "scopes": ["chat:write"]}],
    },
    "stripe": {"customers": [{"email": "test@example.com", "name": "Test Customer"}]},
    "linear": {
        "organization": {"name": "Acme", "url_key": "acme"},
        "users": [
            {"email": "admin@example.com", "name": "Admin User", "admin": True},
            {"email": "dev@example.com", "name": "Developer"},
        ],
        "teams": [
            {
                "key": "ENG",
                "name": "Engineering",
                "states": [{"name": "Todo", "type": "unstarted"}, {"name": "Done", "type": "completed"}],
            }
        ],
        "labels": [{"name": "Bug", "color": "#d92d20", "team": "ENG"}],
        "tokens": [{"token": "lin_test_admin", "user": "admin@example.com", "scopes": ["read", "write", "admin"]}],
    },
}


class Failed(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        super().__init__(f"{status}: {body[:500]!r}")
        self.status, self.body, self.headers = status, body, headers


@dataclass(frozen=True)
class Api:
    """An independent client: nothing of Holdfast's, one request at a time. Raises Failed."""

    url: str
    credential: str | None = None

    def ask(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", accept: str = "*/*",
        **query: Any,
    ) -> bytes:  # fmt: skip
        target = path if path.startswith("http") else self.url + path
        if query:
            target += ("&" if "?" in target else "?") + urllib.parse.urlencode(query)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Accept": accept} | ({} if data is None else {"Content-Type": kind})
        if self.credential:
            headers["Authorization"] = self.credential
        request = urllib.request.Request(target, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                found: bytes = answer.read()
                return found
        except urllib.error.HTTPError as error:
            raise Failed(error.code, error.read(), dict(error.headers)) from error

    def get(self, path: str, **query: Any) -> Any:
        return json.loads(self.ask("GET", path, **query))

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return json.loads(self.ask("POST", path, {} if body is None else body, **query) or b"null")

    def form(self, path: str, **fields: Any) -> Any:
        kind = "application/x-www-form-urlencoded"
        return json.loads(self.ask("POST", path, urllib.parse.urlencode(fields).encode(), kind=kind))


@dataclass(frozen=True)
class Emulate:
    """The running imitations, by service, at http://localhost:PORT as they call themselves."""

    ports: dict[str, int]

    def url(self, service: str) -> str:
        return f"http://localhost:{self.ports[service]}"

    def api(self, service: str, credential: str) -> Api:
        return Api(self.url(service), credential)


@dataclass(frozen=True)
class Devpi:
    url: str
    password: str
    """Of root."""


@dataclass(frozen=True)
class Synapse:
    url: str
    admin: str
    password: str

    def login(self, user: str | None = None, device: str = "TEST") -> Api:
        """A client of a user. Raises Failed."""
        body = {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": user or self.admin},
            "password": self.password, "device_id": device,
        }  # fmt: skip
        token = Api(self.url).post("/_matrix/client/v3/login", body)["access_token"]
        return Api(self.url, f"Bearer {token}")


@pytest.fixture(scope="module")
def emulate() -> Iterator[Emulate]:
    """Of each file its own: what one leaves in an account, another would find there. Lost at the end."""
    with _emulating(*SERVICES) as running:
        yield running


@pytest.fixture
def empty_stripe() -> Iterator[Emulate]:
    """Another one, as another account: it does not tell accounts apart by their keys."""
    with _emulating("stripe") as running:
        yield running


@pytest.fixture
def empty_linear() -> Iterator[Emulate]:
    """Another workspace, with the same team and people, in which nobody has written anything."""
    with _emulating("linear") as running:
        yield running


@pytest.fixture
def empty_slack() -> Iterator[Emulate]:
    """Another workspace, in which nobody has written anything."""
    with _emulating("slack") as running:
        yield running


@contextmanager
def _emulating(*services: str) -> Iterator[Emulate]:
    folder = FOLDER / "emulate"
    node = _install_emulate(folder)
    base = _free_ports(len(services))
    seed = folder / f"seed-{base}.yaml"
    seed.write_text(yaml.safe_dump(_SEED))
    command = [
        node, str(folder / "node_modules/emulate/dist/index.js"), "start", "--host", "127.0.0.1", "--port", str(base),
        "--seed", str(seed), "--service", ",".join(services),
    ]  # fmt: skip
    ports = {service: base + index for index, service in enumerate(services)}
    try:
        with _running(command, folder, list(ports.values())):
            yield Emulate(ports)
    finally:
        seed.unlink()


@pytest.fixture
def devpi(tmp_path: Path) -> Iterator[Devpi]:
    """A new server without any index."""
    bin_folder = Path(_install_with_pip("devpi-server", DEVPI)).parent
    password = "a-long-password"
    kept = ["--serverdir", str(tmp_path / "devpi")]
    init = [bin_folder / "devpi-init", *kept, "--no-root-pypi", "--root-passwd", password]
    subprocess.run(init, check=True, capture_output=True, cwd=tmp_path)
    port = _free_ports(1)
    command = [str(bin_folder / "devpi-server"), *kept, "--host", "127.0.0.1", "--port", str(port)]
    with _running(command, tmp_path, [port]):
        _answers(f"http://127.0.0.1:{port}/+api")
        yield Devpi(f"http://127.0.0.1:{port}", password)


@pytest.fixture(scope="module")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """Of each file its own, with limits so high that nobody meets them."""
    with synapse_at(tmp_path_factory.mktemp("synapse"), stock_limits=False) as server:
        yield server


@pytest.fixture(scope="session")
def empty_synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """Another homeserver, in which nobody has written anything."""
    folder = tmp_path_factory.mktemp("empty-synapse")
    with synapse_at(folder, stock_limits=False, name="other.local") as server:
        yield server


@contextmanager
def synapse_at(folder: Path, *, stock_limits: bool, name: str = "test.local") -> Iterator[Synapse]:
    """A new homeserver with its data in this folder, for as long as the context lasts."""
    python = _install_with_pip("matrix-synapse", SYNAPSE)
    (port,) = [_free_ports(1)]
    settings = folder / "homeserver.yaml"
    subprocess.run(
        [
            python, "-m", "synapse.app.homeserver", "--server-name", name, "--config-path", settings,
            "--data-directory", folder / "data", "--generate-config", "--report-stats=no",
        ],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    content = yaml.safe_load(settings.read_text())
    content["listeners"][0] |= {
        "bind_addresses": ["127.0.0.1"], "port": port, "resources": [{"names": ["client", "media"], "compress": False}],
    }  # fmt: skip
    content |= {
        "trusted_key_servers": [], "suppress_key_server_warning": True, "federation_domain_whitelist": [],
        "registration_shared_secret": "of-this-test", "public_baseurl": f"http://127.0.0.1:{port}/",
        "enable_authenticated_media": True,
    }  # fmt: skip
    if not stock_limits:
        high = {"per_second": 5000, "burst_count": 50000}
        content |= {
            "rc_message": high, "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), high),
            "rc_room_creation": high, "rc_media_create": high, "rc_joins": {"local": high, "remote": high},
            "rc_invites": {"per_room": high, "per_user": high},
        }  # fmt: skip
    settings.write_text(yaml.safe_dump(content))
    url = f"http://127.0.0.1:{port}"
    with _running([python, "-m", "synapse.app.homeserver", "-c", str(settings)], folder, [port]):
        _answers(f"{url}/_matrix/client/versions")
        register = Path(python).with_name("register_new_matrix_user")
        for user, admin in (("admin", "-a"), ("ann", "--no-admin")):
            subprocess.run(
                [register, "-u", user, "-p", "a-long-password", admin, "-k", "of-this-test", url],
                check=True, capture_output=True,
            )  # fmt: skip
        yield Synapse(url, "admin", "a-long-password")


def _install_emulate(folder: Path) -> str:
    """Answers the Node to run it with."""
    with _alone(folder):
        marker = folder / f"installed-{EMULATE}-{NODE}"
        if not marker.exists():
            (folder / "package.json").write_text('{"private": true}')
            _install(["npm", "install", "--no-audit", "--no-fund", f"emulate@{EMULATE}", f"node@{NODE}"], folder)
            marker.touch()
    return str(folder / "node_modules/.bin/node")


def _install_with_pip(package: str, version: str) -> str:
    """Answers the Python of its virtual environment."""
    folder = FOLDER / package
    python = folder / "venv/bin/python"
    with _alone(folder):
        marker = folder / f"installed-{version}"
        if not marker.exists():
            _install([sys.executable, "-m", "venv", "--clear", str(folder / "venv")], folder)
            _install([str(python), "-m", "pip", "install", "--quiet", f"{package}=={version}"], folder)
            marker.touch()
    return str(python)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Tests run in several processes; what one of them installs the others wait for."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")


def _free_ports(count: int) -> int:
    """The first of so many neighbouring ports that nobody listens on."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            base: int = probe.getsockname()[1]
        if base + count < 65_000 and all(_is_free(base + index) for index in range(count)):
            return base


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def _running(command: list[str], folder: Path, ports: list[int]) -> Iterator[None]:
    log = folder / f"log-{ports[0]}.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, start_new_session=True)
        try:
            for port in ports:
                _wait_for(port, process, log)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    log.unlink()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)


def _answers(url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
