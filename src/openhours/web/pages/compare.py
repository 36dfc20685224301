"""`/reports/compare`: of which stores the figures differ in two reports, and what changed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
    Differing,
    Figures,
    Pair,
    differences,
    find_differing,
    pair_of,
)
from openhours.reports.layouts import unit_of
from openhours.reports.queries import find_complete_report, sorted_stores
from openhours.reports.tables import Report
from openhours.stores.search import names_of
from openhours.times import MINUTE
from openhours.web import formatting, queries
from openhours.web.comparison import CAUSE_WORDS, asked, causes_in_words, changed_options
from openhours.web.forms import wrong_fields
from openhours.web.kept import Kept, KeptResults
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_MAX_CHOICES = 50
_PAGE = 50
_MAX_KEPT = 100_000  # rows: of larger reports, which stores differ is found each time


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
    kept: KeptResults,
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
        values |= await _comparison(engine, kept, pair, query)
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
        as_of = row.as_of_polled or row.as_of_beating
        at, of = (
            formatting.when(instant, zone, bare=True).striptags()
            for instant in (row.created_at, as_of)
        )
        texts[row.report_id] = f"{at}, as of {of}: {asked(row)}"
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


async def _comparison(
    engine: AsyncEngine, kept: Kept, pair: Pair, query: dict[str, Any]
) -> dict[str, Any]:
    """Return what the page shows of two reports."""
    names = [one.window.name for one in pair.windows]
    name = query["window"] or names[-1]
    if name not in names:
        raise invalid("not a window of both reports", "query", "window")
    place = names.index(name)
    finding = partial(find_differing, engine, pair, place)
    key = ("differing", pair.a.report_id, pair.b.report_id, place)
    large = max(report.row_count or 0 for report in (pair.a, pair.b)) > _MAX_KEPT
    found = await (finding() if large else kept.get(key, finding))
    ranked = await off_loop(_ranked, found, query["cause"], query["order"])
    last = max(1, -(-len(ranked) // _PAGE))
    current = min(query["page"], last)
    first = (current - 1) * _PAGE
    some = found.pks[ranked[first : first + _PAGE]]
    pks, store_ids = await sorted_stores(engine, some.tolist())
    ids = dict(zip(pks.tolist(), store_ids, strict=True))
    rows = list[_StoreRow]()
    async for one in differences(engine, pair, some):
        rows += _rows(pair, one, ids, place)
    async with engine.connect() as connection:
        called = await names_of(connection, store_ids)

    def link(**changes: object) -> str:
        return formatting.query_of(query | {"page": 1} | changes)

    return {
        "stores": found,
        "total": len(found.pks),
        "causes": causes_in_words(found.causes.sum(axis=0)),
        "cause": query["cause"] and CAUSE_WORDS[query["cause"]][0],
        "windows": names,
        "query": query | {"window": name},
        "matching": len(ranked),
        "first": first + 1,
        "current": current,
        "last": last,
        "rows": rows,
        "names": called,
        "link": link,
    }


def _ranked(found: Differing, cause: Cause | None, order: str) -> NDArray[np.intp]:
    """Return the places of the stores with the cause, or of all: the worst or the best first.

    Those without a change are last.
    """
    which = np.arange(len(found.pks))
    if cause is not None:
        which = np.flatnonzero(found.causes[:, CAUSES.index(cause)])
    change = found.change[which]
    return which[np.argsort(change if order == "worse" else -change, kind="stable")]


def _rows(pair: Pair, found: Difference, ids: Mapping[int, str], place: int) -> list[_StoreRow]:
    unit = "min" if unit_of(pair.windows[place].window)[0] == MINUTE else "h"
    changes = (found.b.share - found.a.share)[:, place].tolist()
    return [
        _StoreRow(
            ids[pk],
            [CAUSE_WORDS[CAUSES[cause]][0] for cause in np.flatnonzero(found.causes[n])],
            _uptime(found.a, n, place, unit),
            _uptime(found.b, n, place, unit),
            _points(changes[n]),
        )
        for n, pk in enumerate(found.store_pks.tolist())
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
