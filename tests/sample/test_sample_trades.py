"""The exchange's own trades in the sample: both archives tell the one tape, and their faults are exact."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import pytest

from kit.sample_reading import (
    DAY,
    archive_text,
    digest_named,
    exchange_ticks,
    klines,
    minute_text,
    rebuilt,
    rows,
    symbol_of,
    ticks,
    tree,
    written,
    zip_path,
)
from kit.shipped import RULES
from pipeline.contracts.day import Day
from pipeline.contracts.tape import TapeFinding
from pipeline.model.feeds import ATAS_FEEDS
from pipeline.model.raw_names import RawPath
from pipeline.proof.tapes import Given, TapeGiven, tapes_of_day
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.protocol import Feed
from pipeline.tables.parts import in_memory

MARKETS = ("spot", "futures_um")
REAL = {
    "spot": "xrpeth-2019-10/binance/spot/XRPETH-{}-2019-10-11.zip",
    "futures_um": "btcusdt-2024-08-08/usdm/binance/BTCUSDT-{}-2024-08-08.zip",
}
HEADERS = {
    "trades": "id,price,qty,quote_qty,time,is_buyer_maker",
    "aggTrades": "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
}


@pytest.fixture(scope="module", params=MARKETS)
def market(request: pytest.FixtureRequest) -> str:
    """Both markets in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def sample(market: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flawless day of each market."""
    return written(tmp_path_factory.mktemp("trades"), market=market, trades=True)


@pytest.fixture(scope="module")
def futures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flawless day that faults are compared with."""
    return written(tmp_path_factory.mktemp("futures"), trades=True)


def damaged(out: Path, code: str) -> Path:
    """The same day with a fault."""
    return written(out, trades=True, defects=(code,))


@pytest.mark.parametrize("kind", ["trades", "aggTrades"])
def test_they_rebuild_every_kline(sample: Path, market: str, kind: str) -> None:
    """Prices, volumes and taker volumes of both are the klines'; the count is that of single trades."""
    made = rebuilt(exchange_ticks(zip_path(sample, market=market, kind=kind)))
    wanted = {m: k for m, k in klines(zip_path(sample, market=market)).items() if k["count"]}
    if kind == "aggTrades":
        for kline in (*made.values(), *wanted.values()):
            del kline["count"]

    assert made == wanted


def test_they_are_the_ticks_that_atas_saw(sample: Path, market: str) -> None:
    """Row for row: time, price, size and side of each trade, under the same id."""
    found = rows(zip_path(sample, market=market, kind="trades"))
    seen = ticks(sample)

    assert [(row[0], Decimal(row[1]), Decimal(row[2])) for row in found] == [
        (tick["trade_id"], tick["price"], tick["qty"]) for tick in seen
    ]
    assert [row[5].lower() for row in found] == [
        "true" if tick["side"] == "sell" else "false" for tick in seen
    ]
    assert all(Decimal(row[3]) == Decimal(row[1]) * Decimal(row[2]) for row in found)


def test_an_aggregate_is_one_order_at_one_price(sample: Path, market: str) -> None:
    """Trades of one millisecond, price and side in a row are one line; no trade is in none or two."""
    trades = rows(zip_path(sample, market=market, kind="trades"))
    fills = [list(g) for _, g in groupby(trades, key=lambda row: (row[1], row[4:]))]
    found = rows(zip_path(sample, market=market, kind="aggTrades"))

    assert [(r[1], Decimal(r[2]), r[3], r[4], *r[5:]) for r in found] == [
        (f[0][1], sum(Decimal(t[2]) for t in f), f[0][0], f[-1][0], *f[0][4:]) for f in fills
    ]
    assert len(found) < len(trades)
    assert [int(r[0]) for r in found] == list(
        range(int(found[0][0]), int(found[0][0]) + len(found))
    )


@pytest.mark.parametrize("kind", ["trades", "aggTrades"])
def test_they_look_real(real_data: Path, sample: Path, market: str, kind: str) -> None:
    """Header, columns and words of the market's own archives; a checksum beside."""
    path = zip_path(sample, market=market, kind=kind)
    table = list(csv.reader(io.StringIO(archive_text(path))))
    real = real_data / REAL[market].format(kind)

    assert len(set(digest_named(path))) == 1
    assert (",".join(table[0]) == HEADERS[kind]) is (market != "spot")
    if real.exists():
        theirs = archive_text(real).splitlines()
        assert {len(row) for row in table} == {len(theirs[0].split(","))}
        assert (theirs[0] == HEADERS[kind]) is (market != "spot")
        words = {word for row in table for word in row if word.isalpha()}
        assert words <= {word for line in theirs for word in line.split(",") if word.isalpha()}


def test_asking_for_them_changes_no_other_file(tmp_path: Path, futures: Path) -> None:
    """The same seed gives the same klines and ATAS exports with them and without."""
    with_them = tree(futures)
    added = {name for name in with_them if "-trades-" in name or "-aggTrades-" in name}

    assert len(added) == 4
    assert tree(written(tmp_path)) == {n: b for n, b in with_them.items() if n not in added}


def test_each_fault_is_where_it_says(tmp_path: Path, futures: Path) -> None:
    """Hours and files of a fault are those of its sentence; all other rows stay."""
    good = {k: rows(zip_path(futures, kind=k)) for k in ("trades", "aggTrades")}
    lost = {"D02": ("02", "24", {"trades"}), "D09": ("10", "11", set(good))}
    for code, (first, end, kinds) in lost.items():
        out = damaged(tmp_path / code, code)
        for kind, whole in good.items():
            left = [
                row for row in whole if not (kind in kinds and first <= _clock(row, kind)[:2] < end)
            ]
            assert rows(zip_path(out, kind=kind)) == left


def test_d01_one_side(tmp_path: Path, futures: Path) -> None:
    """Every row of trades says true, and is else the same; aggTrades knows both sides."""
    out = damaged(tmp_path, "D01")
    bad, good = (rows(zip_path(folder, kind="trades")) for folder in (out, futures))

    assert {row[5] for row in bad} == {"true"}
    assert [row[:5] for row in bad] == [row[:5] for row in good]
    assert zip_path(out, kind="aggTrades").read_bytes() == (
        zip_path(futures, kind="aggTrades").read_bytes()
    )


def test_d03_lost_in_both(tmp_path: Path, futures: Path) -> None:
    """Some trades between 13:00 and 13:30 are in neither file; the files agree with each other."""
    out = damaged(tmp_path, "D03")
    ids = [{row[0] for row in rows(zip_path(f, kind="trades"))} for f in (out, futures)]
    gone = [r for r in rows(zip_path(futures, kind="trades")) if r[0] not in ids[0]]
    told = {
        str(number)
        for row in rows(zip_path(out, kind="aggTrades"))
        for number in range(int(row[3]), int(row[4]) + 1)
    }

    assert {_clock(row, "trades")[:4] for row in gone} <= {"13:0", "13:1", "13:2"}
    assert gone
    assert told == ids[0]


def test_d04_no_quantity(tmp_path: Path, futures: Path) -> None:
    """From 15:00 to 15:59 quantity and quote are zero, in as many digits."""
    bad, good = (rows(zip_path(f, kind="trades")) for f in (damaged(tmp_path, "D04"), futures))
    changed = [(a, b) for a, b in zip(bad, good, strict=True) if a != b]

    assert {_clock(row, "trades")[:2] for row, _ in changed} == {"15"}
    assert all(a[:2] + a[4:] == b[:2] + b[4:] for a, b in changed)
    assert {(a[2], a[3]) for a, _ in changed} == {("0.000", "0.00000")}


def test_d05_out_of_order(tmp_path: Path, futures: Path) -> None:
    """The hour 04 stands before 03, and between them are ten trades of 30 days before; no row is lost."""
    bad, good = (rows(zip_path(f, kind="trades")) for f in (damaged(tmp_path, "D05"), futures))
    day, days = 86_400_000, [int(row[4]) // 86_400_000 for row in bad]
    strays = [row for row, at in zip(bad, days, strict=True) if at != max(days)]
    hours = [_clock(row, "trades")[:2] for row in bad if row not in strays]

    assert sorted(row for row in bad if row not in strays) == sorted(good)
    assert [hour for hour, _ in groupby(hours)][2:6] == ["02", "04", "03", "05"]
    assert [[int(row[4]) + 30 * day, row[1:3]] for row in strays] == [
        [int(row[4]), row[1:3]] for row in good[:10]
    ]


def test_d08_a_month_without_the_day(tmp_path: Path, futures: Path) -> None:
    """A month's file in the place of the day's, with the trades of the day before."""
    out = damaged(tmp_path, "D08")
    good, month = zip_path(futures, kind="trades"), zip_path(out, kind="trades")
    month = month.with_name("BTCUSDT-trades-2025-01.zip")

    assert not zip_path(out, kind="trades").exists()
    assert [(int(r[4]) + 86_400_000, r[1:3]) for r in rows(month)] == [
        (int(r[4]), r[1:3]) for r in rows(good)
    ]
    assert len(set(digest_named(month))) == 1


def test_d06_repeated(tmp_path: Path, futures: Path) -> None:
    """Each of the first ten aggregates is followed by itself."""
    good = rows(zip_path(futures, kind="aggTrades"))
    twice = [row for row in good[:10] for _ in range(2)]

    assert rows(zip_path(damaged(tmp_path, "D06"), kind="aggTrades")) == twice + good[10:]


def test_d07_two_units(tmp_path: Path, futures: Path) -> None:
    """From noon on stamps are in microseconds, of the same instants."""
    bad, good = (rows(zip_path(f, kind="trades")) for f in (damaged(tmp_path, "D07"), futures))
    noon = sum(_clock(row, "trades") < "12" for row in good)

    assert bad[:noon] == good[:noon]
    assert [row[4] for row in bad[noon:]] == [f"{row[4]}000" for row in good[noon:]]


@pytest.mark.parametrize(
    ("code", "mended"),
    [
        *(("D01", True), ("D02", True), ("D03", False), ("D04", True)),
        *(("D05", True), ("D06", True), ("D07", True), ("D09", False)),
    ],
)
def test_a_fault_is_found_as_itself(tmp_path: Path, code: str, mended: bool) -> None:
    """The proof names that fault alone; every traded minute is proven where the other archive knows."""
    found = _proof(damaged(tmp_path, code))

    assert {fault.code for fault in found.faults} == {code}
    assert (found.proven == 1440) is mended
    assert found.wrong_klines == ()


def test_a_flawless_day_is_proven(sample: Path, market: str) -> None:
    """Each minute by both archives, without a fault."""
    found = _proof(sample, market)

    assert (found.proven, found.faults) == (1440, ())
    assert [tape.proven for tape in found.tapes.values()] == [1440, 1440]


@pytest.fixture(scope="module")
def coin_m(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of COIN-M."""
    out = tmp_path_factory.mktemp("coin_m")
    return written(out, market="futures_cm", symbols=("BTCUSD_PERP",), trades=True)


def test_coin_m_counts_contracts(coin_m: Path) -> None:
    """Sizes are contracts of 100 USD, worth in the coin at the price of the trade; klines sum both."""
    found = rows(zip_path(coin_m, market="futures_cm", kind="trades"))
    wanted = klines(zip_path(coin_m, market="futures_cm"))
    sums = {minute: [Decimal(0)] * 5 for minute in wanted}
    for row in found:
        price, contracts, base = map(Decimal, row[1:4])
        taker = row[5] == "false"
        sums[minute_text(row[4:])] = [
            a + b
            for a, b in zip(
                sums[minute_text(row[4:])],
                (contracts, base, 1, taker * contracts, taker * base),
                strict=True,
            )
        ]

        assert contracts == int(contracts)
        assert abs(base - 100 * contracts / price) <= Decimal("0.5e-8")
    assert sums == {
        m: [k[name] for name in ("volume", "quote", "count", "buy", "buy_quote")]
        for m, k in wanted.items()
    }
    header = archive_text(zip_path(coin_m, market="futures_cm", kind="trades")).splitlines()[0]
    assert header == "id,price,qty,base_qty,time,is_buyer_maker"


def test_coin_m_is_proven(coin_m: Path) -> None:
    """As the other markets are."""
    found = _proof(coin_m, "futures_cm", contract=100)

    assert (found.proven, found.faults) == (1440, ())


def _clock(row: list[str], kind: str) -> str:
    """HH:MM of a row in milliseconds."""
    minute = int(row[5 if kind == "aggTrades" else 4]) // 60_000 % 1440
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _proof(out: Path, market: str = "futures_um", contract: int | None = None) -> TapeFinding:
    symbol = symbol_of(market)

    def read(source: str, kind: str) -> CleanFeed:
        path = zip_path(out, market=market, kind=kind)
        feed = Feed(symbol=symbol, vendor_symbol=symbol, market=market, source=source, day=DAY)
        return read_feed(feed, [RawPath(path, path.name, 0)], RULES)

    feeds = {
        "trades": read("binance_trades", "trades"),
        "agg_trades": read("binance_agg_trades", "aggTrades"),
    }
    return tapes_of_day(
        Given(
            day=Day(
                symbol=symbol,
                market=market,
                date=DAY,
                rules=RULES,
                outages=frozenset(),
                prefer=ATAS_FEEDS,
            ),
            klines=read("binance_1m", "1m").table,
            tapes={
                name: TapeGiven(
                    parts=feed.parts,
                    is_archive=True,
                    contract=contract,
                    ledger=tuple(feed.ledger),
                )
                for name, feed in feeds.items()
            },
            keep=in_memory,
        )
    ).finding
