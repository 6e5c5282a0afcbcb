"""The contract's first 17 requests as a Postman collection: made here, run by Newman, each asserting a 200."""

from collections.abc import Mapping
from typing import Any

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_INSTANCE = "v1/backup_instances/:backup_instance_id"
_ENDPOINT = f"{_INSTANCE}/endpoints/:endpoint_name"
_RECORD = f"{_ENDPOINT}/records/:record_id"
_CREATED = {
    "backup_definition_id": "{{backup_definition_id}}",
    "backup_frequency": "daily",
    "customer_id": "{{customer_id}}",
}
_EXPORT = {
    "backup_run_id": "{{backup_id}}",
    "content_types": "",
    "export_datetime": "",
    "export_formats": "csv,json",
    "force_full": "False",
    "send_confirmation": "False",
}
REQUESTS: tuple[tuple[str, str, Mapping[str, str] | None], ...] = (
    ("GET", "v1/backup_instances?backup_definition_id={{backup_definition_id}}", None),
    ("POST", "v1/backup_instances", {f"backup_instance[{name}]": value for name, value in _CREATED.items()}),
    ("GET", _INSTANCE, None),
    ("PUT", _INSTANCE, {"backup_instance[backup_frequency]": "weekly"}),
    ("GET", f"{_INSTANCE}/backups", None),
    ("POST", f"{_INSTANCE}/backups", None),
    ("GET", f"{_INSTANCE}/backups/active", None),
    ("GET", f"{_INSTANCE}/backups/:backup_id", None),
    ("GET", f"{_INSTANCE}/endpoints", None),
    ("GET", _ENDPOINT, None),
    ("GET", f"{_ENDPOINT}/records", None),
    ("GET", _RECORD, None),
    ("GET", f"{_RECORD}/blob", None),
    ("GET", f"{_INSTANCE}/exports", None),
    ("POST", f"{_INSTANCE}/exports", {f"export_run[{name}]": value for name, value in _EXPORT.items()}),
    ("GET", f"{_INSTANCE}/exports/:export_id", None),
    ("POST", f"{_INSTANCE}/exports/:export_id/reauth", None),
)
"""In the collection's order; `{{name}}` and `:name` are filled in."""


def collection(values: Mapping[str, str]) -> dict[str, Any]:
    """The whole collection. `values` has `host`, `token` and every id."""
    return {
        "info": {"name": "v1", "schema": _SCHEMA},
        "item": [_item(*request, values) for request in REQUESTS],
        "variable": [{"key": key, "value": value} for key, value in values.items()],
    }


def _item(method: str, address: str, form: Mapping[str, str] | None, values: Mapping[str, str]) -> dict[str, Any]:
    path, _, query = address.partition("?")
    segments = path.split("/")
    url: dict[str, Any] = {
        "raw": "{{host}}/" + address,
        "host": ["{{host}}"],
        "path": segments,
        "variable": [{"key": one[1:], "value": values[one[1:]]} for one in segments if one.startswith(":")],
    }
    if query:
        key, _, value = query.partition("=")
        url["query"] = [{"key": key, "value": value}]
    # The contract names this header for blobs, and the other one for everything else.
    header = {"key": "Authorization", "value": "Bearer {{token}}"}
    if path.endswith("/blob"):
        header = {"key": "Access-Token", "value": "{{token}}"}
    body: dict[str, Any] = {"mode": "raw", "raw": ""}
    if form is not None:
        body = {"mode": "urlencoded", "urlencoded": [{"key": key, "value": value} for key, value in form.items()]}
    return {
        "name": f"{method} {path}",
        "request": {"method": method, "header": [header], "url": url, "body": body},
        "event": [
            {
                "listen": "test",
                "script": {
                    "exec": ["pm.test('200', () => pm.response.to.have.status(200));"],
                    "type": "text/javascript",
                },
            }
        ],
    }
