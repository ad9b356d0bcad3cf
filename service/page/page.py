"""The page of each model: HTML from a template, with its scripts and styles as files of their own.

Everything in the HTML is there without JavaScript: the facts of the model and a plain form that uploads. The scripts
(assets/) only use the public endpoints. All paths are relative, so that a reverse proxy may add a prefix.
"""

from __future__ import annotations

import os
from functools import cache
from hashlib import blake2b
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from service.inference.model import Model
from service.page.samples import Samples

FOLDER = Path(__file__).parent
MAX_DRAWN_PIXELS = 64  # side of the largest input for which drawing by hand makes sense
MAX_INLINE_LABELS = 60  # characters; longer lists open on demand
HEADERS = {
    "cache-control": "no-cache",  # keep, but ask whether it is still the same
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ]
)
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
# Linked where the application has them.
LINKS = {"/metrics": "Metrics"}


class Assets(StaticFiles):
    """The page's scripts, styles and icon."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file; its media type is not left to the machine's registry, because `nosniff` makes it count."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        response.headers["content-type"] = MEDIA_TYPES.get(Path(full_path).suffix, "application/octet-stream")
        return response


assets = Assets(directory=FOLDER / "assets", check_dir=False)


async def show_page(request: Request) -> Response:
    """GET /<model>/classify."""
    state = request.app.state
    served = state.registry.find(request.path_params["name"])
    paths = {getattr(route, "path", "") for route in request.app.routes}
    html = write_page(served.model, state.registry.names, state.samples, paths)
    etag = f'"{blake2b(html.encode(), digest_size=16).hexdigest()}"'
    headers = {**HEADERS, "content-security-policy": POLICY, "etag": etag}
    if request.headers.get("if-none-match", "").removeprefix("W/") == etag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(html, headers=headers)


async def redirect_to_page(request: Request) -> Response:
    """GET /: the page of the first model."""
    return RedirectResponse(f"/{request.app.state.registry.names[0]}/classify")


def write_page(model: Model, names: list[str], samples: Samples, paths: set[str]) -> str:
    """HTML of a model's page, beside the other models' `names`; `paths` are the application's own."""
    target = model.input
    small = max(target.height, target.width) <= MAX_DRAWN_PIXELS
    return _template().substitute(
        name=escape(model.name),
        version=model.version,
        device=escape(model.device.name.upper()),
        input=f"{target.width} × {target.height} {'grey' if target.channels == 1 else 'colour'}",  # noqa: RUF001
        classes=model.classes,
        labels=_write_labels(model),
        width=target.width,
        models=_write_models(model.name, names),
        links=_write_links(model.name, paths),
        samples=escape("/".join(name.removesuffix(".png") for name in samples.names)),  # no name holds a slash
        samples_count=len(samples.names),
        samples_hidden="" if samples.names else "hidden",
        draw_hidden="" if small else "hidden",
    )


@cache
def _template() -> Template:
    return Template((FOLDER / "page.html").read_text(encoding="utf-8"))


def _write_labels(model: Model) -> str:
    """All labels where they fit in a line, else a button that opens them (the scripts fetch them)."""
    text = " ".join(str(label) for label in model.labels)
    if len(text) <= MAX_INLINE_LABELS:
        return f"<dt>{model.classes} classes</dt><dd>{escape(text)}</dd>"
    return f'<dt>Classes</dt><dd>{model.classes} <button class="link js" popovertarget="labels">show them</button></dd>'


def _write_models(current: str, names: list[str]) -> str:
    if len(names) == 1:
        return ""
    items = "".join(
        f'<li><a href="../{quote(name)}/classify"{" aria-current=page" if name == current else ""}>{escape(name)}</a>'
        for name in names
    )
    return f'<nav class="models" aria-label="Models"><ul>{items}</ul></nav>'


def _write_links(name: str, paths: set[str]) -> str:
    links = [(f"../v2/models/{quote(name)}", "Metadata")]
    links += [(f"..{path}", text) for path, text in LINKS.items() if path in paths]
    return "".join(f'<li><a href="{href}">{text}</a>' for href, text in links)
