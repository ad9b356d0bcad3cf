from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.field.asking import Asked, serve_cases


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """One server of all cases, good and bad."""
    with serve_cases(tmp_path_factory.mktemp("field") / "models") as asked:
        yield asked
