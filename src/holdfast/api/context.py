"""What every route works with, made once per application."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from holdfast.api.known_tokens import KnownTokens
from holdfast.api.metrics import Metrics
from holdfast.api.recent_fleet import RecentFleet
from holdfast.identity.attempts import Attempts
from holdfast.operations.browsing import Browser
from holdfast.operations.record_pages import RecordPages
from holdfast.operations.services import Services
from holdfast.settings import Settings


@dataclass(frozen=True)
class ApiContext:
    services: Services
    browser: Browser
    record_pages: RecordPages
    known_tokens: KnownTokens
    reads_are_quick: bool
    """Whether a small read takes less than handing it to a thread: catalog and vault are files of this machine."""
    fleet: RecentFleet
    attempts: Attempts = field(default_factory=Attempts)
    metrics: Metrics = field(default_factory=Metrics)

    @classmethod
    def of(cls, services: Services) -> "ApiContext":
        browser = Browser(services)
        local = services.settings.effective_database_url.startswith("sqlite") and services.storage.url.startswith(
            "file:"
        )
        return cls(
            services,
            browser,
            RecordPages(services, browser),
            KnownTokens(services),
            local,
            RecentFleet(services.database),
        )

    @property
    def settings(self) -> Settings:
        return self.services.settings


async def _context(request: Request) -> ApiContext:
    found: ApiContext = request.app.state.context
    return found


Context = Annotated[ApiContext, Depends(_context)]
