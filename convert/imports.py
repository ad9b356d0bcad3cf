"""Runs a Python file of the user's for the classes and functions that a model is made of."""

import importlib.util
import inspect
import sys
from pathlib import Path
from typing import Any

from convert.errors import SourceError, first_line

LIBRARIES = ("keras", "tensorflow", "numpy")


def import_objects(paths: tuple[Path, ...]) -> dict[str, Any]:
    """The classes and functions that are named in the Python files at `paths`, by name. Runs them.

    Raises SourceError when a file is missing or fails.
    """
    objects: dict[str, Any] = {}
    for path in paths:
        objects |= _import_file(path)
    return objects


def _import_file(path: Path) -> dict[str, Any]:
    name = f"imported_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SourceError(f"{path} is no Python file; give one that ends in .py to --import.")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # as `python file.py` does, for what lies beside it
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as err:  # whatever a user's file raises
        raise SourceError(
            f"{path} failed ({type(err).__name__}: {first_line(err)}); mend it, or import another."
        ) from err
    finally:
        sys.path.remove(folder)
    return {name: value for name, value in vars(module).items() if _is_custom(value)}


def _is_custom(value: Any) -> bool:
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return False
    return value.__module__.split(".")[0] not in LIBRARIES
