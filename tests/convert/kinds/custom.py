"""Classes and functions of a user's own, as they stand in a training script; given to the converter with --import."""

from typing import Any

import keras


def bent(values: Any) -> Any:
    """An activation."""
    return keras.ops.maximum(values, 0.1 * values) + 0.01


class Small(keras.initializers.Initializer):  # type: ignore[misc]
    """An initializer."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Weights from -0.3 to 0.3."""
        return keras.random.uniform(shape, -0.3, 0.3, dtype=dtype)


class Scaled(keras.layers.Layer):  # type: ignore[misc]
    """A layer that nobody registered, with an argument."""

    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, values: Any) -> Any:
        """The values times the factor."""
        return values * self.factor

    def get_config(self) -> dict[str, Any]:
        """With the factor."""
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable("mine")
class Shifted(keras.layers.Layer):  # type: ignore[misc]
    """A registered layer with a weight."""

    def build(self, shape: Any) -> None:
        """One number for each channel."""
        self.shift = self.add_weight(shape=(shape[-1],), initializer="random_normal")

    def call(self, values: Any) -> Any:
        """The values and the shift."""
        return values + self.shift


class Classifier(keras.Model):  # type: ignore[misc]
    """A subclassed model."""

    def __init__(self, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = classes
        self.convolution = keras.layers.Conv2D(4, 3, strides=2, activation="relu")
        self.dropout = keras.layers.Dropout(0.5)
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(classes)

    def call(self, images: Any, training: bool = False) -> Any:
        """Logits of raw pixels."""
        hidden = self.dropout(self.convolution(images / 127.5 - 1), training=training)
        return self.dense(self.flatten(hidden))

    def get_config(self) -> dict[str, Any]:
        """With the number of classes."""
        return {**super().get_config(), "classes": self.number}


@keras.saving.register_keras_serializable("mine")
class RegisteredClassifier(Classifier):
    """The same, registered."""


class Trained(keras.Model):  # type: ignore[misc]
    """A functional model with a training step of its own."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """As ever."""
        result: dict[str, Any] = super().train_step(data)
        return result
