"""The exchange of record held against itself: rows and files whose columns contradict each other."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from test_binance_klines import HEADER, kline

from kit.adapter_suite import drop, feed_of
from kit.shipped import RULES
from pipeline.model.raw_names import RawPath
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.klines.consistency import disagreements
from pipeline.sources.klines.rows import Kline

NAME = "binance/spot/BTCUSDT-1m-2025-01-02"
NO_TAKER = {"taker_buy_volume": "0", "taker_buy_quote_volume": "0"}
MARK = {"volume": "0", "quote_volume": "0", "count": 60} | NO_TAKER
INDEX = MARK | {"count": 0}
EXCHANGED = {"volume": "1234.5", "quote_volume": "12.345"}
TAKER = {"taker_buy_volume": "0.06", "taker_buy_quote_volume": "9"}
SPREAD = "its rows lie {} s apart"


def archive(*lines: bytes) -> bytes:
    """Lines as an archive."""
    return b"".join(line + b"\n" for line in lines)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., CleanFeed]:
    """Reads one file of the day."""

    def reading(data: bytes, form: str = "csv", source: str = "binance_1m") -> CleanFeed:
        name = NAME.replace("1m", source.removeprefix("binance_"))
        return read_feed(feed_of(source), [drop(tmp_path, f"{name}.{form}", data)], RULES)

    return reading


def seconds(n: int) -> bytes:
    """A kline of a second."""
    first = int(kline(0).split(b",")[0])
    return kline(0, open_time=first + n * 1000, close_time=first + n * 1000 + 999)


def long(minutes: int, n: int) -> bytes:
    """A kline of so many minutes."""
    opened = int(kline(n * minutes).split(b",")[0])
    return kline(n * minutes, close_time=opened + minutes * 60_000 - 1)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([kline(m, **MARK) for m in range(30)], ":1: 60 trades and volume 0.0"),
        ([kline(m, **INDEX) for m in range(30)], ":1: volume 0 and prices from 99.5 to 101.0"),
        ([kline(m, **EXCHANGED) for m in range(30)], ":1: quote_volume 12.345 / volume 1234.5 = 0.01"),
        ([kline(m, **TAKER) for m in range(30)], ":1: taker_buy_quote_volume 9.0 / taker_buy_volume"),
        ([kline(m, taker_buy_volume="99") for m in range(30)], ":1: taker_buy_volume 99.0 above"),
        ([seconds(n) for n in range(600)], SPREAD.format(1)),
        ([long(15, n) for n in range(96)], SPREAD.format(900)),
        ([long(60, 0)], "its rows are 3600 s long"),
    ],
    ids=["mark", "index", "exchanged", "taker-quote", "taker", "1s", "15m", "1h"],
)  # fmt: skip
def test_a_file_that_is_none_of_klines_is_refused(
    read: Callable[..., CleanFeed], lines: list[bytes], says: str
) -> None:
    """As a whole, in one sentence with the first row's numbers, and not a row of it is used."""
    found = read(archive(HEADER, *lines) if says[0] != ":" else archive(*lines))

    assert found.table.num_rows == 0
    assert found.rejects["line"].to_pylist() == [0]
    assert found.rejects["code"].to_pylist() == ["B26"]
    assert says in found.rejects["reason"][0].as_py()


def as_rest(lines: list[bytes]) -> bytes:
    """An answer of REST."""
    return json.dumps([line.decode().split(",") for line in lines]).encode()


def as_table(lines: list[bytes]) -> bytes:
    """A user's CSV of the same columns, by name."""
    names = b"open_time,open,high,low,close,volume,x,quote_volume,trades,taker_buy_volume,y,z"
    return archive(names, *lines)


def as_parquet(lines: list[bytes]) -> bytes:
    """The archive as Parquet."""
    rows = [line.decode().split(",") for line in lines]
    names = HEADER.decode().split(",")
    columns = {name: [float(row[at]) for row in rows] for at, name in enumerate(names)}
    columns["open_time"] = [int(row[0]) for row in rows]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("form", ["archive", "table", "rest", "parquet"])
@pytest.mark.parametrize(("change", "says"), [(MARK, "trades"), (EXCHANGED, "quote_volume")])
def test_the_rule_holds_for_every_form(
    read: Callable[..., CleanFeed], form: str, change: dict[str, object], says: str
) -> None:
    """Archive, CSV, REST answer, Parquet: one row is set aside, a file of such rows is refused."""
    write, ending = {
        "archive": (lambda lines: archive(*lines), "csv"),
        "table": (as_table, "csv"),
        "rest": (as_rest, "json"),
        "parquet": (as_parquet, "parquet"),
    }[form]
    one = read(write([kline(m, **(change if m == 7 else {})) for m in range(40)]), ending)
    all_ = read(write([kline(m, **change) for m in range(40)]), ending)

    assert (one.table.num_rows, one.rejects["code"].to_pylist()) == (39, ["B26"])
    assert says in one.rejects["reason"][0].as_py()
    assert (all_.table.num_rows, all_.rejects["line"].to_pylist()) == (0, [0])
    assert says in all_.rejects["reason"][0].as_py()


@pytest.mark.parametrize("names", [b"trades", b"x"])
def test_a_volume_rounded_to_nothing_is_no_contradiction(
    read: Callable[..., CleanFeed], names: bytes
) -> None:
    """People's tables of two decimals: where volumes are a unit or two, a 0 is less than half of one."""
    lines = [
        b",".join([*kline(m).split(b",")[:5], b"0.0%d" % (m % 4), b"%d" % (1 + m % 3)])
        for m in range(60)
    ]
    found = read(archive(b"open_time,open,high,low,close,volume," + names, *lines))

    assert (found.table.num_rows, found.rejects.num_rows) == (60, 0)


def test_a_daily_bar_is_held_against_itself_too(read: Callable[..., CleanFeed]) -> None:
    """A day is long, and its quote volume a price times its volume."""
    day = {"close_time": int(kline(1440).split(b",")[0]) - 1}
    good = read(archive(kline(0, **day)), source="binance_1d")
    bad = read(archive(kline(0, **day, **EXCHANGED)), source="binance_1d")
    hours = read(archive(*(long(60, n) for n in range(24))), source="binance_1d")

    assert good.table.num_rows == 1
    assert bad.rejects["code"].to_pylist() == ["B26"]
    assert (hours.table.num_rows, hours.rejects["line"].to_pylist()) == (0, [0])


@given(
    trades=st.lists(
        st.tuples(st.integers(1, 10**7), st.integers(1, 10**6)), min_size=1, max_size=8
    ),
    price_places=st.integers(0, 8),
    lot_places=st.integers(0, 3),
    digits=st.integers(0, 3),
    cut=st.booleans(),
)
def test_rows_made_of_trades_never_disagree(
    trades: list[tuple[int, int]], price_places: int, lot_places: int, digits: int, cut: bool
) -> None:
    """Whatever was traded, and at however few decimals the volumes are rounded or cut, but to nothing."""
    prices = [p / 10**price_places for p, _ in trades]
    lots = [q / 10**lot_places for _, q in trades]

    def shorter(value: float) -> float:
        return math.floor(value * 10**digits) / 10**digits if cut else round(value, digits)

    row = Kline(
        opened=0,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=shorter(sum(lots)),
        quote_volume=shorter(sum(p * q for p, q in zip(prices, lots, strict=True))),
        trades=len(trades),
        taker_buy_volume=shorter(lots[0]),
        taker_buy_quote_volume=shorter(lots[0] * prices[0]),
    )
    assume(row.volume > 0 and (row.taker_buy_volume or 0) > 0)
    rules = RULES.control.record

    assert disagreements([row], rules) == {}


def test_real_archives_agree_with_themselves(real_data: Path) -> None:
    """Not one row of a real archive breaks a rule."""
    seen = 0
    for path in sorted(real_data.glob("*/binance/*/*-1m-*.zip")):
        symbol, _, day = path.stem.split("-", 2)
        feed = feed_of(
            "binance_1m",
            market=path.parent.name,
            symbol=symbol,
            vendor_symbol=symbol,
            day=dt.date.fromisoformat(day),
        )
        found = read_feed(feed, [RawPath(path, path.name, 0)], RULES)
        seen += 1

        assert (found.table.num_rows, found.rejects.num_rows) == (1440, 0)
        assert not any(found.table["flags"].to_pylist())
    assert seen == 4


def test_a_flat_tail_is_flagged_as_not_listed(read: Callable[..., CleanFeed]) -> None:
    """From the last trade on, where that is longer than a quiet market is; not a pause of ten minutes."""
    none = {"volume": 0, "quote_volume": 0, "count": 0} | NO_TAKER
    flat = none | dict.fromkeys(("open", "high", "low", "close"), "100.7")
    quiet = {*range(500, 510), *range(1000, 1440)}
    found = read(archive(*(kline(m, **(flat if m in quiet else {})) for m in range(1440))))

    assert [i for i, flags in enumerate(found.table["flags"].to_pylist()) if flags] == list(
        range(1000, 1440)
    )


@pytest.mark.parametrize(
    ("market", "unit", "head", "says"),
    [
        ("futures_um", 1, (), "an archive of spot: microseconds and no header"),
        ("spot", 1000, (HEADER,), "an archive of futures: milliseconds and a header"),
        ("futures_um", 1000, (HEADER,), None),
        ("spot", 1, (), None),
    ],
)
def test_an_archive_of_another_market_is_told(
    tmp_path: Path, market: str, unit: int, head: tuple[bytes, ...], says: str
) -> None:
    """By the unit of its stamps and its header, as the exchange writes them since 2025."""
    file = drop(tmp_path, f"{NAME}.csv", archive(*head, *(kline(m, unit) for m in range(20))))
    found = read_feed(feed_of("binance_1m", market=market), [file], RULES)

    assert found.ledger[0].inferred.get("looks_like") == says
