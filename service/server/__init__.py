"""How the service runs: workers and their sockets, HTTP within bounds, an end that loses nothing."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`Protocol`, when it is asked for: the supervisor does without it, and without all that it serves."""
    if name != "Protocol":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from service.server.fast import Protocol

    return Protocol
