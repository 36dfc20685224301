"""Two reports compared over HTTP."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.dependencies import Engine, public_path
from openhours.api.downloads import DOWNLOADS, FILE_ANSWERS, FILE_HEADERS, download
from openhours.api.fields import Text
from openhours.api.off_loop import off_loop
from openhours.reports.causes import CAUSES, Cause
from openhours.reports.compare import (
    Difference,
    Differing,
    Pair,
    differences,
    find_differing,
    find_pair,
    option_changes,
)
from openhours.reports.downloads import removed
from openhours.reports.formats import MEDIA, csv, json_rows
from openhours.reports.layouts import unit_of
from openhours.reports.queries import row_stores
from openhours.reports.schemas import ReportInfo, report_info
from openhours.reports.tabular import STORE_ID, Heading, Table, figure
from openhours.times import iso
from openhours.uptime.axis import Int64

router = APIRouter(tags=["reports"])


class ChangedOption(BaseModel):
    """An option or setting of both reports."""

    a: Any
    b: Any


class ReportDiff(BaseModel):
    """Two reports, and the stores whose figures are not the same in both."""

    a: ReportInfo
    b: ReportInfo
    windows: Annotated[
        list[str], Field(description="Windows that both have under the same name: those compared.")
    ]
    options: Annotated[
        dict[str, ChangedOption],
        Field(
            description="Options and settings that are not the same.",
            examples=[{"interpolation": {"a": "nearest", "b": "previous"}}],
        ),
    ]
    compared: Annotated[int, Field(description="Stores that have a row in both reports.")]
    only_a: Annotated[int, Field(description="Stores that have a row in a alone.")]
    only_b: int
    different: Annotated[int, Field(description="Stores of which a written figure differs.")]
    causes: Annotated[
        dict[Cause, int],
        Field(
            description="How many of these have each cause: `as_of` (T, or where a window lies), "
            "`options` (interpolation, heartbeat expiry, lookback), `late_data`, `hours`, "
            "`timezone`, `special_hours`, `corrections`, `unknown`.",
            examples=[{"late_data": 2, "hours": 1}],
        ),
    ]
    without_inputs: Annotated[
        list[str],
        Field(
            description="Ids of those of the two that were made before reports kept what their "
            "figures are made of: the causes are unknown."
        ),
    ]
    rows: Annotated[
        list[dict[str, Any]],
        Field(
            description="For each window its figures in a and in b, and the change from a to b; "
            "null where a figure is.",
            examples=[
                [
                    {
                        "store_id": "8139926242460185114",
                        "causes": ["late_data"],
                        "uptime_last_hour_a": 60.0,
                        "uptime_last_hour_b": 30.5,
                        "uptime_last_hour_change": -29.5,
                        "downtime_last_hour_a": 0.0,
                        "downtime_last_hour_b": 29.5,
                        "downtime_last_hour_change": 29.5,
                    }
                ]
            ],
        ),
    ]


_Format = Literal["json", "csv"]


@router.head("/reports/{a}/diff/{b}", include_in_schema=False)
@router.get(
    "/reports/{a}/diff/{b}",
    response_class=Response,
    responses=FILE_ANSWERS
    | {
        200: {
            "headers": FILE_HEADERS,
            "model": ReportDiff,
            "description": "Rows are sorted by store_id. As CSV there are only these, causes with "
            "spaces between.",
            "content": {"text/csv": {}},
        },
        409: {"description": "A report is not complete."},
    },
)
async def compare_reports(
    request: Request,
    engine: Engine,
    a: Text,
    b: Text,
    format: Annotated[_Format, Query(description="csv: the rows alone.")] = "json",
) -> Response:
    """Compare two reports, a before b: stores whose figures differ, and what changed between.

    Figures of windows with the same name are compared as they are written: what rounds to nothing
    is no difference.
    """
    pair = await find_pair(engine, a, b)

    async def make() -> AsyncIterator[bytes]:
        found = await find_differing(engine, pair, 0)
        pks, ids = await _in_order(engine, pair, found)
        table = Table(_headings(pair), len(ids), _pages(engine, pair, pks, ids, format))
        if format == "csv":
            return csv(table)
        return json_rows(table, _about(pair, found, public_path(request)))

    ended = [one.finished_at or one.created_at for one in (pair.a, pair.b)]
    headers = dict[str, str]()
    if format == "csv":
        headers["Content-Disposition"] = f'attachment; filename="diff-{a[:8]}-{b[:8]}.csv"'
    return await download(
        request,
        DOWNLOADS.of(request.app),
        f"{a} diff {b} {format}",
        make,
        headers,
        media=MEDIA[format],
        compressible=True,
        modified_at=max(ended).timestamp(),
    )


async def _in_order(engine: AsyncEngine, pair: Pair, found: Differing) -> tuple[Int64, list[str]]:
    """Return the database ids and the store_ids of stores that differ, by store_id bytewise."""
    pks, ids = await row_stores(engine, pair.a)
    if len(ids) != pair.a.row_count:
        raise removed()

    def differing() -> tuple[Int64, list[str]]:
        places = np.flatnonzero(np.isin(pks, found.pks))
        return pks[places], [ids[place] for place in places.tolist()]

    return await off_loop(differing)


def _about(pair: Pair, found: Differing, root: str) -> dict[str, Any]:
    """Return all but the rows."""
    counts = zip(CAUSES, found.causes.sum(axis=0).tolist(), strict=True)
    about = ReportDiff(
        a=report_info(pair.a, root),
        b=report_info(pair.b, root),
        windows=[one.window.name for one in pair.windows],
        options={
            name: ChangedOption(a=_plain(one), b=_plain(other))
            for name, (one, other) in option_changes(pair.a, pair.b).items()
        },
        compared=found.common,
        only_a=found.only_a,
        only_b=found.only_b,
        different=len(found.pks),
        causes={cause: count for cause, count in counts if count},
        without_inputs=[one.report_id for one in (pair.a, pair.b) if one.inputs is None],
        rows=[],
    )
    return about.model_dump(mode="json", exclude={"rows"})


def _plain(value: object) -> object:
    return iso(value) if isinstance(value, datetime) else value


def _headings(pair: Pair) -> list[Heading]:
    return [
        STORE_ID,
        Heading("causes", "causes", "text"),
        *(
            figure(f"{name}_{one.window.name}_{of}", unit_of(one.window)[1])
            for one in pair.windows
            for name in ("uptime", "downtime")
            for of in ("a", "b", "change")
        ),
    ]


async def _pages(
    engine: AsyncEngine, pair: Pair, pks: Int64, ids: Sequence[str], form: _Format
) -> AsyncIterator[pd.DataFrame]:
    start = 0
    async for one in differences(engine, pair, pks):
        some = ids[start : start + len(one.store_pks)]  # complete reports: all differ again
        start += len(some)
        yield await off_loop(_frame, pair, some, one, form)


def _frame(pair: Pair, store_ids: Sequence[str], found: Difference, form: _Format) -> pd.DataFrame:
    causes = [[CAUSES[n] for n in np.flatnonzero(row)] for row in found.causes]
    columns: dict[str, Any] = {
        STORE_ID.name: store_ids,
        "causes": causes if form == "json" else [" ".join(some) for some in causes],
    }
    a, b = found.a, found.b
    for n, window in enumerate(pair.windows):
        for name, of_a, of_b in (("uptime", a.up, b.up), ("downtime", a.down, b.down)):
            for of, hundredths, known in (
                ("a", of_a[:, n], a.known),
                ("b", of_b[:, n], b.known),
                ("change", of_b[:, n] - of_a[:, n], a.known & b.known),
            ):
                values = np.where(known, hundredths / 100, np.nan)
                columns[f"{name}_{window.window.name}_{of}"] = values
    return pd.DataFrame(columns)
