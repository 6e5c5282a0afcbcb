"""Definitions of the hostile source as YAML, the way users write them."""

import textwrap

_HEAD = """\
holdfast: 1
name: Hostile
variables:
  - {{key: token, name: Token, secret: true, optional: true}}
connection:
  base_url: {url}
  limits: {{concurrency: 4}}
  retry: {{attempts: 2, first_wait: 1ms, longest_wait: 2ms}}
endpoints:
"""


def document(url: str, *endpoints: str) -> str:
    """A definition with these endpoints, each a YAML mapping's lines."""
    items = "".join("  - " + textwrap.indent(textwrap.dedent(one).strip(), "    ").strip() + "\n" for one in endpoints)
    return _HEAD.format(url=url) + items


ITEMS = """
name: items
path: /cursor/items
records: items
id: id
paging: {type: cursor, body: next_cursor, query: cursor}
"""
STABLE_ITEMS = ITEMS + "stable: true\n"
CONFIRMED_ITEMS = ITEMS + 'record: {path: "/record/items/{{ record.id }}"}\n'
DELTA_ITEMS = STABLE_ITEMS + 'incremental: {field: updated_at, query: {since: "{{ cursor }}"}, full_every: 7d}\n'
PARENTS = """
name: parents
path: /cursor/parents
records: items
id: id
paging: {type: cursor, body: next_cursor, query: cursor}
stable: true
"""
CHILDREN = """
name: children
for_each: parents
path: /cursor/parents/{{ parent.id }}/children
records: items
id: id
paging: {type: cursor, body: next_cursor, query: cursor}
stable: true
"""
