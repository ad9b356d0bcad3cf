"""Layers that work in training only, and are left in the model that is saved."""

from tests.convert.kinds.registry import layer_kinds

layer_kinds(
    {
        "augmentation, flip": lambda new: [new.RandomFlip(), new.Conv2D(3, 3)],
        "augmentation, rotation": lambda new: [new.RandomRotation(0.2), new.Conv2D(3, 3)],
        "augmentation, zoom": lambda new: [new.RandomZoom(0.2), new.Conv2D(3, 3)],
        "augmentation, contrast and brightness": lambda new: [
            new.RandomContrast(0.2),
            new.RandomBrightness(0.2, value_range=(-1, 1)),
            new.Conv2D(3, 3),
        ],
        "augmentation, translation": lambda new: [new.RandomTranslation(0.2, 0.2), new.Conv2D(3, 3)],
        "augmentation, crop": lambda new: [
            new.RandomCrop(12, 12),
            new.Conv2D(3, 3),
        ],  # of images of that size: others stay whole
        "augmentation, erasing and grey": lambda new: [
            new.RandomErasing(),
            new.RandomGrayscale(),
            new.GaussianNoise(0.1),
        ],
        "augmentation, random of many": lambda new: [new.RandAugment(value_range=(-1, 1)), new.Conv2D(3, 3)],
        "dropout": lambda new: [new.Dropout(0.3), new.Conv2D(4, 3), new.SpatialDropout2D(0.3)],
        "dropout, gaussian and alpha": lambda new: [new.GaussianDropout(0.3), new.Conv2D(4, 3), new.AlphaDropout(0.3)],
    }
)
