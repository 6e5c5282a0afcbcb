"""What `meaning` checks of an endpoint's `restore`: names, circles, and that no record can be created twice."""

from collections.abc import Iterator, Mapping

from holdfast.definitions.document import Definition, Endpoint
from holdfast.definitions.expressions import template
from holdfast.definitions.kinds import Reading, did_you_mean
from holdfast.definitions.restoring import KEY, Multipart, Restore, Write
from holdfast.definitions.selectors import selector
from holdfast.definitions.yaml_tree import Node

__all__ = ["check_restore"]

_BODIES = ("fields", "json", "form", "graphql", "multipart")


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
        addressed |= isinstance(write, Write) and bool({*(write.fields or {}).values()} & {*endpoint.id})
        if key != "create" and not addressed and not {"graphql", "json", "multipart"} & set(own.members):
            reading.problem(own, "nothing here uses `record`: it would be sent to the same place for every record")
    for key, fields in (("ignored", restore.ignored), ("references", restore.references)):
        for name in fields:
            if selector(name).path is None:
                reading.problem(at.members[key].members[name], f"expected dotted names such as `a.b`, not {name!r}")
    for key, write in restore.writes().items():
        if write.multipart is not None and key in at.members:
            _check_parts(at.members[key].members["multipart"], write.multipart, endpoint, restore, reading)
    brings = next((one for one in definition.endpoints if one.name == restore.comes_with), None)
    if brings is not None and endpoint.name not in brings.parents:
        reading.problem(at.members["comes_with"], f"the records of {brings.name} do not belong to these")
    for name, reference in restore.references.items():
        if reference.otherwise is not None and "required" in at.members["references"].members[name].members:
            reading.problem(at.members["references"].members[name], "`required` means nothing beside `otherwise`")
    _check_sense(at, endpoint, restore, reading)


def _check_parts(at: Node, multipart: Multipart, endpoint: Endpoint, restore: Restore, reading: Reading) -> None:
    is_form = multipart.type == "form-data"
    files = 0
    for node, part in zip(at.members["parts"].elements, multipart.parts, strict=True):
        if is_form and not part.name:
            reading.problem(node, "a part of a form has a `name`")
        elif not is_form and part.name:
            reading.problem(node.members["name"], "parts of `related` are known by their order: they have no names")
        if not part.is_file:
            continue
        files += 1
        if endpoint.blob is None:
            reading.problem(node.members["file"], "the endpoint's records have no `blob`")
        elif restore.blob is not None:
            reading.problem(node.members["file"], "`blob` below `restore` would send it once more")
        elif files > 1:
            reading.problem(node.members["file"], "it is in another part already")


def _check_sense(at: Node, endpoint: Endpoint, restore: Restore, reading: Reading) -> None:
    create = restore.create
    if restore.never is not None:
        for key in ("create", "update", "undelete", "blob"):
            if key in at.members:
                reading.problem(at.members["impossible"], f"`impossible` and `{key}` contradict each other")
    elif not restore.writes() and not restore.comes_with:
        reading.problem(at, "it says neither how (`create`, `update`, `undelete`) nor why not (`impossible`)")
    if restore.comes_with:
        for key in ("create", "undelete", "impossible"):
            if key in at.members:
                reading.problem(at.members["comes_with"], f"`comes_with` and `{key}` contradict each other")
    if create is not None:
        repeats = any(KEY in template(text).names for text in create.templates())
        if not (repeats or restore.find is not None or restore.keeps_id):
            reading.problem(
                at.members["create"],
                "nothing tells whether a record was created when the answer is lost, so that it could be created twice",
                hint="Say how it is found (`find`), that it keeps its id (`keeps_id`), or send "
                "`{{ idempotency_key }}`.",
            )
        if endpoint.within is not None and (restore.find is None or restore.find.path is None):
            reading.problem(
                at, "`within` says that there is no list of these: `find` needs a `path`, to read back what was made"
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
    if "comes_with" in at.members:
        yield at.members["comes_with"].text, at.members["comes_with"]
    references: Mapping[str, Node] = at.members["references"].members if "references" in at.members else {}
    for member in references.values():
        node = member.members.get("endpoint") if member.type == "mapping" else member
        if node is not None:
            yield node.text, node
