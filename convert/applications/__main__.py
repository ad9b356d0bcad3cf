"""The command line: `python -m convert.applications` tries all models and writes docs/applications.md."""

from service.interruption import leave_at_once, tidying

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("interrupted; the same command goes on with the next model")

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from convert.applications.models import MODELS
from convert.applications.page import write_page
from convert.applications.trial import Result, try_model
from convert.errors import SourceError, first_line
from convert.files import replace_file
from convert.silence import prepare_environment

EPILOG = """\
All 40 take hours, and 20 GB of memory for the largest. Each result is kept as it comes, so an interrupted run goes on.

exit status: 0 all asked for convert; 1 some do not; 2 wrong arguments; 130 interrupted
"""


def main(argv: list[str] | None = None) -> int:
    """Try what has no result yet; returns the exit status."""
    arguments = parse_arguments(argv)
    try:
        return _try_all(arguments, _read(arguments.results))
    except SourceError as err:
        print(f"error: {err}", file=sys.stderr)
        return err.exit_status


def _try_all(arguments: argparse.Namespace, results: dict[str, Result]) -> int:
    asked = arguments.models or list(MODELS)
    with tidying():
        for number, name in enumerate(asked, 1):
            if name not in results or arguments.again:
                print(f"{number} of {len(asked)}  {name} …", flush=True)
                with tempfile.TemporaryDirectory() as folder:
                    results[name] = try_model(name, Path(folder))
                _keep(results, arguments.results, arguments.page)
            print(f"{number} of {len(asked)}  {_summary(results[name])}", flush=True)
    return int(any(results[name].error for name in asked))


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; argparse itself exits with status 2 on a wrong one."""
    parser = argparse.ArgumentParser(
        prog="python -m convert.applications",
        description="Convert every model of keras.applications, and write a table of what came out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", nargs="*", choices=(*MODELS, []), metavar="MODEL", help="default: all 40")
    parser.add_argument("--page", type=Path, default=Path("docs/applications.md"), help="default: docs/applications.md")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("docs/applications.json"),
        help="where results are kept (default: docs/applications.json)",
    )
    parser.add_argument("--again", action="store_true", help="try what has a result already once more")
    return parser.parse_args(argv)


def _read(path: Path) -> dict[str, Result]:
    if not path.exists():
        return {}
    try:
        return {name: Result(**values) for name, values in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as err:
        raise SourceError(f"{path} holds no results ({first_line(err)}); name another file with --results.") from err


def _keep(results: dict[str, Result], path: Path, page: Path) -> None:
    kept = {name: dataclasses.asdict(result) for name, result in results.items()}
    replace_file(path, json.dumps(kept, indent=1).encode())
    replace_file(page, write_page(results).encode())


def _summary(result: Result) -> str:
    if result.error:
        return f"{result.name}: {result.error}"
    return (
        f"{result.name}: {result.agreement:.2%} of {result.pictures:,} agree, {result.classes} classes, difference "
        f"{result.difference:.1e} (Keras itself {result.own:.1e}), {result.seconds:.1f} s, {result.memory / 1e9:.1f} GB"
    )


if __name__ == "__main__":
    prepare_environment()
    sys.exit(main())
