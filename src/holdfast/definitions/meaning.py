"""What the shape of a document cannot say: that names exist, are unique and are used where they mean something."""

import re
from collections.abc import Mapping, Sequence

from holdfast.definitions.document import AnswerRule, Definition, Endpoint
from holdfast.definitions.expressions import KEYWORDS, template
from holdfast.definitions.kinds import Reading, did_you_mean
from holdfast.definitions.language import RESERVED_NAMES
from holdfast.definitions.selectors import selector
from holdfast.definitions.writable import check_restore
from holdfast.definitions.yaml_tree import Node
from holdfast.errors import DefinitionError

__all__ = ["check_definition", "check_tree"]

_NO_ABSENCE = {401: "a refused credential", 407: "a refused proxy credential"}


def check_tree(tree: Node, reading: Reading) -> None:
    """Check what needs only the nodes, so that it comes to light in a document with other problems too."""
    variables, endpoints = _elements(tree, "variables"), _elements(tree, "endpoints")
    _refuse_repeats(variables, "key", "variable", reading)
    _refuse_repeats(endpoints, "name", "endpoint", reading)
    _check_parents(endpoints, reading)
    _check_names(_texts(variables, "key"), endpoints, reading)


def check_definition(tree: Node, definition: Definition, reading: Reading) -> None:
    """Check what needs the whole definition, made of a document whose shape is right."""
    for node, variable in zip(_elements(tree, "variables"), definition.variables, strict=True):
        if variable.key in RESERVED_NAMES or variable.key in KEYWORDS:
            reading.problem(node.members["key"], f"`{variable.key}` is what templates call something else")
        if variable.secret and variable.default is not None:
            reading.problem(node.members["default"], "a secret's default would be there for everyone to read")
    _check_answers(tree.members["connection"], definition.connection.answers, reading)
    _check_auth(tree.members["connection"], definition, reading)
    for node, endpoint in zip(_elements(tree, "endpoints"), definition.endpoints, strict=True):
        _check_endpoint(node, endpoint, definition, reading)


def _check_auth(connection: Node, definition: Definition, reading: Reading) -> None:
    auth = definition.connection.auth
    if auth.oauth2 is not None and auth.oauth2.grant == "refresh_token":
        variables = {variable.key: variable for variable in definition.variables}
        held = variables.get(auth.oauth2.refresh_token)
        if held is None or not held.secret:
            at = _within(connection, "auth", "refresh_token") or connection
            near = did_you_mean(auth.oauth2.refresh_token, variables) if held is None else ""
            reading.problem(at, f"there is no secret variable `{auth.oauth2.refresh_token}`.{near}")
    if auth.login is not None and "session" not in template(auth.login.value).names:
        reading.problem(_within(connection, "auth", "value") or connection, "nothing here uses `session`")


def _check_names(variables: Sequence[str], endpoints: Sequence[Node], reading: Reading) -> None:
    """Check every template that was read against the names it may use."""
    parents = {_text(node, "name"): _parents(node) for node in endpoints}
    for use in reading.templates:
        place = re.match(r"endpoints\[(\d+)\]", use.node.path)
        own = _parents(endpoints[int(place[1])]) if place is not None else {}
        has_parent = bool(own)
        for name in sorted(use.names - set(variables)):
            if name in use.offered:
                if name == "parent" and not has_parent:
                    reading.problem(use.node, "there is no `parent` without `for_each`")
                if name == "grandparent" and not (own and all(parents.get(parent) for parent in own)):
                    reading.problem(use.node, "there is no `grandparent` where the parent has no parent itself")
            elif name in RESERVED_NAMES:
                reading.problem(use.node, f"`{name}` means nothing here")
            else:
                near = did_you_mean(name, [*variables, *use.offered])
                hint = None if near else f"Declare it: `variables: [{{key: {name}}}]`."
                reading.problem(use.node, f"there is no variable `{name}`.{near}", hint=hint)


def _check_parents(endpoints: Sequence[Node], reading: Reading) -> None:
    parents = {name: _parents(node) for node in endpoints if (name := _text(node, "name")) is not None}
    for node in endpoints:
        name = _text(node, "name")
        for parent, at in _parents(node).items():
            if parent not in parents:
                reading.problem(at, f"there is no endpoint `{parent}`.{did_you_mean(parent, parents)}")
            elif name is not None and (chain := _circle(name, parent, parents)):
                reading.problem(at, f"this makes a circle: {' -> '.join(chain)}")


def _circle(name: str, parent: str, parents: Mapping[str, Mapping[str, Node]]) -> list[str]:
    """The endpoints from `name` over `parent` back to `name`; empty where there is no such way."""
    ways = [[name, parent]]
    seen = {parent}
    while ways:
        way = ways.pop()
        if way[-1] == name:
            return way
        following = [further for further in parents.get(way[-1], ()) if further == name or further not in seen]
        seen.update(following)
        ways.extend([*way, further] for further in following)
    return []


def _parents(endpoint: Node) -> dict[str, Node]:
    """The names that an endpoint gives as its parents, each with where it stands."""
    members = [endpoint.members[key] for key in ("for_each", "within") if key in endpoint.members]
    nodes = [node for member in members for node in (member.elements if member.type == "list" else (member,))]
    return {node.text: node for node in nodes if node.is_scalar}


def _check_endpoint(node: Node, endpoint: Endpoint, definition: Definition, reading: Reading) -> None:
    _check_request(node, endpoint, reading)
    _check_cursors(node, endpoint, reading)
    _check_uses(node, endpoint, reading)
    for status in sorted(endpoint.optional_on):
        other = _NO_ABSENCE.get(status) or ("tried again" if status in definition.connection.retry.statuses else None)
        if other is not None:
            message = f"the status {status} means {other}, so it cannot mean that a list is absent"
            reading.problem(node.members["optional"], message)
    _check_answers(node, endpoint.answers, reading)
    if endpoint.blob is not None:
        _check_answers(node.members["blob"], endpoint.blob.answers, reading)
    check_restore(node, endpoint, definition, reading)


def _check_request(node: Node, endpoint: Endpoint, reading: Reading) -> None:
    paging, incremental = endpoint.paging, endpoint.incremental
    for query, at in (
        (endpoint.query, node.members.get("query")),
        (incremental.query if incremental else {}, _within(node, "incremental", "query")),
    ):
        if at is not None and paging.query is not None and paging.query in query:
            reading.problem(at.members[paging.query], f"`{paging.query}` is set by the paging")
    if (endpoint.method == "POST") != (endpoint.body is not None):
        at = node.members["method" if endpoint.method == "POST" else "body"]
        reading.problem(at, "`method: POST` and `body` go together")
    if paging.into and endpoint.body is None:
        reading.problem(node.members["paging"], "`into` needs a `body`")
    elif len(paging.into) > 1 and endpoint.body is not None and endpoint.body.form is not None:
        reading.problem(node.members["paging"], "a form has no fields within fields: `into` must be a single name")
    for key in ("keys", "values"):
        if key in node.members and selector(endpoint.records).path is None:
            reading.problem(node.members[key], f"with `{key}`, `records` must be a plain path such as `data.items`")
    if endpoint.within is not None:
        for key in (
            "for_each",
            "method",
            "query",
            "headers",
            "body",
            "paging",
            "incremental",
            "changes",
            "record",
            "detail",
        ):
            if key in node.members:
                reading.problem(node.members[key], f"`{key}` means nothing with `within`: no request is made")
        if not endpoint.records:
            reading.problem(node.members["within"], "`within` needs `records`: where the parent's record holds these")


def _check_cursors(node: Node, endpoint: Endpoint, reading: Reading) -> None:
    """Everything that asks for changes must say since when."""
    if endpoint.incremental is not None:
        texts = [*endpoint.incremental.query.values(), *(endpoint.body.templates() if endpoint.body else ())]
        _need_cursor(_within(node, "incremental", "query"), texts, reading)
    for key, asked in (("changes", endpoint.changes), ("deletions", endpoint.deletions)):
        if asked is not None:
            _need_cursor(node.members[key], [asked.listing.path, *asked.listing.query.values()], reading)
    _check_feed(node, endpoint, reading)


def _check_feed(node: Node, endpoint: Endpoint, reading: Reading) -> None:
    """A feed of changes, or a sweep, must be able to ask for what it names."""
    if endpoint.changes is not None and endpoint.incremental is not None:
        reading.problem(node.members["changes"], "`changes` and `incremental` exclude each other")
    can_ask = endpoint.record_path is not None or endpoint.detail is not None
    if endpoint.changes is not None and endpoint.changes.record is None and not can_ask:
        reading.problem(
            node.members["changes"],
            "its entries hold no `record`, and none can be asked for",
            hint="Say where an entry has the whole record, or where one can be asked for: `record` or `detail`.",
        )
    for key, beside in (("changes", endpoint.changes), ("sweep", endpoint.sweep), ("deletions", endpoint.deletions)):
        if beside is not None and len(beside.id) != len(endpoint.id):
            reading.problem(
                node.members[key], f"`id` has {len(beside.id)} parts, the endpoint's own {len(endpoint.id)}"
            )
    if endpoint.sweep is not None and endpoint.incremental is None and endpoint.changes is None:
        reading.problem(node.members["sweep"], "`sweep` means nothing where every run lists everything")


def _need_cursor(at: Node | None, texts: Sequence[str], reading: Reading) -> None:
    if at is not None and not any("cursor" in template(text).names for text in texts):
        hint = 'As in `query: {since: "{{ cursor }}"}`.'
        reading.problem(at, "nothing here uses `cursor`, so every delta would list everything", hint=hint)


def _check_uses(node: Node, endpoint: Endpoint, reading: Reading) -> None:
    """What is about one record must use `record`."""
    blob = endpoint.blob
    looked_up = " ".join([blob.lookup, *blob.lookup_query.values()]) if blob and blob.lookup else None
    for keys, text, what in (
        (("record", "path"), endpoint.record_path, "would be the same"),
        (("detail", "path"), endpoint.detail and endpoint.detail.path, "would be the same"),
        (("blob", "lookup"), looked_up, "would have the same blob"),
        (("blob", "url"), blob.url if blob and not looked_up else None, "would have the same blob"),
    ):
        at = _within(node, *keys)
        if at is not None and text and "record" not in template(text).names:
            reading.problem(at, f"nothing here uses `record`: every record {what}")

    if blob is not None and blob.lookup is None and "answer" in template(blob.url).names:
        at = _within(node, "blob", "url") or node
        reading.problem(at, "there is no `answer` without `lookup`")


def _check_answers(node: Node, answers: Sequence[AnswerRule], reading: Reading) -> None:
    """Check the rules about answers of an endpoint or of the connection."""
    for at, rule in zip(_elements(node, "answers"), answers, strict=True):
        if not (rule.statuses or rule.headers or rule.body or rule.contains):
            reading.problem(at, "a rule without a condition fits every answer")
        for text in rule.body:
            try:
                selector(text)
            except DefinitionError as error:
                reading.problem(at.members["body"].members[text], str(error))
        if (rule.means == "skip") != bool(rule.because):
            reading.problem(at, "`means: skip` and `because` go together: a skip has a permanent cause")


def _refuse_repeats(nodes: Sequence[Node], key: str, what: str, reading: Reading) -> None:
    seen: dict[str, int] = {}
    for node in nodes:
        text = _text(node, key)
        if text is None:
            continue
        if text in seen:
            reading.problem(node.members[key], f"the {what} `{text}` stands already in line {seen[text]}")
        seen.setdefault(text, node.members[key].line)


def _elements(tree: Node, key: str) -> Sequence[Node]:
    node = tree.members.get(key)
    return node.elements if node is not None else ()


def _text(node: Node, key: str) -> str | None:
    member = node.members.get(key)
    return member.text if member is not None and member.is_scalar else None


def _within(node: Node, *keys: str) -> Node | None:
    at: Node | None = node
    for key in keys:
        at = at.members.get(key) if at is not None else None
    return at


def _texts(nodes: Sequence[Node], key: str) -> list[str]:
    return [text for node in nodes if (text := _text(node, key)) is not None]
