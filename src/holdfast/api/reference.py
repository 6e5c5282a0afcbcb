"""`/docs`: the OpenAPI document as one page to read. It has no script and loads nothing, so it works without Internet.

FastAPI's own page is a script from a content delivery network: whoever serves that could read every token typed into
it, and the content security policy of all answers blocks it.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

_CODE = re.compile(r"`([^`]+)`")
_FILES = files(__package__)


def install(app: FastAPI) -> None:
    """Serve the page at `/docs`; FastAPI's own must be switched off."""
    reference = Reference(app)

    async def docs(request: Request) -> HTMLResponse:  # noqa: ARG001
        return HTMLResponse(reference.page, headers={"Content-Security-Policy": reference.policy})

    app.add_route("/docs", docs, include_in_schema=False)


class Reference:
    """The page, made once when it is first asked for."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._style = (_FILES / "reference.css").read_text()

    @cached_property
    def page(self) -> str:
        document = self._app.openapi()
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        environment.filters |= {"prose": _prose, "line": _line}
        template = environment.from_string((_FILES / "reference.html.j2").read_text())
        return template.render(
            info=document["info"],
            style=Markup(self._style),
            groups=list(_groups(document)),
            schemas={name: _fields(schema) for name, schema in sorted(document["components"]["schemas"].items())},
        )

    @cached_property
    def policy(self) -> str:
        """Nothing but this page's own style."""
        digest = b64encode(sha256(self._style.encode()).digest()).decode()
        return f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"


def _groups(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The operations by tag, in the order of the tags."""
    operations: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operations[operation["tags"][0]].append(_operation(method, path, operation))
    for name, found in operations.items():
        yield {"name": name, "id": name.lower().replace(" ", "-"), "operations": found}


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {})
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "description": operation.get("description", "").strip().partition("\n\n"),
        "needs_token": bool(operation.get("security")),
        "parameters": [
            {"name": one["name"], "place": one["in"], "is_required": one.get("required", False)} | _about(one["schema"])
            for one in operation.get("parameters", [])
        ],
        "body_description": body.get("description", ""),
        "body": [field for content in body.get("content", {}).values() for field in _fields(content["schema"])],
        "responses": [
            {"status": status, "description": answer["description"], "schema": _content(answer)}
            for status, answer in sorted(operation["responses"].items())
        ],
    }


def _content(answer: Mapping[str, Any]) -> dict[str, str]:
    """What an answer's body is; the first of several media types stands for all."""
    for media_type, content in answer.get("content", {}).items():
        schema = content.get("schema", {})
        return _type(schema) if "json" in media_type else {"type": media_type, "link": ""}
    return {"type": "", "link": ""}


def _fields(schema: Mapping[str, Any], prefix: str = "") -> list[dict[str, Any]]:
    """The fields of an object; those of objects within it have names such as `customer[name]`."""
    found = []
    for name, inner in schema.get("properties", {}).items():
        full = f"{prefix}[{name}]" if prefix else name
        if inner.get("properties"):
            found += _fields(inner, full)
        else:
            found.append({"name": full, "place": "", "is_required": name in schema.get("required", ())} | _about(inner))
    return found


def _about(schema: Mapping[str, Any]) -> dict[str, str]:
    """Type, bounds and meaning of a value."""
    bounds = [
        f"{word} {schema[key]}"
        for key, word in (("minimum", "from"), ("maximum", "to"), ("maxLength", "at most"), ("default", "default"))
        if schema.get(key) is not None and abs(schema[key] if key == "maximum" else 0) < 2**53
    ]
    return _type(schema) | {"bounds": ", ".join(bounds), "description": schema.get("description", "")}


def _type(schema: Mapping[str, Any]) -> dict[str, str]:
    """A type in words, with the schema it leads to."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return {"type": name, "link": name}
    if "anyOf" in schema:
        inner = [_type(one) for one in schema["anyOf"]]
        link = next((one["link"] for one in inner if one["link"]), "")
        return {"type": " or ".join(one["type"] for one in inner), "link": link}
    if "enum" in schema:
        return {"type": " | ".join(map(str, schema["enum"])), "link": ""}
    if schema.get("type") == "array":
        inner_type = _type(schema.get("items", {}))
        return {"type": f"list of {inner_type['type']}", "link": inner_type["link"]}
    return {"type": schema.get("format") or schema.get("type", "anything"), "link": ""}


def _prose(text: str) -> Markup:
    """Text with its paragraphs and its `code`."""
    return Markup("").join(Markup("<p>{}</p>").format(_line(one)) for one in text.strip().split("\n\n") if one)


def _line(text: str) -> Markup:
    """Text with its `code`."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))
