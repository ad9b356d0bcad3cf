"""Random, label-preserving changes to training digits: what people upload is not what MNIST looks like.

Light ink on black paper in, uint8 pictures of any paper and ink out. One compiled function does a whole batch at once
(about 30 µs an image on one core). It knows nothing about models or labels.
"""

import math
from typing import Any

import tensorflow as tf

Tensor = Any  # TensorFlow ships no types

SIDE = 28
CENTRE = (SIDE - 1) / 2
SMALLEST = 0.6  # of MNIST's size, 12 pixels: below that, digits drawn with a pen of one pixel stop being legible
KNOTS = 6  # elastic distortion: random shifts on a 6x6 grid, smoothly interpolated


def augment(images: Tensor, seed: Tensor, light_share: Tensor) -> Tensor:
    """Draw one random variation of each image.

    Args:
        images: (N, 28, 28, 1) uint8, light digits on black.
        seed: (2,) int32; the same seed gives the same pictures.
        light_share: 0 to 1, of the pictures stay nearly MNIST as it is; the others are changed heavily.

    Returns:
        (N, 28, 28, 1) uint8.
    """
    count = tf.shape(images)[0]
    draws = Draws(count, seed)
    heavy = draws.chance(1 - light_share)  # (N,) 0.0 or 1.0
    digits = tf.cast(images[..., 0], tf.float32) / 255.0  # (N, 28, 28), ink 1, paper 0
    digits = change_thickness(digits, draws, heavy)
    digits = warp(digits, draws, heavy)
    return tf.cast(tf.round(paint(digits, draws, heavy)), tf.uint8)[..., None]


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
    degrees = draws.uniform(-1, 1) * (8 * light + 14 * heavy)
    angle, shear = degrees * (math.pi / 180), draws.uniform(-0.15, 0.15) * (light + 1.4 * heavy)
    size = tf.exp(light * draws.uniform(-0.12, 0.12) + heavy * draws.uniform(math.log(0.62), math.log(1.3)))
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


def paint(digits: Tensor, draws: Draws, heavy: Tensor) -> Tensor:
    """Put digits on paper: ink and paper grey levels, gamma, shading, noise. (N, 28, 28) float32, to 255."""
    digits = tf.clip_by_value(digits, 0, 1)
    gamma = tf.exp(heavy * draws.uniform(-0.4, 0.4))
    digits = tf.pow(digits + 1e-6, _per_image(gamma))
    painted = heavy * draws.chance(0.6)  # otherwise full contrast
    contrast = 1 - painted * draws.uniform(0, 0.75)
    paper = painted * draws.uniform(0, 1) * (1 - contrast)
    shading = _per_image(heavy * draws.chance(0.3) * draws.uniform(0, 0.22) * contrast) * _shade(draws)
    noise = _per_image(heavy * draws.chance(0.4) * draws.uniform(0, 0.09) * contrast) * draws.normal(SIDE, SIDE)
    picture = _per_image(paper) + _per_image(contrast) * digits + shading + noise
    inverted = _per_image(draws.chance(0.5))
    picture += inverted * (1 - 2 * picture)
    return tf.clip_by_value(picture, 0, 1) * 255


def _per_image(values: Tensor) -> Tensor:
    return values[:, None, None]


def _shift(draws: Draws, scale: Tensor, light: Tensor) -> Tensor:
    """Pixels to move: light draws stay within 2, heavy ones within what keeps the 20-pixel digit box in the frame."""
    room = tf.clip_by_value(14.5 - 10 * scale, 1.5, 6.0)
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
