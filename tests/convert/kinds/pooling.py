"""Pooling of every form."""

from tests.convert.kinds.registry import layer_kinds

layer_kinds(
    {
        "pooling, maximum": lambda new: [new.MaxPooling2D(), new.MaxPooling2D(3, strides=2, padding="same")],
        "pooling, average": lambda new: [new.AveragePooling2D(2), new.AveragePooling2D(3, strides=2, padding="same")],
        "pooling, global": lambda new: [
            new.Conv2D(8, 3),
            new.GlobalAveragePooling2D(keepdims=True),
            new.Conv2D(8, 1, activation="relu"),
            new.GlobalMaxPooling2D(),
        ],
        "pooling, of rows": lambda new: [new.Reshape((12, 36)), new.MaxPooling1D(2), new.AveragePooling1D(2)],
        "pooling, of rows, global": lambda new: [new.Reshape((12, 36)), new.Conv1D(6, 3), new.GlobalMaxPooling1D()],
        "pooling, in three dimensions": lambda new: [
            new.Reshape((12, 12, 3, 1)),
            new.AveragePooling3D((2, 2, 1)),
            new.MaxPooling3D((2, 2, 1), padding="same"),
        ],
        "pooling, adaptive": lambda new: [new.AdaptiveAveragePooling2D(4), new.AdaptiveMaxPooling2D(2)],
    }
)
