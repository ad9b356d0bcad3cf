"""What can go wrong, and the exit status that says so.

    ConvertError
    ├── SourceError   2   the given files cannot be converted; the user can mend them
    ├── GraphError    1   tf2onnx or ONNX cannot express this model
    └── ParityError   1   the ONNX model answers differently from the Keras model

Each message is one sentence or two: the value, the rule, the way out.
"""


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


def first_line(err: BaseException, limit: int = 200) -> str:
    """The first non-empty line of an exception's text, cut at `limit` characters: other libraries write pages."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    return (lines[0] if lines else type(err).__name__)[:limit].rstrip(". ")
