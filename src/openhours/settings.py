"""Every setting, typed. Read from the environment and from a `.env` file; see `.env.example`."""

import base64
import binascii
import re
from decimal import Decimal
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from croniter import CroniterError, croniter
from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pytz import all_timezones_set

from openhours.objects import S3Folder

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

_HOST = re.compile(r"[a-z0-9._-]+|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?")
# An origin, and the path below which a proxy serves us: no segment may be `.` or `..`.
_PUBLIC_URL = re.compile(
    r"(https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?)((?:/(?!\.{1,2}(?:/|$))[\w.~-]+)*)/?",
    re.IGNORECASE | re.ASCII,
)
_S3_FOLDER = re.compile(r"s3://[a-z0-9][a-z0-9.-]+(/[^?#]*)?")
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
    inbox: Path | S3Folder = Path("data")
    inbox_cron: str = "* * * * *"
    worker: bool = True
    processes: Annotated[int, Field(ge=0, le=256)] = 0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    uploads: S3Folder | None = None
    max_upload_mb: Annotated[int, Field(ge=1)] = 2048
    max_unpacked_mb: Annotated[int, Field(ge=1)] = 8192
    ingestion_timeout_seconds: Annotated[float, Field(ge=1)] = 3600
    activity_cron: str = "0 */4 * * *"
    dask_scheduler: str | None = None
    dask_tls_ca_file: Path | None = None
    dask_tls_cert: Path | None = None
    dask_tls_key: Path | None = None
    query_timeout_seconds: Annotated[float, Field(ge=1, le=3600)] = 30

    # What is kept, and when the rest goes
    keep_days: Annotated[int | None, Field(ge=1)] = None
    keep_visit_days: Annotated[int, Field(ge=30, le=36_500)] = 400
    keep_event_days: Annotated[int, Field(ge=30, le=36_500)] = 400
    keep_ingestion_days: Annotated[int, Field(ge=30, le=36_500)] = 400
    keep_reports: Annotated[int, Field(ge=1)] = 1000
    keep_report_days: Annotated[int | None, Field(ge=1)] = None
    retention_cron: str = "17 3 * * *"

    full_addresses: bool = False

    # Scheduled reports, and what is told when something is done
    report_cron: str | None = None
    report_options: str | None = None  # JSON; `delivery.schedule` reads it
    outbox: Path | S3Folder | None = None
    webhook_url: SecretStr | None = None  # its path or query may be what keeps others out
    webhook_secret: SecretStr | None = None

    # Who may do what
    open: bool = False
    allowed_hosts: Annotated[frozenset[str], NoDecode] = frozenset()
    admin_key: Annotated[SecretStr | None, Field(min_length=16)] = None
    secret: Annotated[SecretStr | None, Field(min_length=32)] = None
    registration: bool = True
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    public_url: str | None = None
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()

    # Work sessions
    week_starts_on: Weekday = "monday"
    long_session_hours: Annotated[float, Field(gt=0, le=8784)] = 12

    # What a report means
    default_timezone: str = "America/Chicago"
    lookback_days: Annotated[int, Field(ge=7, le=366)] = 14
    heartbeat_expiry_seconds: Annotated[int, Field(ge=1, le=86_400)] = 150
    observed_within_minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    target: Annotated[Decimal | None, Field(ge=0, le=100, decimal_places=2)] = None  # percent

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

    @field_validator("inbox_cron", "activity_cron", "retention_cron", "report_cron")
    @classmethod
    def _is_cron(cls, expression: str | None) -> str | None:
        if expression is None:
            return None
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

    @field_validator("inbox", "outbox", mode="before")
    @classmethod
    def _is_folder(cls, value: object) -> object:
        if not (isinstance(value, str) and "://" in value):
            return value
        if not _S3_FOLDER.fullmatch(value):
            raise ValueError("must be a folder, or s3://bucket/folder")
        return S3Folder(value.rstrip("/"))

    @field_validator("uploads", mode="before")
    @classmethod
    def _is_shared_folder(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if not _S3_FOLDER.fullmatch(value):
            raise ValueError("must be s3://bucket/folder; without it, uploads stay on this machine")
        return S3Folder(value.rstrip("/"))

    @field_validator("webhook_url")
    @classmethod
    def _is_webhook_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not _is_http(url.get_secret_value()):
            raise ValueError("not an address such as https://example.org/hooks/openhours")
        return url

    @field_validator("webhook_secret")
    @classmethod
    def _is_webhook_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not 24 <= len(webhook_key(secret)) <= 64:
            raise ValueError("must be whsec_ and the base64 of 24 to 64 random bytes")
        return secret

    @model_validator(mode="after")
    def _signs_webhooks(self) -> Self:
        if self.webhook_url is not None and self.webhook_secret is None:
            raise ValueError(
                "OPENHOURS_WEBHOOK_URL needs OPENHOURS_WEBHOOK_SECRET, which signs what is sent: "
                'echo "whsec_$(openssl rand -base64 32)" makes one'
            )
        return self

    @field_validator(
        "database_url",
        "report_cron",
        "report_options",
        "outbox",
        "uploads",
        "webhook_url",
        "webhook_secret",
        "dask_scheduler",
        "dask_tls_ca_file",
        "dask_tls_cert",
        "dask_tls_key",
        "keep_days",
        "keep_report_days",
        "target",
        "admin_key",
        "secret",
        "public_url",
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None

    @field_validator("public_url")
    @classmethod
    def _is_public_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = _PUBLIC_URL.fullmatch(url)
        if parts is None:
            raise ValueError(
                f"{url!r} is not the address of a site, such as https://hours.example.org "
                "or https://example.org/openhours"
            )
        return parts[1].lower() + parts[2]

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        networks = tuple(part.strip() for part in value.split(",") if part.strip())
        for network in networks:
            try:
                ip_network(network)
            except ValueError as error:
                raise ValueError(
                    f"{error}: list addresses or networks, such as 127.0.0.1,10.0.0.0/8"
                ) from None
        return networks

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        names = [part.strip().lower().rstrip(".") for part in value.split(",") if part.strip()]
        for name in names:
            if not _HOST.fullmatch(name):
                raise ValueError(
                    f"{name!r} is not a host name or address without a port, such as pi.local"
                )
        return frozenset(name.strip("[]") for name in names)

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @property
    def public_path(self) -> str:
        """Return the path of the public address, such as `/openhours`; "" without one."""
        parts = _PUBLIC_URL.fullmatch(self.public_url or "")
        return parts[2] if parts else ""

    @property
    def public_origin(self) -> str | None:
        """Return the public address without its path, as browsers send it in `Origin`."""
        return self.public_url and self.public_url.removesuffix(self.public_path)

    @property
    def behind_tls(self) -> bool:
        """Return whether browsers reach the service over HTTPS alone."""
        return self.public_url is not None and self.public_url.startswith("https://")


def webhook_key(secret: SecretStr) -> bytes:
    """Return the key that `whsec_…` stands for; nothing if it is malformed."""
    prefix, _, key = secret.get_secret_value().partition("_")
    try:
        return base64.b64decode(key, validate=True) if prefix == "whsec" else b""
    except binascii.Error:
        return b""


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@cache
def get_settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()
