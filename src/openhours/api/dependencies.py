"""Typed resources of the running application, as dependencies of routes."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar, cast

from fastapi import Depends, FastAPI, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.settings import Settings

T = TypeVar("T")


class Resource(Generic[T]):
    """A named, typed place in the application's state; as a dependency it gives what is there."""

    def __init__(self, name: str) -> None:
        self._name = name

    def set(self, app: FastAPI, value: T) -> None:
        """Put the value there, for as long as the application runs."""
        setattr(app.state, self._name, value)

    def of(self, app: FastAPI) -> T:
        """Return the value."""
        return cast("T", getattr(app.state, self._name))

    # Asynchronous, because FastAPI would call it on another thread otherwise.
    async def __call__(self, request: Request) -> T:
        """Return the value, as FastAPI's dependency."""
        return self.of(request.app)


ENGINE: Resource[AsyncEngine] = Resource("engine")
HEALTH_ENGINE: Resource[AsyncEngine] = Resource("health_engine")
SETTINGS: Resource[Settings] = Resource("settings")
STARTED_AT: Resource[datetime] = Resource("started_at")


def public_path(request: Request) -> str:
    """Return what stands before the paths of our routes in links: `Settings.public_path`."""
    return SETTINGS.of(request.app).public_path


def address_of(request: Request) -> str:
    """Return the address the request came from; "" where it is not known."""
    return request.client.host if request.client else ""


async def client_address(request: Request) -> str:
    """Return `address_of` the request, as FastAPI's dependency."""
    return address_of(request)


Engine = Annotated[AsyncEngine, Depends(ENGINE)]
# For what must be told also while requests have all of the other's connections.
HealthEngine = Annotated[AsyncEngine, Depends(HEALTH_ENGINE)]
ServerSettings = Annotated[Settings, Depends(SETTINGS)]
StartedAt = Annotated[datetime, Depends(STARTED_AT)]
ClientAddress = Annotated[str, Depends(client_address)]
