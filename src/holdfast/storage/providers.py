"""Makes storages of `s3://`, `gs://` and `az://` URLs: what options each provider needs, where its credentials are.

Credentials come from the variables and files that the provider's own tools read. The URL can only point at them, so
that one installation can use two storages with different credentials (a replica; a worker that may not delete).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from holdfast.errors import InputError
from holdfast.storage.object_store import Bucket, ObjectStorage

if TYPE_CHECKING:
    # obstore has these in its stubs alone.
    from obstore.store import ClientConfig, RetryConfig, S3Config

_RETRIES: "RetryConfig" = {"max_retries": 0}
_REQUEST_TIMEOUT = "300s"
"""For a request as a whole: a pack of 32 MB over a line of 1 Mbit/s."""
_CONNECT_TIMEOUT = "10s"


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
    return ObjectStorage(opened, f"{place}?endpoint={options['endpoint']}" if "endpoint" in options else place)


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
    "s3": (_s3, frozenset({"endpoint", "region", "profile", "addressing"})),
    "gs": (_gcs, frozenset({"credentials"})),
    "az": (_azure, frozenset({"account", "endpoint"})),
}
"""By scheme: what makes the bucket, and the options its URL may have."""
