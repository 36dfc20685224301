"""`ingest` and `report` on a server elsewhere. They need nothing of its parts."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from rich.markup import escape
from rich.progress import Progress

from openhours.cli.output import fail
from openhours.cli.results import (
    find_missing,
    print_failed,
    print_ingestions,
    print_outages,
    print_refused,
    print_report,
    progress_bar,
)
from openhours.cli.server import OF_THE_REQUEST, Server, ServerFailed
from openhours.ingestion.names import printable


def ingest(server: Server, files: Sequence[Path], kind: str | None) -> bool:
    """Upload the files, one after the other, and follow them; whether none was refused.

    `kind`: of all of them; None: each tells its own. Raise ServerFailed.
    """
    if find_missing(files):
        return False
    server.ask_list("ingestions?limit=1")  # who may not do it should not send a large file first
    with progress_bar() as bar:
        sent = [_upload(server, file, kind, bar) for file in files]
        done = [_follow(server, one, bar) for one in sent]
    return print_ingestions(done)


def _upload(server: Server, file: Path, kind: str | None, bar: Progress) -> dict[str, Any]:
    """Return the ingestion of a file that was sent, or that the server refused to take."""
    path = "ingest" if kind is None else f"ingest/{kind}"
    # Whatever is sent with it twice is loaded once, and has one answer.
    headers = {"Idempotency-Key": secrets.token_hex(16), "Content-Type": "application/octet-stream"}
    task = bar.add_task("")

    def send(client: httpx.Client) -> httpx.Response:
        bar.update(task, description=f"sending {escape(printable(file.name))}")
        with bar.open(file, "rb", task_id=task) as content:
            return client.post(path, params={"name": file.name}, headers=headers, content=content)

    try:
        return server.retry(send, dict)
    except ServerFailed as error:
        if error.status not in OF_THE_REQUEST:
            raise
        return {"name": file.name, "state": "failed", "error": str(error), "advice": None}
    finally:
        bar.remove_task(task)


def _follow(server: Server, sent: dict[str, Any], bar: Progress) -> dict[str, Any]:
    """Return an ingestion that has ended, with its advice."""
    if "ingestion_id" not in sent:
        return sent
    place = f"ingestions/{sent['ingestion_id']}"
    task = bar.add_task("", total=1.0)
    for told in server.follow(place):
        name = escape(printable(told.get("name", "")))
        bar.update(task, description=name, completed=told["progress"])
    bar.remove_task(task)
    if told["state"] == "removed":
        told |= {"name": place, "error": "it was removed"}
    advice = server.ask_list(f"{place}/advice") if told.get("advice") else None
    return {**told, "advice": advice}


def report(
    server: Server,
    out: Path | None,
    form: str,
    layout: str,
    full: bool,
    outages_to: Path | None,
    group_by: str | None,
    **options: Any,
) -> bool:
    """Make a report, follow it, and download its rows or groups, and its outages.

    Return whether it was done. `options` are those of the trigger. Raise ServerFailed.
    """
    options |= {"intervals": full, "outages": outages_to is not None}
    body = {name: value for name, value in options.items() if value is not None}
    headers = {"Idempotency-Key": secrets.token_hex(16)}
    rows_query = {"format": form, "detail": "full" if full else "basic", "layout": layout}
    if group_by is not None:
        rows_query["group_by"] = group_by
    try:
        triggered = server.ask("POST", "trigger_report", json=body, headers=headers)
        report_id = str(triggered["report_id"])
        with progress_bar() as bar:
            task = bar.add_task("report", total=1.0)
            for told in server.follow(f"reports/{report_id}"):
                bar.update(task, completed=told["progress"])
            if told["status"] != "Complete":
                print_failed(told["error"] or "it was removed")
                return False
            task = bar.add_task("download", total=None)
            rows = server.download(f"get_report/{report_id}", rows_query, out, bar, task)
            if outages_to is not None:
                task = bar.add_task("outages", total=None)
                place = f"reports/{report_id}/outages"
                outages = server.download(place, {"format": form}, outages_to, bar, task)
    except ServerFailed as error:
        if not error.problems:
            raise
        field, message = error.problems[0]
        if field == "as_of":
            fail(f"--as-of: {message}")  # as the local command says it
        print_refused(str(error))
        return False
    print_report(report_id, rows, "rows" if group_by is None else "groups", out)
    if outages_to is not None:
        print_outages(outages, outages_to)
    return True
