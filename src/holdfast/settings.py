"""Every setting of an installation, typed, from the environment. docs/operations.md has a heading for each."""

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from holdfast.errors import InputError

_PREFIX = "HOLDFAST_"


class Settings(BaseModel):
    """Variables `HOLDFAST_<NAME>`. Construct through `load_settings`, which reads them and explains what is wrong."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    home: Path = Field(default_factory=lambda: Path.home() / ".holdfast")
    """The data folder: catalog, vault and key file of an installation on one machine."""

    database_url: str = ""
    """The catalog: `sqlite:///FILE` or `postgresql://...`. Default: `catalog.db` in the data folder."""

    storage_url: str = ""
    """The vault: a folder, `s3://BUCKET/PREFIX`, `gs://...`, `az://...`. Default: `vault` in the data folder."""

    replica_url: str = ""
    """Copies of the vault, each written as in `storage_url`; several are separated by spaces."""

    replicate_minutes: int = Field(default=15, ge=0, le=44_640)
    """How often a worker brings the replicas up to date; 0: never by itself."""

    prune_storage_url: str = ""
    """The same vault with a credential that may delete, for `prune`, `erase` and `key`."""

    append_only: bool = False
    """Nothing is deleted from the vault but by `prune`, `erase` and `key`, through `prune_storage_url`."""

    prune_hours: int = Field(default=24, ge=0, le=8_760)
    """How often the worker prunes by the policies; 0: never."""

    verify_days: int = Field(default=30, ge=0, le=3_650)
    """In how many days a worker proves all data of the vault, a little every hour; 0: never by itself."""

    verify_replica_days: int = Field(default=90, ge=0, le=3_650)
    """The same for each replica, of which storages elsewhere may charge the reading; 0: never by itself."""

    root_key: SecretStr | None = None
    """The root key itself."""

    root_key_file: Path | None = None
    """A file with the root key. Default: `root.key` in the data folder."""

    root_key_command: str | None = None
    """A command that prints the root key."""

    allow_private_network: bool = False
    """Let definitions reach loopback, link-local and private addresses."""

    backups_at_once: int = Field(default=4, ge=1, le=64)
    """How many backups one worker runs side by side."""

    turn_minutes: float = Field(default=10, gt=0, le=10_000)
    """A backup that has run for so long lets others go first, where others wait."""

    worker_dead_seconds: float = Field(default=30, ge=2, le=600)
    """With PostgreSQL: a worker that was silent for so long is dead, and others take its runs over."""

    checkpoint_records: int = Field(default=10_000, ge=2, le=100_000)
    """A crash repeats the reading of at most so many records."""

    checkpoint_seconds: float = Field(default=2.0, gt=0, le=5)
    """A checkpoint is written at least every so many seconds while records arrive."""

    host: str = "127.0.0.1"
    """The address `holdfast serve` listens on."""

    port: int = Field(default=8787, ge=0, le=65535)
    """The port `holdfast serve` listens on."""

    public_url: str = Field(default="", pattern=r"^(https?://[^/?#\s]+(/[^?#\s]*)?)?$")
    """Where clients reach the API, such as `https://backup.example.org`. Default: what a request says."""

    token_seconds: int = Field(default=899, ge=1, le=86_400)
    """How long an access token is good for."""

    token_type: Literal["bearer_token", "bearer"] = "bearer_token"
    """What a token answer calls the token; OAuth libraries insist on `bearer`."""

    export_url_hours: int = Field(default=24, ge=1, le=8_760)
    """How long an export's address is good for; `reauth` gives a new one."""

    export_days: int = Field(default=7, ge=1, le=365)
    """How long an export's archive is kept after its address was last renewed."""

    smtp_host: str = ""
    """The mail server that confirmations are sent through; without one none are sent."""

    smtp_port: int = Field(default=587, ge=1, le=65535)
    """The mail server's port."""

    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection to the mail server is protected."""

    smtp_username: str = ""
    """The name to log in to the mail server with; without one nobody logs in."""

    smtp_password: SecretStr | None = None
    """The password that goes with it."""

    mail_from: str = ""
    """The sender of mails. Default: `holdfast@` and this machine's name."""

    alert_to: str = ""
    """The operator's addresses, by spaces: mailed when a backup fails or is late, or a credential is refused."""

    alert_vendors: bool = True
    """The same mails go to the vendor whose instance it is, if it has an address."""

    alert_late_hours: float = Field(default=24, gt=0, le=8_760)
    """A backup is late if it has not ended so long after it was due."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe log lines written."""

    log_format: Literal["text", "json"] = "text"
    """How log lines are written to standard error."""

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home.absolute() / 'catalog.db'}"

    @property
    def effective_storage_url(self) -> str:
        return self.storage_url or str(self.home.absolute() / "vault")

    @property
    def replica_urls(self) -> tuple[str, ...]:
        return tuple(self.replica_url.split())

    @property
    def effective_root_key_file(self) -> Path:
        return self.root_key_file or self.home.absolute() / "root.key"


def load_settings() -> Settings:
    """The settings of this process's environment. Raises InputError that names the variable."""
    given = {
        name[len(_PREFIX) :].lower(): value
        for name, value in os.environ.items() if name.upper().startswith(_PREFIX)
    }  # fmt: skip
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = _PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        raise InputError(
            f"{name}: {first['msg']}", field=name, hint="docs/operations.md lists every setting."
        ) from error
