"""What `meaning` checks of an endpoint's `restore`: names, circles, and that no record can be created twice."""

from collections.abc import Iterator, Mapping

from holdfast.definitions.document import Definition, Endpoint
from holdfast.definitions.expressions import template
from holdfast.definitions.kinds import Reading, did_you_mean
from holdfast.definitions.restoring import KEY, Restore
from holdfast.definitions.selectors import selector
from holdfast.definitions.yaml_tree import Node

__all__ = ["check_restore"]

_BODIES = ("fields", "json", "form", "graphql")


def check_restore(node: Node, endpoint: Endpoint, definition: Definition, reading: Reading) -> None:
    """`node` is the endpoint's."""
    restore, at = endpoint.restore, node.members.get("restore")
    if restore is None or at is None:
        return
    names = [one.name for one in definition.endpoints]
    for name, where in _named(at):
        if name not in names:
            reading.problem(where, f"there is no endpoint `{name}`.{did_you_mean(name, names)}")
    _check_order(at, endpoint, definition, reading)
    for key, write in (*restore.writes().items(), ("blob", restore.blob)):
        own = at.members.get(key)
        if own is None or write is None:
            continue
        given = [body for body in _BODIES if body in own.members]
        if len(given) > 1:
            reading.problem(own.members[given[1]], f"`{given[0]}` and `{given[1]}` exclude each other")
        addressed = any("record" in template(text).names for text in (write.path, *write.query.values()))
        if key != "create" and not addressed and not {"graphql", "json"} & set(own.members):
            reading.problem(own, "nothing here uses `record`: it would be sent to the same place for every record")
    for key, fields in (("ignored", restore.ignored), ("references", restore.references)):
        for name in fields:
            if selector(name).path is None:
                reading.problem(at.members[key].members[name], f"expected dotted names such as `a.b`, not {name!r}")
    _check_sense(at, endpoint, restore, reading)


def _check_sense(at: Node, endpoint: Endpoint, restore: Restore, reading: Reading) -> None:
    create = restore.create
    if restore.never is not None:
        for key in ("create", "update", "undelete", "blob"):
            if key in at.members:
                reading.problem(at.members["impossible"], f"`impossible` and `{key}` contradict each other")
    elif not restore.writes():
        reading.problem(at, "it says neither how (`create`, `update`, `undelete`) nor why not (`impossible`)")
    if create is not None:
        repeats = any(KEY in template(text).names for text in create.templates())
        if not (repeats or restore.find is not None or restore.keeps_id):
            reading.problem(
                at.members["create"],
                "nothing tells whether a record was created when the answer is lost, so that it could be created twice",
                hint="Say how it is found (`find`), that it keeps its id (`keeps_id`), or send "
                "`{{ idempotency_key }}`.",
            )
        if (
            restore.keeps_id
            and endpoint.record_path is None
            and endpoint.detail is None
            and endpoint.within is not None
        ):
            reading.problem(at.members["keeps_id"], "there is no way to ask for a record by its id")
    if restore.blob is not None and endpoint.blob is None:
        reading.problem(at.members["blob"], "the endpoint's records have no `blob`")
    texts = [text for write in restore.writes().values() for text in write.templates()]
    if endpoint.blob is None and any("blob" in template(text).names for text in texts):
        reading.problem(at, "the endpoint's records have no `blob`")


def _check_order(at: Node, endpoint: Endpoint, definition: Definition, reading: Reading) -> None:
    before = {one.name: set(one.restored_after) for one in definition.endpoints}
    ways = [[endpoint.name, name] for name in before[endpoint.name]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        if way[-1] == endpoint.name:
            reading.problem(at, f"this makes a circle: {' -> '.join(way)}")
            return
        if way[-1] not in seen:
            seen.add(way[-1])
            ways.extend([*way, name] for name in before.get(way[-1], ()))


def _named(at: Node) -> Iterator[tuple[str, Node]]:
    """Every name of an endpoint, and where it stands."""
    after = at.members.get("after")
    if after is not None:
        yield from ((node.text, node) for node in (after.elements if after.type == "list" else (after,)))
    references: Mapping[str, Node] = at.members["references"].members if "references" in at.members else {}
    for member in references.values():
        node = member.members.get("endpoint") if member.type == "mapping" else member
        if node is not None:
            yield node.text, node
