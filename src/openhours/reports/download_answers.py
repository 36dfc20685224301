"""Tables of reports over HTTP, as files."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from openhours.api.dependencies import SETTINGS
from openhours.api.downloads import DOWNLOADS, FILE_HEADERS, download
from openhours.api.openapi import header
from openhours.errors import located
from openhours.reports.formats import MEDIA, Format, written
from openhours.reports.tables import Report
from openhours.reports.tabular import Table

TABLE_HEADERS = FILE_HEADERS | {"X-Row-Count": header("How many rows it has.", "integer")}


@dataclass(frozen=True)
class Download:
    """A table of a complete report, which never changes.

    `key` tells it from other tables of the report; `name` is the file's, without its end.
    """

    table: Callable[[], Table]
    form: Format
    key: str
    name: str


async def download_answer(
    request: Request,
    report: Report,
    file: Download,
    metadata: dict[str, Any],
    headers: dict[str, str],
) -> Response:
    """Return the file, see `api.downloads.download`; JSON begins with `metadata`.

    `X-Row-Count` says how many rows it has.
    Raise Invalid if the format does not hold so many rows.
    """
    form, table = file.form, file.table()

    async def make() -> AsyncIterator[bytes]:
        folder = SETTINGS.of(request.app).data_dir
        return await written(table, form, folder, metadata)

    headers = {
        **headers,
        "X-Row-Count": str(table.rows),
        "Content-Disposition": f'attachment; filename="{file.name}.{form}"',
    }
    with located("query", "format"):
        return await download(
            request,
            DOWNLOADS.of(request.app),
            f"{report.report_id} {file.key} {form}",
            make,
            headers,
            media=MEDIA[form],
            compressible=form in ("csv", "json"),
            modified_at=(report.finished_at or report.created_at).timestamp(),
        )
