"""POST /<model>/input: what the model sees of an uploaded picture, as a PNG.

It goes the way of /classify up to the model, so the picture is the model's input and no imitation of it.
"""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from service.api.body import header
from service.api.uploads import read_query
from service.images.encoding import encode


async def show_input(request: Request) -> Response:
    """200 with the first file's preprocessed pixels, 404 where /classify would refuse the file.

    Where the model trims, the header X-Region has the part of the picture that it takes for the subject: left, top,
    width and height in pixels, as the picture stands upright.
    """
    state = request.app.state
    served = state.registry.find(request.path_params["name"])
    try:
        body = await state.intake.bodies.read(request.scope, request.receive)
        content_type, query = header(request.scope, b"content-type"), read_query(request.scope["query_string"])
        parts = await state.intake.read_large(body, content_type, query)
        seen = (await state.intake.see(parts[:1], served.target, request.receive))[0]
        png = await state.intake.decoders.run(lambda: encode(seen.pixels, ".png"))
    except ClientDisconnect:
        request.scope["counted"] = True  # as no answer: nobody reads it
        return Response(status_code=499)  # nobody reads it; nginx's status for a client that has left
    headers = {"x-content-type-options": "nosniff"}
    if seen.region is not None:
        top, left, bottom, right = seen.region
        headers["x-region"] = f"{left},{top},{right - left},{bottom - top}"
    return Response(png, media_type="image/png", headers=headers)
