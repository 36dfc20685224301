"""Webhooks, by the specification of Standard Webhooks: https://www.standardwebhooks.com."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours import __version__
from openhours.delivery.carriers import NotDelivered
from openhours.delivery.queries import find_ingestion_of, find_report_of
from openhours.ingestion.names import printable
from openhours.ingestion.schemas import ingestion_info
from openhours.reports.schemas import report_info
from openhours.settings import webhook_key
from openhours.times import iso, now

# Of the whole request, from the name's look-up to the end of the answer.
_TIMEOUT = 15.0  # seconds
_MAX_SAID = 200  # bytes of an answer
# Lists that may be long, in a message that should be short; and this delivery itself.
_LEFT_OUT = {"windows", "corrections", "labels", "label_keys", "deliveries"}
_GONE = 410

# It logs each address, whose path or query may be secret.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


def sign(secret: SecretStr, delivery_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` of a body that is sent at `timestamp` (seconds)."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    digest = hmac.new(webhook_key(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


class Webhooks:
    """Sends events to the address of the settings, and nowhere else."""

    def __init__(
        self, engine: AsyncEngine, url: SecretStr, secret: SecretStr, public_url: str | None
    ) -> None:
        self._engine = engine
        self._url = url
        self._secret = secret
        self._public_url = public_url or ""
        self._tls = httpx.create_ssl_context()

    @property
    def place(self) -> str:
        """Return the address without user, path and query."""
        parts = urlsplit(self._url.get_secret_value())
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    async def send(self, delivery: Row[Any]) -> str:
        """Post an event; return `place`. Raise NotDelivered, NotFound if its event is gone."""
        body = await self._body(delivery)
        timestamp = int(now().timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": f"openhours/{__version__}",
            "accept-encoding": "identity",  # what is shown of an answer is read as it comes
            "webhook-id": delivery.delivery_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._secret, delivery.delivery_id, timestamp, body),
        }
        try:
            # httpx's own limit is for each read: a server that drips would never end.
            async with asyncio.timeout(_TIMEOUT):
                await self._post(body, headers)
        except (httpx.TimeoutException, TimeoutError):
            raise NotDelivered(f"no answer within {_TIMEOUT:g} seconds") from None
        except httpx.HTTPError as error:
            reason = printable(str(error)) or type(error).__name__
            raise NotDelivered(f"not reached: {reason}") from None
        return self.place

    async def _post(self, body: bytes, headers: dict[str, str]) -> None:
        async with (
            # No proxies and passwords of the environment.
            httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=_TIMEOUT) as client,
            client.stream(
                "POST", self._url.get_secret_value(), content=body, headers=headers
            ) as answer,
        ):
            if answer.is_success:
                return
            message = f"HTTP {answer.status_code}"
            if answer.is_redirect:
                raise NotDelivered(f"{message}: redirects are not followed")
            said = printable((await _beginning(answer)).decode(errors="replace").strip())
            if said:
                message += f": {said}"
            raise NotDelivered(message, final=answer.status_code == _GONE)

    async def _body(self, delivery: Row[Any]) -> bytes:
        if delivery.report is not None:
            report = await find_report_of(self._engine, delivery)
            ended = report.finished_at or report.created_at
            info = report_info(report, self._public_url)
            data = info.model_dump(mode="json", exclude=_LEFT_OUT)
        else:
            ingestion = await find_ingestion_of(self._engine, delivery)
            ended = ingestion.finished_at or ingestion.created_at
            data = ingestion_info(ingestion).model_dump(mode="json", exclude=_LEFT_OUT)
        content = {"type": delivery.event, "timestamp": iso(ended), "data": data}
        return json.dumps(content, separators=(",", ":")).encode()


async def _beginning(answer: httpx.Response) -> bytes:
    """Return the first bytes of an answer, however much it sends."""
    found = b""
    async for chunk in answer.aiter_raw(_MAX_SAID):
        found += chunk
        if len(found) >= _MAX_SAID:
            break
    return found[:_MAX_SAID]
