"""The default report as a Polars script: polls in a frame sorted by store, figures in a CSV file.

It keeps nothing, knows no rejected rows, and puts a local time that a clock change skips an
hour later, not where openhours has it.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

_WEEK = timedelta(days=7)
_STATUSES = (pl.col("up"), ~pl.col("up"))


class Data(NamedTuple):
    """What the script keeps in memory between reports."""

    polls: pl.DataFrame  # store_id, seen (UTC, naive), up; sorted by store and instant
    hours: pl.DataFrame  # store_id, day, opens, closes
    zones: pl.DataFrame  # store_id, zone


def load_polls(status: Path) -> pl.DataFrame:
    """Read a status CSV into a frame of polls."""
    return (
        pl.scan_csv(status, schema_overrides={"store_id": pl.String})
        .select(
            "store_id",
            seen=pl.col("timestamp_utc").str.strip_suffix(" UTC").str.to_datetime(time_unit="us"),
            up=pl.col("status") == "active",
        )
        .collect()
    )


def load(status: Path, hours: Path, timezones: Path) -> Data:
    """Read the three files, and sort the polls."""
    return Data(
        load_polls(status).sort("store_id", "seen"),
        pl.read_csv(hours, infer_schema=False).select(
            "store_id",
            pl.col("day").cast(pl.Int8),
            opens=_time("start_time_local"),
            closes=_time("end_time_local"),
        ),
        pl.read_csv(timezones, schema_overrides={"store_id": pl.String}).select(
            "store_id", zone="timezone_str"
        ),
    )


def _time(column: str) -> pl.Expr:
    """Return a time of day, which may be 24:00, as the duration since midnight."""
    parts = pl.col(column).str.split(":").list
    return pl.duration(
        hours=parts.get(0).cast(pl.Int64),
        minutes=parts.get(1).cast(pl.Int64),
        seconds=parts.get(2, null_on_oob=True).fill_null("0").cast(pl.Int64),
    )


def report(data: Data, out: Path) -> None:
    """Write the default report as CSV."""
    now = data.polls["seen"].max()
    assert isinstance(now, datetime)
    ids = data.polls.select(pl.col("store_id").set_sorted().unique(maintain_order=True))
    opened = _openings(data, ids, now)
    counted = _counted(data.polls, opened, now)
    parts = pl.concat([_observed(counted), _filled(opened, counted, now)])
    parts = parts.filter(pl.col("ends") > now - _WEEK)
    known = counted.select("store_id", zero=pl.lit(0.0)).unique("store_id")
    figures = parts.group_by("store_id").agg(*_sums(now))
    (
        ids.join(known, "store_id", "left")
        .join(figures, "store_id", "left")
        .select("store_id", *(pl.coalesce(name, "zero").round(2).alias(name) for name in _names()))
        .sort("store_id")
        .write_csv(out)
    )


def _openings(data: Data, ids: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return the stretches in which stores are open, in UTC, sorted: store_id, starts, ends."""
    stores = ids.join(data.zones, "store_id", "left").with_columns(
        pl.col("zone").fill_null("America/Chicago")
    )
    always = pl.DataFrame({"day": range(7)}, {"day": pl.Int8}).with_columns(
        opens=pl.duration(), closes=pl.duration()
    )
    weekly = pl.concat(
        [
            stores.join(data.hours, "store_id"),
            stores.join(data.hours, "store_id", "anti").join(always, how="cross"),
        ]
    )
    first = now - 2 * _WEEK
    # Of each pattern of a zone once: few stores have hours of their own.
    patterns = weekly.select("zone", "day", "opens", "closes").unique()
    patterns = pl.concat(
        _in_utc(patterns.filter(zone=zone), zone, first.date())
        for zone in patterns["zone"].unique()
    )
    spans = weekly.join(patterns, ["zone", "day", "opens", "closes"]).filter(
        pl.col("ends") > first, pl.col("starts") <= now, pl.col("starts") < pl.col("ends")
    )
    latest = pl.col("ends").cum_max().shift().over("store_id")
    return (
        spans.sort("store_id", "starts", "ends")
        .with_columns(island=(pl.col("starts") > latest).fill_null(value=True).cum_sum())
        .group_by("store_id", "island", maintain_order=True)
        .agg(pl.col("starts").min(), pl.col("ends").max())
        .drop("island")
    )


def _in_utc(patterns: pl.DataFrame, zone: str, first: date) -> pl.DataFrame:
    """Return when these hours of one zone begin and end on each date."""
    days = pl.date_range(first - timedelta(days=2), first + timedelta(days=16), eager=True)
    dates = pl.DataFrame({"date": days, "day": days.dt.weekday() - 1})
    midnight = pl.col("date").cast(pl.Datetime)
    next_day = midnight.dt.offset_by("1d")
    ends = (
        pl.when(pl.col("closes") >= pl.duration(hours=23, minutes=59))
        .then(next_day)
        .when(pl.col("closes") <= pl.col("opens"))
        .then(next_day + pl.col("closes"))
        .otherwise(midnight + pl.col("closes"))
    )
    local = {"starts": midnight + pl.col("opens"), "ends": ends}
    return (
        patterns.join(dates, "day")
        .with_columns(
            pl.coalesce(_at(at, zone), _at(at + pl.duration(hours=1), zone)).alias(name)
            for name, at in local.items()
        )
        .drop("date")
    )


def _at(local: pl.Expr, zone: str) -> pl.Expr:
    """Return local times of a zone in UTC; null where a clock change skips them."""
    known = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return known.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _counted(polls: pl.DataFrame, opened: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return the polls in open time, each with its opening."""
    return (
        polls.filter(pl.col("seen") >= now - 2 * _WEEK)
        .join_asof(opened, left_on="seen", right_on="starts", by="store_id", check_sortedness=False)
        .filter(pl.col("seen") < pl.col("ends"))
        .with_columns(pl.min_horizontal("ends", pl.lit(now)).alias("ends"))
    )


def _observed(counted: pl.DataFrame) -> pl.DataFrame:
    """Return the stretches for which polls vouch: half way to their neighbours in an opening."""
    seen, opening = pl.col("seen"), pl.struct("store_id", "starts").rle_id()
    first = opening != opening.shift()
    last = opening != opening.shift(-1)
    return counted.select(
        "store_id",
        "up",
        starts=pl.when(first.fill_null(value=True))
        .then("starts")
        .otherwise(seen - (seen - seen.shift()) / 2),
        ends=pl.when(last.fill_null(value=True))
        .then("ends")
        .otherwise(seen + (seen.shift(-1) - seen) / 2),
    )


def _filled(opened: pl.DataFrame, counted: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return openings without a poll, with the status of the last poll before, else the next."""
    silent = opened.filter(pl.col("ends") > now - _WEEK).join(
        counted, ["store_id", "starts"], "anti"
    )
    polls = counted.select("store_id", "seen", "up")
    found = [
        silent.join_asof(
            polls,
            left_on="starts",
            right_on="seen",
            by="store_id",
            strategy=strategy,
            check_sortedness=False,
        )["up"]
        for strategy in ("backward", "forward")
    ]
    return silent.select(
        "store_id",
        up=pl.coalesce(*map(pl.lit, found)),
        starts="starts",
        ends=pl.min_horizontal("ends", pl.lit(now)),
    ).drop_nulls("up")


def _names() -> list[str]:
    return [
        f"{status}_last_{window}"
        for status in ("uptime", "downtime")
        for window in ("hour(in minutes)", "day(in hours)", "week(in hours)")
    ]


def _sums(now: datetime) -> list[pl.Expr]:
    """Return the figures of a store: time of each status in each window."""
    windows = ((timedelta(hours=1), 60e6), (timedelta(days=1), 3600e6), (_WEEK, 3600e6))
    sums: list[pl.Expr] = []
    for status in _STATUSES:
        for length, unit in windows:
            start = pl.max_horizontal("starts", pl.lit(now - length))
            spent = (pl.col("ends") - start).dt.total_microseconds().clip(0)
            sums.append((spent.filter(status).sum() / unit).alias(_names()[len(sums)]))
    return sums
