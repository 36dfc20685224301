"""Users, their refresh tokens and sign-ins, API keys, and counted login attempts.

Secrets are never stored: of keys, tokens and cookies there is a SHA-256, which is enough because
they are random 256-bit numbers; of passwords there is an Argon2 hash.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.orm import Mapped, mapped_column

from openhours.db.engine import Base, Timestamp


class User(Base):
    """Somebody with a password, a name, and a time zone of their own."""

    __tablename__ = "users"

    # Random: a token of a database that was made anew must not fit another's account.
    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    username: Mapped[str] = mapped_column(Text)
    # What is compared: `Zoë`, `zoë` and `ZOË` are one.
    username_key: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=text("now()"))
    disabled_at: Mapped[datetime | None] = mapped_column(Timestamp)


class RefreshToken(Base):
    """A token for a new pair of tokens, once; those that follow from one login are a family."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        Index("ix_refresh_tokens_family", "family"),
        Index("ix_refresh_tokens_user_id", "user_id"),
    )

    hash: Mapped[bytes] = mapped_column(BYTEA, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    family: Mapped[UUID]
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    used_at: Mapped[datetime | None] = mapped_column(Timestamp)


class ApiKey(Base):
    """A machine's key. Revoked ones stay: a service that once had a key is never open again."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    hash: Mapped[bytes] = mapped_column(BYTEA, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=text("now()"))
    revoked_at: Mapped[datetime | None] = mapped_column(Timestamp)
    expires_at: Mapped[datetime | None] = mapped_column(Timestamp)
    # Exact to some minutes.
    last_used_at: Mapped[datetime | None] = mapped_column(Timestamp)


class SignIn(Base):
    """A browser's cookie: of a user, or of an API key that must still be good."""

    __tablename__ = "sign_ins"
    __table_args__ = (Index("ix_sign_ins_expires_at", "expires_at"),)

    hash: Mapped[bytes] = mapped_column(BYTEA, primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key_hash: Mapped[bytes | None] = mapped_column(BYTEA)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)


class LoginAttempts(Base):
    """Attempts since `began_at` of a username or an address, hashed: it may be a password."""

    __tablename__ = "login_attempts"
    __table_args__ = (Index("ix_login_attempts_began_at", "began_at"),)

    subject: Mapped[bytes] = mapped_column(BYTEA, primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer)
    began_at: Mapped[datetime] = mapped_column(Timestamp)


class KnownAddress(Base):
    """A user's name and the address of a login, hashed together."""

    __tablename__ = "known_addresses"
    __table_args__ = (Index("ix_known_addresses_last_login_at", "last_login_at"),)

    subject: Mapped[bytes] = mapped_column(BYTEA, primary_key=True)
    last_login_at: Mapped[datetime] = mapped_column(Timestamp)
