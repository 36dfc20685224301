"""B13: every page and every list, on the server and in a browser.

With 13.6 k stores and 10 M visits, events and heartbeats, beside the same on the sample.
"""

import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table
from tests.helpers.chromium import ARGS, WHOLE_CHROMIUM
from tests.helpers.clients import PASSWORD
from tests.helpers.html import HTML, post_form
from tools.service import Service

from benchmarks import crowd
from benchmarks.measure import Result
from benchmarks.place import Files, Place
from benchmarks.reports import ready
from openhours.ingestion import sample_data
from openhours.ingestion.sample import STORES

_PCS = {"sample": 2, "large": 250}
_TIMES = 15
_LOADS = 5
_WEEK = timedelta(days=7)

# `each` is another store each time.
PAGES = (
    "/",
    "/stores",
    "/stores?state=down",
    "/stores?state=partly&sort=percent",
    "/stores?sort=id&page=100",
    "/stores?q=1003",
    "/stores?label=region%3Dwest",
    "/stores?report_id={plain}",
    "/stores/{store}",
    "/stores/{each}",
    "/stores/{store}?report_id={plain}",
    "/stores/{store}?back=1",
    "/find?q=1003",
    "/reports",
    "/reports/{plain}",
    "/reports/{full}",
    "/reports/{full}?group_by=region",
    "/reports/compare",
    "/reports/compare?a={earlier}&b={plain}",
    "/reports/compare?a={earlier}&b={plain}&order=better&page=100",
    "/corrections",
    "/corrections/new",
    "/hours/special",
    "/files/{file}",
    "/deliveries",
    "/pcs",
    "/pcs?pc=pc-1",
    "/traffic",
    "/traffic?hours=168",
    "/activity",
    "/activity?user_id=17",
    "/timer",
    "/account",
    "/signin",
    "/docs",
    "/redoc",
)
LISTS = (
    "GET /ingestions",
    "GET /reports",
    "GET /reports/{full}",
    "GET /reports/{full}/calibration",
    "GET /reports/{earlier}/diff/{plain}",
    "GET /deliveries",
    "GET /api/stores",
    "GET /api/stores?q=1003",
    "GET /api/stores?label=region%3Dwest",
    "GET /api/stores/{store}/timeline",
    "GET /corrections",
    "GET /special_hours",
    "GET /track/events?limit=100",
    "GET /track/events?pc=pc-1&limit=100",
    "GET /api/events",
    "GET /api/events?user_id=17",
    "GET /api/events/counts",
    "GET /api/events/counts?user_id=17",
    "GET /stats?timeframe_hours=168",
    "GET /stats/pages?timeframe_hours=168",
    "GET /api/v1/sessions/bench",
    "GET /api/v1/sessions/bench/overview",
    "GET /health",
    "GET /metrics",
    "GET /openapi.json",
)


# Milliseconds from the start of a navigation to the end of the load event and the largest paint.
_LOADED = """
async () => {
  const paints = await new Promise((done) => {
    new PerformanceObserver((list) => done(list.getEntries()))
      .observe({ type: "largest-contentful-paint", buffered: true });
    setTimeout(() => done([]), 1000); // nothing large was painted
  });
  const [navigation] = performance.getEntriesByType("navigation");
  return Math.max(navigation.loadEventEnd, ...paints.map((paint) => paint.startTime));
}
"""


@dataclass
class Timed:
    """Seconds of an address: asked for the first time, the median of later ones, in a browser."""

    size: int
    first: float
    median: float
    loaded: float | None = None


def run(place: Place, files: Files, rounds: int) -> Iterator[Result]:
    """The slowest of all, and what grows most with the data; what each takes is printed."""
    del rounds
    labels = _write_labels(place.folder / "labels.csv", files.timezones)
    large = prepare(place, "large", [files.hours, files.timezones, labels, files.status])
    folder = place.folder / "sample"
    sample = prepare(place, "sample", sample_data.write(folder, STORES))
    with ready(place.service(sample)) as service:
        less = on_server(service, names_of(service))
    with ready(place.service(large)) as service:
        names = names_of(service)
        more = on_server(service, names)
        in_browser(service, names, more)
    table = Table("", "kB", "first ms", "ms", "on the sample", "ratio", "in a browser", box=None)
    for address, timed in more.items():
        ratio = timed.median / less[address].median
        times = (timed.first, timed.median, less[address].median, timed.loaded or 0)
        first, median, small, loaded = (f"{1e3 * one:.3g}" for one in times)
        row = (address, f"{timed.size / 1e3:.3g}", first, median, small, f"{ratio:.2g}", loaded)
        table.add_row(*row)
    Console(width=140).print(table)
    yield _slowest("median on the server", {at: one.median for at, one in more.items()}, 100, 50)
    yield _slowest("first view", {at: one.first for at, one in more.items()}, 100, 50)
    shown = {at: one.loaded for at, one in more.items() if one.loaded is not None}
    yield _slowest("in a browser, from click to paint", shown, 300, 150)
    at = max(more, key=lambda at: more[at].median / less[at].median)
    ours, against = more[at].median, less[at].median
    what = f"{at} with 13.6 k stores, 10 M visits, events and beats / on the sample"
    yield Result("B13", what, ours, against, ours / against, 3, 1.5)


def _slowest(how: str, of: dict[str, float], needed: float, aim: float) -> Result:
    at = max(of, key=lambda at: of[at])
    value = of[at] * 1e3
    what = f"slowest page or list, {how}: {at}"
    return Result("B13", what, value, None, value, needed, aim, "ms")


def prepare(place: Place, size: str, files: Sequence[Path]) -> str:
    """Return the URL of a database with these files and a crowd."""
    url = place.database()
    place.ingest(url, *files)
    crowd.gather(url, _PCS[size])
    place.execute("VACUUM ANALYZE", url=url)
    return url


def _write_labels(path: Path, timezones: Path) -> Path:
    """Give the stores of a file of time zones a name, a brand and a region."""
    with timezones.open() as lines, path.open("w") as out:
        out.write("store_id,name,brand,region\n")
        next(lines)
        for number, line in enumerate(lines):
            street, region = number // 40, ("north", "west", "south", "east")[number % 4]
            brand = f"Brand {number % 40}"
            out.write(f"{line.split(',')[0]},{brand} {street} Elm Street,{brand},{region}\n")
    return path


def names_of(service: Service) -> dict[str, str]:
    """Sign in and make reports; return what the names in addresses stand for."""
    client = service.client
    plain = service.trigger()
    service.wait_report(plain)
    as_of = client.get(f"/reports/{plain}", headers={"Accept": "application/json"}).json()
    earlier = datetime.fromisoformat(as_of["polled"]["as_of"]) - _WEEK
    names = {
        "plain": plain,
        "earlier": service.trigger(as_of=earlier.isoformat()),
        "full": service.trigger(intervals=True, outages=True),
        "file": client.get("/ingestions").json()[0]["ingestion_id"],
    }
    for name in ("earlier", "full"):
        service.wait_report(names[name])
    store = client.get("/api/stores?feed=polled&limit=1").json()[0]["store_id"]
    post_form(client, "/signup", username="bench", password=PASSWORD, timezone="UTC")
    return names | {"store": store}


def on_server(service: Service, names: dict[str, str]) -> dict[str, Timed]:
    """Return what each page and list takes, the first time on a service that has just started."""
    headers = {"Accept": "application/json"}
    stores = service.client.get("/api/stores?feed=polled&limit=1000", headers=headers).json()
    each = itertools.cycle(one["store_id"] for one in stores)
    found = dict[str, Timed]()
    for address in (*PAGES, *LISTS):
        headers = HTML if address in PAGES else {"Accept": "application/json"}
        took, size = list[float](), 0
        for _ in range(1 + _TIMES):
            to = address.removeprefix("GET ").format(**names, each=next(each))
            start = time.perf_counter()
            answer = service.client.get(to, headers=headers)
            took.append(time.perf_counter() - start)
            if answer.is_error:
                raise RuntimeError(f"{to}: {answer.text}")
            size = len(answer.content)
        found[address] = Timed(size, took[0], statistics.median(took[1:]))
    return found


def in_browser(service: Service, names: dict[str, str], pages: dict[str, Timed]) -> None:
    """Note how long a browser takes from the start of a navigation to load and largest paint.

    It has been here before, so the server knows its zone and it has the scripts and styles.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=WHOLE_CHROMIUM, args=ARGS)
        context = browser.new_context(base_url=service.url, timezone_id="America/Denver")
        for cookie in service.client.cookies.jar:
            value = cookie.value or ""
            context.add_cookies([{"name": cookie.name, "value": value, "url": service.url}])
        page = context.new_page()
        page.goto("/")
        for address in PAGES:
            if "{each}" in address:
                continue
            took = list[float]()
            for _ in range(1 + _LOADS):
                page.goto(address.format(**names), wait_until="networkidle")
                took.append(page.evaluate(_LOADED) / 1e3)
            pages[address].loaded = statistics.median(took[1:])
        browser.close()
