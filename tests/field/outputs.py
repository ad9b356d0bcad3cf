"""Good cases of outputs: forms, activations, one value, several outputs."""

from __future__ import annotations

from collections.abc import Iterator

from tests.field.case import Good, ours
from tests.field.making import good

HEADS = ("softmax", "logits", "relu", "log_softmax", "sigmoid", "percent")


def forms() -> Iterator[Good]:
    """Every form of many classes, as probabilities and as logits."""
    for form in ("NK", "NK11", "NK1", "N1K", "N11K"):
        for head in ("softmax", "logits"):
            yield good(f"output_{form.lower()}_{head}", form=form, head=head, classes=4)
    for layout in ("HWC", "CHW"):
        yield good(f"output_k_{layout.lower()}", form="K", layout=layout, classes=4)
    yield good("output_k_of_batch_1", form="K", batch=1, head="logits", classes=4)
    yield good("output_k_of_any_batch", form="K", classes=4)
    yield good("output_fixed_1", output_batch=1, classes=4, quirk="first_row")
    yield good("output_fixed_1_of_batch_1", batch=1, output_batch=1, classes=4)
    yield good("output_undeclared", declares_output=False, classes=4, head="logits")
    yield good("output_undeclared_nk11", declares_output=False, classes=4, form="NK11")
    yield good("output_two_classes", classes=2)
    yield good("output_two_logits", classes=2, head="logits")
    yield good("output_ten_classes", classes=10, layout="NHWC", dtype="uint8")
    yield good("output_float16", output_dtype="float16", head="logits")
    yield good("output_float64", output_dtype="float64")
    yield good("output_named_by_a_path", outputs=("scores",), layout="NHWC", classes=5, head="logits", opset=13)


def activations() -> Iterator[Good]:
    """What the numbers are, found or said."""
    for head in HEADS:
        yield good(f"head_{head}", head=head, classes=5)
        yield good(f"head_{head}_bytes", head=head, classes=4, layout="NHWC", dtype="uint8")
    yield good("head_sigmoid_two_labels", head="sigmoid", classes=2)
    yield good("head_sigmoid_nk11", head="sigmoid", classes=4, form="NK11")
    yield good("activation_softmax", head="logits", activation="softmax", metadata=ours(activation="softmax"))
    yield good("activation_none_of_softmax", activation="none", metadata=ours(activation="none"))
    yield good(
        "activation_none_of_logits", head="logits", activation="none", metadata=ours(activation="none"), tolerance=0.05
    )
    yield good("activation_sigmoid_of_logits", head="logits", activation="sigmoid", metadata=ours(activation="sigmoid"))
    yield good(
        "activation_softmax_of_sigmoids", head="sigmoid", activation="softmax", metadata=ours(activation="softmax")
    )
    yield good("activation_none_of_sigmoids", head="sigmoid", activation="none", metadata=ours(activation="none"))


def single_values() -> Iterator[Good]:
    """Two classes in one number."""
    for head in ("one_sigmoid", "one_logit"):
        for form in ("NK", "N", "NK11"):
            for dtype in ("float32", "uint8"):
                yield good(f"{head}_{form.lower()}_{dtype}", head=head, form=form, dtype=dtype, layout="NHWC")
        yield good(f"{head}_labels", head=head, labels=("cat", "dog"), metadata=ours(labels='["cat", "dog"]'))
        yield good(f"{head}_without_batch", head=head, layout="HWC", form="K")
        yield good(f"{head}_scalar", head=head, layout="CHW", form="scalar")
        yield good(f"{head}_batch_of_1", head=head, batch=1, form="N")
    yield good("one_logit_activation", head="one_logit", activation="sigmoid", metadata=ours(activation="sigmoid"))
    yield good("one_sigmoid_names", head="one_sigmoid", labels=("no", "yes"), metadata={"names": "{0: 'no', 1: 'yes'}"})


def several() -> Iterator[Good]:
    """Probabilities among other outputs."""
    for name, outputs, head in (
        ("argmax_after", ("scores", "argmax"), "softmax"),
        ("argmax_before", ("argmax", "scores"), "softmax"),
        ("argmax_column_before", ("argmax_column", "scores"), "logits"),
        ("logits_before", ("logits", "scores"), "softmax"),
        ("logits_after", ("scores", "logits"), "softmax"),
        ("features_before", ("features", "scores"), "softmax"),
        ("features_after", ("scores", "features"), "softmax"),
        ("map_before", ("map", "scores"), "softmax"),
        ("all", ("argmax", "features", "logits", "scores"), "softmax"),
        ("named_probabilities", ("features", "probabilities", "argmax"), "softmax"),
    ):
        yield good(f"outputs_{name}", outputs=outputs, head=head, classes=4)
        yield good(f"outputs_{name}_bytes", outputs=outputs, head=head, classes=5, layout="NHWC", dtype="uint8")
    chosen = ours(output="scores")
    yield good("outputs_chosen_of_two_heads", outputs=("second", "scores"), metadata=chosen)
    yield good("outputs_chosen_of_two_logits", outputs=("auxiliary", "scores"), head="logits", metadata=chosen)
    yield good("outputs_chosen_after_features", outputs=("features", "scores"), head="logits", metadata=chosen)
    yield good(
        "outputs_chosen_logits_before_probabilities",
        outputs=("second", "scores"),
        head="logits",
        metadata=chosen | ours(activation="softmax"),
        activation="softmax",
    )
    yield good("outputs_sigmoid_and_argmax", outputs=("argmax", "scores"), head="sigmoid", classes=4)
    yield good("outputs_one_sigmoid_and_logit", outputs=("logits", "scores"), head="one_sigmoid", metadata=chosen)


def cases() -> Iterator[Good]:
    """All of this file."""
    for part in (forms, activations, single_values, several):
        yield from part()
