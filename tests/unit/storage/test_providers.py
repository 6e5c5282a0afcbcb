import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.errors import InputError, StorageUnavailable
from holdfast.storage.providers import open_bucket
from holdfast.storage.s3 import ObjectLock, S3Storage
from tests.support.s3_lookalike import S3Lookalike, s3_lookalike


@pytest.fixture
def s3() -> Iterator[S3Lookalike]:
    with s3_lookalike() as server:
        yield server


def test_s3_takes_its_keys_from_the_environment(s3: S3Lookalike, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    open_bucket(f"s3://bucket/some/prefix?endpoint={s3.endpoint}&region=us-east-1").put("a", b"x")
    assert s3.requests == ["PUT /bucket/some/prefix/a"]
    assert s3.objects == {"some/prefix/a": b"x"}


def test_s3_takes_its_keys_from_a_profile(s3: S3Lookalike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").write_text("[pruner]\naws_access_key_id = other-id\naws_secret_access_key = secret\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    open_bucket(f"{s3.url()}&profile=pruner").put("a", b"x")
    assert s3.objects == {"a": b"x"}
    assert "Credential=other-id/" in s3.authorizations[0]


def test_s3_puts_the_bucket_into_the_hosts_name_where_a_provider_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    storage = open_bucket("s3://bucket?endpoint=http://localhost:1&addressing=virtual&region=us-east-1")
    with pytest.raises(StorageUnavailable, match=re.escape("http://bucket.localhost:1/packs/1")):
        storage.size("packs/1")


def test_the_url_for_messages_has_the_endpoint_and_no_other_option(s3: S3Lookalike) -> None:
    assert open_bucket(s3.url()).url == f"s3://bucket?endpoint={s3.endpoint}"


@pytest.mark.parametrize("url", ["gs://bucket/prefix", "az://container/prefix?account=name"])
def test_the_other_providers_are_opened(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    assert open_bucket(url).url == url.partition("?")[0]


def test_a_lock_is_read_from_the_url_and_put_on_everything_but_keys(
    s3: S3Lookalike, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    plain, locking = open_bucket(s3.url()), open_bucket(f"{s3.url()}&lock_days=30&lock_mode=compliance")
    assert isinstance(plain, S3Storage) and isinstance(locking, S3Storage)
    assert plain.lock is None
    assert locking.lock == ObjectLock(timedelta(days=30), "COMPLIANCE")
    locking.put("packs/1", b"x")
    locking.put("keys/1/0", b"y")
    assert s3.objects == {"packs/1": b"x", "keys/1/0": b"y"}


@pytest.mark.parametrize(
    "option", ["lock_days=x", "lock_days=0", "lock_days=9999", "lock_days=3&lock_mode=soft", "lock_mode=compliance"]
)
def test_a_lock_that_cannot_be_meant_is_refused(option: str) -> None:
    with pytest.raises(InputError, match="lock"):
        open_bucket(f"s3://bucket?region=us-east-1&{option}")
