"""What can go wrong, and the exit status that says so.

    ConvertError
    ├── SourceError   2   the given files cannot be converted; the user can mend them
    ├── GraphError    1   tf2onnx or ONNX cannot express this model
    ├── ParityError   1   the ONNX model answers differently from the Keras model
    └── LossError     1   in float16 or int8 it gets more images wrong than is allowed

Each message is one sentence or two: the value, the rule, the way out.
"""

import re

# In Keras's pages: in bold, or after what it calls an exception; and the last line of TensorFlow's "in user code:".
REASONS = (
    re.compile(r"\x1b\[1m(.+?)\x1b\[0m", re.DOTALL),
    re.compile(r"^Exception encountered: (.+)$", re.MULTILINE),
    re.compile(r"\Ain user code:.*^ +\w+(?:Error|Exception): (.+?)$", re.MULTILINE | re.DOTALL),
)


class ConvertError(Exception):
    """Base of every failure this package foresees."""

    exit_status = 1


class SourceError(ConvertError):
    """The model, labels or data file given is missing, unreadable or of the wrong kind."""

    exit_status = 2


class GraphError(ConvertError):
    """The model loads, but no valid ONNX graph comes out of it."""


class ParityError(ConvertError):
    """ONNX Runtime's outputs are further from Keras's than the tolerance allows."""


class LossError(ConvertError):
    """In another precision the model gets more images wrong than --most-loss allows."""


def first_line(err: BaseException, limit: int = 200) -> str:
    """What an exception says in a line, cut at a word before `limit`: other libraries write pages.

    The first line that is not empty, or the reason itself where Keras or TensorFlow mark it.
    """
    found = next(filter(None, (reason.search(str(err)) for reason in REASONS)), None)
    text = found[1] if found else str(err)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[0] if lines else type(err).__name__
    if len(line) > limit:
        return f"{line[:limit].rpartition(' ')[0] or line[:limit]} …"
    return line.rstrip(". ")
