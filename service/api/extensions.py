"""What Triton adds to the Open Inference Protocol about models: configuration, statistics, and the repository.

Sources: triton-inference-server/server, docs/protocol/extension_model_configuration.md, extension_statistics.md,
extension_model_repository.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.api.infer_request import read_parameters, read_truth
from service.api.open_inference import find, read_model_metadata, shape_of
from service.api.tensors import name_datatype, name_type, show
from service.counters import Labels
from service.errors import NotOfferedError, TensorError
from service.inference.tensor_model import tensors_of
from service.obeying import Obeyer
from service.registry import Registry, Served

GOOD, MAX_OPTIONS_BYTES = "200", 64 * 1024


async def read_model_config(request: Request) -> Response:
    """GET /v2/models/<name>/config, in the words of Triton's model configuration."""
    served, rows = find(request), request.app.state.intake.max_parts
    model = served.model
    batched = served.takes_rows  # then the words leave the batch out of the shapes
    outputs = [(each.name, name_datatype(each.dtype), shape_of(each, model)) for each in tensors_of(model.outputs)]
    own = model.input

    def entry(name: str, datatype: str, shape: list[int]) -> dict[str, Any]:
        return {"name": name, "data_type": name_type(datatype), "dims": shape[1:] if batched else shape}

    return JSONResponse(
        {
            "name": model.name,
            "platform": "onnxruntime_onnx",
            "backend": "onnxruntime",
            "version_policy": {"latest": {"num_versions": 1}},
            "max_batch_size": rows if batched else 0,
            "input": [entry(own.name, name_datatype(own.dtype.name), list(own.whole_shape))],
            "output": [entry(*output) for output in outputs],
            "instance_group": [
                {
                    "name": model.name,
                    "kind": "KIND_CPU" if model.device.name == "cpu" else "KIND_GPU",
                    "count": request.app.state.counters.wanted,
                }
            ],
            **({"dynamic_batching": {}} if batched else {}),
        }
    )


async def read_model_statistics(request: Request) -> Response:
    """GET /v2/models/<name>/stats, of all workers, since the service started; pictures and tensors together."""
    sums = request.app.state.counters.totals()
    return JSONResponse({"model_stats": [count_model(find(request), sums)]})


async def read_all_statistics(request: Request) -> Response:
    """GET /v2/models/stats, unless a model has that name."""
    registry: Registry = request.app.state.registry
    if "stats" in registry.models:
        request.path_params["name"] = "stats"
        return await read_model_metadata(request)
    sums = request.app.state.counters.totals()
    return JSONResponse({"model_stats": [count_model(served, sums) for served in registry]})


def count_model(served: Served, sums: Mapping[Labels, int]) -> dict[str, Any]:
    """One model's counts. Times are nanoseconds; what a request takes is counted where it is spent."""
    name, version = served.model.name, str(served.model.version)

    def pair(count: int, kind: str) -> dict[str, int]:
        return {"count": count, "ns": sums.get((kind, name), 0)}

    answers = {
        key[3]: sum(sums.get(("requests", route, name, key[3]), 0) for route in ("classify", "infer"))
        for key in sums
        if key[0] == "requests" and key[2] == name
    }
    images, runs = sums.get(("images", name, version), 0), sums.get(("runs", name), 0)
    spent_ns = sum(sums.get((kind, name), 0) for kind in ("decode_ns", "queue_ns", "run_ns"))
    succeeded = answers.get(GOOD, 0)
    return {
        "name": name,
        "version": version,
        "inference_count": images,
        "execution_count": runs,
        "inference_stats": {
            "success": {"count": succeeded, "ns": spent_ns},
            "fail": {"count": sum(answers.values()) - succeeded, "ns": 0},
            "queue": pair(images, "queue_ns"),
            "compute_input": pair(sums.get(("decodes", name), 0), "decode_ns"),
            "compute_infer": pair(runs, "run_ns"),
            "compute_output": {"count": succeeded, "ns": 0},
        },
        "batch_stats": [],
    }


async def read_repository_index(request: Request) -> Response:
    """POST /v2/repository/index: what is in the models folder; with {"ready": true}, only what is served."""
    registry: Registry = request.app.state.registry
    only_ready = read_truth(await read_options(request), "ready")
    entries = [(served.model.name, str(served.model.version), "READY", "") for served in registry]
    if not only_ready:
        entries += [(file.name, str(file.version), "UNAVAILABLE", sentence) for file, sentence in registry.failures]
        entries += [(name, str(version), "UNAVAILABLE", "unloaded") for name, version in registry.unloaded.items()]
    keys = ("name", "version", "state", "reason")
    return JSONResponse([dict(zip(keys, entry, strict=True)) for entry in sorted(entries)])


async def load(request: Request) -> Response:
    """POST /v2/repository/models/<name>/load: 200 when all workers serve the highest version that is in the folder."""
    return await _order(request, unload=False)


async def unload(request: Request) -> Response:
    """POST /v2/repository/models/<name>/unload: 200 when no worker serves it any longer."""
    return await _order(request, unload=True)


async def _order(request: Request, unload: bool) -> Response:
    options = await read_options(request)
    obeyer: Obeyer | None = request.app.state.obeyer
    if obeyer is None:
        raise NotOfferedError("the models folder says what is loaded; with SERVICE_MODEL_CONTROL=explicit, requests do")
    if any(key == "config" or key.startswith("file:") for key in read_parameters(options, "the request")):
        raise NotOfferedError("models come from the folder as they are; config and files in a request are not offered")
    await obeyer.order(request.path_params["name"], unload)
    return Response(status_code=200, headers={"content-length": "0"})


async def read_options(request: Request) -> Mapping[str, Any]:
    """The body as a JSON object; nothing is an empty one.

    Raises:
        TensorError: It is something else.
    """
    body = await request.app.state.intake.bodies.read(request.scope, request.receive)
    if not body:
        return {}
    try:
        options = json.loads(body[:MAX_OPTIONS_BYTES].decode())
    except (ValueError, RecursionError) as error:
        raise TensorError(f"the body is not JSON of at most {MAX_OPTIONS_BYTES} bytes") from error
    if not isinstance(options, dict):
        raise TensorError(f"the body is {show(options)}; it must be a JSON object")
    return options


async def refuse_shared_memory(request: Request) -> Response:
    """Whatever is asked of shared memory."""
    raise NotOfferedError("shared memory is not offered; send the tensor in the body")
