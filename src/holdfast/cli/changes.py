"""`changes`: what happened to an instance's records, backup by backup, from any cursor on."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli.output import Output, moment, styled
from holdfast.cli.parameters import Json, Name, example

if TYPE_CHECKING:
    from holdfast.operations.feed.reading import FeedEvent

app = typer.Typer()
_STYLES = {"created": "green", "changed": "yellow", "deleted": "red", "field": "cyan"}
_FIELDS_SHOWN = 8


@app.command(
    rich_help_panel="Look",
    epilog=example(
        "holdfast changes mine", "holdfast changes mine --from 1 --json", "holdfast changes mine --after WzIsIiIsIiJd"
    ),
)
def changes(
    name: Name,
    first: Annotated[
        int | None, typer.Option("--from", metavar="N", min=1, help="Begin with backup N.  [default: the newest]")
    ] = None,
    after: Annotated[
        str | None, typer.Option("--after", metavar="CURSOR", help="Go on where an earlier answer ended.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many records.")] = 100,
    json: Json = False,
) -> None:
    """List what happened to the records, in order.

    Every record that was created, changed or deleted, and every field that no record had before. The answer ends with a
    cursor: with --after it goes on there, now or after later backups.
    """
    from holdfast.cli.session import opened
    from holdfast.errors import InputError
    from holdfast.operations.feed.cursors import Cursor
    from holdfast.operations.feed.reading import beginning, read_feed

    output = Output(as_json=json)
    if first is not None and after is not None:
        raise InputError("--from and --after say the same thing: give one of them", field="--after")
    with opened() as session:
        instance = session.instance(name)
        if after is not None:
            cursor = Cursor.parse(after)
        elif first is not None:
            cursor = beginning(session.services, instance, first)
        else:
            cursor = Cursor(session.state(instance).run.sequence)
        page = read_feed(session.services, instance, cursor, limit=limit)
        following = page.next.text()
        output.document({"changes": [_document(one) for one in page.events], "next": following, "more": page.has_more})
        if not page.events:
            output.say("Nothing has changed.")
        output.table(
            ["backup #", "ended", "change", "endpoint", "id", "what …"],
            [
                [one.run, moment(one.ended_at), styled(one.kind, _STYLES[one.kind]), one.endpoint, one.key, _what(one)]
                for one in page.events
            ],
        )
        output.note(f"{'more' if page.has_more else 'what is new later'}: --after {following}")


def _what(event: "FeedEvent") -> str:
    if event.field is not None:
        return f"{event.field.path}: {event.field.kind}"
    more = len(event.changed) - _FIELDS_SHOWN
    return ", ".join(event.changed[:_FIELDS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _document(event: "FeedEvent") -> dict[str, Any]:
    import msgspec

    document: dict[str, Any] = {
        "backup": event.run,
        "backup_id": event.run_id,
        "ended_at": event.ended_at,
        "change": event.kind,
        "endpoint": event.endpoint,
        "id": event.key,
        "cursor": event.cursor.text(),
    }
    if event.field is not None:
        return document | {"field": event.field.path, "kind": event.field.kind}
    if event.kind == "changed":
        document["changed_fields"] = [one.encode("utf-8", "replace").decode() for one in event.changed]
    return document | ({} if event.raw is None else {"record": msgspec.Raw(event.raw)})
