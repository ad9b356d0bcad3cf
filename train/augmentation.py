"""Random, label-preserving changes to training digits: what people upload is not what MNIST looks like.

Light ink on black paper in, uint8 pictures of any paper and ink out. One compiled function does a whole batch at once
(about 100 µs an image on one core). It knows nothing about models or labels. Of the corruptions that
`python -m train.strangers` tests with, canny edges, zigzag, fog, glass blur and spatter have nothing like them here.
"""

import math
from typing import Any

import tensorflow as tf

Tensor = Any  # TensorFlow ships no types

SIDE = 28
CENTRE = (SIDE - 1) / 2
SMALLEST = 0.5  # of MNIST's size, 10 pixels: below that, digits drawn with a pen of one pixel stop being legible
KNOTS = 6  # elastic distortion: random shifts on a 6x6 grid, smoothly interpolated


def augment(images: Tensor, seed: Tensor, light_share: Tensor) -> Tensor:
    """Draw one random variation of each image.

    Args:
        images: (N, 28, 28, 1) uint8, light digits on black.
        seed: (2,) int32; the same seed gives the same pictures.
        light_share: (N,) or one for all, 0 to 1: how likely it is that a picture stays nearly as it is; the others are
            changed heavily.

    Returns:
        (N, 28, 28, 1) uint8.
    """
    count = tf.shape(images)[0]
    draws = Draws(count, seed)
    heavy = draws.chance(1 - light_share)  # (N,) 0.0 or 1.0
    digits = tf.cast(images[..., 0], tf.float32) / 255.0  # (N, 28, 28), ink 1, paper 0
    digits = change_thickness(digits, draws, heavy)
    digits = warp(digits, draws, heavy)
    digits = draw_lines(damage(digits, draws, heavy), draws, heavy)
    return tf.cast(tf.round(paint(blur(digits, draws, heavy), draws, heavy)), tf.uint8)[..., None]


class Draws:
    """Random numbers for a batch: every call is a fresh, reproducible stream of (N, ...) float32."""

    def __init__(self, count: Tensor, seed: Tensor) -> None:
        self.count, self.seed, self.calls = count, seed, 0

    def _next(self) -> Tensor:
        self.calls += 1
        return tf.stack([self.seed[0], self.seed[1] * 64 + self.calls])

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Between `low` and `high`, (N, *shape)."""
        return tf.random.stateless_uniform([self.count, *shape], self._next(), low, high)

    def normal(self, *shape: int) -> Tensor:
        """Mean 0, deviation 1, (N, *shape)."""
        return tf.random.stateless_normal([self.count, *shape], self._next())

    def chance(self, probability: Tensor) -> Tensor:
        """1.0 with this probability, otherwise 0.0; (N,)."""
        return tf.cast(self.uniform(0, 1) < probability, tf.float32)


def change_thickness(digits: Tensor, draws: Draws, heavy: Tensor) -> Tensor:
    """Blend each digit with its dilation, its erosion or its blur. All (N, 28, 28) float32, 0 to 1.

    Dilation is kept weak: once the holes of a 0 or an 8 fill up, the network takes any thick 1 for them.
    """
    padded = digits[..., None]
    thick = tf.nn.max_pool2d(padded, 3, 1, "SAME")[..., 0]
    thin = -tf.nn.max_pool2d(-padded, 2, 1, "SAME")[..., 0]
    blurred = tf.nn.avg_pool2d(padded, 3, 1, "SAME")[..., 0]
    amount = heavy * draws.uniform(-0.8, 0.8) * draws.chance(0.6)
    thicker, thinner = _per_image(tf.nn.relu(amount)), _per_image(tf.nn.relu(-amount))
    digits = digits + 0.5 * thicker * (thick - digits) + 0.6 * thinner * (thin - digits)
    return digits + _per_image(heavy * draws.chance(0.5) * draws.uniform(0, 0.8)) * (blurred - digits)


def warp(digits: Tensor, draws: Draws, heavy: Tensor) -> Tensor:
    """Turn, shear, scale, shift and bend each digit; bilinear sampling, paper outside. (N, 28, 28) float32."""
    light = 1 - heavy
    degrees = draws.uniform(-1, 1) * (8 * light + 24 * heavy)
    angle, shear = degrees * (math.pi / 180), draws.uniform(-0.15, 0.15) * (light + 2.4 * heavy)
    size = tf.exp(light * draws.uniform(-0.12, 0.12) + heavy * draws.uniform(math.log(0.52), math.log(1.4)))
    stretch = tf.exp(
        light * draws.uniform(-0.05, 0.05) + heavy * draws.uniform(-0.24, 0.24)
    )  # width over height, halved
    wide, high = tf.maximum(size * stretch, SMALLEST), tf.maximum(size / stretch, SMALLEST)
    shift_x, shift_y = (_shift(draws, scale, light) for scale in (wide, high))
    grid = tf.range(SIDE, dtype=tf.float32) - CENTRE
    x, y = grid[None, None, :] - _per_image(shift_x), grid[None, :, None] - _per_image(shift_y)
    cos, sin, slant = _per_image(tf.cos(angle)), _per_image(tf.sin(angle)), _per_image(shear)
    source_x = (cos * x + sin * y + slant * y) / _per_image(wide)
    source_y = (cos * y - sin * x) / _per_image(high)
    strength = _per_image(0.35 * light + heavy * draws.uniform(0, 0.9))
    source_x += strength * _bend(draws)
    source_y += strength * _bend(draws)
    return _sample(digits, source_x + CENTRE, source_y + CENTRE)


def damage(digits: Tensor, draws: Draws, heavy: Tensor) -> Tensor:
    """Ink that did not take, and a rectangle of one grey that hides a part. (N, 28, 28) float32, 0 to 1."""
    gone = _per_image(heavy * draws.chance(0.1) * draws.uniform(0.1, 0.5))
    digits *= tf.cast(draws.uniform(0, 1, SIDE, SIDE) >= gone, tf.float32)
    x, y = _grid()
    beside = tf.abs(x - _per_image(draws.uniform(-9, 9))) - _per_image(draws.uniform(1, 4))
    above = tf.abs(y - _per_image(draws.uniform(-9, 9))) - _per_image(draws.uniform(1, 4))
    hidden = tf.cast(tf.maximum(beside, above) < 0, tf.float32) * _per_image(heavy * draws.chance(0.1))
    grey = _per_image(draws.chance(0.4) * draws.uniform(0, 1))
    return digits + hidden * (grey - digits)


def draw_lines(digits: Tensor, draws: Draws, heavy: Tensor) -> Tensor:
    """A straight line across, solid or dotted, or the many of ruled paper. (N, 28, 28) float32, 0 to 1."""
    x, y = _grid()
    steep = draws.chance(0.4) * (math.pi / 2)
    along, across = _turn(x, y, steep + draws.uniform(-0.8, 0.8) * draws.chance(0.7), draws.uniform(-12, 12))
    period = _per_image(draws.chance(0.6) * 100 + draws.uniform(4.5, 10))
    distance = tf.abs(tf.math.floormod(across + period / 2, period) - period / 2)
    line = tf.clip_by_value(1 + _per_image(draws.uniform(0, 1.6)) - distance, 0, 1)
    dashes = tf.sin(along * _per_image(2 * math.pi / draws.uniform(2.5, 7)) + _per_image(draws.uniform(0, 6)))
    solid = _per_image(draws.chance(0.4))
    line *= solid + (1 - solid) * tf.clip_by_value(3 * dashes + 0.5, 0, 1)
    return tf.maximum(digits, line * _per_image(heavy * draws.chance(0.16) * draws.uniform(0.3, 1)))


def blur(digits: Tensor, draws: Draws, heavy: Tensor) -> Tensor:
    """A pen, a lens or a hand that moved: a Gaussian, often longer in one direction. (N, 28, 28) float32."""
    reach = 5
    x, y = _grid(2 * reach + 1)
    along, across = _turn(x, y, draws.uniform(0, math.pi), 0 * heavy)
    chosen = heavy * draws.chance(0.3)
    width = 0.2 + chosen * draws.uniform(0, 1.4)
    length = width + chosen * draws.chance(0.5) * draws.uniform(0.5, 2.8)
    kernels = tf.exp(-((along / _per_image(length)) ** 2 + (across / _per_image(width)) ** 2) / 2)
    kernels /= tf.reduce_sum(kernels, axis=(1, 2), keepdims=True)
    channels = tf.transpose(digits, (1, 2, 0))[None]  # a channel for each picture: each has its own kernel
    blurred = tf.nn.depthwise_conv2d(channels, tf.transpose(kernels, (1, 2, 0))[..., None], [1] * 4, "SAME")
    return tf.transpose(blurred[0], (2, 0, 1))


def paint(digits: Tensor, draws: Draws, heavy: Tensor) -> Tensor:
    """Put digits on paper: ink and paper grey levels, gamma, light, noise, polarity. (N, 28, 28) float32, to 255."""
    digits = tf.clip_by_value(digits, 0, 1)
    gamma = tf.exp(heavy * draws.uniform(-0.4, 0.4))
    digits = tf.pow(digits + 1e-6, _per_image(gamma))
    painted = heavy * draws.chance(0.6)  # otherwise full contrast
    contrast = 1 - painted * draws.uniform(0, 0.8)
    paper = painted * draws.uniform(0, 1) * (1 - contrast)
    strong = draws.chance(0.3) * draws.uniform(0, 0.5)
    shading = _per_image(heavy * draws.chance(0.35) * (draws.uniform(0, 0.22) * contrast + strong)) * _shade(draws)
    picture = _per_image(paper) + _per_image(contrast) * digits + shading
    picture = tf.clip_by_value(picture + _per_image(heavy * draws.chance(0.1) * draws.uniform(0, 0.55)), 0, 1)
    picture = add_noise(picture, contrast, draws, heavy)
    x, y = _grid()
    _, across = _turn(x, y, draws.chance(0.5) * (math.pi / 2) + draws.chance(0.3) * draws.uniform(-1, 1), 0 * heavy)
    inside = tf.cast(tf.abs(across - _per_image(draws.uniform(-6, 6))) < _per_image(draws.uniform(3, 10)), tf.float32)
    banded = _per_image(heavy * draws.chance(0.3)) * inside
    inverted = _per_image(draws.chance(0.5))
    turned = banded + inverted - 2 * banded * inverted  # a band is seen the other way round
    picture += turned * (1 - 2 * picture)
    return tf.clip_by_value(picture, 0, 1) * 255


def add_noise(picture: Tensor, contrast: Tensor, draws: Draws, heavy: Tensor) -> Tensor:
    """Of a sensor, of too little light (more where it is lighter), and single pixels gone. (N, 28, 28) float32."""
    little = draws.chance(0.4) * draws.uniform(0, 0.09) + draws.chance(0.1) * draws.uniform(0, 0.25)
    shot = _per_image(heavy * draws.chance(0.12) * draws.uniform(0.1, 0.65)) * tf.sqrt(tf.maximum(picture, 0))
    picture += (_per_image(heavy * little * contrast) + shot) * draws.normal(SIDE, SIDE)
    picture = tf.clip_by_value(picture, 0, 1)
    share = _per_image(heavy * draws.chance(0.12) * draws.uniform(0.02, 0.25)) / 2
    fate = draws.uniform(0, 1, SIDE, SIDE)
    picture *= tf.cast(fate >= share, tf.float32)
    return tf.maximum(picture, tf.cast(fate > 1 - share, tf.float32))


def _grid(side: int = SIDE) -> tuple[Tensor, Tensor]:
    """Pixels' places from the centre, x (1, 1, side) and y (1, side, 1)."""
    places = tf.range(side, dtype=tf.float32) - (side - 1) / 2
    return places[None, None, :], places[None, :, None]


def _turn(x: Tensor, y: Tensor, angle: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Places along and across a line of that direction and distance from the centre, (N, side, side)."""
    cos, sin = _per_image(tf.cos(angle)), _per_image(tf.sin(angle))
    return cos * x + sin * y, cos * y - sin * x - _per_image(offset)


def _per_image(values: Tensor) -> Tensor:
    return values[:, None, None]


def _shift(draws: Draws, scale: Tensor, light: Tensor) -> Tensor:
    """Pixels to move: light draws stay within 2, heavy ones within what keeps the 20-pixel digit box in the frame."""
    room = tf.clip_by_value(14.5 - 10 * scale, 1.5, 8.0)
    return draws.uniform(-1, 1) * (2 * light + room * (1 - light))


def _shade(draws: Draws) -> Tensor:
    """Light that falls off across the paper, evenly or at a shadow's edge; -1 to 1, (N, 28, 28)."""
    grid = tf.range(SIDE, dtype=tf.float32) / CENTRE - 1
    edge, right, down = (_per_image(draws.uniform(-1, 1)) for _ in range(3))
    sharpness = _per_image(tf.exp(draws.uniform(-0.7, 1.8)))
    return tf.tanh(sharpness * (right * grid[None, None, :] + down * grid[None, :, None] + 0.5 * edge))


def _bend(draws: Draws) -> Tensor:
    """A smooth random field of about unit height, (N, 28, 28)."""
    knots = tf.linspace(-2.0, SIDE + 1.0, KNOTS)
    distance = (tf.range(SIDE, dtype=tf.float32)[:, None] - knots[None, :]) / (knots[1] - knots[0])
    basis = tf.exp(-1.2 * distance**2)  # (28, 6)
    return tf.einsum("ik,nkl,jl->nij", basis, draws.normal(KNOTS, KNOTS), basis)


def _sample(digits: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Read each image at fractional positions x, y, each (N, 28, 28); outside is 0."""
    padded = tf.pad(digits, [[0, 0], [1, 2], [1, 2]])
    width = SIDE + 3
    x, y = tf.clip_by_value(x + 1, 0, SIDE + 1), tf.clip_by_value(y + 1, 0, SIDE + 1)
    left, top = tf.floor(x), tf.floor(y)
    flat = tf.reshape(padded, [-1, width * width])
    corner = tf.reshape(tf.cast(top * width + left, tf.int32), [-1, SIDE * SIDE])

    def read(offset: int) -> Tensor:
        return tf.reshape(tf.gather(flat, corner + offset, batch_dims=1), [-1, SIDE, SIDE])

    right, below = x - left, y - top
    upper = read(0) * (1 - right) + read(1) * right
    lower = read(width) * (1 - right) + read(width + 1) * right
    return upper * (1 - below) + lower * below
