"""Whether a soak met its goals: answers, counts, memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from bench.chaos.book import Book, Series, read_series
from bench.chaos.goals import Finding, at_least, at_most, exactly, told
from bench.chaos.vitals import Sample, measure_growth

GROWTH_MB = 10.0  # for each million requests, at most
NOISE_MB = 8.0  # by which memory differs between two moments anyway
JUDGED_MILLIONS = 1.0  # requests, below which noise hides the slope
SHOWN = 5  # examples of what went wrong


def judge_answers(book: Book, kinds: Collection[str]) -> Iterator[Finding]:
    """Whether every answer was allowed, and none is missing."""
    yield exactly("answers that are not allowed", describe(book.wrong), "none")
    yield exactly("lost, of those who did not leave", describe(book.lost), "none")
    yield told("503, for want of room", sum(count for series, count in book.answers.items() if series.status == 503))
    rarest = min(kinds, key=lambda kind: book.kinds[kind])
    yield at_least(f"of {len(kinds)} kinds, the rarest was {rarest}", book.kinds[rarest], 1)


def describe(failures: Counter[str]) -> str:
    """How many there are, and the most frequent ones; or none."""
    shown = "; ".join(f"{count} x {what}" for what, count in failures.most_common(SHOWN))
    return f"{failures.total():,}: {shown}" if failures else "none"


def judge_counts(book: Book, metrics: Mapping[str, float], before: Counter[Series]) -> Iterator[Finding]:
    """Whether the server has counted what its clients have."""
    counted = read_series(metrics)
    counted.subtract(before)
    miscounts = book.find_miscounts(counted)
    goal = "as the clients have"
    what = f"{book.answers.total():,} answers, by route, model and status"
    yield exactly(what, "; ".join(miscounts[:SHOWN]) or goal, goal)
    more = sum(counted[series] - book.answers[series] for series in book.perhaps)
    yield told(f"of {book.left:,} who left before their answer, counted", f"{more:,}")
    images = round(metrics['service_images_total{model="mnist",version="1"}'])
    yield exactly("images that got a class, as the server counts them", images, book.images["mnist"])
    waiting = sum(value for name, value in metrics.items() if name.startswith("service_queue_images"))
    yield exactly("images that still wait", round(waiting), 0)


def judge_memory(samples: Sequence[Sample]) -> Iterator[Finding]:
    """Whether memory grows. In a short run the slope is mostly noise, so it is told, and the noise is allowed for."""
    growth = measure_growth(samples)
    millions = (samples[-1].requests - samples[0].requests) / 1e6
    what = f"memory, slope over {millions:.2f} million requests, for each million"
    if millions >= JUDGED_MILLIONS:
        yield at_most(what, growth.mb_per_million, GROWTH_MB, "MB")
    else:
        yield told(what, f"{growth.mb_per_million:+.1f} MB")
    yield told("memory, slope for each hour", f"{growth.mb_per_hour:+.0f} MB")
    allowed = NOISE_MB + GROWTH_MB * growth.millions
    yield at_most("memory, the least of the last third beyond that of the first", growth.kept_mb, allowed, "MB")
