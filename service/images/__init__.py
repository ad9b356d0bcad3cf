"""Bytes to pixels to the size that a model takes; knows neither HTTP nor ONNX."""
