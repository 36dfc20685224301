"""`/reports/compare`: of which stores the figures differ in two reports, and what changed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from numpy.typing import NDArray
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.dependencies import Engine
from openhours.api.fields import Text
from openhours.api.off_loop import off_loop
from openhours.errors import Conflict, Invalid, NotFound, invalid
from openhours.reports.causes import CAUSES, Cause
from openhours.reports.compare import (
    Difference,
    Figures,
    Pair,
    Stores,
    common_stores,
    differences,
    pair_of,
)
from openhours.reports.layouts import unit_of
from openhours.reports.queries import find_complete_report
from openhours.reports.tables import Report
from openhours.stores.search import names_of
from openhours.times import MINUTE
from openhours.uptime.axis import Int64
from openhours.web import formatting, queries
from openhours.web.comparison import CAUSE_WORDS, asked, causes_in_words, changed_options
from openhours.web.forms import wrong_fields
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_MAX_CHOICES = 50
_PAGE = 50


@dataclass(frozen=True)
class _Differing:
    """Stores that differ (n,), in their reports' order, and by how much in one window.

    `total` and `causes` (CAUSES,) count all of them, whatever cause these were chosen by.
    """

    total: int
    causes: Int64
    pks: Int64
    ids: Sequence[str]
    change: NDArray[np.float64]


@dataclass(frozen=True)
class _StoreRow:
    """A store as the page lists it; `a` and `b` are its uptime, each with the figures behind it."""

    store_id: str
    causes: Sequence[str]
    a: tuple[str, str]
    b: tuple[str, str]
    change: str


@router.get("/reports/compare")
async def compare(
    request: Request,
    engine: Engine,
    a: Text = "",
    b: Text = "",
    window: Text = "",
    cause: Cause | None = None,
    order: Literal["worse", "better"] = "worse",
    number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> Response:
    """Let two reports be chosen, and show what differs between them, store by store."""
    reports, wrong = await _find(engine, a=a, b=b)
    pair = None
    if len(reports) == 2:
        try:
            pair = await pair_of(engine, **reports)
        except Invalid as error:
            wrong = wrong_fields(error)
    async with engine.connect() as connection:
        choices = await queries.complete_reports(connection, _MAX_CHOICES, [a, b])
    values: dict[str, Any] = {"pair": pair}
    if pair is not None:
        query = {"a": a, "b": b, "window": window, "cause": cause, "order": order, "page": number}
        values |= await _comparison(engine, pair, query)
    zone = formatting.zone_of(request)

    def drawn() -> Response:
        if pair is not None:
            values["options"] = changed_options(pair, zone)
        values["choices"] = _choices(choices, a, b, zone)
        status = 422 if wrong else 200
        return page(request, "compare.html", status, wrong=wrong, **values)

    return await off_loop(drawn)


async def _find(engine: AsyncEngine, **ids: str) -> tuple[dict[str, Report], dict[str, str]]:
    """Return the complete reports with these ids, and what is wrong with the other ids, by name."""
    reports, wrong = dict[str, Report](), dict[str, str]()
    for name, report_id in ids.items():
        if report_id:
            try:
                reports[name] = await find_complete_report(engine, report_id)
            except (NotFound, Conflict) as error:
                wrong[name] = str(error)
    return reports, wrong


def _choices(
    rows: Sequence[Row[Any]], a: str, b: str, zone: str
) -> dict[str, tuple[str, dict[str, str]]]:
    """Return for `a` and `b` which report is chosen, and all that can be, by their ids.

    Where none was: the newest, and the last before it that was asked for the same.
    """
    texts = {}
    for row in rows:
        at = formatting.when(row.created_at, zone, bare=True).striptags()
        texts[row.report_id] = f"{at}: {asked(row)}"
    if not b and rows:
        b = rows[0].report_id
    newer = next((row for row in rows if row.report_id == b), None)
    if not a and newer:
        older = [row for row in rows if row.id < newer.id]
        alike = [row for row in older if asked(row) == asked(newer)]
        a = next((row.report_id for row in (*alike, *older)), "")
    # What is not a complete report is kept, too: beside the field stands what is wrong with it.
    return {
        name: (one, texts if one in texts or not one else {one: one} | texts)
        for name, one in (("a", a), ("b", b))
    }


async def _comparison(engine: AsyncEngine, pair: Pair, query: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows of two reports."""
    names = [one.window.name for one in pair.windows]
    name = query["window"] or names[-1]
    if name not in names:
        raise invalid("not a window of both reports", "query", "window")
    place = names.index(name)
    stores = await common_stores(engine, pair)
    found = await _differing(engine, pair, stores, place, query["cause"])
    last = max(1, -(-len(found.ids) // _PAGE))
    current = min(query["page"], last)
    first = (current - 1) * _PAGE
    some = (await off_loop(_ranked, found.change, query["order"]))[first : first + _PAGE]
    ids = [found.ids[n] for n in some.tolist()]
    rows = list[_StoreRow]()
    async for one in differences(engine, pair, found.pks[some], ids):
        rows += _rows(pair, one, place)
    async with engine.connect() as connection:
        called = await names_of(connection, ids)

    def link(**changes: object) -> str:
        return formatting.query_of(query | {"page": 1} | changes)

    return {
        "stores": stores,
        "total": found.total,
        "causes": causes_in_words(found.causes),
        "cause": query["cause"] and CAUSE_WORDS[query["cause"]][0],
        "windows": names,
        "query": query | {"window": name},
        "matching": len(found.ids),
        "first": first + 1,
        "current": current,
        "last": last,
        "rows": rows,
        "names": called,
        "link": link,
    }


async def _differing(
    engine: AsyncEngine, pair: Pair, stores: Stores, place: int, cause: Cause | None
) -> _Differing:
    """Return the stores that differ, those with the cause or all of them.

    `place` is that of the window. Of each store only its ids and its change are held.
    """
    total, causes = 0, np.zeros(len(CAUSES), np.int64)
    pks, ids, changes = [np.empty(0, np.int64)], list[str](), [np.empty(0)]
    async for found in differences(engine, pair, stores.pks, stores.ids):
        total += len(found.store_ids)
        causes += found.causes.sum(axis=0)
        which = np.full(len(found.store_ids), fill_value=True)
        if cause is not None:
            which = found.causes[:, CAUSES.index(cause)]
        pks.append(found.store_pks[which])
        ids += [found.store_ids[n] for n in np.flatnonzero(which).tolist()]
        changes.append((found.b.share - found.a.share)[which, place])
    return _Differing(total, causes, np.concatenate(pks), ids, np.concatenate(changes))


def _ranked(change: NDArray[np.float64], order: str) -> NDArray[np.intp]:
    """Return the places of the changes, the worst or the best first; those without one are last."""
    return np.argsort(change if order == "worse" else -change, kind="stable")


def _rows(pair: Pair, found: Difference, place: int) -> list[_StoreRow]:
    unit = "min" if unit_of(pair.windows[place].window)[0] == MINUTE else "h"
    changes = (found.b.share - found.a.share)[:, place].tolist()
    return [
        _StoreRow(
            store_id,
            [CAUSE_WORDS[CAUSES[cause]][0] for cause in np.flatnonzero(found.causes[n])],
            _uptime(found.a, n, place, unit),
            _uptime(found.b, n, place, unit),
            _points(changes[n]),
        )
        for n, store_id in enumerate(found.store_ids)
    ]


def _uptime(figures: Figures, n: int, place: int, unit: str) -> tuple[str, str]:
    """Return uptime of a store in a window: `91.4 %`, and `40.25 h up, 3.75 h down`."""
    if not figures.known[n]:
        return "unknown", ""
    up, down = (f"{of[n, place] / 100:,.2f} {unit}" for of in (figures.up, figures.down))
    share = float(figures.share[n, place])
    return formatting.percent(share, 0 if math.isnan(share) else 1), f"{up} up, {down} down"


def _points(change: float) -> str:
    """Return the change of a share in percentage points: `−5.42`; `0`, `–` for NaN."""
    if math.isnan(change):
        return "–"
    points = round(100 * change, 2)
    return f"{points:+.2f}".replace("-", "−") if points else "0"
