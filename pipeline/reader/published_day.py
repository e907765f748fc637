"""A published date, and a symbol's day of it, as objects.

Belongs here: what is asked of one date. Ranges of dates are `research.py`'s.
"""

from __future__ import annotations

import datetime as dt
import html
import importlib
import webbrowser
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.errors import ParameterError
from pipeline.locations import user_cache
from pipeline.optional import all_there
from pipeline.reader import notebook
from pipeline.reader.described import near
from pipeline.reader.loading import CONDITIONS, load
from pipeline.reader.place import store_at
from pipeline.reader.shaping import Form, shaped
from pipeline.settings import config

if TYPE_CHECKING:
    from pipeline.reader.research import Snapshots

_SHOWN = 40
"""So many symbols are in the table of a notebook."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A published date of a store."""

    store: Snapshots
    date: dt.date

    def conditions(self) -> dict[str, str]:
        """Symbol -> condition, by name."""
        rows = self.store.conditions(self.date, self.date).to_pylist()
        return {row["symbol"]: row["condition"] for row in rows}

    def day(self, symbol: str) -> SymbolDay:
        """One symbol of it."""
        known = list(self.conditions())
        if symbol not in known:
            raise ParameterError(
                f"{symbol!r} is not among {self.date}'s symbols; {near(symbol, known)}"
            )
        return SymbolDay(self.store, self.date, symbol)

    def __repr__(self) -> str:
        """What it is, in one line."""
        return f"<{self._line(self.conditions())}>"

    def _repr_html_(self) -> str:
        """For notebooks: the line, and each symbol's condition with the codes of its reasons."""
        rows = self.store.conditions(self.date, self.date).to_pylist()
        line = self._line({it["symbol"]: it["condition"] for it in rows})
        shown = [[it["symbol"], it["condition"], ", ".join(it["codes"])] for it in rows]
        head = ("symbol", "condition", "codes")
        return notebook.table(line, head, shown[:_SHOWN], len(shown) - _SHOWN)

    def _line(self, conditions: dict[str, str]) -> str:
        counts = Counter(conditions.values())
        words = ", ".join(f"{n} {state}" for state, n in sorted(counts.items())) or "not published"
        return f"Snapshot {self.date}: {words}"


@dataclass(frozen=True, slots=True)
class SymbolDay:
    """A symbol's published day. A notebook shows it as its picture."""

    store: Snapshots
    date: dt.date
    symbol: str

    def bars(self, form: Form = "arrow") -> Any:
        """Its minutes, whatever its condition."""
        return shaped(self._table("bars_1m"), form)

    def footprint(self, form: Form = "arrow") -> Any:
        """Volume by minute and price; no row without ticks or trades."""
        return shaped(self._table("footprint"), form)

    def rejects(self, form: Form = "arrow") -> Any:
        """The raw lines that were set aside."""
        return shaped(self._table("rejects"), form)

    def page(self) -> str:
        """The picture of the day, as an HTML page that needs nothing else.

        Raises:
            ParameterError: of a store as of an instant.
            ConfigError: a library that draws it is not installed.
        """
        if self.store.as_of is not None:
            raise ParameterError(
                f"{self.symbol} {self.date}: the picture is of what is published now; open the store"
                " without as_of"
            )
        with all_there():
            view = importlib.import_module("pipeline.pages.day_view")
            page = importlib.import_module("pipeline.pages.day_page")
        root = self.store.root
        place = store_at(root)
        kitchen = config.load_kitchen() if root is None else None
        text: str = page.day_page(view.day_view(kitchen, place, self.date, self.symbol))
        return text

    def show(self, file: Path | str | None = None) -> Path:
        """Writes the picture, opens it in the browser, and returns where it is.

        Args:
            file: Where; None for a file of the user's cache.
        """
        name = f"{self.date}-{self.symbol}.html"
        place = user_cache("shown") / name if file is None else Path(file)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(self.page(), encoding="utf-8")
        webbrowser.open(place.absolute().as_uri())
        return place

    def _repr_html_(self) -> str:
        """For notebooks: the picture in a frame that may run its own scripts and nothing else."""
        return (
            f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(self.page())}"'
            f' style="width:100%;height:60rem;border:0" title="{self.symbol} {self.date}"></iframe>'
        )

    def __repr__(self) -> str:
        """What it is, in one line."""
        return f"<SymbolDay {self.symbol} {self.date}>"

    def _table(self, dataset: str) -> pa.Table:
        store = self.store
        return load(
            dataset, self.date, self.date, [self.symbol], store.as_of, None, CONDITIONS, store.root
        )
