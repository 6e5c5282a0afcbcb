"""`endpoints`, `records`, `show`, `blob`: what is in a backup, now or as it was."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli.output import Output, count, moment, size
from holdfast.cli.parameters import At, Backup, Endpoint, Json, Name, RecordId, example, parse_time
from holdfast.errors import NotFound

if TYPE_CHECKING:
    from holdfast.cli.session import Session
    from holdfast.operations.browsing import State, StoredRecord

app = typer.Typer()
_PANEL = "Look"
_PREVIEW_BYTES = 120


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast endpoints mine", "holdfast endpoints mine --backup 1"))
def endpoints(name: Name, backup: Backup = None, at: At = None, json: Json = False) -> None:
    """List the kinds of records, with their numbers."""
    from holdfast.cli.session import opened

    output = Output(as_json=json)
    with opened() as session:
        state = session.state(session.instance(name), backup=backup, at=parse_time(at))
        found = session.browser.endpoints(state)
        output.document(
            about(state)
            | {
                "endpoints": [
                    {"endpoint": one.name, "records": one.records, "description": one.description} for one in found
                ]
            }
        )
        output.table(
            ["endpoint", "records #", "description"], [[one.name, one.records, one.description] for one in found]
        )
        output.note(standing(state))


@app.command(
    rich_help_panel=_PANEL,
    epilog=example("holdfast records mine issues", "holdfast records mine issues --at 2026-11-24 --limit 100"),
)
def records(
    name: Name,
    endpoint: Endpoint,
    backup: Backup = None,
    at: At = None,
    after: Annotated[str | None, typer.Option("--after", metavar="ID", help="Go on behind this record.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    json: Json = False,
) -> None:
    """List the records of an endpoint, now or as they were."""
    from holdfast.cli.session import opened

    output = Output(as_json=json)
    with opened() as session:
        state = session.state(session.instance(name), backup=backup, at=parse_time(at))
        found = session.browser.records(state, endpoint, after=after, limit=limit + 1)
        is_more, found = len(found) > limit, found[:limit]
        following = found[-1].key if is_more else None
        output.document(
            about(state) | {"endpoint": endpoint, "records": [_document(one) for one in found], "next_after": following}
        )
        output.table(
            ["id", "since backup #", "bytes #", "blob", "content …"],
            [
                [one.key, one.row.run_from, len(one.raw), "yes" if one.has_blob else "", preview(one.raw)]
                for one in found
            ],
        )
        output.note(f"{count(session.browser.count(state, endpoint), 'record')} {standing(state)}")
        if following is not None:
            output.note(f"more: --after '{following}'")


@app.command(
    rich_help_panel=_PANEL,
    epilog=example("holdfast show mine issues 4711", "holdfast show mine issues 4711 --backup 1 --raw"),
)
def show(
    name: Name,
    endpoint: Endpoint,
    record_id: RecordId,
    backup: Backup = None,
    at: At = None,
    raw: Annotated[bool, typer.Option("--raw", help="The bytes that the source sent, and nothing else.")] = False,
    json: Json = False,
) -> None:
    """Print one record, now or as it was.

    Indented for reading, every value spelt as the source spelt it.
    """
    from holdfast.cli.session import opened

    output = Output(as_json=json)
    with opened() as session:
        state = session.state(session.instance(name), backup=backup, at=parse_time(at))
        record = find(session, state, endpoint, record_id)
        if raw:
            output.bytes(record.raw)
            return
        output.document(about(state) | {"endpoint": endpoint} | _document(record))
        output.note(f"{endpoint} {record.key} {standing(state)}; this version dates from backup {record.row.run_from}")
        if record.has_blob:
            blob = session.browser.blob(state, record).descriptor
            described = ", ".join(text for text in (blob.name, blob.content_type, size(blob.size_bytes)) if text)
            output.note(f"blob: {described}")
        if not json:
            output.record(record.raw)


@app.command(rich_help_panel=_PANEL, epilog=example("holdfast blob mine issues 4711 -o screenshot.png"))
def blob(
    name: Name,
    endpoint: Endpoint,
    record_id: RecordId,
    target: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; - is standard output.")
    ],
    backup: Backup = None,
    at: At = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    json: Json = False,
) -> None:
    """Write a record's blob to a file.

    Its bytes are compared with their digest; the file appears only when it is whole.
    """
    from holdfast.cli.files import STANDARD_OUTPUT, written
    from holdfast.cli.progress import byte_bar
    from holdfast.cli.session import opened

    output = Output(as_json=json and target != STANDARD_OUTPUT)
    with opened() as session:
        state = session.state(session.instance(name), backup=backup, at=parse_time(at))
        record = find(session, state, endpoint, record_id)
        stored = session.browser.blob(state, record)
        described = stored.descriptor
        shown = described.name or record.key
        with byte_bar(output, shown, described.size_bytes) as advance, written(target, force=force) as file:
            for piece in stored.read():
                file.write(piece)
                advance(len(piece))
        output.document(
            about(state)
            | {
                "endpoint": endpoint,
                "id": record.key,
                "file": target,
                "bytes": described.size_bytes,
                "name": described.name,
                "content_type": described.content_type,
            }
        )
        if target != STANDARD_OUTPUT:
            kind = f" ({described.content_type})" if described.content_type else ""
            output.say(f"Wrote {size(described.size_bytes)}{kind} to {target}", "green")


def find(session: "Session", state: "State", endpoint: str, record_id: str) -> "StoredRecord":
    """A record. Raises NotFound, which says in which backup it is, or what the endpoint's ids look like."""
    try:
        return session.browser.record(state, endpoint, record_id)
    except NotFound as error:
        if error.field == "record_id":
            gone = session.browser.deleted_in(state, endpoint, record_id)
            if gone is not None:
                deleted, shown_by = gone
                raise NotFound(
                    f"{error} {standing(state)}: it was deleted in backup {deleted}",
                    field="ID",
                    hint=None if shown_by is None else f"`--backup {shown_by}` shows it as it was before.",
                ) from error
            like = session.browser.keys(state, endpoint, limit=1)
            seen = f"Ids of {endpoint} look like {like[0]}; `holdfast records` lists them." if like else None
            raise NotFound(f"{error} {standing(state)}", field="ID", hint=seen) from error
        raise


def about(state: "State") -> dict[str, Any]:
    return {"backup": state.run.sequence, "backup_id": state.run.id, "as_of": state.run.ended_at}


def _document(record: "StoredRecord") -> dict[str, Any]:
    import msgspec

    return {
        "id": record.key,
        "since_backup": record.row.run_from,
        "has_blob": record.has_blob,
        "record": msgspec.Raw(record.raw),
    }


def standing(state: "State") -> str:
    from holdfast.cli import summaries

    run = state.run
    came = "" if run.status == "successful" else f", which {summaries.SAID[run.status]}"
    ended = f" ({moment(run.ended_at)})" if run.ended_at is not None else ""
    return f"as of backup {run.sequence}{ended}{came}"


def preview(raw: bytes) -> str:
    """The beginning of a record on one line; a terminal cuts it further."""
    text = " ".join(raw[:_PREVIEW_BYTES].decode(errors="replace").split())
    return text if len(raw) <= _PREVIEW_BYTES else f"{text}…"
