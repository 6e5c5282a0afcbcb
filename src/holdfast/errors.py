"""Every error Holdfast raises on purpose. The lowest layer translates a library's exceptions into these, once.

    HoldfastError
    ├── InputError                what the caller gave is wrong
    │   ├── DefinitionError       a definition's document: file, line, "did you mean"
    │   ├── NotFound              no such object, or not yours to see
    │   └── Conflict              the request contradicts what is there
    ├── SourceError               the SaaS application's API
    │   ├── SourceUnreachable     no answer: name, connection, TLS, time-out            (retryable)
    │   ├── SourceThrottled       429 and the like beyond our patience                  (retryable)
    │   ├── SourceFailed          5xx beyond our patience                               (retryable)
    │   ├── CredentialRefused     401, or what the definition declares as such
    │   ├── SourceRefused         any other answer that is no success
    │   ├── PageUnreadable        the body is not what the definition says
    │   ├── PositionExpired       the page position is no longer known: list again
    │   └── WriteUncertain        nobody knows whether a change was made: look first
    ├── StorageError              the object store
    │   ├── StorageUnavailable    no answer, throttled, 5xx                             (retryable)
    │   ├── StorageFull           no space left
    │   ├── ObjectMissing         no object of that name
    │   ├── ObjectLocked          an object lock forbids to delete it: a policy at work
    │   └── ObjectExists          the name is taken by other bytes
    ├── VaultError                what is in the object store
    │   ├── WrongKey              this key does not open this vault
    │   └── Damaged               an object's bytes are not what was written
    ├── CatalogError              the SQL index
    │   ├── CatalogBusy           locked beyond our patience                            (retryable)
    │   └── LeaseLost             another worker has taken this instance
    ├── EngineError               durable jobs
    │   └── WorkerElsewhere       another process is this installation's worker
    └── NotifyError               mails and webhooks
        ├── MailError             the mail server took no mail                          (retryable)
        │   └── MailDeferred      it takes this one later: of others it says nothing    (retryable)
        └── MailRefused           it will never take this one

`code` is stable and for machines, `retryable` tells whether the same call may succeed later, `hint` says what to do.
`api.errors` maps these to HTTP answers and `cli.errors` to exit codes.
"""

import re
from datetime import datetime

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def plain(text: str) -> str:
    """Text that can be stored, sent and shown, whatever a source put into it: halves of characters, which no encoding
    has, and control characters, which speak to terminals, are replaced; tabs and line ends stay.
    """
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


class HoldfastError(Exception):
    """The root. `str()` is one sentence for people, which is `plain`."""

    code = "error"
    retryable = False

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(plain(message))
        self.hint = None if hint is None else plain(hint)
        if code is not None:
            self.code = code

    @property
    def in_full(self) -> str:
        """The sentence, and behind it what to do."""
        return str(self) if self.hint is None else f"{self} ({self.hint})"


class InputError(HoldfastError):
    """What the caller gave is wrong; `field` names where."""

    code = "invalid"

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None, code: str | None = None):
        super().__init__(message, hint=hint, code=code)
        self.field = field


class DefinitionError(InputError):
    """A definition's document is wrong. `str()` starts with `file:line:` where they are known.

    `problems` holds one DefinitionError for each thing that is wrong, in the order of their lines.
    """

    code = "definition_invalid"

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, field: str | None = None,
        hint: str | None = None,
    ) -> None:  # fmt: skip
        place = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(f"{place}: {message}" if place else message, field=field, hint=hint)
        self.file, self.line = file, line
        self.problems: list[DefinitionError] = [self]

    @classmethod
    def of(cls, problems: "list[DefinitionError]", *, file: str | None = None) -> "DefinitionError":
        """One error for all the `problems` (at least one) of a document; its text has a line for each."""
        if len(problems) == 1:
            return problems[0]
        ordered = sorted(problems, key=lambda problem: problem.line or 0)
        lines = [f"{len(problems)} problems"] + [str(problem) for problem in ordered]
        error = cls("\n  ".join(lines), file=file, field=ordered[0].field)
        error.line, error.problems = ordered[0].line, ordered
        return error


class NotFound(InputError):
    code = "not_found"


class Conflict(InputError):
    code = "conflict"


class SourceError(HoldfastError):
    """The SaaS application's API did not do what the definition says. `status` is the HTTP status, if there was one."""

    code = "source_error"

    def __init__(
        self, message: str, *, status: int | None = None, hint: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.status = status
        self.asked: str | None = None
        """Method and URL of the request that it is about, without the credential and other secrets."""

    @property
    def in_full(self) -> str:
        """The sentence, and behind it what was asked and what to do."""
        asked = f" [{plain(self.asked)}]" if self.asked else ""
        return f"{self}{asked}" + (f" ({self.hint})" if self.hint else "")


class SourceUnreachable(SourceError):
    code = "source_unreachable"
    retryable = True


class SourceThrottled(SourceError):
    code = "source_throttled"
    retryable = True


class SourceFailed(SourceError):
    code = "source_failed"
    retryable = True


class CredentialRefused(SourceError):
    code = "credential_refused"


class SourceRefused(SourceError):
    code = "source_refused"


class PageUnreadable(SourceError):
    code = "page_unreadable"


class PositionExpired(SourceError):
    code = "position_expired"


class WriteUncertain(SourceError):
    code = "write_uncertain"


class StorageError(HoldfastError):
    code = "storage_error"


class StorageUnavailable(StorageError):
    code = "storage_unavailable"
    retryable = True


class StorageFull(StorageError):
    code = "storage_full"


class ObjectMissing(StorageError):
    code = "object_missing"


class ObjectExists(StorageError):
    code = "object_exists"


class ObjectLocked(StorageError):
    """Nobody may delete it before `until`; None: before somebody takes the lock away."""

    code = "object_locked"

    def __init__(self, message: str, *, until: datetime | None) -> None:
        super().__init__(message)
        self.until = until


class VaultError(HoldfastError):
    code = "vault_error"


class WrongKey(VaultError):
    code = "wrong_key"


class Damaged(VaultError):
    """An object's bytes are not what was written; `object_name` names it."""

    code = "damaged"

    def __init__(self, message: str, *, object_name: str, hint: str | None = None) -> None:
        hint = hint or "`holdfast verify` names what it held, `holdfast repair` gets back what can be had."
        super().__init__(message, hint=hint)
        self.object_name = object_name


class CatalogError(HoldfastError):
    code = "catalog_error"


class CatalogBusy(CatalogError):
    code = "catalog_busy"
    retryable = True


class LeaseLost(CatalogError):
    code = "lease_lost"


class EngineError(HoldfastError):
    code = "engine_error"


class WorkerElsewhere(EngineError):
    code = "worker_elsewhere"


class NotifyError(HoldfastError):
    code = "notify_error"


class MailError(NotifyError):
    code = "mail_error"
    retryable = True


class MailDeferred(MailError):
    code = "mail_deferred"


class MailRefused(NotifyError):
    code = "mail_refused"
