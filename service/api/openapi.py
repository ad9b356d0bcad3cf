"""GET /openapi.json: what the service takes and answers, in OpenAPI 3.1, for machines."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import version as version_of
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.api.infer_answer import BINARY, JSON
from service.api.infer_request import MAX_NUMBER
from service.api.tensors import name_datatype
from service.inference.image_input import DTYPES
from service.registry import Registry

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
TRUTH: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}
NAMES = sorted(map(name_datatype, DTYPES))
PNG = "image/png"


async def show_openapi(request: Request) -> Response:
    """GET /openapi.json; it names the models that are served now."""
    registry: Registry = request.app.state.registry
    return JSONResponse(describe(registry.names, {str(served.model.version) for served in registry}))


def describe(names: Collection[str], versions: Collection[str]) -> Schema:
    """The document."""
    model, version = parameter("model", "path", one_of(names)), parameter("version", "path", one_of(versions))

    def of_model(path: str, methods: Schema) -> Schema:
        return {
            f"/v2/models/{{model}}{path}": {"parameters": [model], **methods},
            f"/v2/models/{{model}}/versions/{{version}}{path}": {"parameters": [model, version], **methods},
        }

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "upload-and-classify",
            "version": version_of("upload-and-classify"),
            "description": "An ONNX Runtime inference server for images.",
        },
        "paths": {
            "/{model}/classify": {"parameters": [model], "post": CLASSIFY, "get": SHOW_PAGE},
            "/{model}/input": {"parameters": [model], "post": SHOW_INPUT},
            "/metrics": {"get": operation("Counts, for Prometheus", {"text/plain": {"schema": TEXT}})},
            "/v2": {"get": operation("The server", json_of(OBJECT))},
            "/v2/health/live": {"get": health("Whether the process works")},
            "/v2/health/ready": {"get": health("Whether every model is served and every worker is ready")},
            "/v2/models/stats": {"get": operation("Statistics of all models", json_of(OBJECT))},
            **of_model("", {"get": operation("A model", json_of(OBJECT), *MISSING)}),
            **of_model("/ready", {"get": health("Whether a model works", *MISSING)}),
            **of_model("/config", {"get": operation("A model's configuration", json_of(OBJECT), *MISSING)}),
            **of_model("/stats", {"get": operation("A model's statistics", json_of(OBJECT), *MISSING)}),
            **of_model("/infer", {"post": INFER}),
            "/v2/repository/index": {"post": INDEX},
            "/v2/repository/models/{model}/load": {"parameters": [model], "post": control("Load a model")},
            "/v2/repository/models/{model}/unload": {"parameters": [model], "post": control("Unload a model")},
        },
        "components": {"schemas": {"Error": object_of(error=TEXT), "Infer": INFER_REQUEST, "Inferred": INFER_ANSWER}},
    }


def json_of(schema: Schema) -> Schema:
    """A body of JSON."""
    return {JSON.decode(): {"schema": schema}}


def object_of(*optional: dict[str, Schema], **required: Schema) -> Schema:
    """An object that has these members, and may have the optional ones and others."""
    properties = {key: schema for some in (required, *optional) for key, schema in some.items()}
    return {"type": "object", "properties": properties, "required": list(required)}


def operation(summary: str, good: Schema, *errors: int, body: Schema | None = None, **others: Any) -> Schema:
    """One method of one path: the bodies of its good answer, by type, and the statuses of its errors."""
    responses: Schema = {"200": {"description": "OK", **({"content": good} if good else {})}}
    for status in errors:
        description = {400: "Invalid", 404: "Invalid", 500: "A defect", 503: "Overload, or a model that failed"}[status]
        responses[str(status)] = {"description": description, "content": json_of(ERROR)}
    asked = {"requestBody": body} if body else {}
    return {"summary": summary, "responses": responses, **asked, **others}


def health(summary: str, *errors: int) -> Schema:
    """A question whose answer is the status."""
    asked = operation(summary, json_of(OBJECT), *errors)
    asked["responses"]["503"] = {"description": "No", "content": json_of(OBJECT)}
    return asked


def one_of(words: Collection[str]) -> Schema:
    """One of these texts; any where there are none."""
    return {"type": "string", **({"enum": sorted(words)} if words else {})}


def control(summary: str) -> Schema:
    """Loading or unloading."""
    asked = object_of({"parameters": OBJECT})
    return operation(summary, {}, 400, body={"content": json_of(asked)})


def parameter(name: str, place: str, schema: Schema, **others: Any) -> Schema:
    """A part of a path, of a query or of a head."""
    return {"name": name, "in": place, "schema": schema, **({"required": True} if place == "path" else {}), **others}


OBJECT: Schema = {"type": "object"}
ERROR: Schema = {"$ref": "#/components/schemas/Error"}
MISSING = 400, 503
UPLOAD: Schema = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": object_of(file={"type": "string", "contentMediaType": PNG})},
        PNG: {},
    },
}
CLASSIFIED = object_of({"top": {"type": "array"}}, cls={"type": ["string", "integer"]}, fn=TEXT)
CLASSIFY = operation(
    "Classify PNGs",
    json_of({"anyOf": [CLASSIFIED, {"type": "array", "items": CLASSIFIED}]}),
    404,
    503,
    body=UPLOAD,
    parameters=[
        parameter("fn", "query", TEXT, description="Name of a bare body"),
        parameter("top", "query", {"type": "integer", "minimum": 1, "maximum": 999_999_999}),
    ],
)
SHOW_PAGE = operation("The page", {"text/html": {"schema": TEXT}}, 404, 503)
SHOW_INPUT = operation("What the model sees of a PNG", {PNG: {}}, 404, 503, body=UPLOAD)
INDEX = operation(
    "Every version in the models folder",
    json_of({"type": "array", "items": object_of(name=TEXT, version=TEXT, state=TEXT, reason=TEXT)}),
    400,
    body={"content": json_of(object_of({"ready": TRUTH}))},
)
NUMBERS: Schema = {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "array"}]}}
INFER_REQUEST = object_of(
    {
        "id": TEXT,
        "parameters": object_of({"binary_data_output": TRUTH, "timeout": {**WHOLE, "maximum": MAX_NUMBER // 1000}}),
        "outputs": {
            "type": "array",
            "items": object_of({"parameters": object_of({"classification": WHOLE, "binary_data": TRUTH})}, name=TEXT),
        },
    },
    inputs={
        "type": "array",
        "minItems": 1,
        "maxItems": 1,
        "items": object_of(
            {"data": NUMBERS, "parameters": object_of({"binary_data_size": WHOLE})},
            name=TEXT,
            datatype={"type": "string", "enum": NAMES},
            shape={"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1},
        ),
    },
)
INFER_ANSWER = object_of(
    {"id": TEXT},
    model_name=TEXT,
    model_version=TEXT,
    outputs={
        "type": "array",
        "items": object_of(
            {"data": {"type": "array"}, "parameters": OBJECT},
            name=TEXT,
            datatype=TEXT,
            shape={"type": "array", "items": {"type": "integer"}},
        ),
    },
)
INFER = operation(
    "The model's outputs for its own tensor",
    {**json_of({"$ref": "#/components/schemas/Inferred"}), BINARY.decode(): {}},
    *MISSING,
    body={"required": True, "content": {**json_of({"$ref": "#/components/schemas/Infer"}), BINARY.decode(): {}}},
    parameters=[
        parameter(
            "Inference-Header-Content-Length",
            "header",
            {"type": "string", "pattern": "^[0-9]{1,19}$"},
            description="Bytes of JSON, behind which the tensor is",
        )
    ],
)
