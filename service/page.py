"""The upload page of each model: a plain form that works in every browser."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from service.serving import Served

POLICY = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"
}
FORM = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{name}: upload and classify</title>
<style>body {{ font: 1.1rem/1.6 system-ui, sans-serif; margin: 10vh auto; max-width: 30rem; padding: 0 1rem }}</style>
<h1>{name}</h1>
<form method="post" enctype="multipart/form-data">
<p><label>PNG images <input type="file" name="file" accept="image/png" multiple required></label></p>
<p><button>Classify</button></p>
</form>
</html>
"""


async def show_page(request: Request) -> Response:
    """GET /<model>/classify."""
    name = request.path_params["name"]
    if name not in request.state.models:
        return JSONResponse({"error": f"no model is called {name!r}"}, 404)
    return HTMLResponse(FORM.format(name=escape(name)), headers=POLICY)


async def redirect_to_page(request: Request) -> Response:
    """GET /: the page of the first model."""
    models: dict[str, Served] = request.state.models
    return RedirectResponse(f"/{next(iter(models))}/classify")
