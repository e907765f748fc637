"""A small grid of days and symbols that is built once, copied for each test, changed, and asked for again."""

from __future__ import annotations

import datetime as dt
import functools
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import luigi
import pytest

from kit.support import forget_receipt, write_config
from pipeline.freshness import code
from pipeline.freshness.graph import Unit
from pipeline.publishing import revisions
from pipeline.publishing.folder_store import FolderStore
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.tasks import context, day, job

DAYS = [dt.date(2025, 1, 2), dt.date(2025, 1, 3), dt.date(2025, 1, 4)]
SYMBOLS = ("BTCUSDT", "ETHUSDT")
PACKAGE = Path(code.__file__).resolve().parents[1]

Ran = set[tuple[str, int, str | None]]
"""(step with its feed, day of the month, symbol) of every unit that ran."""


def forget() -> None:
    """What a new process would not know: every memory of the package."""
    context.forget()
    for name, module in list(sys.modules.items()):
        if name.startswith("pipeline"):
            for value in list(vars(module).values()):
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


class Grid:
    """A kitchen below `root` with its own copies of governance and source code."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("KITCHEN_CONFIG", str(root / "configs/kitchen.yaml"))
        monkeypatch.setattr(code, "PROJECT", root / "source")
        forget()

    @property
    def raw(self) -> Path:
        """The raw folder."""
        return self.root / "data/raw"

    def prepared(self, name: str) -> Path:
        """A file below the prepared folder."""
        return self.root / "data/prepared" / name

    def forget_receipt(self, folder: str, unit: str) -> None:
        """Takes a unit's receipt out of those of a folder below the prepared one."""
        forget_receipt(self.prepared(folder), unit)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replaces one text in one file below the root."""
        path = self.root / name
        text = path.read_bytes()
        assert text.count(old.encode()) >= 1, f"{old!r} is not in {name}"
        path.write_bytes(text.replace(old.encode(), new.encode(), 1))

    def ask(self, days: list[dt.date] | None = None) -> Ran:
        """Asks for the days' snapshots in a kitchen that remembers nothing; the units that ran."""
        forget()
        ran: Ran = set()
        with _watched(ran):
            wanted = [day.Snapshot(date=d) for d in days or DAYS]
            assert luigi.build(wanted, local_scheduler=True, workers=1, log_level="ERROR")
        forget()
        return ran

    def revisions(self) -> dict[int, int]:
        """Day of the month -> its current revision."""
        store = FolderStore(self.root / "snapshots")
        found = {d.day: revisions.current(store, d) for d in DAYS}
        return {d: sealed.revision for d, sealed in found.items() if sealed}


@contextmanager
def _watched(ran: Ran) -> Iterator[None]:
    """Notes every unit that `job.perform` really builds, those within another one included."""
    real = job.perform

    def perform(freshness, unit: Unit, *more):  # type: ignore[no-untyped-def]
        facts = real(freshness, unit, *more)
        if facts["reason"] != "fresh":
            step = f"{unit.stage} {unit.source}" if unit.source else unit.stage
            ran.add((step, unit.day.day, unit.symbol))
        return facts

    job.perform = perform
    try:
        yield
    finally:
        job.perform = real


def make(root: Path) -> None:
    """Writes raw exports of three days and two symbols, the configuration, governance and source."""
    symbols = dict.fromkeys(SYMBOLS, "{market: futures_um}")
    write_config(root, symbols, "simulated: true\n")
    path = root / "configs/kitchen.yaml"
    path.write_text(path.read_text().replace("snapshots}", "snapshots, governance: governance}"))
    request = {"first": DAYS[0], "days": 3, "trades_per_day": 3000}
    write_sample(
        SampleRequest(
            out=root / "data/raw", symbols=SYMBOLS, ticks=False, simplified=False, **request
        )
    )
    shutil.copytree(PACKAGE.parent / "governance", root / "governance")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, root / "source" / "pipeline", ignore=ignored)
