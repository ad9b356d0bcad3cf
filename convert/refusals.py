"""Why Keras could not load a file, in one line with the way out."""

import re
from pathlib import Path

from convert.errors import SourceError, first_line

# Keras buries the name in pages of configuration.
MISSING = (
    re.compile(r"Could not locate (?P<kind>class|function) '(?P<name>[^']+)'"),
    re.compile(r"Unknown (?P<kind>\w+): '(?P<name>[^']+)'"),
    re.compile(r"Could not interpret (?P<kind>\w+)(?: function)? identifier: (?P<name>\w+)$", re.MULTILINE),
)
LAMBDA = re.compile(r"Lambda.*(unsafe|safe_mode|arbitrary code)|deserialization of a Python lambda", re.DOTALL)
BROKEN = re.compile(r"name '\w+' is not defined|bad marshal data")
# Keras 2 wrote these for TensorFlow operations between layers, and Keras 3 does not know them.
KERAS_2 = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod", "InstanceProperty")


def explain(path: Path, err: Exception) -> SourceError:
    """The refusal for what Keras or TensorFlow raised while it loaded `path`."""
    text = str(err)
    if LAMBDA.search(text):
        return SourceError(
            f"{path} has a Lambda layer, which is Python code; put a layer of Keras in its place "
            "(keras.layers.Rescaling for pixels), or give --trust if you trust whoever made the file."
        )
    broken = BROKEN.search(text)
    if broken:
        return SourceError(
            f"{path} has a Lambda layer whose code does not run here ({broken[0]}): a file holds neither the names "
            "that it uses nor code for another version of Python; "
            'write it with model.export("folder") where it was made, and convert that folder.'
        )
    for pattern in MISSING:
        found = pattern.search(text)
        if found:
            return _explain_missing(path, found["kind"], found["name"])
    return SourceError(
        f"{path} could not be loaded ({type(err).__name__}: {first_line(err)}); "
        'load it where it was made, and save it again with model.save("model.keras").'
    )


def _explain_missing(path: Path, kind: str, name: str) -> SourceError:
    if name in KERAS_2:
        return SourceError(
            f"{path} has TensorFlow operations between layers ({name}), as Keras 2 wrote them; "
            "export it there as a SavedModel with tf.saved_model.save(), and convert that."
        )
    return SourceError(
        f"{path} needs the {kind} '{name}', which is not a part of Keras; "
        "give the Python file that defines it with --import, which runs that file."
    )
