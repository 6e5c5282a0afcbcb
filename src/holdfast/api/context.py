"""What every route works with, made once per application."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from holdfast.api.known_tokens import KnownTokens
from holdfast.identity.attempts import Attempts
from holdfast.operations.browsing import Browser
from holdfast.operations.services import Services
from holdfast.settings import Settings


@dataclass(frozen=True)
class ApiContext:
    services: Services
    browser: Browser
    known_tokens: KnownTokens
    attempts: Attempts = field(default_factory=Attempts)

    @classmethod
    def of(cls, services: Services) -> "ApiContext":
        return cls(services, Browser(services), KnownTokens(services))

    @property
    def settings(self) -> Settings:
        return self.services.settings


async def _context(request: Request) -> ApiContext:
    found: ApiContext = request.app.state.context
    return found


Context = Annotated[ApiContext, Depends(_context)]
