"""Layers that prepare images, as part of the model."""

from tests.convert.kinds.registry import layer_kinds

INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5")

layer_kinds(
    {f"resizing, {name}": lambda new, name=name: [new.Resizing(7, 17, name)] for name in INTERPOLATIONS}  # type: ignore[misc]
)
layer_kinds(
    {
        "resizing, antialiased": lambda new: [new.Resizing(5, 5, antialias=True)],
        "resizing, the centre": lambda new: [new.Resizing(6, 9, crop_to_aspect_ratio=True)],
        "resizing, padded": lambda new: [new.Resizing(6, 9, pad_to_aspect_ratio=True)],
        "upsampling, nearest": lambda new: [new.UpSampling2D((2, 3))],
        "upsampling, bilinear": lambda new: [new.UpSampling2D(2, interpolation="bilinear")],
        "upsampling, bicubic": lambda new: [new.UpSampling2D(2, interpolation="bicubic")],
        "upsampling, lanczos5": lambda new: [new.UpSampling2D(2, interpolation="lanczos5")],
        "upsampling, of rows": lambda new: [new.Reshape((12, 36)), new.UpSampling1D(2)],
        "centre crop": lambda new: [new.CenterCrop(7, 8), new.Conv2D(3, 3)],
        "centre crop of a small image": lambda new: [new.CenterCrop(20, 16), new.Conv2D(3, 3)],
        "padding": lambda new: [new.ZeroPadding2D(((1, 2), (0, 3))), new.Conv2D(3, 3)],
        "cropping": lambda new: [new.Cropping2D(((1, 2), (0, 3))), new.Conv2D(3, 3)],
        "rescaling by channel": lambda new: [new.Rescaling([1.0, 2.0, 3.0], offset=[0.1, 0.2, 0.3]), new.Conv2D(3, 3)],
        "preprocessing of EfficientNet": lambda new: [
            new.Rescaling(0.5, offset=0.5),
            new.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.229, 0.224, 0.225]),
            new.Rescaling([1 / 0.229**0.5, 1 / 0.224**0.5, 1 / 0.225**0.5]),
            new.ZeroPadding2D(((0, 1), (0, 1))),
            new.Conv2D(4, 3, strides=2, use_bias=False, activation="swish"),
        ],
        "discretization": lambda new: [
            new.Rescaling(127.5, offset=127.5),
            new.Discretization([30.0, 99.5, 180.0, 240.0]),
        ],
        "discretization, one hot": lambda new: [
            new.Rescaling(127.5, offset=127.5),
            new.Discretization([30.0, 99.5, 180.0], output_mode="one_hot"),
        ],
        "category encoding": lambda new: [
            new.AveragePooling2D(4),
            new.Flatten(),
            new.Discretization([-0.5, 0.0, 0.5]),
            new.CategoryEncoding(4, output_mode="multi_hot"),
        ],
        "category encoding, counted": lambda new: [
            new.Flatten(),
            new.Discretization([-0.5, 0.0, 0.5]),
            new.CategoryEncoding(4, output_mode="count"),
        ],
    }
)
