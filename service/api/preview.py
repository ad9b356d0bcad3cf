"""POST /<model>/input: what the model sees of an uploaded PNG, as a PNG.

It goes the way of /classify up to the model, so the picture is the model's input and no imitation of it.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from service.api.classify import find_served
from service.api.uploads import read_query, read_uploads
from service.errors import RequestError


async def show_input(request: Request) -> Response:
    """200 with the first file's preprocessed pixels, 404 where /classify would refuse the file."""
    try:
        served = find_served(request.state.models, request.path_params["name"])
        body = await served.reader.read(request.scope, request.receive)
        query = read_query(request.scope["query_string"])
        part = read_uploads(request.scope, body, query, served.settings.max_parts)[0]
        (image,) = await served.read_large_images([part])
    except ClientDisconnect:
        return Response(status_code=499)  # nobody reads it; nginx's status for a client that has left
    except RequestError as error:
        return JSONResponse({"error": str(error)}, error.status)
    png = await run_in_threadpool(write_png, image)
    return Response(png, media_type="image/png", headers={"x-content-type-options": "nosniff"})


def write_png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of pixels (H, W, 1 or 3) uint8."""
    file = BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return file.getvalue()
