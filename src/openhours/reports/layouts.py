"""A report's rows as tables: wide, a line a store; long, a line a store and window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from openhours.agent.names import PREFIX
from openhours.reports.tables import Report
from openhours.reports.tabular import STORE_ID, Heading, figure, instants, rounded
from openhours.reports.windows import windows_of
from openhours.times import HOUR, MINUTE, to_us
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.intervals.verdicts import NAMES, NO_TARGET
from openhours.uptime.windows import Bounds, Window, bounds

Layout = Literal["wide", "long"]


class Rows(Protocol):
    """How rows of a report are laid out."""

    @property
    def headings(self) -> list[Heading]:
        """Return the columns."""

    @property
    def reads(self) -> set[str] | None:
        """Return the columns of `report_rows` that they are made of; None if of all."""

    def frame(self, store_ids: list[str], rows: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
        """Return the rows of some stores, which are as `queries.read_rows` reads them."""


def rows_in(layout: Layout, report: Report, full: bool) -> Rows:
    """Return how a report's rows are laid out; `full` adds the confidence columns."""
    windows = windows_of(report)
    if layout == "wide":
        return Wide(windows, full, report.outages, report.verdicts)
    beating = to_us(report.as_of_beating)
    polled = beating if report.as_of_polled is None else to_us(report.as_of_polled)
    return Long(windows, full, report.outages, report.verdicts, report.zones, polled, beating)


@dataclass(frozen=True)
class Wide:
    """A line a store: uptime of all windows, then downtime, then each confidence column."""

    windows: Sequence[Window]
    full: bool
    outages: bool = False
    verdicts: bool = False

    @property
    def headings(self) -> list[Heading]:
        """Return the columns."""
        of_figures = [
            figure(f"{name}_{window.name}", unit_of(window)[1])
            for name in ("uptime", "downtime")
            for window in self.windows
        ]
        if self.full:
            of_figures += [figure(f"coverage_{window.name}", None) for window in self.windows]
            of_figures += [
                figure(f"{name}_{window.name}", unit_of(window)[1])
                for name in _MORE
                for window in self.windows
            ]
        if self.full and self.outages:
            for window in self.windows:
                of_figures += _of_outages(f"_{window.name}")
        if self.full and self.verdicts:
            of_figures += [_TARGET, *(_of_verdict(f"_{window.name}") for window in self.windows)]
        return [STORE_ID, *of_figures]

    @property
    def reads(self) -> set[str] | None:
        """Return the columns of `report_rows` that the lines are made of; None if of all."""
        return None if self.full else {"known", "open", "up"}

    def frame(self, store_ids: list[str], rows: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
        """Return a line for each store."""
        columns: dict[str, Any] = {STORE_ID.name: store_ids}
        for n, window in enumerate(self.windows):
            of_window = {name: sums[:, n] for name, sums in rows.items() if sums.ndim > 1}
            figures = _figures(rows["known"], of_window, unit_of(window)[0], self.full)
            columns |= {f"{name}_{window.name}": values for name, values in figures.items()}
            if self.full and self.verdicts:
                columns[f"verdict_{window.name}"] = _VERDICTS[of_window["verdict"]]
        if self.full and self.verdicts:
            columns[_TARGET.name] = _targets(rows["target"])
        return pd.DataFrame(columns)[[heading.name for heading in self.headings]]


@dataclass(frozen=True)
class Long:
    """A line a store and window, with where the window begins and ends for the store.

    `zones` are the report's, T (µs UTC) is that of each feed. Of an unknown store there is its open
    time, and no more.
    """

    windows: Sequence[Window]
    full: bool
    outages: bool
    verdicts: bool
    zones: Sequence[str]
    as_of_polled: int
    as_of_beating: int

    @property
    def headings(self) -> list[Heading]:
        """Return the columns."""
        basic = [
            STORE_ID,
            Heading("window", "window", "text"),
            Heading("start", "start", "instant"),
            Heading("end", "end", "instant"),
            *(figure(name, "in hours") for name in ("open", "uptime", "downtime")),
            Heading("uptime_percent", "uptime(in percent)", "figure"),
        ]
        if not self.full:
            return basic
        full = [*basic, figure("coverage", None), *(figure(name, "in hours") for name in _MORE)]
        full += _of_outages("") if self.outages else []
        return [*full, _TARGET, _of_verdict("")] if self.verdicts else full

    @property
    def reads(self) -> set[str] | None:
        """Return the columns of `report_rows` that the lines are made of; None if of all."""
        return None if self.full else {"known", "open", "up", "zone"}

    def frame(self, store_ids: list[str], rows: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
        """Return the lines of each store, in the order of the windows."""
        count = len(self.windows)
        known = np.repeat(rows["known"], count)
        sums = {name: values.ravel() for name, values in rows.items() if values.ndim > 1}
        opened, up = sums["open"], sums["up"]
        figures = _figures(known, sums, HOUR, self.full)
        share = rounded(up * 100, np.where(opened == 0, 1, opened))
        figures["uptime_percent"] = np.where(opened == 0, np.nan, share)
        start, end = self._bounds_of(store_ids, rows["zone"])
        columns: dict[str, Any] = {
            STORE_ID.name: np.repeat(np.array(store_ids, object), count),
            "window": np.tile([window.name for window in self.windows], len(store_ids)),
            "start": instants(start),
            "end": instants(end),
            "open": rounded(opened, HOUR),
            **{name: np.where(known, values, np.nan) for name, values in figures.items()},
        }
        if self.full and self.verdicts:
            columns[_TARGET.name] = np.repeat(_targets(rows["target"]), count)
            columns["verdict"] = _VERDICTS[sums["verdict"]]
        return pd.DataFrame(columns)[[heading.name for heading in self.headings]]

    def _bounds_of(self, store_ids: list[str], zone: Int64) -> tuple[Int64, Int64]:
        """Return where the windows begin and end for stores in these zones: (lines,) each."""
        beating = np.array([store_id.startswith(PREFIX) for store_id in store_ids], np.bool_)
        polled_bounds, beating_bounds = self._bounds
        return (
            _of_stores(polled_bounds.start, beating_bounds.start, zone, beating),
            _of_stores(polled_bounds.end, beating_bounds.end, zone, beating),
        )

    @cached_property
    def _bounds(self) -> tuple[Bounds, Bounds]:
        """Return the bounds for polled stores and for beating ones: (windows, zones) each."""
        every = np.arange(len(self.zones))
        polled, beating = (
            bounds(self.windows, every, self.zones, as_of)
            for as_of in (self.as_of_polled, self.as_of_beating)
        )
        return polled, beating


_RANGES = ("expected", "p05", "p95")
# Of detail=full, with units.
_MORE = (*(f"uptime_{name}" for name in _RANGES), "corrected")


def _of_outages(suffix: str) -> list[Heading]:
    """Return the columns of a window's outages, with its name at their end."""
    count = f"outages{suffix}"
    return [Heading(count, count, "count"), figure(f"longest_outage{suffix}", "in minutes")]


_TARGET = figure("target", "in percent")
# By their numbers, see `uptime.intervals.verdicts`.
_VERDICTS = np.array(NAMES, object)


def _of_verdict(suffix: str) -> Heading:
    """Return the column of a window's verdict, with its name at the end."""
    return Heading(f"verdict{suffix}", f"verdict{suffix}", "text")


def _targets(target: Int64) -> NDArray[np.float64]:
    """Return targets in percent."""
    return np.where(target == NO_TARGET, np.nan, target / 100)


def unit_of(window: Window) -> tuple[int, str]:
    """Return the unit in which a window's figures are written, in µs and in words."""
    return (MINUTE, "in minutes") if window.is_short else (HOUR, "in hours")


def _of_stores(polled: Int64, beating: Int64, zone: Int64, beats: Bool) -> Int64:
    """Return (windows, zones) as (stores * windows,), of each store by its zone and feed."""
    return np.where(beats, beating[:, zone], polled[:, zone]).T.ravel()


def _figures(
    known: Bool, sums: Mapping[str, Int64], unit: int, full: bool
) -> dict[str, NDArray[np.float64]]:
    """Return the figures that these sums (µs, (n,) each) give, in units of so many µs."""
    up, opened = sums["up"], sums["open"]
    figures = {
        "uptime": np.where(known, rounded(up, unit), np.nan),
        "downtime": np.where(known, rounded(opened - up, unit), np.nan),
    }
    if full:
        covered = rounded(sums["observed"], np.where(opened == 0, 1, opened))
        figures["coverage"] = np.where(opened == 0, np.nan, covered)
        for name in _RANGES:
            told = known & (name in sums)
            figures[f"uptime_{name}"] = np.where(told, rounded(sums.get(name, up), unit), np.nan)
        figures["corrected"] = rounded(sums.get("corrected", np.zeros_like(opened)), unit)
    if full and "outages" in sums:
        figures["outages"] = np.where(known, sums["outages"], np.nan)
        figures["longest_outage"] = np.where(known, rounded(sums["longest_outage"], MINUTE), np.nan)
    return figures
