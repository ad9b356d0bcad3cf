"""POST /<model>/input: what the model sees of an uploaded PNG, as a PNG.

It goes the way of /classify up to the model, so the picture is the model's input and no imitation of it.
"""

from __future__ import annotations

import cv2
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from service.api.body import header
from service.api.uploads import read_query
from service.images.preprocessing import Pixels


async def show_input(request: Request) -> Response:
    """200 with the first file's preprocessed pixels, 404 where /classify would refuse the file."""
    state = request.app.state
    served = state.registry.find(request.path_params["name"])
    try:
        body = await state.intake.bodies.read(request.scope, request.receive)
        content_type, query = header(request.scope, b"content-type"), read_query(request.scope["query_string"])
        _, images = await state.intake.open_large(body, content_type, query, served.target, request.receive)
        png = await state.intake.decoders.run(lambda: write_png(images[0]))
    except ClientDisconnect:
        return Response(status_code=499)  # nobody reads it; nginx's status for a client that has left
    return Response(png, media_type="image/png", headers={"x-content-type-options": "nosniff"})


def write_png(pixels: Pixels) -> bytes:
    """A PNG of pixels (H, W, 1 or 3) uint8."""
    done, data = cv2.imencode(".png", pixels if pixels.shape[2] == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    assert done
    return bytes(data)
