"""The access table: every route, and what it needs (see `accounts.access_control.Needs`).

The application does not start with a route that is not listed here.
"""

import re
from typing import Any

from openhours.accounts.access_control import AccessTable, Needs
from openhours.api.error_responses import error_response

_OPEN = Needs("open")
_KNOWN = Needs("known")
_USER = Needs("user")
_INGEST = Needs("ingest")
_REPORT = Needs("report")
_METRICS = Needs("metrics")
_TRACK = Needs("track")
_CORRECT = Needs("correct")

TABLE = AccessTable(
    {
        # The service itself
        "GET /": _REPORT,
        "GET /health": _OPEN,
        "GET /docs": _KNOWN,
        "GET /docs/start.js": _OPEN,
        "GET /redoc": _KNOWN,
        "GET /redoc/start.js": _OPEN,
        "GET /redoc/bundle.js": _OPEN,
        "GET /openapi.json": _KNOWN,
        # Signing in
        "GET /signin": _OPEN,
        "POST /signin": Needs("open", form=True),
        "POST /signout": Needs("open", form=True),
        # Feeds
        "POST /ingest": _INGEST,
        "POST /ingest/{kind}": _INGEST,
        "GET /ingestions": _INGEST,
        "GET /ingestions/{ingestion_id}": _INGEST,
        "DELETE /ingestions/{ingestion_id}": _INGEST,
        "GET /ingestions/{ingestion_id}/events": _INGEST,
        "GET /ingestions/{ingestion_id}/advice": _INGEST,
        "GET /ingestions/{ingestion_id}/rejects.csv": _INGEST,
        "POST /track": _TRACK,
        "POST /track/batch": _TRACK,
        "GET /track/events": _REPORT,
        "POST /visit": _TRACK,
        "GET /stats": _REPORT,
        "GET /stats/pages": _REPORT,
        "POST /api/event": _TRACK,
        "GET /api/events": _REPORT,
        "GET /api/events/counts": _REPORT,
        "GET /metrics": _METRICS,
        # Reports
        "POST /trigger_report": _REPORT,
        "GET /get_report": _REPORT,
        "GET /get_report/{report_id}": _REPORT,
        "GET /reports": _REPORT,
        "GET /reports/{a}/diff/{b}": _REPORT,
        "GET /reports/{report_id}/events": _REPORT,
        "GET /reports/{report_id}/calibration": _REPORT,
        "DELETE /reports/{report_id}": _REPORT,
        "GET /reports/{report_id}/outages": _REPORT,
        "GET /deliveries": _REPORT,
        "POST /deliveries/{delivery_id}/resend": _REPORT,
        "GET /api/stores": _REPORT,
        "GET /api/stores/{store_id:text}/timeline": _REPORT,
        "GET /api/stores/{store_id:text}/explain": _REPORT,
        # Corrections
        "POST /corrections": _CORRECT,
        "GET /corrections": _REPORT,
        "GET /corrections/{correction_id}": _REPORT,
        "DELETE /corrections/{correction_id}": _CORRECT,
        # Special hours
        "GET /special_hours": _REPORT,
        "PUT /special_hours/{store_id:text}/{date}": _INGEST,
        "DELETE /special_hours/{store_id:text}/{date}": _INGEST,
        # Pages
        "GET /files/{ingestion_id}": _INGEST,
        "POST /files/sample": Needs("ingest", form=True),
        "POST /files/{ingestion_id}/cancel": Needs("ingest", form=True),
        "GET /find": _REPORT,
        "GET /stores": _REPORT,
        "GET /stores/{store_id:text}": _REPORT,
        "POST /reports/new": Needs("report", form=True),
        "GET /reports/{report_id}": _REPORT,
        "GET /reports/compare": _REPORT,
        "POST /deliveries/{delivery_id}/send_again": Needs("report", form=True),
        "GET /corrections/new": _CORRECT,
        "POST /corrections/new": Needs("correct", form=True),
        "POST /corrections/{correction_id}/revoke": Needs("correct", form=True),
        "GET /hours/special": _REPORT,
        "POST /hours/special": Needs("ingest", form=True),
        "POST /hours/special/remove": Needs("ingest", form=True),
        "GET /pcs": _REPORT,
        "POST /pcs/hours": Needs("ingest", form=True),
        "GET /traffic": _REPORT,
        "GET /activity": _REPORT,
        "POST /activity": Needs("track", form=True),
        "GET /timer": _USER,
        "POST /timer/start": Needs("user", form=True),
        "POST /timer/switch": Needs("user", form=True),
        "POST /timer/stop": Needs("user", form=True),
        "POST /timer/add": Needs("user", form=True),
        "POST /timer/{session_id}": Needs("user", form=True),
        "POST /timer/{session_id}/delete": Needs("user", form=True),
        "POST /timer/{session_id}/restore": Needs("user", form=True),
        "POST /timer/zone": Needs("user", form=True),
        "POST /signup": Needs("open", form=True),
        "GET /account": _USER,
        "POST /account/password": Needs("user", form=True),
        "POST /account/sign_out_everywhere": Needs("user", form=True),
        # Accounts
        "POST /api/v1/user/register": _OPEN,
        "POST /api/v1/user/login": _OPEN,
        "POST /api/v1/user/refresh": _OPEN,
        "GET /api/v1/user": _USER,
        "PATCH /api/v1/user": _USER,
        "PUT /api/v1/user/password": _USER,
        "POST /api/v1/user/sign_out_everywhere": _USER,
        # Work sessions; the package checks whose they are
        "POST /api/v1/sessions/new": _USER,
        "GET /api/v1/sessions/{username}": _USER,
        "GET /api/v1/sessions/{username}.csv": _USER,
        "GET /api/v1/sessions/{username}/overview": _USER,
        "POST /api/v1/sessions/{username}/start": _USER,
        "POST /api/v1/sessions/{username}/stop": _USER,
        "PATCH /api/v1/sessions/{username}/{session_id}": _USER,
        "DELETE /api/v1/sessions/{username}/{session_id}": _USER,
    }
)

_SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key: `openhours keys create`. Not needed before the first is made.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "An API key as the password, under any name: `http://any:KEY@host/track`.",
    },
    "user": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `token` of register, login or refresh.",
    },
}


def describe_access(schema: dict[str, Any]) -> None:
    """Add to an OpenAPI description what each route needs."""
    # OpenAPI does not say which parameters may hold a slash.
    needs = {re.sub(":[a-z]+}", "}", route): need for route, need in TABLE.routes.items()}
    schema.setdefault("components", {})["securitySchemes"] = _SCHEMES
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _describe(operation, needs[f"{method.upper()} {path}"])


def _describe(operation: dict[str, Any], needs: Needs) -> None:
    if needs.who == "open":
        operation["security"] = []
        return
    user = needs.who == "user"
    operation["security"] = [{"user": []}] if user else [{"key": []}, {"basic": []}]
    need = "a user's token" if user else f"the scope `{needs.who}`"
    operation["responses"].setdefault("401", error_response("No valid credential was given."))
    operation["responses"].setdefault("403", error_response(f"Needs {need}."))
