"""Groups of examples that are bounded together."""

from collections.abc import Iterator, Sequence


def grouped(counts: Sequence[int], limit: int) -> Iterator[slice]:
    """Yield runs of examples with at most `limit` rows in total; a single example may have more."""
    start, rows = 0, 0
    for example, count in enumerate(counts):
        if example > start and rows + count > limit:
            yield slice(start, example)
            start, rows = example, 0
        rows += count
    yield slice(start, len(counts))
