"""The table of all results as a page in Markdown."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version

import onnxruntime

from convert.applications.models import MODELS
from convert.applications.trial import Result
from convert.speed import name_processor

HEAD = """\
# All of keras.applications

`python -m convert.applications` draws weights for each network, so that made pictures fall into many of its 1,000
classes, converts it, compares ONNX Runtime (all optimizations on) with Keras on these pictures, and writes this page.
It goes on where it was interrupted.

{date}, {processor}; Python {python}, {versions}.

**{passed} of {count} convert and agree**, {within} of them within the memory of the last column.{untried}

- **difference** is the largest one between two logits, as a share of how far a class's logit moves from picture to
  picture. **Keras** itself moves by as much when each pixel changes by its last bit (one ulp), at random: what is
  below eight times that, or below 1e-4, is rounding.
- **agree** is the share of pictures with the same class; **classes**, how many occur. Slow networks get fewer pictures.
- **seconds** are from the file read to the ONNX model checked, without the comparison.
- **GB** is the peak of the whole command, with the comparison; **goal**, 12 times the weights and 1 GB.

| model | image | weights, MB | operations | pictures | classes | difference | Keras | agree | seconds | GB | goal |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""


def write_page(results: dict[str, Result]) -> str:
    """The page's text; what has not been tried yet has no row."""
    rows = [results[name] for name in MODELS if name in results]
    passed = [row for row in rows if not row.error]
    within = sum(row.memory <= row.memory_goal for row in passed)
    head = HEAD.format(
        date=datetime.now(UTC).date(),
        processor=name_processor(),
        python=platform.python_version(),
        versions=", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "tf2onnx"))
        + f", onnxruntime {onnxruntime.__version__}",
        passed=len(passed),
        count=len(MODELS),
        within=within,
        untried=f" {len(MODELS) - len(rows)} have not been tried yet." if len(rows) < len(MODELS) else "",
    )
    failures = [f"- {row.name}: {row.error}" for row in rows if row.error]
    tail = ["", "## What did not convert", "", *failures] if failures else []
    return head + "\n".join([*(_format_row(row) for row in passed), *tail]) + "\n"


def _format_row(row: Result) -> str:
    cells = (
        row.name,
        row.side,
        f"{row.weights / 1e6:.0f}",
        row.operations,
        f"{row.pictures:,}",
        row.classes,
        f"{row.difference:.1e}",
        f"{row.own:.1e}",
        f"{row.agreement:.2%}",
        f"{row.seconds:.1f}",
        f"{row.memory / 1e9:.1f}",
        f"{row.memory_goal / 1e9:.1f}",
    )
    return f"| {' | '.join(map(str, cells))} |"
