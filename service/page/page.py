"""The page of each model: HTML from a template, made once, with its scripts and styles as files of their own.

Everything in the HTML is there without JavaScript: the facts of the model, a sample with its answer and a plain form
that uploads. The scripts (assets/) only use the public endpoints. All paths are relative, so that a reverse proxy may
add a prefix.
"""

from __future__ import annotations

import re
from functools import cache, partial
from html import escape
from string import Template
from urllib.parse import quote
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import Response

from service.inference.description import DEFAULT
from service.inference.model import Model
from service.page.documents import FOLDER, Document
from service.page.menu import title_of, write_menu
from service.page.samples import FOLDER as SAMPLES
from service.page.samples import Samples
from service.page.showcase import write_example, write_strip
from service.registry import Registry
from service.settings import Settings

MAX_DRAWN_PIXELS = 64  # side of the largest input for which drawing by hand makes sense
MAX_INLINE_LABELS = 60  # characters; longer lists open on demand
BRAND = "Upload and classify"
plain_label = re.compile(r"[\w-]{1,20}")


class Pages:
    """The pages of the models that are served, each made when it is first asked for; models may come and go."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self.registry, self.settings = registry, settings
        self._samples: WeakKeyDictionary[Model, Samples] = WeakKeyDictionary()
        self._written: WeakKeyDictionary[Model, tuple[str, Document]] = WeakKeyDictionary()  # with the menu

    def samples_of(self, model: Model) -> Samples:
        """Samples that lie beside the model."""
        if model not in self._samples:
            self._samples[model] = Samples(self.settings.models / model.name / SAMPLES)
        return self._samples[model]

    def try_samples(self) -> None:
        """Ask each model about its first sample, before it serves."""
        for served in self.registry:
            self.samples_of(served.model).try_first(served)

    def write(self, model: Model) -> Document:
        """The page of a model that is served; takes tens of milliseconds the first time."""
        menu = write_menu(self.registry, model.name)
        written = self._written.get(model)
        if written is None or written[0] != menu:
            html = write_page(model, menu, self.samples_of(model), self.settings)
            written = self._written[model] = menu, Document(html, ".html")
        return written[1]


async def show_page(request: Request) -> Response:
    """GET /<model>/classify."""
    state = request.app.state
    served = state.registry.find(request.path_params["name"])
    document: Document = await state.intake.decoders.run(partial(state.pages.write, served.model))
    return document.answer(request)


def write_page(model: Model, menu: str, samples: Samples, settings: Settings) -> str:
    """HTML of a model's page."""
    title, question = title_of(model), model.description.get("question")
    return _template().substitute(
        write_example(samples.example),
        name=escape(model.name),
        title=escape(title),
        brand=escape(title if question else BRAND),
        question=escape(question or title),
        icon=icon(),
        scripts=_write_scripts(),
        version=model.version,
        device=escape(model.device.name.upper()),
        input=describe_input(model),
        labels=_write_labels(model),
        width=model.input.width,
        models=menu,
        links=write_links(f"../v2/models/{quote(model.name, safe='')}", "../metrics"),
        hint=_write_hint(model),
        # Without scripts, which make a PNG of whatever the browser shows, a form takes what the server does.
        accept=",".join(f"image/{name}" for name in settings.formats),
        key="-H 'X-API-Key: …' " if settings.api_key else "",
        names=escape("/".join(name.removesuffix(".png") for name in samples.names)),  # no name holds a slash
        samples=write_strip(samples),
        samples_count=len(samples.names),
        samples_hidden="" if samples.names else "hidden",
        draw_hidden="" if is_for_glyphs(model) else "hidden",
    )


def is_for_glyphs(model: Model) -> bool:
    """Whether what is drawn by hand is what the model has been trained on.

    So it is where pictures are trimmed to their subject; and where nobody says how they are resized, if they are small
    and grey, as MNIST's are.
    """
    resize, target = model.description.get("resize"), model.input
    if resize == "trim":
        return True
    small = 0 < max(target.height, target.width) <= MAX_DRAWN_PIXELS
    return small and target.channels == 1 and model.description.source("resize") == DEFAULT


def describe_input(model: Model) -> str:
    """Size and kind of the pictures that a model takes."""
    target = model.input
    size = f"{target.width} × {target.height}" if target.height else "any size,"  # noqa: RUF001
    return f"{size} {'grey' if target.channels == 1 else 'colour'}"


@cache
def icon() -> str:
    """The icon as a `data:` address, which saves a request."""
    return "data:image/svg+xml," + quote((FOLDER / "icon.svg").read_text(encoding="utf-8").strip())


@cache
def _template() -> Template:
    return Template((FOLDER / "page.html").read_text(encoding="utf-8"))


@cache
def _write_scripts() -> str:
    """The first script, and the others, which a browser would otherwise find one after the other."""
    others = sorted(file.name for file in (FOLDER / "assets").glob("*.js") if file.name != "main.js")
    preloads = "".join(f'<link rel="modulepreload" href="../assets/{name}">\n' for name in others)
    return f'{preloads}<script type="module" src="../assets/main.js"></script>'


def _write_labels(model: Model) -> str:
    """All labels where they fit in a line, else a button that opens them (the scripts fetch them)."""
    text = " ".join(str(label) for label in model.labels)
    if len(text) <= MAX_INLINE_LABELS:
        return f"<dt>{model.classes} classes</dt><dd>{escape(text)}</dd>"
    return f'<dt>Classes</dt><dd>{model.classes} <button class="link js" popovertarget="labels">show them</button></dd>'


def _write_hint(model: Model) -> str:
    """How a file's name says its class, with one of the model's own."""
    label = str(model.labels[-1])
    if not plain_label.fullmatch(label):
        return ""
    return f" A name such as <code>12-{escape(label)}.png</code> says the class, which is then checked."


def write_links(metadata: str, metrics: str) -> str:
    """Links to the metadata and the metrics, by their paths from the page."""
    return f'<li><a href="{metadata}">Metadata</a><li><a href="{metrics}">Metrics</a>'
