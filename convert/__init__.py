"""From a Keras model to an ONNX file that the service can serve: `python -m convert models/mnist/model.keras`.

The way the data goes, one module a step:

    source    file or folder → Source, a TensorFlow function (N, H, W, C) → (N, K)
    graph     Source → onnx.ModelProto, simplified, with a dynamic batch dimension
    metadata  labels, pixel format and range, written into the model
    parity    Keras and ONNX Runtime compared on images; nothing is written when they differ

Nothing here is imported by the service: the two share the file `model.onnx` and nothing else.
"""
