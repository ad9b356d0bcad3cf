"""The snippet of docs/protocol.md does what the document says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.conftest import address_of
from tests.serving import serve

pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")


def test_the_snippet_prints_what_is_said() -> None:
    text = Path("docs/protocol.md").read_text()
    snippet, said = re.search(r"```python\n(.*?)```\n\nprints `(.*?)`", text, re.S).groups()  # type: ignore[union-attr]
    with serve({"SERVICE_MODELS": "models", "SERVICE_DEVICE": "cpu"}) as server:
        code = snippet.replace("127.0.0.1:8000", address_of(server))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"{said}\n"
