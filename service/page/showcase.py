"""What the page shows before anybody has done anything: a sample with its answer, and a strip of samples to try."""

from __future__ import annotations

import json
import logging
from html import escape

from service.errors import RequestError
from service.page.samples import Example, Samples
from service.page.thumbnails import write_thumbnail

logger = logging.getLogger("service")
MAX_THUMBNAILS = 16  # as many as a wide screen shows at once; "Try all" takes the rest
EXAMPLE_SIDE = 128  # pixels, of its thumbnails


def write_example(example: Example | None) -> dict[str, str]:
    """The answer panel's content: a sample and what the model answered, or nothing yet."""
    if example is None:
        nothing = {"answer_class": " js", "state": "empty", "example": "", "shown_name": "", "size": "", "class": ""}
        return {**nothing, "shown": "hidden", "seen": "hidden", "note": "", "bars": ""}
    (label, share), ranked = example.ranked[0], example.ranked
    best, answer = str(label), {"cls": label, "fn": example.name, "top": ranked}
    rows = (f"<span><span>{escape(str(each))}</span><span>{100 * part:.1f} %</span></span>" for each, part in ranked)
    return {
        "answer_class": "",
        "state": "done",
        "example": escape(json.dumps(answer, ensure_ascii=False)),
        "shown_name": escape(example.name),
        "shown": f'src="{write_thumbnail(example.pixels, EXAMPLE_SIDE)}"',
        "seen": f'src="{write_thumbnail(example.seen, EXAMPLE_SIDE)}"',
        "size": "huge" if len(best) <= 2 else "large" if len(best) <= 10 else "long",  # as answer.js
        "class": escape(best),
        "note": f"{100 * share:.1f} %",
        "bars": "".join(rows),
    }


def write_strip(samples: Samples) -> str:
    """A button with a picture for each of the first samples; one that cannot be read has none."""
    items: list[str] = []
    for name in samples.names[:MAX_THUMBNAILS]:
        try:
            source = write_thumbnail(samples.read(name))
        except (RequestError, OSError) as error:
            logger.warning("The sample %s is not shown: %s.", samples.folder / name, error)
            continue
        shown = escape(name)
        image = f'<img src="{source}" alt="Classify {shown}" width="48" height="48">'
        items.append(f'<li><button value="{shown}" title="{shown}" tabindex="{-1 if items else 0}">{image}</button>')
    return "".join(items)
