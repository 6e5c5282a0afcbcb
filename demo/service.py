"""The end of `make demo`: the service goes on running, and what to try with it is printed."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from demo.command_line import CommandFailed, Holdfast

_NEXT = """
The service runs at {base} until Ctrl-C; its API is described at {base}/docs. Try, in another terminal:

  TOKEN=$(curl -s {base}/oauth/token -d grant_type=client_credentials -d scope=write \\
      -d client_id={client_id} -d client_secret={client_secret} \\
      | {python} -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')

  curl -H "Authorization: Bearer $TOKEN" {instance}
  curl -H "Authorization: Bearer $TOKEN" -X POST {instance}/backups
  curl -H "Authorization: Bearer $TOKEN" {instance}/backups
  curl -H "Authorization: Bearer $TOKEN" {instance}/endpoints
  curl -H "Authorization: Bearer $TOKEN" '{instance}/endpoints/records/records?per_page=2'
  curl -H "Authorization: Bearer $TOKEN" {instance}/endpoints/records/records/{changed}
  curl -H "Authorization: Bearer $TOKEN" {instance}/endpoints/records/records/{with_file}/blob -o file.bin

and the same from the command line:

  export HOLDFAST_HOME={home} HOLDFAST_ALLOW_PRIVATE_NETWORK=true
  {program} status
  {program} records {name} records
  {program} show {name} records '{changed}' --backup 1
"""


def keep_serving(holdfast: Holdfast, name: str, *, changed: str, with_file: str) -> None:
    """Run the service until Ctrl-C. `changed` and `with_file` are keys of records to look at. Raises CommandFailed."""
    instance = next(row["id"] for row in holdfast.ask("status")["instances"] if row["instance"] == name)
    client_id, client_secret = _new_client(holdfast)
    port = _free_port()
    base = f"http://127.0.0.1:{port}"
    service = holdfast.start("serve", "--port", str(port))
    try:
        _wait_until_it_answers(service, f"{base}/v1/ping")
        print(
            _NEXT.format(
                base=base, instance=f"{base}/v1/backup_instances/{instance}", client_id=client_id,
                client_secret=client_secret, changed=changed, with_file=with_file, name=name, home=holdfast.home,
                python=sys.executable, program=Path(sys.executable).with_name("holdfast"),
            ),
            flush=True,
        )  # fmt: skip
        service.wait()
    finally:
        service.terminate()
        service.wait()


def _new_client(holdfast: Holdfast) -> tuple[str, str]:
    """Client id and a client secret of the vendor `local`, whose instances the command line makes.

    No command gives it one: who has the command line needs no API. Here both look at the same instance.
    """
    from holdfast import app
    from holdfast.operations import customers, vendors
    from holdfast.settings import Settings

    # Named one by one: what the environment says of another installation must not count here.
    settings = Settings(
        home=holdfast.home, database_url="", storage_url="", root_key=None, root_key_file=None, root_key_command=None
    )
    with app.opened(settings) as services:
        made = vendors.add_secret(services, customers.local(services).vendor_id)
    return made.vendor.client_id, made.client_secret


def _wait_until_it_answers(service: "subprocess.Popen[bytes]", url: str) -> None:
    while service.poll() is None:
        try:
            urllib.request.urlopen(url).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise CommandFailed(f"holdfast serve ended with exit code {service.returncode}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
