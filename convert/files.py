"""Writes files that others read at any moment."""

import os
from contextlib import suppress
from pathlib import Path

from convert.errors import SourceError


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader sees the old file or the new one, never half of one.

    Raises SourceError when the place cannot be written.
    """
    # Not tempfile.mkstemp: its files are readable by their owner only, and another user's server reads this one.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists() and not path.is_file():  # a device would be replaced, too
            raise SourceError(f"{path} is a folder or a device; choose another place.")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as err:
        raise SourceError(f"{path} could not be written ({err.strerror}); choose another place.") from err
    finally:
        with suppress(OSError):
            temporary.unlink()  # where it has not become `path`: an error, or Ctrl-C
