"""A file of ATAS bars, of either exporter -> its merged rows.

Belongs here: what both adapters share once the lines are told apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pipeline.sources import bar_merge
from pipeline.sources.bar_lines import Bar, BarLine, checked
from pipeline.sources.jsonl import JsonLines
from pipeline.sources.protocol import Parsed, RawText

_MOST_VERSIONS = 8
"""The ledger names so many; the field is free text."""


def parse(text: RawText) -> Parsed:
    """A bar export, lines of one minute within one run merged.

    A line without a usable stamp or with a price of zero is set aside. Where no line of the file has
    any profile or absorption field (SafeMode), `absorption_detected` is null: it was not measured.
    """
    lines = JsonLines(text, BarLine)
    bars: list[Bar] = []
    versions: Counter[str] = Counter()
    for batch in lines.batches():
        for index, line in enumerate(batch.records):
            bar = checked(line, batch.block.numbers[batch.places[index]])
            if isinstance(bar, tuple):
                lines.reject(batch, index, *bar)
                continue
            bars.append(bar)
            versions[line.schema_version or ""] += 1
    notes = {**lines.notes(), "schema_versions": dict(sorted(versions.most_common(8)))}
    if _is_safe_mode(bars):
        lines.defects["A11"] += len(bars)
        notes["not_measured"] = ["absorption_detected"]
        for bar in bars:
            bar.fields.absorption_detected = None
    merged = bar_merge.merge(bars)
    notes["runs"] = merged.runs
    lines.defects.update(merged.defects)
    lines.defects["A24"] += _all_but_the_most(versions.values())
    naive = sum(bar.zone is None for bar in bars)
    lines.defects["C05"] += _all_but_the_most((naive, len(bars) - naive))
    return Parsed(
        rows=merged.rows,
        rejects=lines.rejects,
        read=lines.read,
        merged=len(bars) - merged.rows.num_rows,
        blank_lines=lines.blank_lines,
        notes=notes,
        defects=lines.defects,
    )


def _all_but_the_most(counts: Iterable[int]) -> int:
    """How many are not of the most frequent kind."""
    counts = list(counts)
    return sum(counts) - max(counts, default=0)


def _is_safe_mode(bars: list[Bar]) -> bool:
    """Whether the file has absorption fields, and nothing in them or in the profile was measured."""
    detected = [bar.fields.absorption_detected for bar in bars]
    if not any(flag is not None for flag in detected) or any(detected):
        return False
    measured = ("absorption_strength", "poc", "bar_vpo_price")
    return all(getattr(bar.fields, name) is None for bar in bars for name in measured)
