"""Trades of a real day, whichever tapes it has: what goes out is what the exchange traded."""

from __future__ import annotations

import csv
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from kit import tape_day
from kit.export_ground import Exporter
from kit.tape_day import AGGREGATES, ATAS, DAY, SYMBOL, TRADES

pytestmark = pytest.mark.real

BUYER, SELLER = 1 << 29, 1 << 28
Row = tuple[int, float, float, int]


def archive(real_data: Path, kind: str) -> list[Row]:
    """Instant in ms, price, size, flag of who took: as the exchange's archive has them."""
    path = real_data / f"xrpeth-2019-10/binance/spot/{SYMBOL}-{kind}-{DAY}.zip"
    stamp, seller = (4, 5) if kind == TRADES else (5, 6)
    with zipfile.ZipFile(path) as pack:
        rows = list(csv.reader(pack.read(pack.namelist()[0]).decode().splitlines()))
    return [
        (int(r[stamp]), float(r[1]), float(r[2]), SELLER if r[seller].lower() == "true" else BUYER)
        for r in rows
    ]


def exported(made: tape_day.Made, out: Path, monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """The same of what hftbacktest gets."""
    made.build()
    exporter = Exporter(monkeypatch, made.kitchen.file.parent.parent)
    exporter.made("hftbacktest", "--allow", "degraded", "--out", out)
    with np.load(out / f"{SYMBOL}_{DAY:%Y%m%d}.npz") as pack:
        events = pack["data"]
    return [
        (
            int(e["exch_ts"]) // 10**6,
            float(e["px"]),
            float(e["qty"]),
            int(e["ev"]) & (BUYER | SELLER),
        )
        for e in events
    ]


@pytest.mark.parametrize(
    ("feeds", "kind"),
    [
        ((TRADES,), TRADES),
        ((AGGREGATES,), AGGREGATES),
        ((ATAS,), TRADES),
        ((TRADES, AGGREGATES), TRADES),
        ((ATAS, TRADES), TRADES),
        ((ATAS, AGGREGATES), TRADES),
    ],
    ids=lambda it: "+".join(it) if isinstance(it, tuple) else it,
)
def test_every_trade_goes_out_once(
    tmp_path: Path,
    real_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    feeds: tuple[str, ...],
    kind: str,
) -> None:
    """In the exchange's order, with its side; of aggregates alone an aggregate is one event."""
    made = tape_day.made(tmp_path / "kitchen", real_data, *feeds)

    assert exported(made, tmp_path / "out", monkeypatch) == archive(real_data, kind)


def test_sides_that_were_mended_go_out_mended(
    tmp_path: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive that calls every taker a seller, and the other one, which knows better."""
    made = tape_day.made(
        tmp_path / "kitchen", real_data, TRADES, AGGREGATES, damage={TRADES: tape_day.all_sold}
    )

    assert exported(made, tmp_path / "out", monkeypatch) == archive(real_data, TRADES)


def test_minutes_that_nothing_proves_have_no_trades(
    tmp_path: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a tape lost lines, its whole minutes stay away; all others are there."""
    wanted = archive(real_data, TRADES)
    by_minute = defaultdict(list)
    for row in wanted:
        by_minute[row[0] // 60_000].append(row)
    lost = [wanted[place][0] // 60_000 for place in (10, 2000, 4000)]

    def without(lines: list[str]) -> list[str]:
        gone = {id(lines[place]) for place in (10, 2000, 4000)}
        return [line for line in lines if id(line) not in gone]

    made = tape_day.made(tmp_path / "kitchen", real_data, TRADES, damage={TRADES: without})

    told = [row for minute, rows in by_minute.items() if minute not in lost for row in rows]
    assert exported(made, tmp_path / "out", monkeypatch) == told
