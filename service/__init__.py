"""An ONNX Runtime inference server for images: `python -m service`, or `uvicorn service:app`."""

from functools import cache
from typing import Any


@cache
def _make_app() -> Any:
    from service.application import create_app

    return create_app()


def __getattr__(name: str) -> Any:
    """`app`, made when it is asked for: the supervisor and the commands do without it."""
    if name != "app":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return _make_app()
