from pathlib import Path

import pytest

from holdfast.errors import InputError
from holdfast.storage import open_storage
from holdfast.storage.local import LocalFolder
from holdfast.storage.memory import MemoryStorage
from holdfast.storage.retrying import RetryingStorage


@pytest.mark.parametrize("form", ["{path}", "file://{path}", "file://localhost{path}"])
def test_a_path_is_a_local_folder(tmp_path: Path, form: str) -> None:
    storage = open_storage(form.format(path=tmp_path / "vault"))
    assert isinstance(storage, LocalFolder)
    storage.put("a", b"x")
    assert (tmp_path / "vault/a").read_bytes() == b"x"


def test_a_url_for_messages_opens_the_same_folder_again(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path / "a folder+100%"))
    storage.put("a", b"x")
    assert open_storage(storage.url).get("a") == b"x"


def test_a_relative_path_and_a_home_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert open_storage("vault").url == f"file://{tmp_path}/vault"
    assert open_storage("~/vault").url == f"file://{tmp_path}/home/vault"


def test_memory_is_new_each_time() -> None:
    first = open_storage("memory://")
    assert isinstance(first, MemoryStorage)
    first.put("a", b"x")
    assert list(open_storage("memory://").list("")) == []


def test_a_bucket_is_opened_with_retries() -> None:
    storage = open_storage("s3://bucket/a/prefix?region=eu-central-1")
    assert isinstance(storage, RetryingStorage)
    assert storage.url == "s3://bucket/a/prefix"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("file://relative/path", "no path on this machine"),
        ("file://", "no path on this machine"),
        ("ftp://host/path", "no storage is called ftp://"),
        ("S3://bucket", "no storage is called S3://"),
        ("s3://", "names no bucket"),
        ("s3:///prefix", "names no bucket"),
        ("s3://bucket?regio=x", "has no option 'regio=x'"),
        ("s3://bucket?region", "has no option 'region'"),
        ("s3://bucket?account=x", "has no option"),
        ("s3://bucket?endpoint=localhost:9000", "starts with http"),
        ("s3://key:secret@bucket", "carries no credentials"),
        ("s3://bucket?endpoint=http://key:secret@host", "carries no credentials"),
        ("s3://bucket?profile=no-such-profile", "no-such-profile"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        open_storage(url)
    assert caught.value.field == "storage"
    assert "secret" not in str(caught.value)
