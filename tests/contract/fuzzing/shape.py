"""The contract's 41 operations as an OpenAPI document, written down here once more for its clients.

Schemas say what such a client reads; a field that is not here may be there too.
"""

from collections.abc import Mapping
from typing import Any

_ID = {"type": "integer", "format": "int64"}
_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_TIME = {"type": "string", "format": "date-time", "nullable": True}
_MAYBE = {"type": "string", "nullable": True}
_STATES = ("queued", "in_progress", "successful", "failed", "canceled")
_FREQUENCY = {"type": "string", "enum": ["off", "daily", "weekly"]}


def _object(required: str, **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


_RUN = {
    "id": _ID,
    "backup_instance_id": _ID,
    "status": {"type": "string", "enum": list(_STATES)},
    "started_at": _TIME,
    "ended_at": _TIME,
    "failures": {"type": "array", "items": {}},
}
_REQUIRED_OF_RUN = "id backup_instance_id status started_at ended_at"
SCHEMAS: dict[str, dict[str, Any]] = {
    "token": _object(
        "access_token expires_in token_type", access_token=_TEXT, expires_in=_ID,
        token_type={"type": "string", "enum": ["bearer_token", "bearer"]},
    ),
    "empty": {"type": "object", "maxProperties": 0},
    "vendor": _object("client_id client_secret email name vendor_id", client_id=_TEXT, client_secret=_TEXT, email=_TEXT,
                      name=_TEXT, vendor_id=_ID),
    "customer": _object("id name", id=_ID, name=_TEXT),
    "definition": _object("id name description published vendor_id", id=_ID, name=_TEXT, description=_TEXT,
                          published=_FLAG, vendor_id=_ID),
    "definition_variable": _object("key name", key=_TEXT, name=_TEXT, description=_MAYBE, optional=_FLAG,
                                   default_value=_MAYBE),
    "instance_variable": _object("key value", key=_TEXT, value=_TEXT, is_default_value=_FLAG),
    "instance": _object(
        "id backup_definition_id customer_id", id=_ID, backup_definition_id=_ID, customer_id=_ID,
        backup_frequency=_FREQUENCY, last_successful_backup=_TIME, next_scheduled_backup=_TIME,
        last_backup_state={
            "type": "string", "nullable": True, "enum": [*(state.replace("_", " ") for state in _STATES), None],
        },
    ),
    "backup": _object(_REQUIRED_OF_RUN, **_RUN),
    "endpoint": _object("name", name=_TEXT, description=_MAYBE),
    "record": _object("field_data", field_data={"type": "object"}, blob_url=_MAYBE),
    "export": _object(
        _REQUIRED_OF_RUN, **_RUN, content_types=_MAYBE, export_formats=_MAYBE, exported_data_url=_MAYBE,
        exported_data_url_expiration=_TIME, records_failed=_ID, records_processed=_ID,
    ),
    "reauth": _object("exported_data_url", exported_data_url=_TEXT, exported_data_url_expiration=_TIME),
    "log": {"type": "object"},
    "error": {"type": "object"},
}  # fmt: skip

_CUSTOMER = {"customer[name]": _TEXT}
_DEFINITION = {"name": _TEXT, "description": _TEXT, "published": _FLAG}
_VARIABLE = {"variable[description]": _TEXT, "variable[optional]": _FLAG, "variable[default_value]": _TEXT}
_EXPORT = {"backup_run_id": _ID, "content_types": _TEXT, "export_datetime": _TEXT, "export_formats": _TEXT,
           "force_full": _FLAG, "send_confirmation": _FLAG}  # fmt: skip
_I = "/v1/backup_instances/{backup_instance_id}"
_D = "/v1/backup_definitions/{backup_definition_id}"
_E = _I + "/endpoints/{endpoint_name}"
_R = _E + "/records/{record_id}"


def _named(noun: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{noun}[{name}]": schema for name, schema in fields.items()}


Operation = tuple[str, str, str, Mapping[str, Any], str]
OPERATIONS: tuple[Operation, ...] = (
    # method, path, what is answered (a list where it ends with []), form, which of its fields are required
    ("post", "/oauth/token", "token", {
        "client_id": _TEXT, "client_secret": _TEXT, "grant_type": {"type": "string", "enum": ["client_credentials"]},
        "scope": {"type": "string", "enum": ["write"]},
    }, "client_id client_secret grant_type scope"),
    ("get", "/v1/ping", "empty", {}, ""),
    ("get", "/v1/authenticate_vendor", "empty", {}, ""),
    ("get", "/v1/authenticate_customer", "empty", {}, ""),
    ("get", "/v1/vendors/me", "vendor", {}, ""),
    ("get", "/v1/customers", "customer[]", {}, ""),
    ("post", "/v1/customers", "customer", {**_CUSTOMER, "customer[email]": _TEXT}, "customer[name] customer[email]"),
    ("get", "/v1/customers/{customer_id}", "customer", {}, ""),
    ("put", "/v1/customers/{customer_id}", "customer", _CUSTOMER, "customer[name]"),
    ("get", "/v1/customers/{customer_id}/backup_instances", "instance[]", {}, ""),
    ("get", "/v1/backup_definitions", "definition[]", {}, ""),
    ("post", "/v1/backup_definitions", "definition", _named("backup_definition", _DEFINITION),
     "backup_definition[name] backup_definition[description] backup_definition[published]"),
    ("get", _D, "definition", {}, ""),
    ("put", _D, "definition", _named("backup_definition", _DEFINITION), ""),
    ("get", _D + "/variables", "definition_variable[]", {}, ""),
    ("post", _D + "/variables", "definition_variable",
     {"variable[key]": _TEXT, "variable[name]": _TEXT, **_VARIABLE}, "variable[key] variable[name]"),
    ("get", _D + "/variables/{key}", "definition_variable", {}, ""),
    ("put", _D + "/variables/{key}", "definition_variable",
     {"name": _TEXT, "variable[key]": _TEXT, **_VARIABLE}, "name"),
    ("get", "/v1/backup_instances", "instance[]", {}, ""),
    ("post", "/v1/backup_instances", "instance", _named("backup_instance", {
        "backup_definition_id": _ID, "customer_id": _ID, "backup_frequency": _FREQUENCY,
    }), "backup_instance[backup_definition_id] backup_instance[customer_id] backup_instance[backup_frequency]"),
    ("get", _I, "instance", {}, ""),
    ("put", _I, "instance", {"backup_instance[backup_frequency]": _FREQUENCY}, "backup_instance[backup_frequency]"),
    ("get", _I + "/variables", "instance_variable[]", {}, ""),
    ("post", _I + "/variables", "instance_variable", {"variable[key]": _TEXT, "variable[value]": _TEXT},
     "variable[key] variable[value]"),
    ("get", _I + "/variables/{key}", "instance_variable", {}, ""),
    ("put", _I + "/variables/{key}", "instance_variable", {"variable[value]": _TEXT}, "variable[value]"),
    ("get", _I + "/backups", "backup[]", {}, ""),
    ("post", _I + "/backups", "backup", {}, ""),
    ("get", _I + "/backups/active", "backup", {}, ""),
    ("get", _I + "/backups/{backup_id}", "backup", {}, ""),
    ("get", _I + "/endpoints", "endpoint[]", {}, ""),
    ("get", _E, "endpoint", {}, ""),
    ("get", _E + "/records", "record[]", {}, ""),
    ("get", _R, "record", {}, ""),
    ("get", _R + "/blob", "", {}, ""),
    ("get", _I + "/exports", "export[]", {}, ""),
    ("post", _I + "/exports", "export", _named("export_run", _EXPORT), ""),
    ("get", _I + "/exports/{export_id}", "export", {}, ""),
    ("post", _I + "/exports/{export_id}/reauth", "reauth", {}, ""),
    ("get", _I + "/logs", "log", {}, ""),
    ("get", _I + "/logs/{scroll_id}", "log", {}, ""),
)  # fmt: skip
_TEXTS_IN_PATHS = {"key", "endpoint_name", "record_id", "scroll_id"}
_QUERIES = {
    ("get", "/v1/backup_definitions"): [("vendor_id", _ID, False)],
    ("get", "/v1/backup_instances"): [("backup_definition_id", _ID, True)],
    ("get", _I + "/logs"): [("date", {"type": "string", "format": "date"}, False)],
}


def document() -> dict[str, Any]:
    """OpenAPI 3.0."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation[1], {})[operation[0]] = _described(*operation)
    return {
        "openapi": "3.0.3",
        "info": {"title": "v1", "version": "1.0.0"},
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }


def _described(method: str, path: str, answer: str, form: Mapping[str, Any], required: str) -> dict[str, Any]:
    refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}
    error = {"description": "refused", "content": refusal}
    responses: dict[str, Any] = {"200": {"description": "done", "content": _content(answer)}}
    responses |= dict.fromkeys(("400", "401", "404", "429"), error)
    if path.endswith("/active"):
        responses["204"] = {"description": "none"}
    parameters = [
        {"in": "path", "name": name, "required": True, "schema": _TEXT if name in _TEXTS_IN_PATHS else _ID}
        for name in (segment[1:-1] for segment in path.split("/") if segment.startswith("{"))
    ]
    queries = list(_QUERIES.get((method, path), []))
    if answer.endswith("[]"):
        queries += [("page", {"type": "integer", "minimum": 1}, False),
                    ("per_page", {"type": "integer", "minimum": 1, "maximum": 100}, False)]  # fmt: skip
    parameters += [
        {"in": "query", "name": name, "required": needed, "schema": schema} for name, schema, needed in queries
    ]
    described: dict[str, Any] = {"parameters": parameters, "responses": responses}
    if form:
        schema: dict[str, Any] = {"type": "object", "properties": form}
        if required:
            schema["required"] = required.split()
        described["requestBody"] = {
            "required": bool(required),
            "content": {"application/x-www-form-urlencoded": {"schema": schema}},
        }
    return described


def _content(answer: str) -> dict[str, Any]:
    if not answer:
        return {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{answer.removesuffix('[]')}"}
    return {"application/json": {"schema": {"type": "array", "items": schema} if answer.endswith("[]") else schema}}
