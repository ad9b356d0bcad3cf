"""A request to the model's views of the pictures that it uploads.

body within its bounds → files → pixels: of small ones at once, of large ones on a thread
"""

from __future__ import annotations

from functools import partial

from starlette.types import Receive

from service.api.body import BodyReader, until_left
from service.api.multipart import Part
from service.api.uploads import Query, read_uploads
from service.errors import LimitError
from service.images.png import claim_pixels
from service.images.pool import DecoderPool
from service.images.preprocessing import Pixels, Target
from service.images.reading import read_image
from service.inference.device import share_of_cores
from service.settings import Settings

# What is larger is read and decoded on a thread, so that the event loop goes on: this much takes it 2 ms.
INLINE_BYTES, INLINE_PIXELS = 64 * 1024, 256 * 256
Opened = tuple[list[Part], list[Pixels]]


class Intake:
    """Takes requests in, within the bounds for one and for all together."""

    def __init__(self, settings: Settings) -> None:
        self.bodies = BodyReader(settings)
        self.decoders = DecoderPool(share_of_cores(), settings.max_pixels, settings.max_waiting_pixels)
        self.max_parts, self.max_inline_pixels = settings.max_parts, min(settings.max_pixels, INLINE_PIXELS)
        self.max_request_pixels = settings.max_request_pixels

    def open_small(self, body: bytes | bytearray, content_type: bytes, query: Query, target: Target) -> Opened | None:
        """The files of the body and the model's view of each; None if that takes too long for the event loop.

        Raises:
            RequestError: A bound is exceeded, no file is there, or one is not a valid PNG.
        """
        if len(body) > INLINE_BYTES:
            return None
        parts = read_uploads(content_type, body, query.fn, self.max_parts)
        if len(parts) > 1 and sum(claim_pixels(part.data) for part in parts) > INLINE_PIXELS:
            return None
        try:
            return parts, [read_image(part.data, part.fn, target, self.max_inline_pixels) for part in parts]
        except LimitError:  # `open_large` says which limit, if it is one
            return None

    def open_one(self, body: bytes, content_type: bytes, target: Target) -> tuple[str, Pixels] | None:
        """As `open_small`, for the name and the view of one file; None for several, too."""
        if len(body) > INLINE_BYTES:
            return None
        parts = read_uploads(content_type, body, "", self.max_parts)
        if len(parts) > 1:
            return None
        _, fn, data = parts[0]
        try:
            return fn, read_image(data, fn, target, self.max_inline_pixels)
        except LimitError:
            return None

    async def open_large(
        self, body: bytes | bytearray, content_type: bytes, query: Query, target: Target, receive: Receive
    ) -> Opened:
        """As `open_small`, on a thread.

        Raises:
            RequestError: As there, or too much is waiting.
            ClientDisconnect: The client has left.
        """
        parts = await self.decoders.run(partial(read_uploads, content_type, body, query.fn, self.max_parts))
        pixels = sum(claim_pixels(part.data) for part in parts)
        if len(parts) > 1 and pixels > self.max_request_pixels:
            raise LimitError(
                f"the request's {len(parts)} images have {pixels} pixels; at most {self.max_request_pixels} are allowed"
            )
        files = [(part.data, part.fn) for part in parts]
        return parts, await until_left(receive, self.decoders.read(files, target))
