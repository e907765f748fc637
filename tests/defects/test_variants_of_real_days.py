"""Every form in which vendors and people write a day, of real days: the same bars, and what was inferred."""

# ruff: noqa: E501 - one form a line
from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kit import rewritten as to
from kit.injection import BARS, SIMPLIFIED
from kit.real_build import built
from kit.real_cases import BTCUSDT, XRPETH
from kit.real_exports import nothing
from kit.whole_day import Day as BuiltDay
from pipeline import storage
from pipeline.packs import Stored
from pipeline.tables import parquet

pytestmark = pytest.mark.real

Day = tuple[str, dt.date]

FLOW = "vbuy vsell delta delta_source cvd"
EXCHANGE_FLOW = "quote_volume trades taker_buy_volume"


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to write it.

    Attributes:
        write: Rewrites the raw folder.
        like: What the day is compared with.
        lost: Columns that this form does not have, or that follow from them.
        file: The file whose inferred facts are looked at, and these.
    """

    write: Callable[[Path], None]
    like: Callable[[Path], None] = nothing
    day: Day = BTCUSDT
    lost: str = ""
    file: str = ""
    inferred: dict[str, Any] = field(default_factory=dict)


def bars(write: Callable[..., bytes], suffix: str = "", lost: str = "", **inferred: Any) -> Form:
    """Of the bars' export."""
    return Form(
        write=to.bars_as(write, suffix),
        like=to.only_bars,
        lost=lost,
        file=BARS + suffix,
        inferred=inferred,
    )


def tape(write: Callable[[Path], None]) -> Form:
    """Of the tape."""
    return Form(write=write, day=XRPETH)


def klines(name: str, write: Callable[..., bytes], lost: str = "", **inferred: Any) -> Form:
    """Of the klines."""
    return Form(write=to.klines_as(name, write), lost=lost, file=name, inferred=inferred)


FORMS = {
    "bar_1m.v6_3": bars(to.versioned("bar_1m.v6_3", "vbuy", "vsell"), lost=FLOW),
    "bar_1m.v6_4": bars(to.versioned("bar_1m.v6_4")),
    "line feeds": bars(to.unix, encoding="utf-8"),
    "a byte order mark": bars(to.marked, encoding="utf-8-sig"),
    "bars as gz": bars(to.packed(to.GZIP), ".gz"),
    "bars as zst": bars(to.packed(to.zstandard), ".zst"),
    "a .part alone": bars(to.unix, ".part", recovered_from_part=True),
    "an array": bars(to.array, array="a JSON array; lines are its elements"),
    "data": bars(to.wrapped, array="a JSON array; lines are its elements"),
    "pretty": bars(to.pretty, indented=True),
    "bare NaN": bars(to.with_nan),
    "local time": bars(to.local_time),
    "v6.1": Form(write=to.v6_1, like=to.only_simplified, file=to.FLAT, inferred={"format": "atas_simplified"}),
    "v6.2": Form(write=to.v6_2, like=to.only_simplified, file=SIMPLIFIED, inferred={"format": "atas_simplified"}),
    "tick.v1": tape(to.tape_as(to.tick_v1)),
    "tick.v2": tape(to.tape_as(to.tick_v2)),
    "tick.v1 of V63": tape(to.tape_as(to.tick_v63)),
    "batches of V63": tape(to.batches),
    "a day of ticks": tape(to.one_file),
    "ticks as gz": tape(to.packed_hours(".gz", to.GZIP)),
    "ticks as zst": tape(to.packed_hours(".zst", to.zstandard)),
    "csv": klines(f"{to.DAY_FILE}.csv", to.rows_text, header=True, unit="ms"),
    "csv.gz": klines(f"{to.DAY_FILE}.csv.gz", lambda rows: to.GZIP(to.rows_text(rows)), unit="ms"),
    "microseconds": klines(f"{to.DAY_FILE}.csv", to.microseconds, header=False, unit="us"),
    "a month": klines(f"{to.MARKET}/BTCUSDT-1m-2025-01.csv", to.month, unit="ms"),
    "answers": klines(f"{to.DAY_FILE}.json", to.answers, format="binance_rest", unit="ms"),
    "answers by line": klines(f"{to.DAY_FILE}.json", to.answers_by_line, format="binance_rest"),
    "parquet": klines(f"{to.DAY_FILE}.parquet", to.parquet, encoding="parquet", unit="iso"),
    "a spreadsheet": klines(to.TABLE, to.spreadsheet, decimal_mark=",", delimiter=";", unit="iso without a zone, read as UTC", label="open, inferred: the first stamp is 00:00"),
    "the fetcher": klines(to.TABLE, to.fetcher, lost=EXCHANGE_FLOW, time_from="open_time_ms", label="open, by its name"),
    "the old fetcher": klines(to.TABLE, to.old_fetcher, lost=EXCHANGE_FLOW, label="close, inferred: the last stamp is 24:00"),
}  # fmt: skip


def rows_of(day: BuiltDay) -> pa.Table:
    """The day's bars without their flags."""
    return parquet.read(day.read("AlignedBars", "bars_1m")).drop_columns(["qc_flags"])


def ledgers_of(day: BuiltDay) -> list[dict[str, Any]]:
    """Every file's entry."""
    folder = day.read("AlignedBars", "bars_1m").file.parent
    return [
        entry
        for path in sorted(folder.glob("CleanFeed.*.zip"))
        for entry in storage.json_in(Stored(path, "ledger.json"))
    ]


@pytest.fixture(scope="session")
def plain(
    tmp_path_factory: pytest.TempPathFactory, raw_days: dict[str, Path]
) -> Callable[[Callable[[Path], None], Day], pa.Table]:
    """The bars of a day as the vendor wrote it."""

    @cache
    def undamaged(like: Callable[[Path], None], day: Day) -> pa.Table:
        return rows_of(built(tmp_path_factory.mktemp("plain"), raw_days, like, day))

    return undamaged


@pytest.mark.parametrize("name", FORMS)
def test_a_form_gives_the_same_bars(
    tmp_path: Path,
    raw_days: dict[str, Path],
    plain: Callable[[Callable[[Path], None], Day], pa.Table],
    name: str,
) -> None:
    """All that this form has, to the digit; and the report says what was inferred of the file."""
    form = FORMS[name]
    day = built(tmp_path, raw_days, form.write, form.day)
    bars, ledgers = rows_of(day), ledgers_of(day)
    columns = [c for c in bars.column_names if c not in form.lost.split()]
    mine = [entry for entry in ledgers if entry["path"] == form.file]
    said = [note for entry in day.report["inputs"] for note in entry["notes"]]

    assert bars.select(columns).equals(plain(form.like, form.day).select(columns))
    assert sum(entry["lines"]["rejected"] for entry in ledgers) == 0
    assert len(mine) == bool(form.file)
    for entry in mine:
        assert entry["inferred"] | form.inferred == entry["inferred"]
        assert {f"{k}: {v}" for k, v in form.inferred.items() if k != "format"} <= set(said)
