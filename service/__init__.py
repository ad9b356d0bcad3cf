"""An ONNX Runtime inference server for images: `uvicorn service:app`."""

from service.application import create_app

app = create_app()

__all__ = ["app"]
