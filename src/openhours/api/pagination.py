"""One pager for every list, API and page alike: by the keys of the last row that was shown.

A cursor holds the values of these keys. So a page costs the same wherever it lies, and rows that
are added meanwhile move no others between pages.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar, TypeVarTuple

from sqlalchemy import BigInteger, ColumnElement, Date, Integer, Row, Select, tuple_
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from openhours.api.fields import INT8, check_text
from openhours.errors import Invalid, invalid
from openhours.times import EARLIEST, LATEST, check_date, from_us, to_us

T = TypeVar("T")
Columns = TypeVarTuple("Columns")
Keys = Sequence[ColumnElement[Any] | InstrumentedAttribute[Any]]


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows of a list, and the cursor of the page that follows, if one does."""

    rows: list[T]
    next_cursor: str | None


async def fetch_page(
    connection: AsyncConnection,
    query: Select[*Columns],
    keys: Keys,
    *,
    limit: int,
    cursor: str | None,
    descending: bool = False,
) -> Page[Row[*Columns]]:
    """Return `limit` rows of the query, in the order of the keys, from after the cursor on.

    The query selects all keys under their own names; together they are unique and none is null.
    Raise Invalid for a cursor of another list.
    """
    if cursor is not None:
        after = tuple_(*_values(cursor, keys))
        query = query.where(tuple_(*keys) < after if descending else tuple_(*keys) > after)
    query = query.order_by(*(key.desc() if descending else key for key in keys))
    rows = list((await connection.execute(query.limit(limit + 1))).all())
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], _cursor(rows[limit - 1], keys))


def _cursor(row: Any, keys: Keys) -> str:
    values = [getattr(row, str(key.key)) for key in keys]
    text = json.dumps([_plain(value) for value in values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return to_us(value)
    return value.isoformat() if isinstance(value, date) else value


def _values(cursor: str, keys: Keys) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, b"-_", validate=True))
        if not isinstance(values, list):
            raise _wrong()
        return [_value(value, key) for value, key in zip(values, keys, strict=True)]
    except (ValueError, binascii.Error, RecursionError):
        raise _wrong() from None


def _value(value: object, key: ColumnElement[Any] | InstrumentedAttribute[Any]) -> object:
    """Return the value as the key's column compares it; raise ValueError if it cannot."""
    if isinstance(key.type, TIMESTAMP | BigInteger | Integer):
        if type(value) is not int or not -INT8 <= value < INT8:
            raise ValueError
        if isinstance(key.type, TIMESTAMP):
            if not to_us(EARLIEST) <= value < to_us(LATEST):
                raise ValueError
            return from_us(value)
        if not isinstance(key.type, BigInteger) and abs(value) >= 2**31:
            raise ValueError
        return value
    if isinstance(key.type, Date):
        return check_date(value)
    if not isinstance(value, str):
        raise ValueError
    return check_text(value)


def _wrong() -> Invalid:
    return invalid("not a cursor of this list", "query", "cursor")
