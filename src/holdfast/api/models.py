"""The shapes of answers. Fields that may be absent are left out unless they were set: routes say `exclude_unset`."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema

Id = Annotated[int, WithJsonSchema({"type": "integer", "format": "int64"})]
Count = Annotated[int, WithJsonSchema({"type": "integer", "format": "int64"})]
Time = AwareDatetime | None
Status = Literal["queued", "in_progress", "successful", "failed", "canceled"]

_ID = 8211938918121601
_INSTANCE = 8211939004538880
_RUN = 8211939090956289
_TIME = datetime.fromisoformat("2026-11-24T06:30:00Z")
_LATER = datetime.fromisoformat("2026-11-24T06:31:12.5Z")


class Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Empty(Model):
    """`{}`"""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"maxProperties": 0})


class Problem(Model):
    field: str | None = Field(
        description="What it is about, by the name it was sent with.", examples=["customer[name]"]
    )
    code: str = Field(description="For machines; stable.", examples=["missing"])
    message: str = Field(description="For people.", examples=["this is required"])


class Errors(Model):
    """What is wrong, all of it."""

    errors: list[Problem]


class OAuthError(Model):
    """RFC 6749, section 5.2."""

    error: str = Field(examples=["invalid_client"])
    error_description: str = Field(examples=["client_id and client_secret do not belong together"])


class Token(Model):
    access_token: str = Field(examples=["hft_Zb0vHkP1yJ3..."])
    expires_in: int = Field(description="Seconds.", examples=[899])
    token_type: Literal["bearer_token", "bearer"] = Field(examples=["bearer_token"])


class VendorUser(Model):
    vendor_id: Id = Field(examples=[_ID])
    name: str = Field(examples=["Acme"])
    email: str = Field(examples=["backup@acme.example"])
    client_id: str = Field(examples=["hfc_3VwqPz4sYh0mN2kQ9aTz"])
    client_secret: str = Field(description="Masked: only its hash is stored.", examples=["********x7Qk"])


class Customer(Model):
    id: Id = Field(examples=[_ID])
    name: str = Field(description="Your own identifier for it, unique among your customers.", examples=["acct-1017"])
    email: str | None = Field(description="Where confirmations go.", examples=["it@customer.example"])
    created_at: AwareDatetime = Field(examples=[_TIME])


class BackupDefinition(Model):
    id: Id = Field(examples=[_ID])
    vendor_id: Id = Field(examples=[_ID])
    name: str = Field(examples=["GitHub"])
    description: str = Field(examples=["Issues, comments and releases of every repository the token can see"])
    published: bool = Field(description="Other vendors see it and may use it.", examples=[True])
    has_document: bool = Field(description="Without one, backups fail and say so.", examples=[True])


class BackupDefinitionVariable(Model):
    key: str = Field(examples=["token"])
    name: str = Field(examples=["Access token"])
    description: str | None = Field(examples=["Settings, Developer settings"])
    optional: bool = Field(examples=[False])
    default_value: str | None = Field(examples=[None])
    secret: bool = Field(description="Its values are sealed and never shown.", examples=[True])


class BackupInstanceVariable(Model):
    key: str = Field(examples=["token"])
    value: str = Field(description="Masked where the variable is secret.", examples=["********"])
    is_default_value: bool = Field(examples=[False])


class BackupInstance(Model):
    id: Id = Field(examples=[_INSTANCE])
    backup_definition_id: Id = Field(examples=[_ID])
    customer_id: Id = Field(examples=[_ID])
    backup_frequency: Literal["off", "daily", "weekly"] = Field(
        default="off", description="Left out where the schedule is a finer one.", examples=["daily"]
    )
    schedule: str = Field(description="off, hourly, daily, weekly, or a cron expression.", examples=["daily"])
    time_zone: str | None = Field(description="What a cron expression's times are in.", examples=[None])
    last_backup_state: Literal["queued", "in progress", "successful", "failed", "canceled"] | None = Field(
        default=None, description="Left out before the first backup.", examples=["successful"]
    )
    last_successful_backup: Time = Field(examples=[_LATER])
    next_scheduled_backup: Time = Field(examples=[_LATER])
    created_at: AwareDatetime = Field(examples=[_TIME])


class Failure(Model):
    """Something that went wrong in a backup or an export."""

    model_config = ConfigDict(extra="allow")

    endpoint: str | None = Field(default=None, examples=["issues"])
    page: int | None = Field(default=None, examples=[3])
    record_id: str | None = Field(default=None, examples=["4711"])
    code: str = Field(examples=["source_failed"])
    message: str = Field(examples=["GET https://api.example/issues?page=3 answered 500, six times"])


class Backup(Model):
    id: Id = Field(examples=[_RUN])
    backup_instance_id: Id = Field(examples=[_INSTANCE])
    status: Status = Field(examples=["successful"])
    queued_at: AwareDatetime = Field(examples=[_TIME])
    started_at: Time = Field(examples=[_TIME])
    ended_at: Time = Field(examples=[_LATER])
    failures: list[Failure] = Field(examples=[[]])
    counters: dict[str, Any] = Field(
        description="Records that are there (live), new, changed, unchanged, deleted ...", examples=[{"live": 1200}]
    )


class Endpoint(Model):
    name: str = Field(examples=["issues"])
    description: str | None = Field(examples=["Issues and pull requests"])


class EndpointRecord(Model):
    id: str = Field(description="The source's id. Percent-encode it in a path.", examples=["4711"])
    field_data: dict[str, Any] = Field(
        description="The record as the source sent it.", examples=[{"id": 4711, "title": "It rains in"}]
    )
    blob_url: str | None = Field(description="Where its blob is, if it has one.", examples=[None])


class Export(Model):
    id: Id = Field(examples=[_ID])
    backup_instance_id: Id = Field(examples=[_INSTANCE])
    backup_run_id: Id = Field(description="The backup that is exported.", examples=[_RUN])
    status: Status = Field(examples=["successful"])
    started_at: Time = Field(examples=[_TIME])
    ended_at: Time = Field(examples=[_LATER])
    content_types: str | None = Field(examples=["image/png,application/pdf"])
    export_formats: str | None = Field(examples=["blobs,csv,json"])
    exported_data_url: str | None = Field(
        description="Where the archive is; works without a token until it expires.", examples=[None]
    )
    exported_data_url_expiration: Time = Field(examples=[_LATER])
    failures: list[Failure] = Field(examples=[[]])
    records_failed: Count = Field(examples=[0])
    records_processed: Count = Field(examples=[1200])
    size_bytes: Count | None = Field(description="Of the archive.", examples=[48_211])


class ExportReauth(Model):
    exported_data_url: str = Field(
        examples=["https://backup.example/v1/archives/8211939004538880?expires=1&signature=x"]
    )
    exported_data_url_expiration: AwareDatetime = Field(examples=[_LATER])


class LogEntry(Model):
    time: AwareDatetime = Field(examples=[_TIME])
    level: str = Field(examples=["info"])
    message: str = Field(examples=["backup 3 was successful: 1,200 records"])
    fields: dict[str, Any] = Field(examples=[{"backup_id": _RUN}])


class LogPage(Model):
    entries: list[LogEntry]
    scroll_id: str | None = Field(
        description="Where `/logs/{scroll_id}` goes on, also with entries that are still to come.", examples=["eyJ..."]
    )
