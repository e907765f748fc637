"""A day's figures against exact decimals, pandas and the exchange's own numbers."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kit.feature_frames import archive_rows
from kit.shipped import FEATURES, RULES
from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.features.daily import daily_stats

DAY = dt.date(2025, 1, 2)
PRICES = ("open", "high", "low", "close")
GOVERNED = (RULES.schema.table("daily_stats"), FEATURES.rules.daily_minutes_share_min)


def klines(rows: list[dict[str, object]]) -> pa.Table:
    """`clean_klines` of rows that name what they have; `minute` is the minute of the day."""
    opens = [day_open_us(DAY) + int(r["minute"]) * MINUTE_US for r in rows]  # type: ignore[call-overload]
    schema = RULES.schema.table("clean_klines")
    arrays = []
    for field in schema:
        if field.name == "minute_open":
            arrays.append(pa.array(opens).cast(field.type))
        else:
            default = None if field.nullable else 0
            arrays.append(pa.array([r.get(field.name, default) for r in rows], type=field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def minute(number: int, price: float = 100.0, **more: object) -> dict[str, object]:
    """One traded minute at one price."""
    return {"minute": number, **dict.fromkeys(PRICES, price), "volume": 1.0, **more}


def kline_of_day() -> pa.Table:
    """One daily kline."""
    schema = RULES.schema.table("clean_daily")
    given = {"day_open": day_open_us(DAY), "open": 1.0, "high": 4.0, "low": 0.5, "close": 2.0}
    given |= {"volume": 7.0, "file": 0, "line": 1, "flags": 0}
    arrays = [
        pa.array([given.get(field.name)], type=pa.int64()).cast(field.type)
        if pa.types.is_timestamp(field.type)
        else pa.array([given.get(field.name)], type=field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


@pytest.fixture(scope="module")
def archive(real_data: Path) -> list[dict[str, str]]:
    folder = real_data / "btcusdt-2025-01-02" / "binance" / "futures_um"
    return archive_rows(folder / "BTCUSDT-1m-2025-01-02.zip")


@pytest.fixture(scope="module")
def real(archive: list[dict[str, str]]) -> dict[str, object]:
    names = (*PRICES, "volume", "quote_volume", "taker_buy_volume")
    rows = [
        {"minute": i, "trades": int(line["count"]), **{name: float(line[name]) for name in names}}
        for i, line in enumerate(archive)
    ]
    (found,) = daily_stats(DAY, klines(rows), None, *GOVERNED).to_pylist()
    return found


@pytest.mark.parametrize("name", ["volume", "quote_volume", "taker_buy_volume"])
def test_sums_are_exact(name: str, archive: list[dict[str, str]], real: dict[str, object]) -> None:
    """A day's sum is the float nearest to the decimal sum of the archive's text."""
    assert real[name] == float(sum(Decimal(line[name]) for line in archive))


def test_prices_are_the_days(archive: list[dict[str, str]], real: dict[str, object]) -> None:
    """Open, high, low, close and trades are those of the archive."""
    expected = {
        "open": float(archive[0]["open"]),
        "high": max(float(line["high"]) for line in archive),
        "low": min(float(line["low"]) for line in archive),
        "close": float(archive[-1]["close"]),
        "trades": sum(int(line["count"]) for line in archive),
        "minutes": MINUTES_PER_DAY,
        "origin": "minutes",
    }

    assert {name: real[name] for name in expected} == expected


def test_realised_variance_equals_pandas(
    archive: list[dict[str, str]], real: dict[str, object]
) -> None:
    """Realised variance, plain and subsampled, is pandas' within 1e-11."""
    prices = pd.Series([archive[0]["open"], *(line["close"] for line in archive)]).astype(float)
    sampled = [(np.log(prices[k::5]).diff() ** 2).sum() for k in range(5)]

    assert real["rv"] == pytest.approx((np.log(prices).diff() ** 2).sum(), rel=1e-11)
    assert real["rv_5m"] == pytest.approx(np.mean(sampled), rel=1e-11)


@pytest.fixture(scope="module")
def both(real_data: Path) -> tuple[pa.Table, pa.Table, float]:
    """The perpetual's and the spot market's minutes of a real day, and their median distance in bps."""
    tables, closes = [], []
    for market in ("futures_um", "spot"):
        folder = real_data / "btcusdt-2025-01-02" / "binance" / market
        lines = archive_rows(folder / "BTCUSDT-1m-2025-01-02.zip")
        rows = [{"minute": i, **{p: float(k[p]) for p in PRICES}} for i, k in enumerate(lines)]
        tables.append(klines(rows))
        closes.append(pd.Series([row["close"] for row in rows]))
    return tables[0], tables[1], (1e4 * np.log(closes[0] / closes[1])).median()


def test_basis_is_the_median_distance_of_real_closes(
    both: tuple[pa.Table, pa.Table, float],
) -> None:
    """The perpetual's median distance from spot is pandas' within 1e-9 bps, mirrored the other way."""
    perpetual, spot, expected = both
    (found,) = daily_stats(DAY, perpetual, None, *GOVERNED, spot).to_pylist()
    (mirrored,) = daily_stats(DAY, spot, None, *GOVERNED, perpetual).to_pylist()

    assert -50 < expected < 50
    assert found["basis_bps"] == pytest.approx(expected, abs=1e-9)
    assert mirrored["basis_bps"] == pytest.approx(-expected, abs=1e-9)


@pytest.mark.parametrize(("common", "known"), [(1368, True), (1367, False)])
def test_basis_needs_enough_common_minutes(
    common: int, known: bool, both: tuple[pa.Table, pa.Table, float]
) -> None:
    """From 95 % of the minutes on there is a basis; without the other symbol there is none."""
    perpetual, spot, _ = both
    (found,) = daily_stats(DAY, perpetual, None, *GOVERNED, spot.slice(0, common)).to_pylist()
    (alone,) = daily_stats(DAY, perpetual, None, *GOVERNED).to_pylist()

    assert (found["basis_bps"] is not None) is known
    assert alone["basis_bps"] is None


def test_untraded_edges_do_not_make_the_price() -> None:
    """Open and close are of the first and last traded minute; carried prices are no high or low."""
    rows = [minute(i) for i in range(MINUTES_PER_DAY)]
    rows[0] = minute(0, 90.0, volume=0.0)
    rows[-1] = minute(1439, 120.0, volume=0.0)
    (found,) = daily_stats(DAY, klines(rows), None, *GOVERNED).to_pylist()

    assert [found[name] for name in PRICES] == [100.0] * 4
    assert found["volume"] == 1438.0


def test_missing_value_makes_no_sum() -> None:
    """A sum of which one minute lacks the value is null, and so is one that no file has."""
    rows = [minute(i, quote_volume=5.0) for i in range(MINUTES_PER_DAY)]
    del rows[3]["quote_volume"]
    (found,) = daily_stats(DAY, klines(rows), None, *GOVERNED).to_pylist()

    assert found["quote_volume"] is found["taker_buy_volume"] is found["trades"] is None


def test_price_is_carried_over_a_missing_minute() -> None:
    """A minute that is missing adds nothing; the whole move falls into the minute after it."""
    rows = [minute(i, 100.0 if i < 700 else 110.0) for i in range(MINUTES_PER_DAY) if i != 699]
    (found,) = daily_stats(DAY, klines(rows), None, *GOVERNED).to_pylist()

    assert found["rv"] == found["rv_5m"] == pytest.approx(np.log(1.1) ** 2)
    assert found["minutes"] == 1439


@pytest.mark.parametrize(("minutes", "origin"), [(1368, "minutes"), (1367, "daily_kline")])
def test_minutes_are_preferred_when_they_cover_the_day(minutes: int, origin: str) -> None:
    """From 95 % of the minutes on they make the day, below it the daily kline does."""
    rows = klines([minute(i) for i in range(minutes)])

    (found,) = daily_stats(DAY, rows, kline_of_day(), *GOVERNED).to_pylist()

    assert found["origin"] == origin


def test_daily_kline_has_no_variance() -> None:
    """A day known by its daily kline alone has its prices and sums, and no realised variance."""
    table = daily_stats(DAY, None, kline_of_day(), *GOVERNED)
    (found,) = table.to_pylist()

    assert found["high"] == 4.0
    assert found["minutes"] == 0
    assert found["rv"] is found["rv_5m"] is found["quote_volume"] is None


def test_kline_of_another_day_is_none() -> None:
    """A daily kline of another day is left aside."""
    tomorrow = DAY + dt.timedelta(days=1)

    assert daily_stats(tomorrow, None, kline_of_day(), *GOVERNED).num_rows == 0


def test_too_little_makes_no_row() -> None:
    """Half a day of minutes and no daily kline is no day."""
    half = klines([minute(i) for i in range(720)])
    schema = RULES.schema.table("daily_stats")

    for minutes in (None, half.slice(0, 0), half):
        table = daily_stats(DAY, minutes, None, *GOVERNED)

        assert table.num_rows == 0
        assert table.schema == schema
