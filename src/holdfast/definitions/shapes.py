"""The kinds that hold others: lists, free mappings, shapes with known keys, and shapes that a `type` tells apart."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeVar

from holdfast.definitions.features import READ
from holdfast.definitions.kinds import Kind, Reading, Rejected, Schema, describe, did_you_mean
from holdfast.definitions.yaml_tree import Node

T = TypeVar("T")

__all__ = ["Converted", "Either", "Field", "ListOf", "MapOf", "OneOrMore", "Shape", "Variants"]


class ListOf(Kind[tuple[T, ...]]):
    """A list of values of one kind, at least `shortest` of them."""

    def __init__(self, element: Kind[T], *, shortest: int = 0) -> None:
        self.element, self.shortest = element, shortest
        self.expected = f"a list, each element {element.expected}"

    def read(self, node: Node, reading: Reading) -> tuple[T, ...]:
        if node.type != "list":
            raise self.refuse(node, reading)
        if len(node.elements) < self.shortest:
            raise reading.reject(node, f"expected {self.expected}, not an empty list")
        values: list[T] = []
        rejected = 0
        for element in node.elements:
            try:
                values.append(self.element.read(element, reading))
            except Rejected:
                rejected += 1
        if rejected:
            raise Rejected()
        return tuple(values)

    def parts(self) -> Iterable[Kind[Any]]:
        return (self.element,)

    def schema(self) -> Schema:
        schema: Schema = {"type": "array", "items": self.element.schema()}
        return schema | ({"minItems": self.shortest} if self.shortest else {})


class OneOrMore(ListOf[T]):
    """A list, or a single value that stands for a list of one."""

    def __init__(self, element: Kind[T]) -> None:
        super().__init__(element, shortest=1)
        self.expected = f"{element.expected}, or a list of such"

    def read(self, node: Node, reading: Reading) -> tuple[T, ...]:
        return (self.element.read(node, reading),) if node.is_scalar else super().read(node, reading)

    def schema(self) -> Schema:
        return {"anyOf": [self.element.schema(), super().schema()]}


class MapOf(Kind[dict[str, T]]):
    """A mapping whose keys are the author's own; each must match `key_pattern` and be none of `reserved`."""

    def __init__(
        self, value: Kind[T], what: str, *, key_pattern: str = r"[^\s\x00-\x1f]+", reserved: Sequence[str] = ()
    ):
        self.value, self.what, self.key_pattern, self.reserved = value, what, key_pattern, reserved
        self.expected = f"a mapping of {what}s to values"

    def read(self, node: Node, reading: Reading) -> dict[str, T]:
        if node.type != "mapping":
            raise self.refuse(node, reading)
        values: dict[str, T] = {}
        rejected = 0
        for key, member in node.members.items():
            try:
                if re.fullmatch(self.key_pattern, key) is None:
                    raise reading.reject(member, f"{key!r} is no {self.what}")
                if key.lower() in self.reserved:
                    raise reading.reject(member, f"the {self.what} `{key}` is set by Holdfast itself")
                values[key] = self.value.read(member, reading)
            except Rejected:
                rejected += 1
        if rejected:
            raise Rejected()
        return values

    def parts(self) -> Iterable[Kind[Any]]:
        return (self.value,)

    def schema(self) -> Schema:
        names: Schema = {"pattern": f"^(?:{self.key_pattern})$"}
        if self.reserved:
            either_case = "|".join(
                "".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in word) for word in self.reserved
            )
            names["not"] = {"pattern": f"^(?:{either_case})$"}
        return {"type": "object", "propertyNames": names, "additionalProperties": self.value.schema()}


@dataclass(frozen=True)
class Field:
    """One key of a shape. `attribute` is what the model calls it, where that differs from the key.

    `feature` is the part of the language it belongs to, where that is not known to every version.
    """

    key: str
    kind: Kind[Any]
    doc: str
    required: bool = False
    attribute: str | None = None
    feature: str | None = None


class Shape(Kind[T]):
    """A mapping with known keys, each described by a Field, made into a value by `make(**attributes)`.

    `exactly_one` of a group of keys must stand, `needs` says which key makes no sense without another.
    """

    def __init__(
        self,
        name: str,
        fields: Sequence[Field],
        make: Callable[..., T],
        *,
        exactly_one: Sequence[tuple[str, ...]] = (),
        needs: Mapping[str, str] | None = None,
        feature: str | None = None,
    ) -> None:
        self.name, self.make, self.exactly_one, self.needs = name, make, exactly_one, needs or {}
        self.fields = {field.key: field for field in fields}
        self.feature = feature
        self.expected = f"a mapping with the keys {', '.join(f'`{key}`' for key in self.known(READ))}"

    def known(self, features: Set[str]) -> dict[str, Field]:
        """The fields that exist where these parts of the language do."""
        return {key: field for key, field in self.fields.items() if field.feature is None or field.feature in features}

    def read(self, node: Node, reading: Reading) -> T:
        if node.type != "mapping":
            raise self.refuse(node, reading)
        problems_before = len(reading.problems)
        self._check_keys(node, reading)
        attributes: dict[str, Any] = {}
        for key, field in self.fields.items():
            if key in node.members:
                try:
                    attributes[field.attribute or key] = field.kind.read(node.members[key], reading)
                except Rejected:
                    continue
        if len(reading.problems) > problems_before:
            raise Rejected()
        return self.make(**attributes)

    def _check_keys(self, node: Node, reading: Reading) -> None:
        known = self.known(reading.features)
        key_line = node.key_line or None
        for key, member in node.members.items():
            feature = self.fields[key].feature if key in self.fields else None
            if feature is not None and not reading.allows(feature):
                reading.not_yet(member, key, feature, line=member.key_line)
            elif key not in self.fields:
                near = did_you_mean(key, known)
                listed = "" if near else f" Known here: {', '.join(known)}."
                reading.problem(member, f"unknown key `{key}`.{near}{listed}", line=member.key_line)
        required = [key for key, field in known.items() if field.required]
        for group in self.exactly_one:
            choices = [key for key in group if key in known]
            given = [key for key in choices if key in node.members]
            if len(choices) == 1:
                required += choices
            elif len(given) != 1:
                names = " and ".join(f"`{key}`" for key in choices)
                reading.problem(node, f"exactly one of {names} must be given", line=key_line)
        for key in required:
            if key not in node.members:
                reading.problem(node, f"the key `{key}` is missing: {known[key].doc}", line=key_line)
        for key, other in self.needs.items():
            if key in node.members and other not in node.members:
                reading.problem(node.members[key], f"`{key}` means nothing without `{other}`")

    def schema(self) -> Schema:
        return {"$ref": f"#/$defs/{self.name}"}

    def parts(self) -> Iterable[Kind[Any]]:
        return [field.kind for field in self.known(READ).values()]

    def named_schema(self) -> Schema:
        """The schema itself rather than a reference to it."""
        known = self.known(READ)
        groups = [[key for key in group if key in known] for group in self.exactly_one]
        required = [key for key, field in known.items() if field.required or [key] in groups]
        choices = [{"oneOf": [{"required": [key]} for key in group]} for group in groups if len(group) > 1]
        needs = {key: [other] for key, other in self.needs.items() if key in known}
        return {
            "type": "object",
            "properties": {key: {"description": field.doc, **field.kind.schema()} for key, field in known.items()},
            "additionalProperties": False,
            **({"required": required} if required else {}),
            **({"allOf": choices} if choices else {}),
            **({"dependentRequired": needs} if needs else {}),
        }


class Variants(Kind[T]):
    """Shapes that the key `type` tells apart. Those in `bare` may be written as their type alone."""

    def __init__(self, name: str, shapes: Mapping[str, Shape[T]], *, bare: Sequence[str] = ()) -> None:
        self.name, self.shapes, self.bare = name, shapes, bare
        types = ", ".join(f"`{word}`" for word in self.known(READ))
        self.expected = f"a mapping with a `type` of {types}" + (f", or {' or '.join(bare)} alone" if bare else "")

    def known(self, features: Set[str]) -> dict[str, Shape[T]]:
        """The shapes that exist where these parts of the language do."""
        return {
            word: shape for word, shape in self.shapes.items() if shape.feature is None or shape.feature in features
        }

    def read(self, node: Node, reading: Reading) -> T:
        if node.type not in ("text", "mapping"):
            raise self.refuse(node, reading)
        type_node = node.members.get("type") if node.type == "mapping" else node
        types = ", ".join(f"`{word}`" for word in self.known(reading.features))
        if type_node is None:
            raise reading.reject(node, f"the key `type` is missing: one of {types}")
        shape = self.shapes.get(type_node.text) if type_node.type == "text" else None
        if shape is None:
            near = did_you_mean(type_node.text, self.known(reading.features))
            raise reading.reject(type_node, f"expected one of {types}, not {describe(type_node)}.{near}")
        if shape.feature is not None and not reading.allows(shape.feature):
            reading.not_yet(type_node, type_node.text, shape.feature)
            raise Rejected()
        if node.type == "text":
            if node.text not in self.bare:
                needed = ", ".join(f"`{key}`" for key in shape.fields if key != "type")
                raise reading.reject(
                    node, f"`{node.text}` cannot stand alone: write a mapping with `type` and {needed}"
                )
            return shape.make(type=node.text)
        self._point_out_foreign_keys(node, type_node.text, shape, reading)
        return shape.read(node, reading)

    def _point_out_foreign_keys(self, node: Node, chosen: str, shape: Shape[T], reading: Reading) -> None:
        foreign = False
        others = self.known(reading.features)
        for key, member in node.members.items():
            owners = [word for word, other in others.items() if key in other.fields and key not in shape.fields]
            if owners:
                foreign = True
                belongs = " or ".join(f"`{word}`" for word in owners)
                message = f"`{key}` does not go with the type `{chosen}`, but with {belongs}"
                reading.problem(member, message, line=member.key_line)
        if foreign:
            raise Rejected()

    def schema(self) -> Schema:
        return {"$ref": f"#/$defs/{self.name}"}

    def parts(self) -> Iterable[Kind[Any]]:
        return [kind for shape in self.known(READ).values() for kind in shape.parts()]

    def named_schema(self) -> Schema:
        """The schema itself rather than a reference to it."""
        alternatives: list[Schema] = [{"enum": list(self.bare)}] if self.bare else []
        return {"oneOf": [*alternatives, *(shape.named_schema() for shape in self.known(READ).values())]}


class Converted(Kind[T]):
    """A kind whose value is made into another one."""

    def __init__(self, kind: Kind[Any], convert: Callable[[Any], T]) -> None:
        self.kind, self.convert = kind, convert
        self.expected = kind.expected

    def read(self, node: Node, reading: Reading) -> T:
        return self.convert(self.kind.read(node, reading))

    def parts(self) -> Iterable[Kind[Any]]:
        return (self.kind,)

    def schema(self) -> Schema:
        return self.kind.schema()


class Either(Kind[T]):
    """Two ways to write the same: `short` for single values and lists, `full` for mappings."""

    def __init__(self, short: Kind[T], full: Kind[T]) -> None:
        self.short, self.full = short, full
        self.expected = f"{short.expected}; or {full.expected}"

    def read(self, node: Node, reading: Reading) -> T:
        return (self.full if node.type == "mapping" else self.short).read(node, reading)

    def parts(self) -> Iterable[Kind[Any]]:
        return (self.short, self.full)

    def schema(self) -> Schema:
        return {"anyOf": [self.short.schema(), self.full.schema()]}
