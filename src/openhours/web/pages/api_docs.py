"""`/docs` and `/redoc`: Swagger UI and Redoc from an installed package, without any other host."""

from functools import cache, lru_cache
from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from openhours.accounts.browser_sessions import csrf_token, sent_cookie
from openhours.api.json_answers import json_bytes
from openhours.api.off_loop import off_loop
from openhours.api.openapi import with_present_instants
from openhours.api.security_headers import STRICT
from openhours.web.render import STATIC
from openhours.web.static_files import KEPT, Static

_JAVASCRIPT = "text/javascript"
_FOLDER = Path(fastapi_offline.__file__).parent / "static"
ASSETS = Static(_FOLDER)  # served at /docs/assets
_ASSETS = f"docs/assets/{ASSETS.version}"

# Addresses are relative: a proxy may serve this page below a path.
_HEAD = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>openhours API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="{_ASSETS}/favicon.png">
<link rel="stylesheet" href="static/{STATIC.version}/docs.css">
"""
_TOP = '<header class="top"><a href="./">openhours</a><h1>API</h1></header>'

_SWAGGER = f"""{_HEAD}<meta name="csrf-token" content="TOKEN">
<link rel="stylesheet" href="{_ASSETS}/swagger-ui.css">
<link rel="preload" href="openapi.json" as="fetch" crossorigin></head>
<body>{_TOP}<main id="swagger-ui"></main>
<script src="{_ASSETS}/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script></body>
</html>
"""
# Who has signed in may press Execute, too: like our other pages, this one then sends its token.
# Swagger UI has a dark theme, but does not ask the browser which one is wanted.
# To show a hundred operations at once takes it twice as long: they are folded by their tags.
_SWAGGER_SCRIPT = """const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
const token = document.querySelector("meta[name=csrf-token]").content;
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  requestInterceptor: (request) => {
    if (token && request.method !== "GET") request.headers["X-CSRF-Token"] = token;
    return request;
  },
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
"""

_REDOC = f"""{_HEAD}</head>
<body>{_TOP}<main id="redoc"></main>
<script src="redoc/bundle.js?{ASSETS.version}"></script>
<script src="redoc/start.js"></script></body>
</html>
"""
# Redoc puts two style elements into its page: an empty one, to which it then adds its rules, and
# one for its scroll bars. These two alone are let through, by their hashes.
_REDOC_POLICY = STRICT.replace(
    "style-src 'self'",
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    " 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
)
# Redoc asks another host for this picture; without it, it shows none.
_REDOC_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
# Its search would need a worker made from text.
_REDOC_SCRIPT = """Redoc.init(
  "openapi.json",
  { disableSearch: true },
  document.querySelector("#redoc"),
);
"""


router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Show the API, to read and to try."""
    token = csrf_token(request, sent_cookie(request))
    return HTMLResponse(_SWAGGER.replace("TOKEN", token), headers={"Cache-Control": "no-store"})


@router.get("/redoc")
async def redoc() -> Response:
    """Show the API, to read."""
    return HTMLResponse(_REDOC, headers={"Content-Security-Policy": _REDOC_POLICY})


@router.get("/docs/start.js")
async def start_swagger() -> Response:
    """Return the script that starts Swagger UI: no inline script is allowed."""
    return Response(_SWAGGER_SCRIPT, media_type=_JAVASCRIPT)


@router.get("/redoc/start.js")
async def start_redoc() -> Response:
    """Return the script that starts Redoc."""
    return Response(_REDOC_SCRIPT, media_type=_JAVASCRIPT)


@router.get("/redoc/bundle.js")
async def redoc_bundle() -> Response:
    """Return Redoc, without the picture that it would load from another host."""
    return Response(_redoc_bundle(), headers=KEPT, media_type=_JAVASCRIPT)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Return the OpenAPI description."""
    description = await off_loop(_description, request.app)
    return Response(with_present_instants(description), media_type="application/json")


@lru_cache(maxsize=1)
def _description(app: FastAPI) -> bytes:
    return json_bytes(app.openapi())


@cache
def _redoc_bundle() -> str:
    return (_FOLDER / "redoc.standalone.js").read_text().replace(_REDOC_LOGO, "data:,")
