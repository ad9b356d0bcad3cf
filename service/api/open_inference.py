"""Health and metadata, as the Open Inference Protocol names them (its inference endpoint is not offered).

Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md.
"""

from __future__ import annotations

from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

DATATYPES = {"uint8": "UINT8", "float16": "FP16", "float32": "FP32", "float64": "FP64"}


async def live(request: Request) -> Response:
    """GET /v2/health/live: a lost GPU comes back only with a new process, so the process counts as dead."""
    works = request.app.state.registry.works
    return JSONResponse({"live": works}, 200 if works else 503)


async def ready(request: Request) -> Response:
    """GET /v2/health/ready: whether every worker is ready, and its event loop and its models respond."""
    state = request.app.state
    works = state.registry.works and state.counters.are_ready
    return JSONResponse({"ready": works}, 200 if works else 503)


async def read_server_metadata(request: Request) -> Response:
    """GET /v2."""
    return JSONResponse(
        {
            "name": "upload-and-classify",
            "version": version("upload-and-classify"),
            "extensions": [],
            "models": request.app.state.registry.names,
        }
    )


async def read_model_ready(request: Request) -> Response:
    """GET /v2/models/<name>/ready."""
    works = request.app.state.registry.find(request.path_params["name"]).model.runner.works
    return JSONResponse({"ready": works}, 200 if works else 503)


async def read_model_metadata(request: Request) -> Response:
    """GET /v2/models/<name>; -1 is a dynamic dimension."""
    model = request.app.state.registry.find(request.path_params["name"]).model
    return JSONResponse(
        {
            "name": model.name,
            "versions": [str(model.version)],
            "platform": "onnxruntime_onnx",
            "inputs": [
                {
                    "name": model.input.name,
                    "datatype": DATATYPES[model.input.dtype.name],
                    "shape": [model.input.batch or -1, *model.input.shape],
                }
            ],
            "outputs": [
                {"name": model.output_name, "datatype": "FP32", "shape": [model.input.batch or -1, model.classes]}
            ],
            "parameters": {
                "device": model.device.name,
                "provider": model.device.provider,
                "layout": model.input.layout,
                "labels": model.labels,
                "max_batch": model.max_batch,
                "cuda_graphs": model.device.graphs,
                "nodes": model.placement.counts,
                "nodes_on_cpu": model.placement.strays,
            },
        }
    )
