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
from service.images.decoding import claim_pixels
from service.images.formats import Data
from service.images.pool import DecoderPool
from service.images.preprocessing import Pixels, Target
from service.images.reading import Seen, read_image, see_image
from service.inference.device import share_of_cores
from service.settings import Settings

# What is larger is read and decoded on a thread, so that the event loop goes on: this much takes it 2 ms.
INLINE_BYTES, INLINE_PIXELS = 64 * 1024, 256 * 256
Opened = tuple[list[Part], list[Pixels]]


class Intake:
    """Takes requests in, within the bounds for one and for all together."""

    def __init__(self, settings: Settings) -> None:
        self.bodies = BodyReader(settings)
        self.formats = settings.formats
        self.decoders = DecoderPool(
            share_of_cores(), settings.max_pixels, settings.max_waiting_pixels, settings.formats
        )
        self.max_parts, self.max_inline_pixels = settings.max_parts, min(settings.max_pixels, INLINE_PIXELS)
        self.max_request_pixels = settings.max_request_pixels
        self.deadline_ns = int(settings.deadline_s * 1e9)

    def open_small(self, body: bytes | bytearray, content_type: bytes, query: Query, target: Target) -> Opened | None:
        """The files of the body and the model's view of each; None if that takes too long for the event loop.

        Raises:
            RequestError: A bound is exceeded, no file is there, or one is not a good picture.
        """
        if len(body) > INLINE_BYTES:
            return None
        parts = read_uploads(content_type, body, query.fn, self.max_parts)
        if len(parts) > 1 and self._claim_pixels(parts) > INLINE_PIXELS:
            return None
        try:
            bounds = self.max_inline_pixels, self.formats
            return parts, [read_image(part.data, part.fn, target, *bounds) for part in parts]
        except LimitError:  # `decode_large` says which limit, if it is one
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
            return fn, read_image(data, fn, target, self.max_inline_pixels, self.formats)
        except LimitError:
            return None

    async def read_large(self, body: bytes | bytearray, content_type: bytes, query: Query) -> list[Part]:
        """The files of a body, found on a thread.

        Raises:
            RequestError: No file is there, or a bound is exceeded.
        """
        parts = await self.decoders.run(partial(read_uploads, content_type, body, query.fn, self.max_parts))
        pixels = self._claim_pixels(parts)
        if len(parts) > 1 and pixels > self.max_request_pixels:
            raise LimitError(
                f"the request's {len(parts)} images have {pixels} pixels; at most {self.max_request_pixels} are allowed"
            )
        return parts

    async def decode_large(self, parts: list[Part], target: Target, receive: Receive) -> list[Pixels]:
        """The model's view of each file, made on a thread.

        Raises:
            RequestError: One is not a good picture, or too much is waiting.
            ClientDisconnect: The client has left.
        """
        return await until_left(receive, self.decoders.read(_files(parts), target, read_image))

    async def see(self, parts: list[Part], target: Target, receive: Receive) -> list[Seen]:
        """As `decode_large`, with the region that each picture's subject is taken to be in."""
        return await until_left(receive, self.decoders.read(_files(parts), target, see_image))

    def _claim_pixels(self, parts: list[Part]) -> int:
        return sum(claim_pixels(part.data, self.formats) for part in parts)


def _files(parts: list[Part]) -> list[tuple[Data, str]]:
    return [(part.data, part.fn) for part in parts]
