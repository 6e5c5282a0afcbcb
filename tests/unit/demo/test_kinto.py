"""The real source that the demo and the tests stand on behaves as they take for granted."""

import hashlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from demo import content
from demo.kinto_server import PAGE_RECORDS

from tests.support.kinto import Kinto

_ORPHAN = """
import os
from urllib.parse import urlsplit
from demo.kinto_server import KintoServer
server = KintoServer()
server.__enter__()
print(urlsplit(server.url).port, flush=True)
os._exit(9)  # no clean-up runs, as after kill -9
"""


def test_filling_again_changes_nothing(kinto: Kinto, kinto_bucket: str) -> None:
    wanted = {"records": PAGE_RECORDS * 3 + 30, "attachments": 6, "bucket": kinto_bucket}
    assert content.fill(kinto.client, **wanted) == PAGE_RECORDS * 3 + 30
    first = {name: kinto.client.records(kinto_bucket, name) for name in content.COLLECTIONS}
    assert [len(records) for records in first.values()] == [110, 110, 110]
    assert content.fill(kinto.client, **wanted) == 0
    assert {name: kinto.client.records(kinto_bucket, name) for name in content.COLLECTIONS} == first


def test_changes_are_what_they_say(kinto: Kinto, kinto_bucket: str) -> None:
    content.fill(kinto.client, records=90, attachments=3, bucket=kinto_bucket)
    before = kinto.client.records(kinto_bucket, "tickets")
    changes = content.change(kinto.client, bucket=kinto_bucket)
    after = kinto.client.records(kinto_bucket, "tickets")
    assert after.keys() - before.keys() == set(changes.added)
    assert before.keys() - after.keys() == set(changes.deleted)
    assert {key for key in before.keys() & after.keys() if before[key] != after[key]} == set(changes.edited)


def test_attachments_come_from_another_origin_without_a_credential(kinto: Kinto, kinto_bucket: str) -> None:
    content.fill(kinto.client, records=3, attachments=1, bucket=kinto_bucket)
    described = kinto.client.records(kinto_bucket, "tickets")["r000000"]["attachment"]
    assert described["location"].startswith(kinto.server.attachments.url + "/")
    with urllib.request.urlopen(described["location"]) as response:
        served = response.read()
    assert served == content.attachment(0)
    assert hashlib.sha256(served).hexdigest() == described["hash"]
    assert kinto.server.attachments.credentials_seen == []


def test_the_server_does_not_outlive_its_parent(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.run([sys.executable, "-c", _ORPHAN], stdout=subprocess.PIPE, check=False, env=environment)
    assert parent.returncode == 9
    deadline = time.monotonic() + 60
    with pytest.raises(ConnectionError):
        while time.monotonic() < deadline:
            socket.create_connection(("127.0.0.1", int(parent.stdout)), timeout=1).close()
