"""`make demo`: a real server is backed up, changed, backed up again; what changed is shown, exported, verified and
given back.

Nothing is taken on trust: every figure in the last line is compared with what Kinto's own API says. With ONCE=1 it ends
there; otherwise the service goes on running until Ctrl-C.
"""

import hashlib
import json
import os
import shutil
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import content
from demo.command_line import CommandFailed, Holdfast
from demo.content import BUCKET, COLLECTIONS, Changes
from demo.kinto_client import KintoClient
from demo.kinto_server import PASSWORD, KintoServer
from demo.service import keep_serving

HOME = Path(__file__).parents[1] / ".demo"
NAME = "helpdesk"
RECORDS = 2_100
ATTACHMENTS = 42


class DemoFailed(Exception):
    """Holdfast did not do what it promises."""


@dataclass(frozen=True)
class Figures:
    """What the demo ends with."""

    changes: Changes
    export_bytes: int
    seconds: float

    def __str__(self) -> str:
        changes = self.changes
        return (
            f"{RECORDS:,} records and {ATTACHMENTS} files backed up; then {len(changes.added)} added, "
            f"{len(changes.edited)} changed, {len(changes.deleted)} deleted, as Kinto says; "
            f"export of {self.export_bytes / 1e6:.1f} MB equals the source; vault verified; "
            f"the {len(changes.deleted)} deleted are back, nothing else was touched; {self.seconds:.0f} s"
        )


def main(home: Path = HOME) -> int:
    """Tell the story in this data folder, which is new, or the one of the demo before. Answers the exit code."""
    started = time.monotonic()
    holdfast = Holdfast(home, KINTO_PASSWORD=PASSWORD)
    try:
        _step(f"A real Kinto server with {RECORDS:,} records in {len(COLLECTIONS)} collections")
        with KintoServer() as server:
            client = KintoClient(server.url, server.user, server.password)
            client.make_account(server.user, server.password)
            content.fill(client, records=RECORDS, attachments=ATTACHMENTS)
            print(f"Kinto answers at {server.url}; its files, on another origin, at {server.attachments.url}")
            figures = _tell(holdfast, server, client, started)
            print(f"\ndemo: ok: {figures}", flush=True)
            if os.environ.get("ONCE") != "1":
                edited = figures.changes.edited
                keep_serving(holdfast, NAME, changed=_key(edited[0]), with_file=_key(edited[-1]))
    except (DemoFailed, CommandFailed) as error:
        print(f"\ndemo: failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


def _tell(holdfast: Holdfast, server: KintoServer, client: KintoClient, started: float) -> Figures:
    """The whole story. Raises DemoFailed where Holdfast and Kinto disagree."""
    _step("A key, a vault and a catalog; then what to back up")
    if holdfast.home == HOME and HOME.exists():
        shutil.rmtree(HOME)
    holdfast.run("init")
    holdfast.run(
        "add", "kinto", NAME,
        "--set", f"server={server.url}", "--set", f"bucket={BUCKET}",
        "--set", f"username={server.user}", "--set", "password=env:KINTO_PASSWORD",
    )  # fmt: skip

    _step("The first backup")
    holdfast.run("backup", NAME)

    _step("A day at the help desk: records are edited, deleted and added; then the second backup")
    at_first = _at_source(client)
    changes = content.change(client)
    holdfast.run("backup", NAME)
    if server.attachments.credentials_seen:
        raise DemoFailed("the credential was sent to the files' origin")

    _step("What changed between the two backups")
    holdfast.run("compare", NAME)
    _expect("what changed", _changes(holdfast), _as_keys(changes))

    key = _key(changes.edited[0])
    _step("One changed record, as it was at the first backup and as it is now")
    holdfast.run("show", NAME, "records", key, "--backup", "1")
    holdfast.run("show", NAME, "records", key)

    _step("An export")
    archive = holdfast.home / "helpdesk.zip"
    holdfast.run("export", NAME, "-o", str(archive), "--formats", "json,csv,blobs")
    at_source = _at_source(client)
    _expect("records in the export", _exported_records(archive), at_source)
    files = sorted(record["attachment"]["hash"] for record in at_source if "attachment" in record)
    _expect("files in the export", _exported_files(archive), files)

    _step("The vault proves itself")
    holdfast.run("verify")

    _step("What was deleted comes back: first what would be done, then the restore, which is read back")
    holdfast.run("restore", NAME, "--backup", "1", "--endpoint", "records", "--dry-run")
    # Exit code 1 says that some are not as they were: those that were changed since are left alone.
    holdfast.run("restore", NAME, "--backup", "1", "--endpoint", "records", "--yes", code=1)
    now = _at_source(client)
    back = [record for record in at_first if record["id"] in changes.deleted]
    _expect("the restored records", [one for one in now if one["id"] in changes.deleted], back)
    _expect("the other records", [one for one in now if one["id"] not in changes.deleted], at_source)
    return Figures(changes, archive.stat().st_size, time.monotonic() - started)


def _changes(holdfast: Holdfast) -> dict[str, list[str]]:
    """The ids that `compare` names for the endpoint `records`, sorted, by what happened to them."""
    found: dict[str, list[str]] = {"added": [], "changed": [], "deleted": []}
    for change in holdfast.ask("compare", NAME)["changes"]:
        if change["endpoint"] == "records":
            found[change["change"]].append(change["id"])
    return {kind: sorted(keys) for kind, keys in found.items()}


def _as_keys(changes: Changes) -> dict[str, list[str]]:
    """What was done at the source, in the form of `_changes`."""
    done = {"added": changes.added, "changed": changes.edited, "deleted": changes.deleted}
    return {kind: sorted(map(_key, keys)) for kind, keys in done.items()}


def _key(record_id: str) -> str:
    """A record's key within its endpoint: its collection's id and its own."""
    return f"{COLLECTIONS[0]}~{record_id}"


def _exported_records(archive: Path) -> list[Any]:
    """The records in an export's JSON Lines file, in a fixed order."""
    with zipfile.ZipFile(archive) as opened:
        lines = opened.read("json/records.jsonl").splitlines()
    return sorted((json.loads(line) for line in lines), key=_order)


def _exported_files(archive: Path) -> list[str]:
    """The SHA-256 of every file in an export, as Kinto gives it for its attachments; sorted."""
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if name.startswith("blobs/")]
        return sorted(hashlib.sha256(opened.read(name)).hexdigest() for name in names)


def _at_source(client: KintoClient) -> list[Any]:
    """The records as Kinto itself lists them, in the same order."""
    found = [record for name in COLLECTIONS for record in client.records(BUCKET, name).values()]
    return sorted(found, key=_order)


def _order(record: dict[str, Any]) -> tuple[str, str]:
    return record["id"], json.dumps(record, sort_keys=True)


def _expect(what: str, found: Any, wanted: Any) -> None:
    if found != wanted:
        raise DemoFailed(f"{what}: {str(found)[:300]}; Kinto says {str(wanted)[:300]}")


def _step(title: str) -> None:
    print(f"\n── {title}", flush=True)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
