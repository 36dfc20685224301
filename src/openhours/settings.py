"""Every setting, typed. Read from the environment and from a `.env` file; see `.env.example`."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from croniter import CroniterError, croniter
from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pytz import all_timezones_set

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

_POSTGRESQL = re.compile(r"postgres(ql)?(\+[a-z0-9]+)?://")


class Settings(BaseSettings):
    """Settings of a process; a field `host` is the variable OPENHOURS_HOST."""

    model_config = SettingsConfigDict(
        env_prefix="OPENHOURS_", env_file=".env", extra="ignore", populate_by_name=True
    )

    # Where it runs
    database_url: Annotated[
        SecretStr | None, Field(validation_alias=AliasChoices("DATABASE_URL", "DB_URL"))
    ] = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    data_dir: Path = Path(".openhours")
    inbox: Path = Path("data")
    inbox_cron: str = "* * * * *"
    worker: bool = True
    processes: Annotated[int, Field(ge=0, le=256)] = 0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    max_upload_mb: Annotated[int, Field(ge=1)] = 2048
    activity_cron: str = "0 */4 * * *"
    dask_scheduler: str | None = None

    # What is kept, and when the rest goes
    keep_days: Annotated[int | None, Field(ge=1)] = None
    keep_reports: Annotated[int, Field(ge=1)] = 1000
    keep_report_days: Annotated[int | None, Field(ge=1)] = None
    retention_cron: str = "17 3 * * *"

    # Who may do what
    open: bool = False
    admin_key: Annotated[SecretStr | None, Field(min_length=16)] = None
    secret: Annotated[SecretStr | None, Field(min_length=32)] = None
    registration: bool = True
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()

    # Work sessions
    week_starts_on: Weekday = "monday"
    long_session_hours: Annotated[float, Field(gt=0, le=8784)] = 12

    # What a report means
    default_timezone: str = "America/Chicago"
    lookback_days: Annotated[int, Field(ge=7, le=366)] = 14
    heartbeat_expiry_seconds: Annotated[int, Field(ge=1, le=86_400)] = 150
    observed_within_minutes: Annotated[int, Field(ge=1, le=1440)] = 60

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        # Never with the URL itself: it holds a password.
        if url is not None and not _POSTGRESQL.match(url.get_secret_value()):
            raise ValueError("must begin with postgresql://")
        return url

    @field_validator("default_timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        if name not in all_timezones_set:
            raise ValueError(f"{name!r} is not an IANA time zone")
        return name

    @field_validator("inbox_cron", "activity_cron", "retention_cron")
    @classmethod
    def _is_cron(cls, expression: str) -> str:
        try:
            croniter(expression).get_next()  # there may never be one: the 30th of February
        except (CroniterError, ValueError):
            raise ValueError(
                f"{expression!r} is no cron expression, such as '*/5 * * * *'"
            ) from None
        return expression

    @model_validator(mode="after")
    def _keeps_what_reports_need(self) -> Self:
        if self.keep_days is not None and self.keep_days < self.lookback_days:
            raise ValueError(
                f"OPENHOURS_KEEP_DAYS={self.keep_days} is shorter than the"
                f" {self.lookback_days} days that a report looks back (OPENHOURS_LOOKBACK_DAYS)"
            )
        return self

    @field_validator(
        "database_url",
        "dask_scheduler",
        "keep_days",
        "keep_report_days",
        "admin_key",
        "secret",
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value


@cache
def get_settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()
