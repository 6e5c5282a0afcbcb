"""Makes storages of `s3://`, `gs://` and `az://` URLs: what options each provider needs, where its credentials are.

Credentials come from the variables and files that the provider's own tools read. The URL can only point at them, so
that one installation can use two storages with different credentials (a replica; a worker that may not delete).
"""

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from holdfast.errors import InputError
from holdfast.storage.object_store import Bucket, ObjectStorage
from holdfast.storage.s3 import ObjectLock, S3Storage

if TYPE_CHECKING:
    # obstore has these in its stubs alone.
    from obstore.store import ClientConfig, RetryConfig, S3Config

_RETRIES: "RetryConfig" = {"max_retries": 0}
_REQUEST_TIMEOUT = "300s"
"""For a request as a whole: a pack of 32 MB over a line of 1 Mbit/s."""
_CONNECT_TIMEOUT = "10s"
_LOCK_DAYS_MAX = 3_650


def open_bucket(url: str) -> ObjectStorage:
    """The storage that the URL names. Nothing is sent yet. Raises `InputError` when the URL cannot be meant."""
    parts = urlsplit(url)
    if "@" in url:
        raise InputError(
            "a storage's URL carries no credentials",
            field="storage",
            hint="set AWS_ACCESS_KEY_ID and the like, or name a profile: s3://bucket/prefix?profile=name",
        )
    if not parts.hostname or parts.fragment:
        raise InputError(f"{url} names no bucket", field="storage", hint="write s3://bucket/prefix")
    make, known = _PROVIDERS[parts.scheme]
    options = _options(parts.query, known, parts.scheme)
    if not options.get("endpoint", "http://").startswith(("http://", "https://")):
        raise InputError("a storage's endpoint starts with http:// or https://", field="storage")
    # Not `hostname`, which is in lower case: Azure's and old buckets' names need not be.
    bucket, prefix = parts.netloc, parts.path.strip("/")
    try:
        opened = make(bucket, prefix or None, options)
    except (BaseError, ValueError, TypeError) as error:
        raise InputError(f"{url} cannot be opened: {str(error).partition(chr(10))[0]}", field="storage") from error
    place = f"{parts.scheme}://{bucket}" + (f"/{prefix}" if prefix else "")
    shown = f"{place}?endpoint={options['endpoint']}" if "endpoint" in options else place
    if parts.scheme == "s3":
        return S3Storage(opened, shown, partial(_boto_client, options), bucket, prefix or None, _lock(options))
    return ObjectStorage(opened, shown)


def _options(query: str, known: frozenset[str], scheme: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in query.split("&") if query else []:
        # Not `parse_qsl`: it would read the + of a path as a space.
        key, _, value = part.partition("=")
        if key not in known or not value:
            raise InputError(
                f"{scheme}:// has no option {part!r}", field="storage", hint=f"options are {', '.join(sorted(known))}"
            )
        options[key] = value
    return options


def _client(endpoint: str | None) -> "ClientConfig":
    plain = endpoint is not None and endpoint.startswith("http://")
    return {"timeout": _REQUEST_TIMEOUT, "connect_timeout": _CONNECT_TIMEOUT, "allow_http": plain}


def _s3(bucket: str, prefix: str | None, options: Mapping[str, str]) -> Bucket:
    endpoint = options.get("endpoint")
    config: S3Config = {
        "conditional_put": "etag",
        "virtual_hosted_style_request": False,
        # The bulk call reports refusals inside an answer of status 200, and some providers lack it.
        "disable_bulk_delete": True,
        # Buckets with a default retention refuse a put without one. It is the digest that the signature needs anyway.
        "checksum_algorithm": "SHA256",
    }
    if endpoint:
        config["endpoint"] = endpoint
    if region := options.get("region"):
        config["region"] = region
    if options.get("addressing") == "virtual":
        config["virtual_hosted_style_request"] = True
        if endpoint:
            scheme, _, host = endpoint.partition("://")
            config["endpoint"] = f"{scheme}://{bucket}.{host}"
    credentials = None
    if profile := options.get("profile"):
        import boto3
        from botocore.exceptions import BotoCoreError
        from obstore.auth.boto3 import Boto3CredentialProvider

        try:
            credentials = Boto3CredentialProvider(boto3.Session(profile_name=profile))
        except BotoCoreError as error:
            raise ValueError(str(error)) from error
    return S3Store(
        bucket,
        prefix=prefix,
        config=config,
        client_options=_client(endpoint),
        retry_config=_RETRIES,
        credential_provider=credentials,
    )


def _boto_client(options: Mapping[str, str]) -> Any:
    """A client with the same credentials, for what obstore lacks. Retries are off here too."""
    import boto3
    from botocore.config import Config

    session = boto3.Session(profile_name=options.get("profile"))
    region = options.get("region") or os.environ.get("AWS_REGION") or session.region_name or "us-east-1"
    style = "virtual" if options.get("addressing") == "virtual" else "path"
    return session.client(
        "s3",
        endpoint_url=options.get("endpoint"),
        region_name=region,
        config=Config(
            s3={"addressing_style": style},
            retries={"total_max_attempts": 1},
            connect_timeout=10,
            read_timeout=300,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _lock(options: Mapping[str, str]) -> ObjectLock | None:
    days, mode = options.get("lock_days"), options.get("lock_mode", "governance")
    if days is None:
        if "lock_mode" in options:
            raise InputError("lock_mode needs lock_days, such as lock_days=30", field="storage")
        return None
    if not days.isdecimal() or not 1 <= int(days) <= _LOCK_DAYS_MAX:
        raise InputError(f"lock_days is a number of days up to {_LOCK_DAYS_MAX}", field="storage")
    if mode not in ("governance", "compliance"):
        raise InputError("lock_mode is governance or compliance", field="storage")
    return ObjectLock(timedelta(days=int(days)), "COMPLIANCE" if mode == "compliance" else "GOVERNANCE")


def _gcs(bucket: str, prefix: str | None, options: Mapping[str, str]) -> Bucket:
    credentials = options.get("credentials")
    return GCSStore(
        bucket,
        prefix=prefix,
        config={"application_credentials": credentials} if credentials else {},
        client_options=_client(None),
        retry_config=_RETRIES,
    )


def _azure(container: str, prefix: str | None, options: Mapping[str, str]) -> Bucket:
    endpoint = options.get("endpoint")
    account = options.get("account")
    return AzureStore(
        container,
        prefix=prefix,
        config={
            **({"account_name": account} if account else {}),
            **({"endpoint": endpoint} if endpoint else {}),
        },
        client_options=_client(endpoint),
        retry_config=_RETRIES,
    )


_PROVIDERS: Mapping[str, tuple[Callable[[str, str | None, Mapping[str, str]], Bucket], frozenset[str]]] = {
    "s3": (_s3, frozenset({"endpoint", "region", "profile", "addressing", "lock_days", "lock_mode"})),
    "gs": (_gcs, frozenset({"credentials"})),
    "az": (_azure, frozenset({"account", "endpoint"})),
}
"""By scheme: what makes the bucket, and the options its URL may have."""
