"""Templates: text with `{{ expressions }}`, in Jinja2's sandbox with everything but expressions taken away.

No statements, calls or loops: what a template costs is bounded by its length, whoever wrote the definition.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from math import isfinite
from typing import Any, NoReturn
from urllib.parse import unquote

import jinja2
from jinja2 import Undefined, nodes
from jinja2.exceptions import SecurityError, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import SandboxedEnvironment

from holdfast.definitions.filters import FILTERS, LONGEST_VALUE, Nothing, bounded, encode_path, text_of
from holdfast.errors import DefinitionError

__all__ = ["KEYWORDS", "Template", "template"]

_LONGEST = 8192
"""Characters of a template."""
_SINGLE = re.compile(r"\{\{\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*\}\}", re.ASCII)
_WHOLE_NUMBER = re.compile(r"\{\{[^{}]*\|\s*int\s*\}\}")
_STATEMENT = re.compile(r"\{%[-+]?\s*(?!raw|endraw)")
_NO_STATEMENTS = "only {{ expressions }} may stand in a template, no {% statements %}"
KEYWORDS = frozenset({"and", "else", "if", "in", "is", "not", "or", "true", "false", "none", "True", "False", "None"})
"""Words of the expressions themselves: no variable can be called so."""
_LITERALS = frozenset({"true", "false", "none", "True", "False", "None"})


_Render = Callable[[Mapping[str, object]], str]


class _Missing(Undefined):
    """A field that is not there: false in a condition, an error where it would be inserted."""

    def __str__(self) -> NoReturn:
        raise Nothing(self._undefined_message)

    def __iter__(self) -> NoReturn:
        raise Nothing(self._undefined_message)

    __len__ = __iter__


class _Environment(SandboxedEnvironment):
    """Fields are looked up in JSON objects and lists only, never as Python attributes (`record.items` is a field)."""

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Undefined):
            return obj
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return _Missing(f"there is no field `{attribute}`", obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping | Undefined):
            return self.getattr(obj, argument)
        if isinstance(obj, list | tuple | str) and isinstance(argument, int | slice):
            try:
                return obj[argument]
            except IndexError:
                pass
        return _Missing(f"there is no element {argument!r}", obj, argument)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        for operand in (left, right):
            if operand is None or isinstance(operand, Undefined):
                text_of(operand)
        if operator == "**":
            raise SecurityError("`**` is not allowed")
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return bounded(left + right)
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            # Text times a number, or text formatted to any width, would make gigabytes.
            raise SecurityError(f"`{operator}` is for numbers (the filter int makes one)")
        return super().call_binop(context, operator, left, right)


def _environment(finalize: Callable[[Any], str]) -> _Environment:
    environment = _Environment(undefined=_Missing, finalize=finalize, keep_trailing_newline=True, cache_size=0)
    environment.filters.clear()
    environment.filters.update(FILTERS, text_of=text_of)
    environment.tests = {
        name: environment.tests[name] for name in ("defined", "undefined", "none", "string", "number", "in")
    }
    environment.globals.clear()
    return environment


_TEXT = _environment(text_of)
_PATH = _environment(encode_path)


class Template:
    """A compiled template. Immutable, safe between threads.

    `names` are the names it looks up: variables, `parent`, `record`, `cursor`. Rendering raises DefinitionError, which
    quotes the template and never a value, since values may be secrets.
    """

    __slots__ = ("_as_path", "_as_text", "_as_url", "_single", "names", "text")

    def __init__(self, text: str) -> None:
        """Raises DefinitionError where `text` is no template."""
        self.text = text
        self.names: frozenset[str] = frozenset()
        self._single: tuple[str, ...] | None = None
        self._as_text: _Render = lambda _: text
        self._as_path: _Render = self._as_text
        self._as_url: _Render = self._as_text
        if len(text) > _LONGEST:
            raise DefinitionError(f"the template is longer than {_LONGEST} characters")
        if "{{" not in text and "{%" not in text and "{#" not in text:
            return
        tree = _parse(text)
        self.names = frozenset(
            node.name for node in tree.find_all(nodes.Name) if node.ctx == "load" and node.name not in _LITERALS
        )
        try:
            self._as_text = _compile(_TEXT, text, encoded_lead=False)
            self._as_path = _compile(_PATH, text, encoded_lead=False)
            self._as_url = _compile(_PATH, text, encoded_lead=True)
        except (RecursionError, MemoryError, SyntaxError) as error:
            raise DefinitionError(f"in {_quoted(text)}: it is nested too deeply") from error
        except (TypeError, ValueError, ArithmeticError) as error:  # of what can be computed before anything is inserted
            raise DefinitionError(f"in {_quoted(text)}: {error}") from error
        single = _SINGLE.fullmatch(text)
        if single is not None and single[1] not in _LITERALS:
            self._single = tuple(single[1].split("."))

    def render(self, /, **context: object) -> str:
        """The text. Raises DefinitionError where anything to be inserted is missing or null."""
        text = self.render_optional(**context)
        if text is None:
            raise DefinitionError(f"in {_quoted(self.text)}: {self._what_is_missing(context)}")
        return text

    def render_optional(self, /, **context: object) -> str | None:
        """The text, or None where anything to be inserted is missing or null: for what may be left out."""
        if self._single is not None:
            # The commonest template by far is a lone {{ name }}; measured 20 times faster than Jinja's render.
            value: Any = context
            for name in self._single:
                if not isinstance(value, dict):
                    value = None
                    break
                value = value.get(name)
            if isinstance(value, str) and len(value) <= LONGEST_VALUE:
                return value
        return self._run(self._as_text, context)

    def value(self, /, **context: object) -> Any:
        """What stands for the text in JSON: for a lone `{{ name }}` the value itself, of whatever kind, for one that
        ends in `| int` a number, else text. None where anything to be inserted is missing or null.
        """
        if self._single is not None:
            value: Any = context
            for name in self._single:
                value = value.get(name) if isinstance(value, dict) else None
            return value
        text = self.render_optional(**context)
        return int(text) if text is not None and _WHOLE_NUMBER.fullmatch(self.text) else text

    def render_path(self, /, **context: object) -> str:
        """The text as a URL path: every inserted value percent-encoded whole, unless marked by `path` or `encoded`.

        Raises DefinitionError where a value is missing, null or empty, a segment would be `.` or `..`, or an
        expression at the beginning makes neither a path nor a URL.
        """
        path = self._run(self._as_path, context)
        if path is None:
            raise DefinitionError(f"in {_quoted(self.text)}: {self._what_is_missing(context)}")
        self._refuse_dot_segments(path)
        if self.text.startswith("{{") and not path.startswith(("/", "https://", "http://")):
            raise DefinitionError(f"in {_quoted(self.text)}: the path does not begin with `/`")
        return path

    def render_url(self, /, **context: object) -> str:
        """The text as a URL or path, or "" where anything to be inserted is missing or null: there is no such thing.

        An expression at the very beginning is a URL of its own and stands as it is; later ones are percent-encoded.
        """
        if self._single is not None:
            return self.render_optional(**context) or ""
        url = self._run(self._as_url, context)
        if url is None:
            return ""
        self._refuse_dot_segments(url)
        return url

    def _run(self, render: _Render, context: Mapping[str, object]) -> str | None:
        try:
            return render(context)
        except UndefinedError:
            return None
        except (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            reason = error.message if isinstance(error, TemplateError) else type(error).__name__
            raise DefinitionError(f"in {_quoted(self.text)}: {reason or 'it cannot be rendered'}") from error

    def _what_is_missing(self, context: Mapping[str, object]) -> str:
        try:
            self._as_text(context)
        except UndefinedError as error:
            return error.message or "something is missing"
        return "something is missing"

    def _refuse_dot_segments(self, path: str) -> None:
        # Clients and servers resolve `..` before they route, also when it is spelled %2e.
        if any(unquote(segment) in (".", "..") for segment in re.split(r"[/\\]", path.partition("?")[0])):
            raise DefinitionError(f"in {_quoted(self.text)}: a path may not have the segments `.` or `..`")

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


@lru_cache(maxsize=4096)
def template(text: str) -> Template:
    """The compiled template of this text, kept for the next time. Raises DefinitionError."""
    return Template(text)


def _quoted(text: str) -> str:
    return f"the template {text!r}" if len(text) <= 120 else f"the template {text[:120]!r}..."


def _parse(text: str) -> nodes.Template:
    """The tree of a template that has nothing but expressions. Raises DefinitionError."""
    try:
        tree = _TEXT.parse(text)
        for node in _descendants(tree):
            reason = _why_refused(node)
            if reason:
                raise DefinitionError(f"in {_quoted(text)}: {reason}")
    except TemplateSyntaxError as error:
        reason = _NO_STATEMENTS if _STATEMENT.search(text) else error.message
        raise DefinitionError(f"in {_quoted(text)}: {reason}") from error
    except RecursionError as error:
        raise DefinitionError(f"in {_quoted(text)}: it is nested too deeply") from error
    except ValueError as error:  # of Python's own reading of a number
        raise DefinitionError(f"in {_quoted(text)}: a number has too many digits") from error
    return tree


def _why_refused(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Call):
        return "nothing can be called in a template: use a filter, as in {{ x | split('/') | last }}"
    if isinstance(node, nodes.Stmt) and not isinstance(node, nodes.Output):
        return _NO_STATEMENTS
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        return f"there is no filter `{node.name}`{_did_you_mean(node.name, FILTERS)}"
    if isinstance(node, nodes.Test) and node.name not in _TEXT.tests:
        return f"there is no test `{node.name}`{_did_you_mean(node.name, _TEXT.tests)}"
    if isinstance(node, nodes.Const) and isinstance(node.value, float) and not isfinite(node.value):
        return "a number is too large"
    return None


def _descendants(node: nodes.Node) -> Iterator[nodes.Node]:
    for child in node.iter_child_nodes():
        yield child
        yield from _descendants(child)


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f" (did you mean `{near[0]}`?)" if near else ""


def _compile(environment: _Environment, text: str, *, encoded_lead: bool) -> _Render:
    """A renderer of a template that `_parse` has let through."""
    tree = environment.parse(text)
    for concatenation in tree.find_all(nodes.Concat):
        # Jinja's `~` would spell null "None" and True "True".
        concatenation.nodes = [nodes.Filter(node, "text_of", [], [], None, None) for node in concatenation.nodes]
    if encoded_lead:
        output = tree.body[0]
        if isinstance(output, nodes.Output) and not isinstance(output.nodes[0], nodes.TemplateData):
            output.nodes[0] = nodes.Filter(output.nodes[0], "encoded", [], [], None, None)
    compiled = jinja2.Template.from_code(environment, environment.compile(tree), {})
    return compiled.render
