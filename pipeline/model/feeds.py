"""The feeds: one row each. Where a feed differs from another, the difference is a column here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.clock import DAY_US, HOUR_US, MINUTE_US, MINUTES_PER_DAY

MARKETS = ("spot", "futures_um", "futures_cm")
"""The exchange's markets."""

Vendor = Literal["binance", "atas"]

Joiner = Literal["klines", "timed", "bars", "tape", "trades"]
"""How a day's files become one table: klines fill each other's gaps; so do timed rows, which a grid tells
apart; bars are kept run by run; a tape is merged trade by trade, and may be too long for the memory; so are
the exchange's trades, by their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedKind:
    """What holds for every day and symbol of one feed.

    Args:
        name: As in the configuration and in the names of prepared folders.
        vendor: Whose files these are, and whose name of the symbol they bear.
        joiner: How its files make one table.
        table: The table of `SCHEMA_data.json` that it becomes.
        time_column: Of that table, the column with a row's instant as the vendor wrote it.
        patterns: Its files below `paths.raw`, most trusted first.
        step_us: From one row's place to the next one's; None where rows come as they come.
        rows_of_day: Of a complete day of klines; None where no number of rows is complete.
        both_ends: Whether the row of 24:00 is kept too; which end is the day's, its label decides later.
        spills: Whether files of the days beside it, or of no day, may hold rows of a day.
        has_open_stamps: Whether files may leave their stamps' zone or label open, which a person then says.
    """

    name: str
    vendor: Vendor
    joiner: Joiner
    table: str
    time_column: str
    patterns: tuple[str, ...]
    step_us: int | None = None
    rows_of_day: int | None = None
    both_ends: bool = False
    spills: bool = False
    has_open_stamps: bool = False

    @property
    def is_minutes(self) -> bool:
        """Whether a complete day has a row for each of its minutes."""
        return self.rows_of_day == MINUTES_PER_DAY

    @property
    def bare_name(self) -> str:
        """Its name without the vendor's."""
        return self.name.removeprefix(f"{self.vendor}_")

    def step(self) -> int:
        """`step_us` of a feed that has one.

        Raises:
            TypeError: its rows are on no grid, and a caller takes them to be.
        """
        if self.step_us is None:
            raise TypeError(f"{self.name} has no grid; fix model/feeds.py or the caller")
        return self.step_us


_JSONL = ("", ".gz", ".zst", ".part")
"""A `.part` is what an exporter was about to rename: read where the file itself is missing."""

_ARCHIVES = ("zip", "csv", "csv.gz", "json", "json.gz")
_KLINES = ("zip", "csv", "csv.gz", "parquet", "json", "json.gz")
_TRADES = (*_KLINES, "jsonl", "jsonl.gz", "jsonl.zst")
"""Recordings of the stream have an object a line."""


def _archives(kind: str, forms: tuple[str, ...], *ends: str) -> tuple[str, ...]:
    return tuple(f"binance/{{market}}/{{symbol}}-{kind}-{end}.{z}" for end in ends for z in forms)


_DATE, _MONTH, _SPAN = "{date}", "{month}", "from-{first}-to-{last}"

FEEDS: dict[str, FeedKind] = {
    kind.name: kind
    for kind in (
        FeedKind(
            name="binance_1m",
            vendor="binance",
            joiner="klines",
            table="clean_klines",
            time_column="minute_open",
            patterns=(
                *_archives("1m", _KLINES, _DATE, _MONTH),
                "binance/fetcher/{symbol}_{date}.csv",
                *_archives("1m", _KLINES, _SPAN),
            ),
            step_us=MINUTE_US,
            rows_of_day=MINUTES_PER_DAY,
            has_open_stamps=True,
        ),
        FeedKind(
            name="binance_1d",
            vendor="binance",
            joiner="klines",
            table="clean_daily",
            time_column="day_open",
            patterns=_archives("1d", _KLINES, _DATE, _MONTH, _SPAN),
            step_us=DAY_US,
            rows_of_day=1,
            has_open_stamps=True,
        ),
        FeedKind(
            name="binance_funding",
            vendor="binance",
            joiner="timed",
            table="clean_funding",
            time_column="settled_at",
            patterns=_archives("fundingRate", _ARCHIVES, _DATE, _MONTH),
            step_us=HOUR_US,
        ),
        FeedKind(
            name="binance_metrics",
            vendor="binance",
            joiner="timed",
            table="clean_metrics",
            time_column="stamp",
            patterns=_archives("metrics", _ARCHIVES, _DATE),
            step_us=5 * MINUTE_US,
            both_ends=True,
        ),
        *(
            FeedKind(
                name=f"binance_{name}",
                vendor="binance",
                joiner="trades",
                table=f"clean_{name}",
                time_column="ts",
                patterns=_archives(form, _TRADES, _DATE, _MONTH),
            )
            for name, form in (("trades", "trades"), ("agg_trades", "aggTrades"))
        ),
        FeedKind(
            name="atas_bars",
            vendor="atas",
            joiner="bars",
            table="clean_bars",
            time_column="stamp",
            patterns=tuple(
                f"atas/bars_1m/{{symbol}}/date={{date}}/bars_1m.jsonl{z}" for z in _JSONL
            ),
        ),
        FeedKind(
            name="atas_v6_3",
            vendor="atas",
            joiner="bars",
            table="clean_bars",
            time_column="stamp",
            patterns=(
                *(f"atas/v6_3/{{symbol}}/date={{date}}/bar_{{yyyymmdd}}.jsonl{z}" for z in _JSONL),
                *(f"atas/v6_3/{{symbol}}/market_data_{{yyyymmdd}}.jsonl{z}" for z in _JSONL),
            ),
        ),
        FeedKind(
            name="atas_ticks",
            vendor="atas",
            joiner="tape",
            table="clean_ticks",
            time_column="stamp",
            patterns=(
                *(f"atas/ticks/{{symbol}}/date={{date}}/ticks.jsonl{z}" for z in _JSONL),
                *(f"atas/ticks/{{symbol}}/date={{date}}/*/ticks.jsonl{z}" for z in _JSONL),
            ),
            spills=True,
        ),
    )
}
"""Every feed by name, the exchange's first."""

ATAS_FEEDS = tuple(name for name, kind in FEEDS.items() if kind.vendor == "atas")
BAR_FEEDS = tuple(name for name, kind in FEEDS.items() if kind.joiner == "bars")
TRADE_FEEDS = tuple(name for name, kind in FEEDS.items() if kind.joiner == "trades")
TRADE_TAPES = {FEEDS[feed].bare_name: feed for feed in TRADE_FEEDS}
"""The exchange's tapes as `delta_source` calls them -> their feeds."""

DELTA_SOURCES = ("ticks", *TRADE_TAPES, "atas_bars", "klines")
"""Where `delta` may come from, the preferred first."""

TIMED_FEEDS = tuple(name for name, kind in FEEDS.items() if kind.joiner == "timed")
MACRO_FEEDS = tuple(n for n in FEEDS if n not in (*ATAS_FEEDS, *TRADE_FEEDS))
"""What the daily statistics are made of."""
