"""How well a report's intervals tell what is so: what was said of polls held out, and what was."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from openhours.api.dependencies import Engine
from openhours.api.fields import Text
from openhours.errors import NotFound
from openhours.reports.calibration import bins_of, error_of
from openhours.reports.queries import find_report

router = APIRouter(tags=["reports"])


class CalibrationBin(BaseModel):
    """Polls of which about the same was said."""

    said: Annotated[float, Field(description="Share of them that was said to be up, on average.")]
    was: Annotated[float, Field(description="Share of them that was up.")]
    polls: int


class Calibration(BaseModel):
    """What the model of a report said of polls that it was not told of, and what they were."""

    report_id: str
    error: Annotated[
        float, Field(description="Difference of said and was, averaged over all polls.")
    ]
    bins: list[CalibrationBin]


@router.get("/reports/{report_id}/calibration")
async def get_calibration(engine: Engine, report_id: Text) -> Calibration:
    """Return how well the intervals of a report tell what is so.

    Of up to 500 stores every second poll is held out and predicted from the others. Polls are
    counted in ten bins of what was said; empty bins are left out. A report without intervals, and
    one that is not complete or in which no poll could be held out, has none: 404.
    """
    report = await find_report(engine, report_id)
    bins = bins_of(report.calibration or [])
    if not bins:
        raise NotFound(
            "the report has no calibration: it was not asked for intervals, is not "
            "complete, or no poll could be held out"
        )
    return Calibration(
        report_id=report_id,
        error=error_of(bins),
        bins=[CalibrationBin(said=one.said, was=one.was, polls=one.polls) for one in bins],
    )
