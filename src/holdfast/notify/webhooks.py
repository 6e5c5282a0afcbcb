"""Sends one webhook, signed as Standard Webhooks has it, and judges the answer."""

from dataclasses import dataclass

import aiohttp
from standardwebhooks.webhooks import Webhook as Signature

from holdfast.clock import now

TIMEOUT_S = 15.0
_ANSWER_BYTES = 500


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt."""

    delivered: bool
    gone: bool
    """The receiver says that nothing should be sent there any more (410)."""
    answer: str
    """For people: status and the beginning of the body, or why there was none."""


async def send(session: aiohttp.ClientSession, url: str, secret: str, event_id: int, payload: bytes) -> Outcome:
    """POST a payload. Anything but a 2xx within 15 seconds is no delivery; redirects are not followed."""
    moment = now()
    message_id = f"msg_{event_id}"
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Holdfast-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Signature(secret).sign(message_id, moment, payload.decode()),
    }
    try:
        async with session.post(
            url, data=payload, headers=headers, allow_redirects=False, timeout=aiohttp.ClientTimeout(TIMEOUT_S)
        ) as response:
            body = await response.content.read(_ANSWER_BYTES)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Outcome(False, False, f"{type(error).__name__}: {error}"[:_ANSWER_BYTES])
    answer = f"{response.status} {body.decode('utf-8', 'replace')}".strip()[:_ANSWER_BYTES]
    return Outcome(200 <= response.status < 300, response.status == 410, answer)
