"""nginx in front of a source, as in front of most real ones: it answers from its cache, which has every page.

Debian has it: `apt-get install nginx-light`. It runs with a configuration of its own, in a folder of its own.
"""

import ipaddress
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from benchmarks.measuring import CommandFailed
from benchmarks.source_server import Source

_CERTIFICATE, _KEY = "certificate.pem", "key.pem"
_A_DAY = timedelta(days=1)
_PATIENCE_S = 10.0
_CONFIGURATION = """\
{user}
worker_processes 1;
pid nginx.pid;
error_log error.log;
events {{}}
http {{
    access_log access.log;
    client_body_temp_path temporary;
    proxy_temp_path temporary;
    fastcgi_temp_path temporary;
    scgi_temp_path temporary;
    uwsgi_temp_path temporary;
    proxy_cache_path cache levels=1:2 keys_zone=pages:10m inactive=1d max_size=4g;
    gzip {compresses};
    gzip_proxied any;
    gzip_types application/json;
    server {{
        listen 127.0.0.1:{port} {secured};
        {certificate}
        location = /issues {{
            proxy_pass {origin};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_cache pages;
            proxy_cache_key $request_uri;
            proxy_cache_valid 200 1d;
        }}
    }}
}}
"""


def is_installed() -> bool:
    return shutil.which("nginx") is not None


class Cached:
    """A source behind nginx, for reading only."""

    def __init__(self, source: Source, folder: Path) -> None:
        self.source, self._log = source, folder / "access.log"

    def requests(self) -> int:
        """How many pages were asked for so far."""
        return self._log.read_bytes().count(b"\n")


@contextmanager
def running(origin: Source, pages: int, folder: Path, *, secured: bool = False) -> Iterator[Cached]:
    """In front of `origin`, whose so many pages of 100 it has cached; `secured` speaks TLS and compresses."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    certificate = ""
    if secured:
        _make_certificate(folder)
        certificate = f"ssl_certificate {_CERTIFICATE}; ssl_certificate_key {_KEY};"
    # Its own folder is root's: a worker that is somebody else could not get in.
    (folder / "nginx.conf").write_text(_CONFIGURATION.format(
        user="user root;" if os.geteuid() == 0 else "", compresses="on" if secured else "off", port=port,
        secured="ssl" if secured else "", certificate=certificate, origin=origin.url,
    ))  # fmt: skip
    process = subprocess.Popen(
        ["nginx", "-p", str(folder), "-c", "nginx.conf", "-g", "daemon off;"],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_until_it_answers(port, process, folder)
        scheme = "https" if secured else "http"
        found = Source(f"{scheme}://127.0.0.1:{port}", folder / _CERTIFICATE if secured else None)
        for number in range(1, pages + 1):
            page = "" if number == 1 else f"&page={number}"
            urllib.request.urlopen(f"{found.url}/issues?per_page=100{page}", context=found.trusted).close()
        asked_of_origin = origin.counts()["requests"]
        yield Cached(found, folder)
        if origin.counts()["requests"] != asked_of_origin:
            raise CommandFailed("nginx has passed requests on: its cache has not what the readers ask for")
    finally:
        process.terminate()
        process.wait()


def _wait_until_it_answers(port: int, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    said = (folder / "error.log").read_text() if (folder / "error.log").exists() else ""
    raise CommandFailed(f"nginx does not answer: {said[-2000:]}")


def _make_certificate(folder: Path) -> None:
    """For 127.0.0.1; it is its own authority, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmarks.nginx")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + _A_DAY)
    signed = (
        builder.add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / _CERTIFICATE).write_bytes(signed.public_bytes(Encoding.PEM))
    (folder / _KEY).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
