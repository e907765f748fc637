"""What a tool is to the export, and the work on one symbol of it.

Belongs here: what every tool's module gives and takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import symbols
from pipeline.clock import iso
from pipeline.exporting.chosen import Chosen
from pipeline.exporting.folder import Draft
from pipeline.exporting.receipt import SymbolEntry
from pipeline.settings.config import Symbol
from pipeline.tables import arrays

INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")
"""Lengths of bars that every tool has a name for."""

VALUES = ("open", "high", "low", "close", "volume")
"""What a bar of every tool has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One symbol of an export.

    Attributes:
        chosen: The published dates.
        draft: Where its files go.
        symbol: As the kitchen calls it.
        name: As the tool does.
    """

    chosen: Chosen
    draft: Draft
    symbol: str
    name: str

    def entry(self, rows: int, first_us: int | None, last_us: int | None) -> SymbolEntry:
        """What the receipt says of it; its first and last stamp as the tool has them."""
        first, last = (None if it is None else iso(it) for it in (first_us, last_us))
        absent = self.chosen.absent(self.symbol)
        return SymbolEntry(name=self.name, rows=rows, first=first, last=last, absent=absent)

    def bars_entry(self, rows: pa.Table, column: str) -> SymbolEntry:
        """The same of bars that are stamped by one of their columns."""
        stamps = arrays.ints(rows[column])
        ends = (int(stamps[0]), int(stamps[-1])) if len(stamps) else (None, None)
        return self.entry(rows.num_rows, *ends)


Writer = Callable[[Work], SymbolEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool, and how its files are written.

    Args:
        name: Of the command.
        calls: What it calls a configured symbol, None where that cannot be told; None: as the kitchen does.
        fault: What is wrong with a name that a person gives, in words; None of one that may be.
        form: What a name looks like.
        columns: Its column of bars -> what it is of.
        bars: Writes a symbol's bars; None: it takes trades alone.
        trades: Writes a symbol's trades; None: it takes none.
        trade_columns: As `columns`, of trades.
        together: Writes what is of all symbols, by name, once each is written.
    """

    name: str
    calls: Callable[[Symbol], str | None] | None = None
    fault: Callable[[str], str | None] = symbols.fault
    form: str = symbols.FORM
    columns: Mapping[str, str] = field(default_factory=dict)
    bars: Writer | None = None
    trades: Writer | None = None
    trade_columns: Mapping[str, str] = field(default_factory=dict)
    together: Callable[[Chosen, Draft, Mapping[str, str]], None] | None = None


def measured(bars: pa.Table) -> tuple[pa.Table, int]:
    """The bars whose prices and volume are all measured, and how many are not."""
    whole = pc.is_valid(bars[VALUES[0]])
    for name in VALUES[1:]:
        whole = pc.and_(whole, pc.is_valid(bars[name]))
    rows = bars.filter(whole)
    return rows, bars.num_rows - rows.num_rows
