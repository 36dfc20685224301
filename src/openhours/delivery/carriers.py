"""What all that carries deliveries somewhere has in common."""

from typing import Any, Protocol

from sqlalchemy import Row


class NotDelivered(Exception):
    """It did not arrive, for the reason in the message; `final`: nor will it ever."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class Carrier(Protocol):
    """Carries the deliveries of one channel."""

    @property
    def place(self) -> str:
        """Return where they go, without anything secret."""

    async def send(self, delivery: Row[Any]) -> str:
        """Send one; return where it arrived. Raise NotDelivered, NotFound if its event is gone."""
