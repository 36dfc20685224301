"""Users and their tokens as JSON."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from openhours.accounts.users import Timezone, Username
from openhours.times import Instant


class Credentials(BaseModel):
    """A username, in any letter case, and the password."""

    username: Username
    password: Annotated[str, Field(min_length=1, max_length=1024, examples=["correct horse"])]


Password = Annotated[str, Field(min_length=8, max_length=1024, examples=["correct horse"])]


class Registration(BaseModel):
    """A new user. The time zone says where their days begin and end."""

    username: Username
    password: Password
    timezone: Timezone = "UTC"


class PasswordChange(BaseModel):
    """The password so far, and the new one."""

    model_config = ConfigDict(extra="forbid")

    old_password: Annotated[str, Field(min_length=1, max_length=1024, examples=["correct horse"])]
    new_password: Password


class Refresh(BaseModel):
    """The newest refresh token: each is good for one use."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


class Pair(BaseModel):
    """A user with new tokens: `token` for 15 minutes, `refresh_token` for 30 days."""

    username: Annotated[str, Field(examples=["zoe"])]
    refresh_token: str
    token: str


class LoggedIn(BaseModel):
    """The answer of register, login and refresh."""

    user: Pair


class Profile(BaseModel):
    """A user's own profile."""

    model_config = ConfigDict(populate_by_name=True)

    username: Annotated[str, Field(examples=["zoe"])]
    timezone: Timezone
    created_at: Annotated[Instant, Field(alias="createdAt")]


class ProfileAnswer(BaseModel):
    """A user's profile."""

    user: Profile


class ProfileChange(BaseModel):
    """Changes to a profile."""

    model_config = ConfigDict(extra="forbid")

    timezone: Timezone
