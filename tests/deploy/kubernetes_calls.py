"""In an environment of its own: whether the manifests on standard input are right, to the package that is named.

`kubernetes-validate` knows Kubernetes' schemas; strictly, no other field is allowed. `kserve` has types for its
resources, which take their fields by name, and `kubernetes` those of the pods within.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import yaml  # type: ignore[import-untyped]

OLDEST = "1.25"  # that the package knows


def validate(manifest: Any) -> None:
    """Raise where Kubernetes would refuse it."""
    import kubernetes_validate

    for version in (OLDEST, kubernetes_validate.latest_version()):
        kubernetes_validate.validate(manifest, version, strict=True)


def build(manifest: Any) -> None:
    """Raise where it is no InferenceService, or has a field that none has."""
    build_one(manifest, "V1beta1InferenceService")


def build_one(value: Any, kind: str) -> Any:
    """The value as that type, which is one of KServe's, of Kubernetes' client or of Python's."""
    import kserve
    from kubernetes.client import models

    if items := re.fullmatch(r"list\[(\w+)\]", kind):
        return [build_one(each, items[1]) for each in value]
    model = getattr(kserve, kind, None) or getattr(models, kind, None)
    if model is None:
        return value
    if not hasattr(model, "openapi_types"):  # of Kubernetes' client, where it is new
        built = model.from_dict(value)
        assert built.to_dict() == value, (built.to_dict(), value)
        return built
    names = {written: name for name, written in model.attribute_map.items()}
    return model(**{names[key]: build_one(each, model.openapi_types[names[key]]) for key, each in value.items()})


if __name__ == "__main__":
    check = {"kubernetes-validate": validate, "kserve": build}[sys.argv[1]]
    for manifest in yaml.safe_load_all(sys.stdin):
        check(manifest)
        sys.stdout.write(f"{manifest['kind']}\n")
