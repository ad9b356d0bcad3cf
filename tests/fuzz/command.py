"""`python -m tests.fuzz`: fuzz one target, then look for leaks.

Exit status: 0 nothing was found; 1 a finding, or too few inputs reached the decoder; 2 atheris is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path

from tests.fuzz import leaks
from tests.fuzz.counts import Counts
from tests.fuzz.stand_ins import DECODERS, install
from tests.fuzz.targets import FUZZED, Fuzzed

REPLAYED = 500  # inputs that are repeated to find leaks
# 10 s for one input; no more memory than that for all; no leak sanitizer, which is not built in; every seed stays.
LIBFUZZER = ("-timeout=10", "-rss_limit_mb=400", "-detect_leaks=0", "-keep_seed=1")


class FoundError(Exception):
    """Something is wrong; the message says what, and where the input is that shows it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = _parse(arguments)
    if importlib.util.find_spec("atheris") is None:
        print("fuzz: atheris is not installed; it has wheels for Linux on x86-64: pip install atheris", file=sys.stderr)
        return 2
    options.findings.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _fuzz(options, FUZZED[options.target], Path(folder))
    except FoundError as found:
        print(f"found       {found}")
        return 1
    print("good        nothing was found")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=FUZZED)
    parser.add_argument("--seconds", type=int, default=60, help="of fuzzing (default: 60)")
    parser.add_argument(
        "--findings", type=Path, default=Path(".fuzz"), help="folder for what is found (default: .fuzz)"
    )
    parser.add_argument(
        "--decoder", choices=DECODERS, default="as-it-is", help="one that leaks proves that it is noticed"
    )
    return parser.parse_args(arguments)


def _fuzz(options: argparse.Namespace, fuzzed: Fuzzed, folder: Path) -> None:
    """Write the seeds, fuzz in a process of its own, then look for leaks in this one."""
    corpus, counts = folder / "corpus", Counts(folder / "counts")
    corpus.mkdir()
    seeds = _write_seeds(fuzzed, corpus)
    start = time.monotonic()
    done = _run_libfuzzer(options, fuzzed, folder)
    share = _print_counts(counts, fuzzed, time.monotonic() - start)
    print(f"coverage    {len(list(corpus.iterdir())) - seeds} inputs went ways through the code that no seed did")
    if done.returncode:
        raise FoundError(_keep(options, folder, done.stdout))
    if share < fuzzed.min_decoded:
        raise FoundError("too few inputs reached the decoder")
    _look_for_leaks(options, fuzzed, [path.read_bytes() for path in sorted(corpus.iterdir())])


def _write_seeds(fuzzed: Fuzzed, corpus: Path) -> int:
    """How many there are that are short enough."""
    seeds = fuzzed.seeds()
    short = {data for files in seeds.values() for data in files if len(data) <= fuzzed.max_bytes}
    for data in short:
        (corpus / sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    sources = ", ".join(f"{len(files) or 'none'} {source}" for source, files in seeds.items())
    print(f"seeds       {sources}; {len(short)} are different and of at most {fuzzed.max_bytes} bytes", flush=True)
    return len(short)


def _run_libfuzzer(options: argparse.Namespace, fuzzed: Fuzzed, folder: Path) -> subprocess.CompletedProcess[str]:
    words = folder / "words"
    words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in fuzzed.words))
    own = [f"-max_total_time={options.seconds}", f"-max_len={fuzzed.max_bytes}", f"-artifact_prefix={folder}/found-"]
    own += [f"-dict={words}", str(folder / "corpus")]
    command = [sys.executable, "-m", "tests.fuzz.harness", options.target, options.decoder, str(folder / "counts")]
    return subprocess.run(
        [*command, *LIBFUZZER, *own],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def _print_counts(counts: Counts, fuzzed: Fuzzed, seconds: float) -> float:
    """The share of the inputs that reached the decoder."""
    inputs = max(1, counts["inputs"])
    share = counts["decoded"] / inputs
    print(f"inputs      {counts['inputs']:,} in {seconds:.0f} s, {inputs / seconds:,.0f} a second")
    print(f"accepted    {counts['accepted'] / inputs:.1%}")
    if fuzzed.min_decoded:
        print(f"decoder     reached by {share:.1%}; {fuzzed.min_decoded:.0%} must")
    return share


def _keep(options: argparse.Namespace, folder: Path, output: str) -> str:
    """Where the inputs are now that libFuzzer found, and what was printed about them."""
    kept = []
    for path in folder.glob("found-*"):
        kept.append(options.findings / path.name.replace("found", options.target, 1))
        kept[-1].write_bytes(path.read_bytes())
    what = ", ".join(map(str, kept)) or "no input, but the fuzzer itself failed"
    return "\n".join((what, output.partition("INFO: Using built-in libfuzzer")[2] or output))


def _look_for_leaks(options: argparse.Namespace, fuzzed: Fuzzed, corpus: list[bytes]) -> None:
    """Repeat inputs of the corpus, changed as while fuzzing, outside of libFuzzer."""
    install(options.decoder)
    rng = random.Random(0)
    inputs = [fuzzed.mutate(rng.choice(corpus), fuzzed.max_bytes, rng) for _ in range(REPLAYED)]
    growth = leaks.grow(fuzzed.check, inputs)
    text = f"{growth.nones:+} references to None, {growth.objects:+} objects, {growth.memory / 1e6:+.1f} MB"
    print(f"leaks       {text} after {leaks.ROUNDS} times {REPLAYED} inputs")
    if not leaks.is_leak(growth):
        return
    leaking = leaks.find_leaking(fuzzed.check, inputs)
    if leaking is None:
        raise FoundError("a leak, which no single input shows")
    path = options.findings / f"{options.target}-leak"
    path.write_bytes(leaking)
    raise FoundError(f"{path} leaks")
