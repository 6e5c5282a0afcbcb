"""A real S3 server for tests: Ceph radosgw over one monitor and one object store in memory, all on 127.0.0.1.

It does what mocks do not: conditional puts with exactly one winner, ranges, multipart, object lock. Its programs come
with Debian: `apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common`. Nothing is installed here.

    HOLDFAST_TEST_S3=start pytest -m s3          starts one (10 seconds) and stops it at the end
    python -m tests.support.radosgw              starts one and prints the line to set HOLDFAST_TEST_S3 with
    HOLDFAST_TEST_S3=http://127.0.0.1:19100 ...  uses that one, with the keys below
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "HOLDFAST_TEST_S3"
ACCESS_KEY = "holdfast-test"
SECRET_KEY = "holdfast-test-secret"
WORKER_KEYS = ("holdfast-worker", "holdfast-worker-secret")
"""Of a second user, who may do what a bucket's policy allows."""
PROGRAMS = ("monmaptool", "ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin")

_CLUSTER = "11111111-2222-3333-4444-555555555555"
_PATIENCE_S = 90.0
_STORE_BYTES = 4 << 30

_CONFIGURATION = """\
[global]
fsid = {cluster}
mon_host = v2:127.0.0.1:{monitor_port}/0
public_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc
ms_cluster_mode = crc
ms_service_mode = crc
ms_client_mode = crc
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
osd_pool_default_pg_autoscale_mode = off
osd_pool_default_pg_num = 4
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 1
osd_objectstore = memstore
memstore_device_bytes = {store_bytes}
run_dir = {state}
log_file = {state}/$name.log
pid_file = {state}/$name.pid
admin_socket = {state}/$name.asok
mon_data = {state}/mon
osd_data = {state}/osd
rgw_data = {state}/rgw
rgw_crypt_require_ssl = false
"""


@dataclass(frozen=True)
class S3Server:
    """A running server and its user, whose all buckets are; and a second one without any."""

    endpoint: str

    def url(self, bucket: str, prefix: str = "") -> str:
        """What `open_storage` takes."""
        return f"s3://{bucket}/{prefix}?endpoint={self.endpoint}&region=us-east-1"

    def environment(self) -> dict[str, str]:
        """The variables in which a storage finds the user's keys."""
        return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}

    def client(self) -> Any:
        """A boto3 client: for buckets, object lock and versions, which the storage itself does not touch."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )

    def make_bucket(self, *, object_lock: bool = False, versions: bool = False) -> str:
        """A new, empty bucket's name. Ceph 16, which Debian has, ignores put-if-absent in buckets with versions."""
        name = f"test-{secrets.token_hex(6)}"
        client = self.client()
        try:
            client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=object_lock)
        finally:
            client.close()
        if versions:
            self.keep_versions(name)
        return name

    def keep_versions(self, bucket: str) -> None:
        """From now on."""
        client = self.client()
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        client.close()

    def versions(self, bucket: str, prefix: str = "") -> list[tuple[str, str, bool]]:
        """Name, version and whether it is a marker of a deletion, of everything that the bucket keeps."""
        client = self.client()
        found = client.list_object_versions(Bucket=bucket, Prefix=prefix)
        client.close()
        return [
            (one["Key"], one["VersionId"], is_marker)
            for kind, is_marker in (("Versions", False), ("DeleteMarkers", True))
            for one in found.get(kind, ())
        ]

    def deny(self, bucket: str, *actions: str) -> None:
        """The user may not do that any more."""
        self._set_policy(bucket, ("Deny", "*", actions))

    def allow_worker(self, bucket: str, *actions: str) -> None:
        """The second user may do that, nothing else. What it puts is its own here: so the first may do everything."""
        self._set_policy(bucket, ("Allow", _principal("worker"), actions), ("Allow", _principal("test"), ["s3:*"]))

    def _set_policy(self, bucket: str, *statements: tuple[str, object, Sequence[str]]) -> None:
        """Effect, principal, actions of each."""
        content = [
            {
                "Effect": effect, "Principal": principal, "Action": list(actions),
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            }
            for effect, principal, actions in statements
        ]  # fmt: skip
        client = self.client()
        client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": content}))
        client.close()


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """The server that `HOLDFAST_TEST_S3` names, or one started for as long as the context lasts."""
    wanted = os.environ.get(VARIABLE, "start")
    if wanted == "start":
        with start() as server:
            yield server
    else:
        yield S3Server(wanted)


@contextlib.contextmanager
def start(port: int | None = None) -> Iterator[S3Server]:
    """Start a server on a free port (or on this one); stop it, and forget its content, when the context ends."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        raise RuntimeError(f"not installed: {', '.join(absent)} ({__doc__})")
    with contextlib.ExitStack() as stack:
        # A short path: Unix sockets' names end at 107 bytes.
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rgw-", ignore_cleanup_errors=True)))
        yield _start(state, port or _free_port(), stack)


def _start(state: Path, port: int, stack: contextlib.ExitStack) -> S3Server:
    for folder in ("mon", "osd", "rgw"):
        (state / folder).mkdir()
    monitor_port = _free_port()
    (state / "ceph.conf").write_text(
        _CONFIGURATION.format(cluster=_CLUSTER, monitor_port=monitor_port, state=state, store_bytes=_STORE_BYTES)
    )
    # As root the daemons stay root: their packages' user could not reach the folder.
    user = ["--setuser", "root", "--setgroup", "root"] if os.geteuid() == 0 else []
    ceph = _Ceph(state, stack)
    ceph.run("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{monitor_port}]", "--fsid", _CLUSTER, "monmap")
    ceph.run("ceph-mon", *user, "--mkfs", "-i", "a", "--monmap", "monmap", "--mon-data", "mon")
    ceph.serve("ceph-mon", *user, "-f", "-i", "a", "--mon-data", "mon")
    ceph.run_until_it_works("ceph", "--connect-timeout", "5", "osd", "create", _CLUSTER)
    ceph.run("ceph-osd", *user, "-i", "0", "--mkfs", "--osd-data", "osd", "--osd-uuid", _CLUSTER)
    ceph.serve("ceph-osd", *user, "-f", "-i", "0", "--osd-data", "osd")
    ceph.run("ceph", "osd", "crush", "add", "osd.0", "1.0", "host=h", "root=default")
    frontend = f"beast endpoint=127.0.0.1:{port} tcp_nodelay=1"
    ceph.serve("radosgw", *user, "-f", "-n", "client.admin", "--rgw-frontends", frontend)
    endpoint = f"http://127.0.0.1:{port}"
    ceph.wait_for_answer(endpoint)
    ceph.run(
        *("radosgw-admin", "user", "create", "--uid", "test", "--display-name", "test"),
        *("--access-key", ACCESS_KEY, "--secret", SECRET_KEY),
    )
    ceph.run(
        *("radosgw-admin", "user", "create", "--uid", "worker", "--display-name", "worker"),
        *("--access-key", WORKER_KEYS[0], "--secret", WORKER_KEYS[1]),
    )
    return S3Server(endpoint)


def _principal(user: str) -> object:
    return {"AWS": [f"arn:aws:iam:::user/{user}"]}


class _Ceph:
    """Ceph's programs, run in one state folder."""

    def __init__(self, state: Path, stack: contextlib.ExitStack) -> None:
        self._state = state
        self._stack = stack
        self._environment = {**os.environ, "CEPH_CONF": str(state / "ceph.conf")}
        self._deadline = time.monotonic() + _PATIENCE_S
        self._daemons: list[subprocess.Popen[bytes]] = []

    def run(self, *command: str) -> None:
        done = self._try(command)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2_000:]}")

    def run_until_it_works(self, *command: str) -> None:
        while (done := self._try(command)).returncode:
            self._pause(done.stdout)

    def serve(self, *command: str) -> None:
        """Start a daemon; it ends with the stack, or with this process when that is killed."""
        with (self._state / f"{command[0]}.out").open("wb") as output:
            daemon = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                cwd=self._state,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._daemons.append(daemon)
        self._stack.callback(_stop, daemon)

    def wait_for_answer(self, url: str) -> None:
        while True:
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return
            except urllib.error.HTTPError as answer:
                answer.close()
                return
            except OSError as error:
                self._pause(str(error))

    def _try(self, command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self._state,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )

    def _pause(self, reason: str) -> None:
        ended = [daemon.args for daemon in self._daemons if daemon.poll() is not None]
        if ended or time.monotonic() > self._deadline:
            outputs = "\n".join(path.read_text(errors="replace")[-2_000:] for path in self._state.glob("*.out"))
            raise RuntimeError(f"radosgw did not start: ended {ended}, last: {reason}\n{outputs}")
        time.sleep(0.1)


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    # Nothing of the state is kept, so there is nothing to shut down in order: the monitor alone would take seconds.
    daemon.kill()
    daemon.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with start(int(sys.argv[1]) if len(sys.argv) > 1 else None) as server:
        keys = " ".join(f"{key}={value}" for key, value in server.environment().items())
        print(f"{VARIABLE}={server.endpoint} {keys}")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
