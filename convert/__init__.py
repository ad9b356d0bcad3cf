"""From a Keras model to an ONNX file that the service can serve: `python -m convert models/mnist/model.keras`.

The way the data goes, one module a step:

    source    file or folder → Source, a TensorFlow function (N, H, W, C) → (N, K)
    graph     Source → onnx.ModelProto, simplified, with a dynamic batch dimension
    pictures  the pixels it was trained on: the keys that say so, and a reference that computes them
    metadata  labels, pixel format and these keys, written into the model
    parity    Keras and ONNX Runtime compared on images; nothing is written when they differ
    serving   … and on pictures of other sizes, from the bytes of a PNG to the probabilities of the service itself

The service imports nothing of this. Of the service it imports what a file can say of its pictures, and the code that
prepares and serves them, so that what is proven is what runs.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reports its use unless told not to before it is imported
