"""Convolutions of every form."""

from tests.convert.kinds.registry import layer_kinds

layer_kinds(
    {
        "convolution": lambda new: [new.Conv2D(4, 3, padding="same", activation="relu")],
        "convolution, stride 2, valid": lambda new: [new.Conv2D(4, (3, 5), strides=(2, 1), use_bias=False)],
        "convolution, dilated": lambda new: [new.Conv2D(4, 3, dilation_rate=2, padding="same")],
        "convolution, grouped": lambda new: [new.Conv2D(4, 1), new.Conv2D(8, 3, groups=4)],
        "convolution, depthwise": lambda new: [new.DepthwiseConv2D(3, depth_multiplier=2, padding="same")],
        "convolution, depthwise, stride 2": lambda new: [new.DepthwiseConv2D(3, strides=2)],
        "convolution, depthwise, dilated": lambda new: [new.DepthwiseConv2D(3, dilation_rate=2)],
        "convolution, separable": lambda new: [new.SeparableConv2D(4, 3, activation="relu")],
        "convolution, transposed, same": lambda new: [new.Conv2DTranspose(4, 3, strides=2, padding="same")],
        "convolution, transposed, valid": lambda new: [new.Conv2DTranspose(4, 3, strides=2)],
        "convolution, transposed, output padding": lambda new: [
            new.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1),
            new.Conv2DTranspose(4, 3, strides=2, padding="valid", output_padding=1),
        ],
        "convolution, transposed, smaller than its stride": lambda new: [
            new.Conv2DTranspose(4, (1, 2), strides=4, padding="same")
        ],
        "convolution, transposed, large kernel": lambda new: [new.Conv2DTranspose(4, 5, strides=3, padding="same")],
        "convolution of rows": lambda new: [new.Reshape((12, 36)), new.Conv1D(4, 3, padding="causal"), new.ReLU()],
        "convolution of rows, depthwise and separable": lambda new: [
            new.Reshape((12, 36)),
            new.DepthwiseConv1D(3),
            new.SeparableConv1D(4, 3),
        ],
        "convolution of rows, transposed": lambda new: [new.Reshape((12, 36)), new.Conv1DTranspose(4, 3, strides=2)],
        "convolution in three dimensions": lambda new: [
            new.Reshape((12, 12, 3, 1)),
            new.Conv3D(3, 2, activation="relu"),
            new.MaxPooling3D((2, 2, 1)),
        ],
        "convolution in three dimensions, transposed": lambda new: [
            new.Reshape((12, 12, 3, 1)),
            new.Conv3DTranspose(2, 2, strides=(2, 2, 1)),
        ],
    }
)
