"""GET /: the default model's page, or all models, each a link, and those that cannot be served with the reason."""

from __future__ import annotations

from functools import cache
from html import escape
from string import Template
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.inference.loading import Failure
from service.inference.model import Model
from service.page.documents import FOLDER, Document
from service.page.menu import title_of
from service.page.page import Pages, describe_input, icon, write_links
from service.registry import Registry


async def show_index(request: Request) -> Response:
    """The default model's page, else that of the only model, else the list."""
    state = request.app.state
    registry: Registry = state.registry
    default = state.default_model or (registry.names[0] if len(registry.names) == 1 else "")
    if default in registry.names and (state.default_model or registry.is_whole):
        # Relative, so that a reverse proxy may add a prefix; the dot, so that no colon in a name looks like a scheme.
        return RedirectResponse(f"./{quote(default, safe='')}/classify")
    return Document(write_index(state.pages), ".html").answer(request)


def write_index(pages: Pages) -> str:
    """HTML of the list."""
    registry = pages.registry
    served = [_write_served(each.model, registry.of(each.model.name)) for each in registry]
    failed = [_write_failed(name, registry.of(name)) for name in registry.failed_names]
    links = write_links("v2", "metrics")
    return _template().substitute(links=links, icon=icon(), models="\n".join(served + failed))


@cache
def _template() -> Template:
    return Template((FOLDER / "index.html").read_text(encoding="utf-8"))


def _write_served(model: Model, failures: list[Failure]) -> str:
    facts = {
        "Version": str(model.version),
        "Device": model.device.name.upper(),
        "Input": describe_input(model),
        "Classes": str(model.classes),
    }
    if title_of(model) != model.name:
        facts = {"Name": model.name, **facts}
    items = "".join(f"<div><dt>{title}</dt><dd>{escape(fact)}</dd></div>" for title, fact in facts.items())
    link = f'<a href="./{quote(model.name, safe="")}/classify">{escape(title_of(model))}</a>'
    return f'<section class="panel"><h2 class="large">{link}</h2><dl>{items}</dl>{_write_reasons(failures)}</section>'


def _write_failed(name: str, failures: list[Failure]) -> str:
    return f'<section class="panel wrong"><h2 class="large">{escape(name)}</h2>{_write_reasons(failures)}</section>'


def _write_reasons(failures: list[Failure]) -> str:
    return "".join(
        f'<p class="sentence">Version {file.version} cannot be served: {escape(sentence)}</p>'
        for file, sentence in failures
    )
