from __future__ import annotations

import pytest

from service.api.deadlines import read_deadline
from service.errors import UploadError


@pytest.mark.parametrize(("asked", "until"), [(b"", 3), (b"0", 1), (b"0.5 \t", 1.5), (b"999999999", 3)])
def test_the_earlier_deadline_holds(asked: bytes, until: float) -> None:
    assert read_deadline(10**9, 2 * 10**9, asked) == until * 10**9


@pytest.mark.parametrize("asked", [b"-1", b"1e3", b"nan", b"9999999999", b"1.", b".5", b"1 2", b"\xd9\xa1"])
def test_what_is_no_number_of_seconds_is_refused(asked: bytes) -> None:
    with pytest.raises(UploadError, match="it must be seconds such as 0.5"):
        read_deadline(10, 60, asked)
