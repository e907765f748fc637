"""A file of ATAS bars, of either exporter -> its merged rows.

Belongs here: what both adapters share once the lines are told apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pyarrow as pa

from pipeline.sources.atas import bar_merge
from pipeline.sources.atas.bar_lines import BarLine, checked
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.text.jsonl import JsonLines

_MOST_VERSIONS = 8
"""The ledger names so many; the field is free text."""

_DETECTED = "absorption_detected"


def parse(text: RawText, feed: Feed) -> Parsed:
    """A bar export, lines of one minute within one run merged.

    A line without a usable stamp, with a price of zero or a number beyond limits is set aside. Where no line
    of the file has any profile or absorption field (SafeMode), `absorption_detected` is null: it was not
    measured.
    """
    lines = JsonLines(text, BarLine)
    merging, safe_mode = bar_merge.Merging(), _SafeMode()
    versions: Counter[str] = Counter()
    naive = 0
    for batch in lines.batches():
        numbers = batch.block.numbers
        for index, line in enumerate(batch.records):
            bar = checked(line, numbers[batch.places[index]], feed.values)
            if isinstance(bar, tuple):
                lines.reject(batch, index, *bar)
                continue
            versions[line.schema_version or ""] += 1
            naive += bar.zone is None
            safe_mode.see(line)
            merging.take(bar)
    notes = {**lines.notes(), "schema_versions": dict(sorted(versions.most_common(_MOST_VERSIONS)))}
    merged = merging.finish()
    rows = merged.rows
    if safe_mode.is_on:
        lines.defects["A11"] += merging.lines
        notes["not_measured"] = [_DETECTED]
        nothing = pa.nulls(rows.num_rows, pa.bool_())
        rows = rows.set_column(rows.column_names.index(_DETECTED), _DETECTED, nothing)
    notes["runs"] = merged.runs
    lines.defects.update(merged.defects)
    lines.defects["A24"] += _all_but_the_most(versions.values())
    lines.defects["C05"] += _all_but_the_most((naive, merging.lines - naive))
    return Parsed(
        rows=rows,
        rejects=lines.rejects,
        read=lines.read,
        merged=merging.lines - rows.num_rows,
        blank_lines=lines.blank_lines,
        notes=notes,
        defects=lines.defects,
    )


def _all_but_the_most(counts: Iterable[int]) -> int:
    """How many are not of the most frequent kind."""
    counts = list(counts)
    return sum(counts) - max(counts, default=0)


class _SafeMode:
    """Whether the file has absorption fields, and nothing in them or in the profile was measured."""

    def __init__(self) -> None:
        self._has_fields = False
        self._measured = False

    def see(self, line: BarLine) -> None:
        """The next good line."""
        detected = line.absorption_detected
        self._has_fields = self._has_fields or detected is not None
        self._measured = (
            self._measured
            or bool(detected)
            or line.absorption_strength is not None
            or line.poc is not None
            or line.bar_vpo_price is not None
        )

    @property
    def is_on(self) -> bool:
        """Known once all lines were seen."""
        return self._has_fields and not self._measured
