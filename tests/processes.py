"""What becomes of the processes that a command starts. Linux only."""

from pathlib import Path


def is_running(pid: int) -> bool:
    """A process that has ended may wait for ever for whoever adopted it to ask for its exit status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "XZ"
    except OSError:
        return False
