"""Health and metadata, as the Open Inference Protocol names them.

Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md.
"""

from __future__ import annotations

from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.api.tensors import name_datatype
from service.errors import FailedModelError
from service.inference.model import Model
from service.inference.session import Declared
from service.inference.tensor_model import tensors_of
from service.registry import Served

EXTENSIONS = ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"]


async def live(request: Request) -> Response:
    """GET /v2/health/live: a lost GPU comes back only with a new process, so the process counts as dead."""
    works = request.app.state.registry.works
    return JSONResponse({"live": works}, 200 if works else 503)


async def ready(request: Request) -> Response:
    """GET /v2/health/ready: whether every name is served, every worker is ready, and loops and models respond."""
    state = request.app.state
    works = state.registry.works and state.registry.is_whole and state.counters.are_ready
    return JSONResponse({"ready": works}, 200 if works else 503)


async def read_server_metadata(request: Request) -> Response:
    """GET /v2."""
    return JSONResponse(
        {
            "name": "upload-and-classify",
            "version": version("upload-and-classify"),
            "extensions": EXTENSIONS,
            "models": request.app.state.registry.names,
            "failed_models": request.app.state.registry.failed_names,
        }
    )


async def read_model_ready(request: Request) -> Response:
    """GET /v2/models/<name>/ready; it says why a model is not served."""
    try:
        works = find(request).works
    except FailedModelError as error:
        return JSONResponse({"ready": False, "error": str(error)}, 503)
    return JSONResponse({"ready": works}, 200 if works else 503)


async def read_model_metadata(request: Request) -> Response:
    """GET /v2/models/<name>; -1 is a dynamic dimension. Versions that cannot be served are there with their reason."""
    registry, model = request.app.state.registry, find(request).model
    return JSONResponse(
        {
            "name": model.name,
            "versions": [str(model.version)],
            "platform": "onnxruntime_onnx",
            "inputs": [
                {
                    "name": model.input.name,
                    "datatype": name_datatype(model.input.dtype.name),
                    "shape": list(model.input.whole_shape),
                }
            ],
            "outputs": [
                {"name": output.name, "datatype": name_datatype(output.dtype), "shape": shape_of(output, model)}
                for output in tensors_of(model.outputs)
            ],
            "parameters": {
                "classes": model.output_name,  # the output of which /classify makes its answer
                "device": model.device.name,
                "provider": model.device.provider,
                "layout": model.input.layout,
                "labels": model.labels,
                "max_batch": model.max_batch,
                "cuda_graphs": model.device.graphs,
                "nodes": model.placement.counts,
                "nodes_on_cpu": model.placement.strays,
                "provenance": model.provenance,  # what of the above was taken from where
                "failed_versions": {str(failure.file.version): failure.sentence for failure in registry.of(model.name)},
            },
        }
    )


def find(request: Request) -> Served:
    """The served model of the path, and of its version.

    Raises:
        RequestError: There is none; the message says why.
    """
    served: Served = request.app.state.registry.find(
        request.path_params["name"], request.path_params.get("version", "")
    )
    return served


def shape_of(output: Declared, model: Model) -> list[int]:
    """The shape of an output; -1 is a dynamic dimension."""
    if not output.shape and output.name == model.output_name:  # nothing is declared, and this much is known
        return [model.input.batch or -1, model.classes]
    return [side if isinstance(side, int) and side > 0 else -1 for side in output.shape]
