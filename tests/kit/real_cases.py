"""Which damage to which real day, and what the report must say of it: the table of the test beside it.

The counts are those of the damage, not of the kitchen. Beside the defect itself the report may name only
what the damage must also lead to (`beside`); where the kitchen mends without loss (`same`), the day's bars
are those of the undamaged day.
"""

# ruff: noqa: E501 - one case a line
from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kit import injection as old
from kit import real_exports as real
from kit import tape_damage as tape
from kit.injection import BARS
from pipeline.quality.catalogue import DEFECTS

BTCUSDT, XRPETH = ("BTCUSDT", dt.date(2025, 1, 2)), ("XRPETH", dt.date(2019, 10, 11))
PERPETUAL = "{market: futures_um}"
ALONE = "{market: futures_um, atas: none}"
COIN_M = "{market: futures_cm, vendor_symbol: BTCUSD_PERP}"
SPOT = "{market: spot}"

MOVED = "bars_1m, moved by the calibration"
BAR_LINES, TICK_LINES, KLINES = "atas_bars, mended", "atas_ticks, mended", "binance_1m, mended"
REASON, NOTE = "reason", "note"
TICKS, TICKS_AT_5, MINUTES = 5929, 748, 1022
"""Of the real tape: trades, trades from 05:00 to 05:59, and minutes with a trade."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One form of a defect: what is done to which day, and what the report must say of it."""

    code: str
    damage: Callable[[Path], None]
    counts: dict[str, int]
    beside: str = ""
    same: bool = False
    day: tuple[str, dt.date] = BTCUSDT
    symbol: str = PERPETUAL
    condition: str | None = None

    @property
    def wanted(self) -> str:
        """The condition; one that is not the catalogue's first must be its other."""
        return self.condition or DEFECTS[self.code].condition


def flag(name: str) -> str:
    """Where the report counts a flag of the bars."""
    return f"bars_1m, flag {name}"


def aside(source: str) -> str:
    """Where it counts lines set aside."""
    return f"{source}, set aside"


def without_atas(damage: Callable[[Path], None]) -> Callable[[Path], None]:
    """The damage to a day without exports, which would tell."""

    def inject(raw: Path) -> None:
        shutil.rmtree(raw / "atas")
        damage(raw)

    return inject


def with_month(damage: Callable[[Path], None]) -> Callable[[Path], None]:
    """The damage to the daily archive; the monthly one is whole."""

    def inject(raw: Path) -> None:
        text = real.HEAD + "".join(",".join(row) + "\n" for row in old.klines(raw))
        (raw / "binance/futures_um/BTCUSDT-1m-2025-01.csv").write_text(text)
        damage(raw)

    return inject


def repeated(rows: list[list[str]]) -> list[list[str]]:
    """Ten rows stand there twice."""
    return [*rows[:610], *rows[600:610], *rows[610:]]


def unsorted(rows: list[list[str]]) -> list[list[str]]:
    """The fourth hour stands before the third."""
    return [*rows[:180], *rows[240:300], *rows[180:240], *rows[300:]]


def zeros(count: int) -> Callable[[Path], None]:
    """So many bars with prices of zero."""
    return real.changed(BARS, range(100, 100 + count), open=0, high=0, low=0, close=0)


HOUR_5 = f"{tape.TAPE}/05/ticks.jsonl"
GAP = {flag("kline_missing"): 12, REASON: 12}

CASES = [
    Case(code="A01", damage=old.moved(1), counts={MOVED: 1440}, same=True),
    Case(code="A01", damage=old.moved(-1), counts={MOVED: 1440}, same=True),
    Case(code="A02", damage=old.moved(-480), counts={MOVED: 1440}, same=True),
    Case(code="A03", damage=old.moved(-330), counts={MOVED: 1440}, same=True),
    Case(code="A04", damage=real.forming, counts={BAR_LINES: 100}, same=True),
    Case(code="A05", damage=real.history_again(0), counts={BAR_LINES: 1}, same=True),
    Case(code="A05", damage=real.history_again(3), counts={BAR_LINES: 1, flag("volume_regressed"): 3}, same=True),
    Case(code="A06", damage=old.flow(0.25), counts={flag("flow_residual"): 100, NOTE: 100}),
    Case(code="A07", damage=old.flow(1.5), counts={flag("flow_exceeds_volume"): 100}),
    Case(code="A08", damage=real.impossible_cvd, counts={NOTE: 100}),
    Case(code="A09", damage=tape.only_buys, counts={flag("side_unknown"): MINUTES}, day=XRPETH),
    Case(code="A10", damage=zeros(5), counts={aside("atas_bars"): 5}, beside="A15"),
    Case(code="A10", damage=zeros(20), counts={aside("atas_bars"): 20}, beside="A13 A15", condition="degraded"),
    Case(code="A10", damage=real.changed(HOUR_5, range(3, 6), qty=0), counts={aside("atas_ticks"): 3}, day=XRPETH),
    Case(code="A11", damage=real.unmeasured, counts={"atas_v6_3, mended": MINUTES}, day=XRPETH),
    Case(code="A12", damage=real.edited(BARS, real.odd_writing), counts={BAR_LINES: 1 + 10 + 3}, same=True),
    Case(code="A13", damage=real.edited(BARS, real.broken_lines), counts={aside("atas_bars"): 2}, beside="A15"),
    Case(code="A13", damage=real.edited(BARS, real.many_broken_lines), counts={aside("atas_bars"): 20, REASON: 20}, beside="A15", condition="degraded"),
    Case(code="A14", damage=old.part_alone, counts={BAR_LINES: 1}, same=True),
    Case(code="A14", damage=real.left_over, counts={BAR_LINES: 1}, same=True),
    Case(code="A15", damage=old.last_bar_lost, counts={flag("atas_missing"): 1}),
    Case(code="A16", damage=tape.misfiled, counts={TICK_LINES: 7}, day=XRPETH, same=True),
    Case(code="A16", damage=tape.without_a_date, counts={TICK_LINES: TICKS_AT_5}, day=XRPETH, same=True),
    Case(code="A16", damage=tape.strays, counts={aside("atas_ticks"): 3}, day=XRPETH, same=True),
    Case(code="A17", damage=tape.pc_clock, counts={TICK_LINES: TICKS}, day=XRPETH, same=True),
    Case(code="A18", damage=tape.swapped, counts={TICK_LINES: 20}, day=XRPETH, same=True),
    Case(code="A19", damage=old.five_minute_chart, counts={REASON: 1}),
    Case(code="A20", damage=real.stood_still, counts={NOTE: 30}, beside="B10"),
    Case(code="A21", damage=old.coarse, counts={NOTE: 1440}, beside="C01"),
    Case(code="A22", damage=real.another_coin, counts={REASON: 1}),
    Case(code="A22", damage=tape.of_another_symbol, counts={aside("atas_ticks"): TICKS, REASON: 24}, beside="A13", day=XRPETH),
    Case(code="A22", damage=real.changed(HOUR_5, range(3, 6), symbol="XRPBTC"), counts={aside("atas_ticks"): 3}, day=XRPETH, condition="available"),
    Case(code="A24", damage=old.two_versions, counts={BAR_LINES: 100}, same=True),
    Case(code="B01", damage=real.in_microseconds, counts={KLINES: 720}, same=True),
    Case(code="B02", damage=real.headless, counts={KLINES: 1}, same=True),
    Case(code="B03", damage=real.wrong_checksum, counts={aside("binance_1m"): 1, REASON: 1}, beside="B06"),
    Case(code="B03", damage=with_month(real.wrong_checksum), counts={aside("binance_1m"): 1, NOTE: 1}, beside="B05", same=True, condition="available"),
    Case(code="B05", damage=real.rearranged(lambda rows: rows[:456]), counts={REASON: 984}, beside="B12"),
    Case(code="B05", damage=with_month(real.rearranged(lambda rows: rows[:456])), counts={flag("fallback_file"): 984}, same=True, condition="available"),
    Case(code="B06", damage=old.no_klines, counts={REASON: 1440}),
    Case(code="B07", damage=old.monthly_without_the_day, counts={KLINES: 1}, beside="B12"),
    Case(code="B08", damage=old.monthly_differs, counts={KLINES: 3}, beside="B02 B05", same=True),
    Case(code="B09", damage=old.silent_archive, counts={REASON: 10}, beside="B10"),
    Case(code="B10", damage=old.other_closes, counts={flag("ohlc_differs"): 5, REASON: 5}),
    Case(code="B12", damage=real.without(*range(700, 712)), counts=GAP),
    Case(code="B12", damage=real.without(700), counts={flag("kline_missing"): 1}, condition="available"),
    Case(code="B13", damage=real.off_the_grid, counts={aside("binance_1m"): 30, REASON: 30}, beside="B12"),
    Case(code="B14", damage=old.close_times_cut, counts={KLINES: 4, flag("close_time_cut"): 4}, same=True),
    Case(code="B15", damage=real.rearranged(repeated), counts={KLINES: 10}, beside="B16", same=True),
    Case(code="B15", damage=real.contradicted, counts={aside("binance_1m"): 20, REASON: 20, flag("kline_conflict"): 10}, beside="B12 B16", condition="degraded"),
    Case(code="B16", damage=real.rearranged(unsorted), counts={KLINES: 1}, same=True),
    Case(code="B17", damage=old.rest(forming=True), counts={aside("binance_1m"): 1}, same=True),
    Case(code="B18", damage=old.rest(forming=False), counts={KLINES: 1}, same=True),
    Case(code="B19", damage=without_atas(old.wicks(5, 1.6)), counts={REASON: 5}, beside="C03", symbol=ALONE),
    Case(code="B20", damage=real.in_contracts, counts={KLINES: 1440}, symbol=COIN_M),
    Case(code="B21", damage=old.never_traded, counts={flag("silent_edge"): 1440, NOTE: 1440}, beside="C11"),
    Case(code="B21", damage=without_atas(old.never_traded), counts={flag("silent_edge"): 1440, NOTE: 1440}, symbol=ALONE, condition="available"),
    Case(code="B25", damage=without_atas(old.copies), counts={NOTE: 5}, symbol=ALONE),
    Case(code="B26", damage=real.impossible, counts={aside("binance_1m"): 1, REASON: 1}, beside="B12"),
    Case(code="B26", damage=real.mark_prices, counts={aside("binance_1m"): 1, REASON: 1}, beside="B06", condition="missing"),
    Case(code="C01", damage=real.nothing, counts={flag("other_instrument"): 1440, NOTE: 1}, beside="A21", symbol=SPOT),
    Case(code="C02", damage=real.times_thousand, counts={REASON: 1}),
    Case(code="C03", damage=without_atas(old.wicks(2, 1.05)), counts={NOTE: 2}, symbol=ALONE),
    Case(code="C04", damage=without_atas(old.frozen), counts={NOTE: 70}, symbol=ALONE),
    Case(code="C05", damage=old.without_zone, counts={BAR_LINES: 50}, beside="A05", same=True),
    Case(code="C06", damage=old.noisy_csv, counts={KLINES: 3}),
    Case(code="C07", damage=tape.late(1200), counts={MOVED: MINUTES}, day=XRPETH, same=True),
    Case(code="C07", damage=tape.late(8000), counts={REASON: 1}, beside="A16", day=XRPETH, condition="degraded"),
    Case(code="C08", damage=real.every_tenth_lost, counts={REASON: 144}, beside="A15"),
    Case(code="C10", damage=old.next_midnight, counts={aside("binance_1m"): 1}, same=True),
    Case(code="C11", damage=old.thin, counts={REASON: 1}),
    Case(code="C12", damage=real.no_exports, counts={REASON: 1}),
    Case(code="C13", damage=real.stamped("%Y-%m-%d %H:%M:%S", 60), counts={REASON: 1}, beside="B12"),
]  # fmt: skip

BY_THEMSELVES = {
    "B04": "needs two states of one day, the archive before and after",
    "B11": "needs an outage in the calendar of outages",
    "C09": "needs a file that changes while it is read",
    **dict.fromkeys(("B27", *(f"D{n:02d}" for n in range(1, 10))), "need the exchange's trades"),
}
"""Codes with a test of their own here, and why."""

NOT_IN_A_DAY = {
    "A23": "times of writing are not in the bytes of the files; tests/unattended/test_heartbeat.py",
    "B22": "metrics feed slow features of later days; tests/sources/test_binance_metrics.py",
    "B23": "D04 in the exchange's trades",
    "B24": "no defect of the data: the reader's clock",
}
"""Codes that no day's files can have, and why."""
