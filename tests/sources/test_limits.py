"""The limits of CONTROL's `values`: each feed keeps a row at them, and sets one beyond aside by itself."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_atas_bars import bar
from test_atas_ticks import tick

from kit.adapter_suite import drop, feed_of
from kit.shipped import RULES
from pipeline.sources.clean import CleanFeed, read_feed

PROJECT = Path(__file__).resolve().parents[2]
LIMITS = RULES.control.values
OPENED_MS = 1_735_776_000_000
MINUTE_MS, DAY_MS, EIGHT_HOURS_MS = 60_000, 86_400_000, 28_800_000

Values = dict[str, float]
KLINE: Values = {"price": 2.0, "volume": 5.0, "quote": 10.0, "trades": 3, "taker": 1.0}
KLINES: dict[str, tuple[Values, str]] = {
    "price_max": ({"volume": 1.0, "taker": 0.0}, "price"),
    "price_min": ({"volume": 1e12, "taker": 0.0}, "price"),
    "quantity_max": ({"price": 1e-6}, "volume"),
    "quote_max": ({"price": 1e3, "volume": 1e12}, "quote"),
    "trades_max": ({}, "trades"),
    "number_min": ({"price": 1.0, "taker": 0.0}, "volume"),
}
"""Limit -> the rest of a row that could be traded, and which of its numbers stands at the limit."""


def kline(minute: int, values: Values, step_ms: int = MINUTE_MS) -> list[Any]:
    """The twelve columns of an archive's row; what is not given follows from the rest."""
    row = KLINE | values
    if "quote" not in values:
        row["quote"] = row["price"] * row["volume"]
    opened = OPENED_MS + minute * step_ms
    prices = [row["price"]] * 4
    closed = opened + step_ms - 1
    taken = row["taker"] * row["price"]
    numbers = [row["volume"], closed, row["quote"], int(row["trades"]), row["taker"], taken]
    return [opened, *prices, *numbers, 0]


def archive(rows: list[list[Any]]) -> bytes:
    """As Binance Vision writes them."""
    return b"".join(",".join(map(repr, row)).encode() + b"\n" for row in rows)


def table(rows: list[list[Any]]) -> bytes:
    """As a person keeps them, with a header."""
    names = (
        b"open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_buy_volume\n"
    )
    return names + archive([row[:10] for row in rows])


def parquet(rows: list[list[Any]]) -> bytes:
    """The same as Parquet."""
    names = "open_time open high low close volume close_time quote_volume trades taker_buy_volume"
    columns = zip(names.split(), zip(*rows, strict=True), strict=False)
    out = io.BytesIO()
    pq.write_table(pa.table({name: list(values) for name, values in columns}), out)
    return out.getvalue()


def answer(rows: list[list[Any]]) -> bytes:
    """The same as the exchange's interface answers."""
    return json.dumps(rows).encode()


FORMS: dict[str, tuple[Callable[[list[list[Any]]], bytes], int]] = {
    "BTCUSDT-1m-2025-01-02.csv": (archive, 1),
    "BTCUSDT_1m_2025-01-02.csv": (table, 2),
    "BTCUSDT-1m-2025-01-02.parquet": (parquet, 1),
    "BTCUSDT-1m-2025-01-02.json": (answer, 1),
}
"""File name -> how its rows are written, and the number of the first one."""


def beyond(limit: str) -> float:
    """The next number on the wrong side of a limit."""
    at = getattr(LIMITS, limit)
    if limit == "trades_max":
        return float(at + 1)
    return math.nextafter(at, math.inf if limit.endswith("max") else 0.0)


def read(raw: Path, source: str, name: str, data: bytes, market: str = "spot") -> CleanFeed:
    """The feed of one file."""
    feed = feed_of(source, market=market)
    return read_feed(feed, [drop(raw, name, data)], RULES)


def told(found: CleanFeed) -> list[tuple[str, int, str]]:
    """File, line and code of what was set aside."""
    names = ("file", "line", "code")
    return list(zip(*(found.rejects[name].to_pylist() for name in names), strict=True))


@pytest.mark.parametrize("limit", KLINES)
@pytest.mark.parametrize("name", FORMS)
def test_a_kline_at_a_limit_is_kept_and_one_beyond_is_not(
    name: str, limit: str, tmp_path: Path
) -> None:
    """In every form of a file of klines, for each limit; the rows before and after stay."""
    written, first = FORMS[name]
    rest, own = KLINES[limit]
    at, over = ({**rest, own: value} for value in (getattr(LIMITS, limit), beyond(limit)))

    kept = read(tmp_path, "binance_1m", name, written([kline(0, {}), kline(1, at), kline(2, {})]))
    lost = read(tmp_path, "binance_1m", name, written([kline(0, {}), kline(1, over), kline(2, {})]))

    assert (kept.table.num_rows, told(kept)) == (3, [])
    assert (lost.table.num_rows, told(lost)) == (2, [(name, first + 1, "B26")])


@pytest.mark.parametrize("limit", KLINES)
def test_a_kline_of_a_day_has_the_same_limits(limit: str, tmp_path: Path) -> None:
    """An archive of daily klines."""
    rest, own = KLINES[limit]
    for value, wanted in ((getattr(LIMITS, limit), []), (beyond(limit), ["B26"])):
        data = archive([kline(0, {**rest, own: value}, DAY_MS)])
        found = read(tmp_path, "binance_1d", "BTCUSDT-1d-2025-01-02.csv", data)

        assert found.rejects["code"].to_pylist() == wanted
        assert found.table.num_rows == 1 - len(wanted)


@pytest.mark.parametrize("number", ["1e16", "1e308", "1e999", "5e-324", "-1e20"])
@pytest.mark.parametrize("column", range(1, 11))
def test_no_number_of_an_archive_ends_the_file(column: int, number: str, tmp_path: Path) -> None:
    """Whatever stands in any of its columns, the row alone is set aside."""
    rows = [list(map(repr, kline(minute, {}))) for minute in range(3)]
    rows[1][column] = number
    data = b"".join(",".join(row).encode() + b"\n" for row in rows)
    found = read(tmp_path, "binance_1m", "BTCUSDT-1m-2025-01-02.csv", data)

    assert (found.table.num_rows, found.rejects["line"].to_pylist()) == (2, [2])


BARS = {
    **dict.fromkeys(("open", "high", "low", "close", "poc", "vah", "val"), "price"),
    **dict.fromkeys(("volume", "vbuy", "vsell", "cvd", "absorption_strength"), "quantity"),
    **dict.fromkeys(("oi", "cum_bid_depth", "cum_ask_depth"), "quantity"),
    "bar_vpo_price": "price",
    "bar_vpo_loc": "ratio",
}
TICKS = {
    **dict.fromkeys(("price", "best_bid", "best_ask"), "price"),
    **dict.fromkeys(("qty", "bid_volume", "ask_volume"), "quantity"),
}
LEAST = {"price": "price_min", "quantity": "number_min", "ratio": "number_min"}


def ends(kind: str) -> list[str]:
    """The limits of a kind of number."""
    return [f"{kind}_max", LEAST[kind]]


@pytest.mark.parametrize("version", ["bar_1m.v6_5", "v6.3"])
@pytest.mark.parametrize(("field", "kind"), BARS.items())
def test_a_bar_at_a_limit_is_kept_and_one_beyond_is_not(
    field: str, kind: str, version: str, tmp_path: Path
) -> None:
    """Every number of both exporters' bars, at either end."""
    source = "atas_bars" if version.startswith("bar") else "atas_v6_3"
    for limit in ends(kind):
        for value, wanted in (
            (getattr(LIMITS, limit), []),
            (beyond(limit), [("x.jsonl", 2, "A10")]),
        ):
            lines = [bar(n, schema_version=version) for n in range(3)]
            lines[1] = bar(1, schema_version=version, **{"bar_vpo_price": 1.0, field: value})
            found = read(tmp_path, source, "x.jsonl", b"\n".join(lines))

            assert (found.table.num_rows, told(found)) == (3 - len(wanted), wanted)


def test_the_nested_form_of_absorption_has_limits(tmp_path: Path) -> None:
    """As older exporters write it."""
    found = read(tmp_path, "atas_bars", "x.jsonl", bar(0, absorption={"strength": 1e308}))

    assert told(found) == [("x.jsonl", 1, "A10")]


@pytest.mark.parametrize(("field", "kind"), TICKS.items())
def test_a_tick_at_a_limit_is_kept_and_one_beyond_is_not(
    field: str, kind: str, tmp_path: Path
) -> None:
    """Every number of a tape's line, at either end, by columns as by the strict reader."""
    for limit in ends(kind):
        for value, wanted in (
            (getattr(LIMITS, limit), []),
            (beyond(limit), [("x.jsonl", 2, "A10")]),
        ):
            lines = [tick(second, **{field: 1.0}) for second in range(3)]
            lines[1] = tick(1, **{field: value})
            found = read(tmp_path, "atas_ticks", "x.jsonl", b"\n".join(lines))

            assert (found.table.num_rows, told(found)) == (3 - len(wanted), wanted)


METRICS = ("quantity", "quote", "ratio", "ratio", "ratio", "ratio")


@pytest.mark.parametrize("column", range(len(METRICS)))
def test_a_metric_at_a_limit_is_kept_and_one_beyond_is_not(column: int, tmp_path: Path) -> None:
    """Every figure of an archive of metrics, at either end."""
    name = "binance/futures_um/BTCUSDT-metrics-2025-01-02.csv"
    for limit in (f"{METRICS[column]}_max", "number_min"):
        for value, wanted in ((getattr(LIMITS, limit), []), (beyond(limit), [(name, 2, "B26")])):
            rows = [
                [f"2025-01-02 00:{minute:02}:00", "BTCUSDT", *["1.5"] * 6] for minute in (5, 10)
            ]
            rows[1][2 + column] = repr(value)
            data = b"".join(",".join(row).encode() + b"\n" for row in rows)
            found = read(tmp_path, "binance_metrics", name, data, "futures_um")

            assert (found.table.num_rows, told(found)) == (2 - len(wanted), wanted)


@pytest.mark.parametrize(
    ("rate", "wanted"), [(LIMITS.number_min, 0), (beyond("number_min"), 1), (1e16, 1), (-0.5, 0)]
)
def test_a_rate_of_funding_has_limits(rate: float, wanted: int, tmp_path: Path) -> None:
    """A settlement with a rate that is none is set aside by itself."""
    name = "binance/futures_um/BTCUSDT-fundingRate-2025-01.csv"
    rows = [[OPENED_MS + n * EIGHT_HOURS_MS, 8, 0.0001] for n in range(3)]
    rows[1][2] = rate
    found = read(tmp_path, "binance_funding", name, archive(rows), "futures_um")

    assert (found.table.num_rows, told(found)) == (3 - wanted, [(name, 2, "B26")] * wanted)


@pytest.mark.parametrize(
    ("price", "volume"),
    [("0.00000071", "1834265113027.00000001"), ("0.00000763", "912345678901.5")],
)
def test_coins_of_tiny_prices_are_read_whole(price: str, volume: str, tmp_path: Path) -> None:
    """A minute of 1e12 units with eight decimals, as BTTC and SHIB trade."""
    values = {"price": float(price), "volume": float(volume)}
    found = read(tmp_path, "binance_1m", "BTCUSDT-1m-2025-01-02.csv", archive([kline(0, values)]))

    assert found.table["volume"].to_pylist() == [float(volume)]
