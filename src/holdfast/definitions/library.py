"""The built-in definitions: the YAML documents in the folder beside this module."""

from functools import lru_cache
from importlib import resources

from holdfast.definitions.document import Definition
from holdfast.definitions.kinds import did_you_mean
from holdfast.definitions.loading import load as load_text
from holdfast.errors import NotFound

__all__ = ["load", "names", "read"]

_FOLDER = resources.files("holdfast.definitions") / "library"


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """The names of the built-in definitions, in alphabetical order."""
    files = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml")))


def read(name: str) -> str:
    """The document of a built-in definition. Raises NotFound."""
    if name not in names():
        near = did_you_mean(name, names()) or f" There are: {', '.join(names())}."
        raise NotFound(f"there is no built-in definition `{name}`.{near}")
    return (_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


@lru_cache(maxsize=64)
def load(name: str) -> Definition:
    """A built-in definition. Raises NotFound."""
    return load_text(read(name), f"{name}.yaml")
