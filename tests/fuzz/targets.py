"""What can be fuzzed, by name."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.fuzz import (
    jpeg_mutator,
    jpeg_target,
    multipart_mutator,
    multipart_target,
    png_mutator,
    png_target,
    tensor_mutator,
    tensor_target,
    webp_mutator,
    webp_target,
)
from tests.fuzz.multipart_seeds import WORDS, multipart_seeds
from tests.fuzz.photo_seeds import jpeg_seeds, webp_seeds
from tests.fuzz.png_seeds import png_seeds
from tests.fuzz.tensor_seeds import WORDS as TENSOR_WORDS
from tests.fuzz.tensor_seeds import tensor_seeds


class Fuzzed(NamedTuple):
    """One target."""

    check: Callable[[bytes], bool]  # whether an input is accepted; raises what is a finding
    seeds: Callable[[], dict[str, list[bytes]]]  # by where they are from
    max_bytes: int  # of an input
    words: Sequence[bytes]  # that libFuzzer puts into inputs
    mutate: Callable[[bytes, int, random.Random], bytes]  # another input of at most `max_bytes`
    min_decoded: float  # share of the inputs that must reach the pixel decoder


FUZZED = {
    "png": Fuzzed(png_target.check, png_seeds, 8192, png_mutator.KINDS, png_mutator.mutate, 0.3),
    "jpeg": Fuzzed(jpeg_target.check, jpeg_seeds, 4096, jpeg_mutator.WORDS, jpeg_mutator.mutate, 0.3),
    "webp": Fuzzed(webp_target.check, webp_seeds, 4096, webp_mutator.WORDS, webp_mutator.mutate, 0.3),
    "multipart": Fuzzed(multipart_target.check, multipart_seeds, 4096, WORDS, multipart_mutator.mutate, 0),
    "tensors": Fuzzed(tensor_target.check, tensor_seeds, 2048, TENSOR_WORDS, tensor_mutator.mutate, 0),
}
