"""`python -m bench` hammers one server.

`compare` compares this service with others, `compare --photos` on photographs, `gpu` a GPU with the CPU; `chaos` tries
to break it.
"""

import signal
import sys
from types import FrameType


def stop(number: int, frame: FrameType | None) -> None:
    """End by an exception, so that the servers that were started are stopped too."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if sys.argv[1:2] == ["compare"]:
        from bench import compare  # which loads matplotlib
        from bench.photos import command as photos

        others = [word for word in sys.argv[2:] if word != "--photos"]
        sys.exit((photos if len(others) < len(sys.argv[2:]) else compare).main(others))
    if sys.argv[1:2] == ["gpu"]:
        from bench import gpu  # which needs onnx

        sys.exit(gpu.main(sys.argv[2:]))
    if sys.argv[1:2] == ["chaos"]:
        from bench.chaos import command

        sys.exit(command.main(sys.argv[2:]))
    from bench import hammer

    sys.exit(hammer.main(sys.argv[1:]))
