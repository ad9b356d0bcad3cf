"""A request to the model's views of the pictures that it uploads.

body within its bounds → files → pixels: of small ones at once, of large ones on a thread
"""

from __future__ import annotations

from functools import partial

from starlette.types import Receive, Scope

from service.api.body import BodyReader, header, until_left
from service.api.multipart import Part
from service.api.uploads import Query, read_query, read_uploads
from service.errors import LimitError
from service.images.png import claim_pixels
from service.images.pool import DecoderPool
from service.images.preprocessing import Pixels, Target
from service.images.reading import read_image
from service.inference.device import share_of_cores
from service.settings import Settings

# What is larger is read and decoded on a thread, so that the event loop goes on: this much takes it 2 ms.
INLINE_BYTES, INLINE_PIXELS = 64 * 1024, 256 * 256


class Intake:
    """Takes requests in, within the bounds for one and for all together."""

    def __init__(self, settings: Settings) -> None:
        self.bodies = BodyReader(settings)
        self.decoders = DecoderPool(share_of_cores(), settings.max_pixels, settings.max_waiting_pixels)
        self.max_parts, self.max_pixels = settings.max_parts, settings.max_pixels
        self.max_request_pixels = settings.max_request_pixels

    async def open(
        self, body: bytes | bytearray, target: Target, scope: Scope, receive: Receive
    ) -> tuple[Query, list[Part], list[Pixels]]:
        """The query, the files of the body, and the model's view of each.

        Raises:
            RequestError: A bound is exceeded, no file is there, or one is not a valid PNG.
            ClientDisconnect: The client has left.
        """
        query = read_query(scope["query_string"])
        content_type = header(scope, b"content-type")
        if len(body) <= INLINE_BYTES:
            parts = read_uploads(content_type, body, query.fn, self.max_parts)
        else:
            parts = await self.decoders.run(partial(read_uploads, content_type, body, query.fn, self.max_parts))
        pixels = 0
        for part in parts:
            pixels += claim_pixels(part.data)
        if pixels <= INLINE_PIXELS and len(body) <= INLINE_BYTES:
            images = [read_image(part.data, part.fn, target, self.max_pixels) for part in parts]
        elif len(parts) > 1 and pixels > self.max_request_pixels:
            raise LimitError(
                f"the request's {len(parts)} images have {pixels} pixels; at most {self.max_request_pixels} are allowed"
            )
        else:
            files = [(part.data, part.fn) for part in parts]
            images = await until_left(receive, self.decoders.read(files, target))
        return query, parts, images
