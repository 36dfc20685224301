"""`/docs` and `/redoc`: Swagger UI and Redoc from an installed package, without any other host."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

_ASSETS = Path(fastapi_offline.__file__).parent / "static"

_HEAD = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>openhours API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/docs/assets/favicon.png">
"""

_SWAGGER = f"""{_HEAD}<link rel="stylesheet" href="/docs/assets/swagger-ui.css"></head>
<body><main id="swagger-ui"></main>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script></body>
</html>
"""
_SWAGGER_SCRIPT = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
"""

_REDOC = f"""{_HEAD}</head>
<body><main id="redoc"></main>
<script src="/docs/assets/redoc.standalone.js"></script>
<script src="/redoc/start.js"></script></body>
</html>
"""
# Its search would need a worker made from text.
_REDOC_SCRIPT = """Redoc.init(
  "/openapi.json",
  { disableSearch: true },
  document.querySelector("#redoc"),
);
"""


def add_docs(app: FastAPI) -> None:
    """Serve `/docs` and `/redoc` over the application's own OpenAPI description."""
    app.mount("/docs/assets", StaticFiles(directory=_ASSETS), name="docs-assets")
    for path, page, script in (
        ("/docs", _SWAGGER, _SWAGGER_SCRIPT),
        ("/redoc", _REDOC, _REDOC_SCRIPT),
    ):
        _serve(app, path, HTMLResponse(page))
        _serve(app, f"{path}/start.js", Response(script, media_type="text/javascript"))


def _serve(app: FastAPI, path: str, response: Response) -> None:
    async def answer() -> Response:
        return response

    app.add_api_route(path, answer, methods=["GET"], include_in_schema=False)
