"""Both: the device fails after some runs, and the process says which one it is."""

import tests.service.lost_app  # noqa: F401
from tests.service.host_app import app

__all__ = ["app"]
