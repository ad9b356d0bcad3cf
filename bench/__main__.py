"""`python -m bench` hammers one server.

`compare` compares this service with others, `compare --photos` on photographs, `gpu` a GPU with the CPU; `chaos` tries
to break it.
"""

from service.interruption import leave_at_once, tidying

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("bench: interrupted")

import signal
import sys
from collections.abc import Callable
from types import FrameType


def stop(number: int, frame: FrameType | None) -> None:
    """End by an exception, so that the servers that were started are stopped too."""
    sys.exit(128 + number)


def main(arguments: list[str]) -> int:
    """Run the command that the first words name; what it needs is imported first, and Ctrl-C then leaves at once."""
    run: Callable[[list[str]], int]
    if arguments[:1] == ["compare"]:
        from bench import compare  # which loads matplotlib
        from bench.photos import command as photos

        run = photos.main if "--photos" in arguments else compare.main
        arguments = [word for word in arguments[1:] if word != "--photos"]
    elif arguments[:1] == ["gpu"]:
        from bench import gpu  # which needs onnx

        run, arguments = gpu.main, arguments[1:]
    elif arguments[:1] == ["chaos"]:
        from bench.chaos import command

        run, arguments = command.main, arguments[1:]
    else:
        from bench import hammer

        run = hammer.main
    with tidying():
        return run(arguments)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    sys.exit(main(sys.argv[1:]))
