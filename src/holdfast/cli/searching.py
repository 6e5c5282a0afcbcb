"""`search`: the records of a backup that have a text or fulfil conditions, shown as they are found."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli import completion
from holdfast.cli.output import Output, count
from holdfast.cli.parameters import At, Backup, Json, Name, example, parse_time

if TYPE_CHECKING:
    from holdfast.operations.search import Hit
    from holdfast.operations.search.matching import Matcher

app = typer.Typer()
_CONDITION = re.compile(r"[A-Za-z_][\w.-]*\s*(?:=|!=|<=?|>=?|~)\s*\S")
"""What looks like a condition, and was given as a text."""
_PREVIEW = 100
"""Characters of a record that are shown where only conditions were asked for."""


@app.command(
    rich_help_panel="Look",
    epilog=example(
        'holdfast search mine "quarterly report"',
        "holdfast search mine invoice --where state=open --where 'total>=1000' --at 2026-11-01",
    ),
)
def search(
    name: Name,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="What stands in a value; upper and lower case are the same.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", metavar="FIELD=VALUE", help="A field's value; instead of = also !=, <, <=, >, >=, ~ (contains)."
        ),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", metavar="ENDPOINT", help="Only this one.", autocompletion=completion.endpoint_names),
    ] = None,
    backup: Backup = None,
    at: At = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
    json: Json = False,
) -> None:
    """Find records by what stands in them, over all endpoints.

    Every condition must hold. FIELD is a dotted path; a list on the way stands for each of its elements. There is no
    index: the backup is decrypted in memory and looked through, a million records in a few seconds.
    """
    from holdfast.cli.records import about, standing
    from holdfast.cli.session import opened
    from holdfast.operations.search import Query
    from holdfast.operations.search import search as look
    from holdfast.operations.search.matching import Matcher

    output = Output(as_json=json)
    query = Query.parse(text, where or [], endpoint)
    matcher = Matcher(query)
    found: list[dict[str, Any]] = []
    shown, is_more = 0, False
    with opened() as session:
        state = session.state(session.instance(name), backup=backup, at=parse_time(at))
        steps = look(session.services, state, query)
        for hit in (hit for step in steps for hit in step.hits):
            if shown == limit:
                is_more = True
                break
            shown += 1
            if json:
                found.append(_document(hit, matcher))
            else:
                _tell(output, hit, matcher)
        steps.close()
        if endpoint is None and text is not None and any(one.name == text for one in session.browser.endpoints(state)):
            output.note(f"{text} is an endpoint: `--endpoint {text}` looks in its records only")
        if not shown and text is not None and _CONDITION.match(text):
            output.note(f"{text} was looked for as a text; `--where '{text}'` looks at a field")
        output.document(about(state) | {"hits": found, "more": is_more})
        output.note(f"{count(shown, 'record')}{' and more (--limit)' if is_more else ''} {standing(state)}")


def _tell(output: Output, hit: "Hit", matcher: "Matcher") -> None:
    from holdfast.cli.records import preview

    output.say(f"{hit.endpoint} {hit.key}", "bold")
    matches = matcher.found(hit.raw)
    for match in matches:
        output.say(f"    {match.field}: {' '.join(match.excerpt.split())}")
    if not matches:
        output.say(f"    {preview(hit.raw)[:_PREVIEW]}")


def _document(hit: "Hit", matcher: "Matcher") -> dict[str, Any]:
    import msgspec

    return {
        "endpoint": hit.endpoint,
        "id": hit.key,
        "since_backup": hit.row.run_from,
        "has_blob": hit.row.blob is not None,
        "matches": [{"field": one.field, "text": _encodable(one.excerpt)} for one in matcher.found(hit.raw)],
        "record": msgspec.Raw(hit.raw),
    }


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
