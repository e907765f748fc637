"""A second file of klines that is of another instrument, by its values: said of such days alone."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.contracts.value import Value
from pipeline.quality.facts import RECORD, DayFacts

CODE = "B08"
"""Code of values that differ from those of a more trusted file."""


class Disagreement(Value, frozen=True, kw_only=True):
    """So many minutes of a file differ, and what is said of it."""

    minutes: int
    words: str


def disagreements(facts: DayFacts) -> Iterator[Disagreement]:
    """Each file of klines that differs from the more trusted ones in every minute that both have."""
    entries = facts.ledgers.get(RECORD, ())
    for entry in entries[1:]:
        minutes = entry.notes.get("defects", {}).get(CODE, 0)
        if minutes and minutes >= entry.lines.merged:
            yield Disagreement(
                minutes=minutes,
                words=f"two kline files disagree in {minutes} minutes: {entries[0].path} counts, being the"
                f" more trusted by sources.{RECORD}; see whether {entry.path} is of another market or symbol",
            )
