"""Binary COPY between PostgreSQL and NumPy: fixed-width columns, no Python object per row.

Format: https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
"""

import asyncio
import re
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import suppress
from functools import lru_cache
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]

_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_CHUNK_ROWS = 20_000
# PostgreSQL counts microseconds from 2000-01-01.
_PG_EPOCH = 946_684_800_000_000
# And days, but for the date -infinity.
_PG_EPOCH_DAYS = 10_957
MINUS_INFINITY = -(2**31)
# And instants, but for -infinity and infinity.
BEFORE_ALL, AFTER_ALL = -(2**63), 2**63 - 1

_WIDTHS = {
    "int2": ">i2",
    "int4": ">i4",
    "int8": ">i8",
    "bool": "u1",
    "date": ">i4",
    "timestamptz": ">i8",
}
_ARRAY = re.compile(r"(bool|int4|int8|timestamptz)\[(\d+)\]")
_BYTES = re.compile(r"bytea\[(\d+)\]")
# Of the types that elements of arrays have.
_OIDS = {"bool": 16, "int8": 20, "int4": 23, "timestamptz": 1184}


INSTANT_BYTES = 8


def instants(data: bytes) -> NDArray[np.int64]:
    """Return the instants (µs since 1970) that `timestamptz_send` wrote one after the other."""
    return np.frombuffer(data, ">i8").astype(np.int64) + _PG_EPOCH


def _row_dtype(types: Mapping[str, str]) -> np.dtype[Any]:
    fields: list[tuple[str, str | np.dtype[Any]]] = [("_columns", ">i2")]
    for name, sql_type in types.items():
        fields += [(f"_length_{name}", ">i4"), (name, _format(sql_type))]
    return np.dtype(fields)


def _format(sql_type: str) -> str | np.dtype[Any]:
    if some := _BYTES.fullmatch(sql_type):
        return np.dtype(("u1", (int(some[1]),)))
    array = _ARRAY.fullmatch(sql_type)
    if array is None:
        return _WIDTHS[sql_type]
    # As `array_send` writes one dimension of so many elements, none of them null.
    header = [(name, ">i4") for name in ("dimensions", "nulls", "oid", "size", "first")]
    element = np.dtype([("length", ">i4"), ("value", _WIDTHS[array[1]])])
    return np.dtype([*header, ("elements", element, (int(array[2]),))])


async def copy_out(
    connection: "asyncpg.Connection[Any]", query: str, types: Mapping[str, str], *args: object
) -> dict[str, Column]:
    """Return the rows of a query as columns, in native byte order.

    Instants are in µs since 1970, or BEFORE_ALL or AFTER_ALL; dates days since 1970 (int64), or
    MINUS_INFINITY. `types` names the query's columns in their order with their SQL types, none of
    them null: int2, int4, int8, bool, date, timestamptz, int8[n] for (rows, n) arrays of n elements
    each, or bytea[n] for (rows, n) bytes, n each.
    """
    parts: list[bytes] = []

    async def take(data: bytes) -> None:
        parts.append(data)

    await connection.copy_from_query(query, *args, output=take, format="binary")
    data = b"".join(parts)
    dtype = _row_dtype(types)
    count, rest = divmod(len(data) - len(_SIGNATURE) - len(_TRAILER), dtype.itemsize)
    rows = np.frombuffer(data, dtype, count, offset=len(_SIGNATURE))
    if rest or not (rows["_columns"] == len(types)).all():
        raise ValueError(f"a null or a column of another type in: {query}")
    columns: dict[str, Column] = {}
    for name, sql_type in types.items():
        if sql_type == "bool":
            columns[name] = rows[name].astype(np.bool_)
        elif _ARRAY.fullmatch(sql_type):
            columns[name] = rows[name]["elements"]["value"].astype(np.int64)
        elif _BYTES.fullmatch(sql_type):
            columns[name] = rows[name]
        else:
            columns[name] = rows[name].astype(np.dtype(_WIDTHS[sql_type]).newbyteorder("="))
        if sql_type == "timestamptz":
            columns[name] = _later(columns[name], _PG_EPOCH)
        if sql_type == "date":
            columns[name] = _days_later(columns[name].astype(np.int64), _PG_EPOCH_DAYS)
    return columns


def _days_later(dates: Column, days: int) -> Column:
    """Return dates so many days later, but for MINUS_INFINITY."""
    return np.where(dates == MINUS_INFINITY, dates, dates + days)


def _later(instants: Column, us: int) -> Column:
    """Return instants so much later, but for BEFORE_ALL and AFTER_ALL."""
    infinite = (instants == BEFORE_ALL) | (instants == AFTER_ALL)
    return np.where(infinite, instants, instants + us)


async def copy_in(
    connection: "asyncpg.Connection[Any]",
    table: str,
    types: Mapping[str, str],
    columns: Mapping[str, Column],
) -> None:
    """Append the columns to a table by one COPY; the counterpart of `copy_out`.

    Elements of arrays are sent as they are, instants too.
    """
    source = _chunks(types, columns)
    await _unless_lost(
        connection,
        lambda: connection.copy_to_table(
            table, source=source, columns=list(types), format="binary"
        ),
    )


async def copy_lists_in(
    connection: "asyncpg.Connection[Any]",
    table: str,
    types: Mapping[str, str],
    columns: Mapping[str, Column],
    list_types: Mapping[str, str],
    lists: Mapping[str, Column],
    counts: Column,
) -> None:
    """Append rows with arrays, each of its own size, to a table by one COPY.

    `counts` (rows,) are how many elements the arrays of each row have; `list_types` are those of
    the elements, `lists` the elements of all rows, one row after the other.
    """
    source = _list_chunks(types, columns, list_types, lists, counts)
    names = [*types, *list_types]
    await _unless_lost(
        connection,
        lambda: connection.copy_to_table(table, source=source, columns=names, format="binary"),
    )


async def copy_records_in(
    connection: "asyncpg.Connection[Any]",
    table: str,
    columns: Sequence[str],
    records: Iterable[Sequence[object]],
) -> None:
    """Append records, a Python object for each value, to a table by one COPY."""
    await _unless_lost(
        connection,
        lambda: connection.copy_records_to_table(table, columns=columns, records=records),
    )


async def _unless_lost(
    connection: "asyncpg.Connection[Any]", copy: Callable[[], Coroutine[Any, Any, object]]
) -> None:
    """Run a COPY; raise ConnectionDoesNotExistError if its connection is lost meanwhile.

    By itself asyncpg (0.32) waits for ever then, if it was just waiting for the server to read.
    """
    is_lost = False

    def give_up(_: object) -> None:
        nonlocal is_lost
        is_lost = True
        copying.cancel()

    connection.add_termination_listener(give_up)
    copying = asyncio.create_task(copy())
    try:
        await copying
    except BaseException as error:
        this = asyncio.current_task()
        if not is_lost or (this is not None and this.cancelling()):
            raise
        raise asyncpg.ConnectionDoesNotExistError("the connection was lost in a COPY") from error
    finally:
        # A pool takes a lost connection away from its user.
        with suppress(asyncpg.InterfaceError):
            connection.remove_termination_listener(give_up)


async def _chunks(types: Mapping[str, str], columns: Mapping[str, Column]) -> AsyncIterator[bytes]:
    yield _SIGNATURE
    for rows in _rows(types, columns):
        yield rows
    yield _TRAILER


async def _list_chunks(
    types: Mapping[str, str],
    columns: Mapping[str, Column],
    list_types: Mapping[str, str],
    lists: Mapping[str, Column],
    counts: Column,
) -> AsyncIterator[bytes]:
    """Yield the rows whose arrays have the same size one after the other."""
    yield _SIGNATURE
    sent = {name: _sent(sql_type, lists[name]) for name, sql_type in list_types.items()}
    first = np.cumsum(counts) - counts
    for count in np.unique(counts):
        rows = np.flatnonzero(counts == count)
        elements = first[rows, None] + np.arange(count)
        of_rows = {name: values[rows] for name, values in columns.items()}
        of_rows |= {name: values[elements] for name, values in sent.items()}
        arrays = {name: f"{sql_type}[{count}]" for name, sql_type in list_types.items()}
        for chunk in _rows({**types, **arrays}, of_rows):
            yield chunk
    yield _TRAILER


def _rows(types: Mapping[str, str], columns: Mapping[str, Column]) -> Iterator[bytes]:
    blank = _blank_row(tuple(types.items()))
    total = len(columns[next(iter(types))])
    for start in range(0, total, _CHUNK_ROWS):
        stop = min(start + _CHUNK_ROWS, total)
        rows = np.repeat(blank, stop - start)
        for name, sql_type in types.items():
            values = columns[name][start:stop]
            if _ARRAY.fullmatch(sql_type):
                rows[name]["elements"]["value"] = values
            else:
                rows[name] = _sent(sql_type, values)
        yield rows.tobytes()


@lru_cache(maxsize=64)
def _blank_row(types: tuple[tuple[str, str], ...]) -> Column:
    """Return a row of columns of these names and types that only lacks its values: (1,)."""
    dtype = _row_dtype(dict(types))
    row = np.zeros(1, dtype)
    row["_columns"] = len(types)
    for name, sql_type in types:
        row[f"_length_{name}"] = dtype[name].itemsize
        if array := _ARRAY.fullmatch(sql_type):
            arrays = row[name]
            arrays["dimensions"], arrays["oid"] = 1, _OIDS[array[1]]
            arrays["size"], arrays["first"] = int(array[2]), 1
            arrays["elements"]["length"] = arrays["elements"]["value"].itemsize
    return row


def _sent(sql_type: str, values: Column) -> Column:
    """Return instants and dates as PostgreSQL counts them."""
    if sql_type == "date":
        return _days_later(values, -_PG_EPOCH_DAYS)
    return _later(values, -_PG_EPOCH) if sql_type == "timestamptz" else values
