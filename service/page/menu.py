"""The menu of the models: one button on each page, whether it opens two or two hundred."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import quote

from service.inference.model import Model
from service.registry import Registry

MANY = 8  # from so many on, one can be looked for


def title_of(model: Model) -> str:
    """The title that the model is described with, else its name in plain words."""
    said: str | None = model.description.get("title")
    return said or re.sub(r"[-_.\s]+", " ", model.name).strip() or model.name


def write_menu(registry: Registry, current: str) -> str:
    """The button and what it opens; nothing where there is one model only."""
    if len(registry.names) == 1:
        return ""
    models = sorted((served.model for served in registry), key=_by_number)
    items = "".join(_write_item(model, model.name == current) for model in models)
    search = '<input id="find" class="js" type="search" placeholder="Find a model" aria-label="Find a model">'
    return (
        f'<button id="others" popovertarget="models">{len(registry.names)} models</button>'
        f'<nav id="models" popover aria-label="Models">{search if len(registry.names) >= MANY else ""}'
        f'<ul>{items}</ul><p id="found" hidden>No model of that name.</p></nav>'
    )


def _by_number(model: Model) -> list[tuple[int, str]]:
    """Sort key by title: net 2 before net 10."""
    parts = re.findall(r"\d+|\D+", title_of(model).casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _write_item(model: Model, is_current: bool) -> str:
    mark = " aria-current=page" if is_current else ""
    link = f'<a href="../{quote(model.name, safe="")}/classify"{mark}>'
    name = f"<small>{escape(model.name)}</small>" if title_of(model) != model.name else ""
    return f"<li>{link}{escape(title_of(model))} {name}</a>"
