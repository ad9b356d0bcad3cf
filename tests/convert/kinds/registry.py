"""What a kind of model is, and how one is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convert.source import AS_IT_IS, Reading
from tests.convert.kinds.spreading import spread

Make = Callable[[Any], Any]  # keras to a model
Write = Callable[[Any, Path], Path]  # keras and an empty folder to the file or folder that was written
Layers = Callable[[Any], list[Any]]  # keras.layers to what stands between pixels and classes
KINDS: dict[str, Kind] = {}


@dataclass(frozen=True)
class Kind:
    """A kind of model that people make; `write` saves a small one."""

    write: Write
    reading: Reading = AS_IT_IS
    options: Mapping[str, Any] = field(default_factory=dict)  # of convert()
    served: bool = False  # whether the written file is also given to the service's loader
    values: int = 4


def kind(name: str, reading: Reading = AS_IT_IS, **settings: Any) -> Callable[[Make], Make]:
    """Register a function that makes a model, which is saved as model.keras."""

    def register(make: Make) -> Make:
        keys = settings.get("options", {}).get("keys")

        def write(keras: Any, folder: Path) -> Path:
            return save(keras, make(keras), folder / "model.keras", keys)

        KINDS[name] = Kind(write, reading, **settings)
        return make

    return register


def file_kind(name: str, reading: Reading = AS_IT_IS, **settings: Any) -> Callable[[Write], Write]:
    """Register a function that writes a file or folder itself."""

    def register(write: Write) -> Write:
        KINDS[name] = Kind(write, reading, **settings)
        return write

    return register


def layer_kinds(stacks: Mapping[str, Layers], shape: tuple[int, ...] = (12, 12, 3)) -> None:
    """Register a Sequential model of each stack of layers, on images of `shape`."""
    for name, layers in stacks.items():
        kind(name)(lambda keras, layers=layers: stack(keras, layers(keras.layers), shape))  # type: ignore[misc]


def stack(keras: Any, layers: list[Any], shape: tuple[int, ...] = (12, 12, 3), activation: str = "softmax") -> Any:
    """Raw pixels → -1 to 1 → layers → four classes."""
    rescaling = keras.layers.Rescaling(1 / 127.5, offset=-1)
    head = [keras.layers.Flatten(), keras.layers.Dense(4, activation=activation)]
    return keras.Sequential([keras.Input(shape), rescaling, *layers, *head])


def save(keras: Any, model: Any, path: Path, keys: Mapping[str, str] | None = None) -> Path:
    """Save a model whose answers have been spread."""
    spread(keras, model, keys)
    model.save(path)
    return path
