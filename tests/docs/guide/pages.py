"""The pages of docs/definitions, cut at their headings: each section with examples is a definition that a test runs."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tests.docs.console import Block, blocks

FOLDER = Path(__file__).parents[3] / "docs/definitions"
_HEADING = re.compile(r"^#{1,2} +(.+?) *$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_FRAME = """\
holdfast: 1
name: {name}
variables:
  - {{key: token, name: Token, secret: true}}
{variables}
connection:
{connection}
endpoints:
{endpoints}
"""
_CONNECTION = 'base_url: https://api.example.com\nauth: {type: bearer, token: "{{ token }}"}\n'
_ENDPOINT = "name: notes\npath: /notes\nrecords: notes\nid: id\n"


@dataclass(frozen=True)
class Section:
    page: str
    title: str
    examples: tuple[Block, ...]
    """Those of its YAML blocks that say which part of a definition they are."""

    def document(self, **origins: str) -> str:
        """The definition that its examples make together, with what they leave out filled in, and with these origins
        (`api`, `files`, `login`) instead of example.com's."""
        parts = {"variables": "", "connection": _CONNECTION}
        endpoints = ""
        for example in self.examples:
            if example.about == "endpoint":
                endpoints += _item(example.text)
            elif example.about == "endpoints":
                endpoints += example.text
            else:
                parts[example.about] = example.text
        text = _FRAME.format(
            name=json.dumps(self.title), variables=_indented(parts["variables"]),
            connection=_indented(parts["connection"]), endpoints=_indented(endpoints or _item(_ENDPOINT)),
        )  # fmt: skip
        for name, url in origins.items():
            text = text.replace(f"https://{name}.example.com", url)
        return text


def sections() -> dict[tuple[str, str], Section]:
    """Every section that has examples, by page and heading."""
    found = {}
    for page in sorted(FOLDER.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        # Headings within fences are comments of YAML.
        bare = _FENCE.sub(lambda fence: " " * len(fence[0]), text)
        starts = [(heading.start(), heading[1]) for heading in _HEADING.finditer(bare)]
        for (start, title), end in zip(starts, [*(at for at, _ in starts[1:]), len(text)], strict=True):
            examples = tuple(one for one in blocks(text[start:end]) if one.language == "yaml" and one.about)
            if examples:
                found[page.name, title] = Section(page.name, title, examples)
    return found


def _item(text: str) -> str:
    """A mapping as an element of a list."""
    return "- " + _indented(text).lstrip()


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" if line else "\n" for line in text.splitlines())
