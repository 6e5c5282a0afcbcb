"""`holdfast replicate` as people type it."""

from pathlib import Path

from tests.support.command_line import CommandLine


def test_replicas_are_filled_and_told(cli: CommandLine, tmp_path: Path) -> None:
    assert cli("init").code == 0
    alone = cli("replicate")
    assert alone.code != 0 and "HOLDFAST_REPLICA_URL" in alone.err
    cli.set(HOLDFAST_REPLICA_URL=f"{tmp_path / 'one'} {tmp_path / 'two'}")
    done = cli("replicate")
    assert done.code == 0 and done.out.count("is up to date") == 2
    again = cli("replicate", "--json")
    assert [replica["objects_copied"] for replica in again.json["replicas"]] == [0, 0]
    assert (tmp_path / "two" / "vault.json").exists()
