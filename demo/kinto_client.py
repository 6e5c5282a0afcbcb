"""Kinto's HTTP API, as far as filling, changing and reading back a server needs it. Knows nothing of Holdfast.

Reading back is independent on purpose: the standard library's client, one record at a time decoded by `json`.
"""

import base64
import contextlib
import hashlib
import http.client
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

BATCH = 100
"""Records written per request: the server's `kinto.batch_max_requests`."""
_TIMEOUT_S = 60.0
_IDLE_S = 20.0
"""A connection that was unused for longer is made anew: the server closes idle ones after two minutes."""


class KintoError(Exception):
    """Kinto did not start, or answered with an error."""


class _Exists(KintoError):
    """A write with If-None-Match met what was there."""


class KintoClient:
    """One connection: use an object from one thread at a time. Every call raises KintoError."""

    def __init__(self, url: str, user: str, password: str) -> None:
        parts = urlsplit(url)
        self._url, self._root = url, parts.path
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=_TIMEOUT_S)
        self._used_at = time.monotonic()
        self._authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def close(self) -> None:
        self._connection.close()

    def make_account(self, user: str, password: str) -> None:
        self._exchange("PUT", f"/accounts/{user}", {"data": {"password": password}}, {"Authorization": ""})

    def make_collections(self, bucket: str, collections: Sequence[str]) -> None:
        """A bucket with collections, where they do not exist yet."""
        for path in (f"/buckets/{bucket}", *(f"/buckets/{bucket}/collections/{name}" for name in collections)):
            with contextlib.suppress(_Exists):
                self._exchange("PUT", path, {}, {"If-None-Match": "*"})

    def add(self, bucket: str, collection: str, records: Mapping[str, Mapping[str, Any]]) -> int:
        """Write records by id, in batches; those that exist stay as they are. How many were written."""
        guarded = {"method": "PUT", "headers": {"If-None-Match": "*"}}
        keys = list(records)
        written = 0
        for start in range(0, len(keys), BATCH):
            requests = [
                {"path": _record_path(bucket, collection, key), "body": {"data": dict(records[key])}}
                for key in keys[start : start + BATCH]
            ]
            answer, _ = self._exchange("POST", "/batch", {"defaults": guarded, "requests": requests})
            for response in answer["responses"]:
                if response["status"] not in (200, 201, 412):
                    raise KintoError(f"{response['path']}: {response['status']} {response['body']}")
                written += response["status"] != 412
        return written

    def edit(self, bucket: str, collection: str, key: str, fields: Mapping[str, Any]) -> None:
        """Change some fields of one record; Kinto gives it a new `last_modified`."""
        self._exchange("PATCH", _record_path(bucket, collection, key), {"data": dict(fields)})

    def delete(self, bucket: str, collection: str, key: str) -> None:
        """Delete one record, and its attachment with it."""
        self._exchange("DELETE", _record_path(bucket, collection, key))

    def delete_collection(self, bucket: str, collection: str) -> None:
        """Delete a collection with all its records."""
        self._exchange("DELETE", f"/buckets/{bucket}/collections/{collection}")

    def attach(self, bucket: str, collection: str, key: str, name: str, content: bytes, content_type: str) -> None:
        """Give one record an attachment, in place of the one it has."""
        boundary = hashlib.sha256(content).hexdigest()
        disposition = f'Content-Disposition: form-data; name="attachment"; filename="{name}"'
        head = f"--{boundary}\r\n{disposition}\r\nContent-Type: {content_type}\r\n\r\n".encode()
        self._exchange(
            "POST",
            f"{_record_path(bucket, collection, key)}/attachment",
            head + content + f"\r\n--{boundary}--\r\n".encode(),
            {"Content-Type": f"multipart/form-data; boundary={boundary}"},
        )

    def records(self, bucket: str, collection: str) -> dict[str, dict[str, Any]]:
        """Every record of a collection by id, page by page: what a backup is compared with."""
        found: dict[str, dict[str, Any]] = {}
        path = f"/buckets/{bucket}/collections/{collection}/records?_sort=last_modified"
        while path:
            answer, headers = self._exchange("GET", path)
            found.update((record["id"], record) for record in answer["data"])
            path = headers.get("Next-Page", "").removeprefix(self._url)
        return found

    def _exchange(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[Any, http.client.HTTPMessage]:
        sent = {"Content-Type": "application/json", "Authorization": self._authorization, **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if time.monotonic() - self._used_at > _IDLE_S:
            self._connection.close()  # the next request opens it again
        self._connection.request(
            method, self._root + path, body, {name: value for name, value in sent.items() if value}
        )
        response = self._connection.getresponse()
        answer = response.read()
        self._used_at = time.monotonic()
        if response.status == 412:
            raise _Exists(f"{method} {path}: it exists")
        if response.status >= 300:
            raise KintoError(f"{method} {path}: {response.status} {answer[:500]!r}")
        return json.loads(answer), response.headers


def _record_path(bucket: str, collection: str, key: str) -> str:
    return f"/buckets/{bucket}/collections/{collection}/records/{key}"
