"""The three formats tell one story, the same on every run, alone or in a range."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from kit.sample_reading import (
    DAY,
    NUMBERS,
    archive_text,
    bars_path,
    digest_named,
    klines,
    lines,
    rebuilt,
    rows,
    simplified_path,
    tick_paths,
    ticks,
    tree,
    written,
    zip_path,
)
from kit.support import kitchen_at
from pipeline import layout
from pipeline.errors import ParameterError
from pipeline.model.feeds import FEEDS
from pipeline.sample.generate import SampleRequest, truth, write_sample

MARKETS = ("spot", "futures_um")


@pytest.fixture(scope="module", params=MARKETS)
def market(request: pytest.FixtureRequest) -> str:
    """Both markets in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def sample(market: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flawless sample day of each market."""
    return written(tmp_path_factory.mktemp("sample"), market=market)


def test_ticks_rebuild_every_kline(sample: Path, market: str) -> None:
    """Ticks bucketed by `[open, open + 60 s)` equal all nine numbers of every traded kline."""
    exchange = klines(zip_path(sample, market=market))

    traded = {minute: kline for minute, kline in exchange.items() if kline["count"] > 0}

    assert rebuilt(ticks(sample)) == traded


def test_bars_equal_klines(sample: Path, market: str) -> None:
    """Both bar exports have exactly the traded minutes, stamped with the open, and their numbers."""
    exchange = klines(zip_path(sample, market=market))
    wanted = {m: [k[n] for n in NUMBERS] for m, k in exchange.items() if k["count"] > 0}

    for path in (bars_path(sample), simplified_path(sample)):
        found = {bar["timestamp"][:16]: [bar[n] for n in NUMBERS] for bar in lines(path)}

        assert found == wanted


def test_order_flow_of_bars(sample: Path, market: str) -> None:
    """Vbuy is the exchange's taker volume, vbuy + vsell the volume, cvd their running difference."""
    exchange, running = klines(zip_path(sample, market=market)), Decimal(0)
    for bar in lines(bars_path(sample)):
        running += bar["vbuy"] - bar["vsell"]

        assert bar["vbuy"] == exchange[bar["timestamp"][:16]]["buy"]
        assert bar["vbuy"] + bar["vsell"] == bar["volume"]
        assert bar["cvd"] == running


def test_rolling_cvd(sample: Path) -> None:
    """The v6.3 cvd is the delta of the last 60 calendar minutes of the day, as in the real exports."""
    delta = {}
    for bar in lines(bars_path(sample)):
        hour, minute = bar["timestamp"][11:16].split(":")
        delta[int(hour) * 60 + int(minute)] = bar["vbuy"] - bar["vsell"]
    for now, bar in zip(delta, lines(simplified_path(sample)), strict=True):
        assert bar["cvd"] == sum(d for m, d in delta.items() if now - 60 < m <= now)


def test_volume_points(sample: Path) -> None:
    """The volume point is the lowest price with the largest volume; its side is that of the delta there."""
    levels: dict[str, dict[Decimal, list[Decimal]]] = {}
    for tick in ticks(sample):
        at = levels.setdefault(tick["ts"][:16], {}).setdefault(tick["price"], [Decimal(0)] * 2)
        at[tick["side"] == "sell"] += tick["qty"]
    for bar in lines(bars_path(sample)):
        volume = {price: sum(both) for price, both in levels[bar["timestamp"][:16]].items()}
        best = max(volume.values())
        buy, sell = levels[bar["timestamp"][:16]][bar["poc"]]
        side = "bull" if buy > sell else "bear" if buy < sell else "neutral"

        assert bar["poc"] == bar["bar_vpo_price"] == min(p for p, v in volume.items() if v == best)
        assert (bar["bar_vpo_vol"], bar["bar_vpo_side"]) == (best, side)


def test_quiet_minutes(sample: Path, market: str) -> None:
    """A minute without a trade is a zero row with the close before it, and no bar."""
    exchange = klines(zip_path(sample, market=market))
    stamps = {bar["timestamp"][:16] for bar in lines(bars_path(sample))}
    before, quiet = None, 0
    for minute, kline in exchange.items():
        if kline["count"] == 0:
            quiet += 1
            assert minute not in stamps
            assert not any(kline[n] for n in ("volume", "quote", "buy", "buy_quote"))
            assert len({kline[n] for n in ("open", "high", "low", "close")}) == 1
            assert before in (None, kline["close"])
        before = kline["close"]

    assert quiet > 10
    assert len(exchange) == 1440


def test_archive_form(sample: Path, market: str) -> None:
    """Spot: no header, microseconds from 2025 on. Futures: header, milliseconds. LF ends, digest right."""
    text = archive_text(zip_path(sample, market=market))
    last = text.splitlines()[-1].split(",")

    assert text.startswith("open_time,open,high" if market != "spot" else "1735776000000000,")
    assert last[0] == ("1735862340000000" if market == "spot" else "1735862340000")
    assert last[6] == ("1735862399999999" if market == "spot" else "1735862399999")
    assert "\r" not in text
    assert len(set(digest_named(zip_path(sample, market=market)))) == 1


def test_spot_before_2025_is_in_milliseconds(tmp_path: Path) -> None:
    """The last spot archive in milliseconds is that of 2024-12-31."""
    day = dt.date(2024, 12, 31)
    out = written(tmp_path, first=day, days=2, market="spot", trades_per_day=10)

    widths = [len(rows(zip_path(out, d, "spot"))[0][0]) for d in (day, day + dt.timedelta(days=1))]

    assert widths == [13, 16]


def test_same_request_same_bytes(tmp_path: Path) -> None:
    """Two runs write the same bytes, zip archives included."""
    values = {"symbols": ("BTCUSDT", "ODDETH"), "warmup_days": 40, "defects": ("C01", "C08", "A17")}

    assert tree(written(tmp_path / "a", **values)) == tree(written(tmp_path / "b", **values))


def test_seed_and_symbol_matter(tmp_path: Path) -> None:
    """Another seed is another market; so is another symbol."""
    first = written(tmp_path / "1", symbols=("BTCUSDT", "ETHUSDT"))
    second = written(tmp_path / "2", seed=2)

    assert bars_path(first).read_bytes() != bars_path(second).read_bytes()
    assert rows(zip_path(first))[0][1] != rows(zip_path(second))[0][1]
    assert lines(bars_path(first, symbol="ETHUSDT"))[0]["open"] < 10_000


def test_day_alone_is_the_day_in_a_range(tmp_path: Path) -> None:
    """The files of a day are the same bytes whether it is made alone, in a range, or with another symbol."""
    alone = tree(written(tmp_path / "alone"))
    first = DAY - dt.timedelta(days=2)
    within = tree(written(tmp_path / "range", first=first, days=4, symbols=("ETHUSDT", "BTCUSDT")))

    assert {name: within[name] for name in alone} == alone


def test_time_zone_and_hash_seed_do_not_matter(tmp_path: Path) -> None:
    """A machine east of Greenwich with another hash seed writes the same bytes."""
    code = (
        "import datetime as dt, pathlib, sys\n"
        "from pipeline.sample.generate import SampleRequest, write_sample\n"
        "write_sample(SampleRequest(out=pathlib.Path(sys.argv[1]), first=dt.date(2025, 1, 2),"
        " trades_per_day=3_000, warmup_days=3))"
    )
    environment = {**os.environ, "TZ": "Asia/Shanghai", "PYTHONHASHSEED": "7"}
    root = Path(layout.__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "east")], env=environment, cwd=root, check=True
    )

    assert tree(tmp_path / "east") == tree(written(tmp_path / "here", warmup_days=3))


def test_days_join(tmp_path: Path) -> None:
    """The last price of a day is the first price of the next."""
    out = written(tmp_path, days=3)
    days = [DAY + dt.timedelta(days=i) for i in range(3)]
    found = [ticks(out, day) for day in days]

    for today, tomorrow in pairwise(found):
        assert today[-1]["price"] == tomorrow[0]["price"]
        assert int(today[-1]["trade_id"]) < int(tomorrow[0]["trade_id"])


def test_warmup_joins_the_first_day(tmp_path: Path) -> None:
    """Monthly daily klines hold every warm-up day; each opens at the close before it."""
    out = written(tmp_path, warmup_days=400)
    names = sorted(path.name for path in (out / "binance/futures_um").glob("*-1d-*.zip"))
    daily = [row for n in names for row in rows(out / "binance/futures_um" / n)]
    opens = [int(row[0]) // 86_400_000 for row in daily]

    assert (names[0], names[-1]) == ("BTCUSDT-1d-2023-11.zip", "BTCUSDT-1d-2025-01.zip")
    assert opens == list(range(opens[0], opens[0] + 401))
    assert opens[-1] == (DAY - dt.date(1970, 1, 1)).days
    assert all(a[4] == b[1] for a, b in pairwise(daily))
    for row in daily:
        o, high, low, c, volume, quote, buy = (Decimal(row[i]) for i in (1, 2, 3, 4, 5, 7, 9))
        assert low <= min(o, c) <= max(o, c) <= high
        assert 0 < buy < volume
        assert low * volume <= quote <= high * volume


def test_daily_row_of_a_simulated_day(tmp_path: Path) -> None:
    """The 1d row of a day that exists in minutes is what its minutes make."""
    out = written(tmp_path, days=2, warmup_days=5)
    daily = rows(out / "binance/futures_um/BTCUSDT-1d-2025-01.zip")
    for number, row in enumerate(daily[-2:]):
        minutes = list(klines(zip_path(out, DAY + dt.timedelta(days=number))).values())
        wanted = [
            minutes[0]["open"],
            max(m["high"] for m in minutes),
            min(m["low"] for m in minutes),
            minutes[-1]["close"],
            sum(m["volume"] for m in minutes),
            sum(m["quote"] for m in minutes),
            sum(m["count"] for m in minutes),
            sum(m["buy"] for m in minutes),
            sum(m["buy_quote"] for m in minutes),
        ]

        assert [Decimal(row[i]) for i in (1, 2, 3, 4, 5, 7, 8, 9, 10)] == wanted


def test_a_perpetuals_warmup_has_funding_and_metrics(tmp_path: Path) -> None:
    """Three settlements a day, 288 periods of the last eight days and the day; a spot pair has neither."""
    out = written(tmp_path / "perpetual", warmup_days=40)
    folder = out / "binance/futures_um"
    settled = [row for path in sorted(folder.glob("*-fundingRate-*.zip")) for row in rows(path)]
    periods = {path.name: rows(path) for path in sorted(folder.glob("*-metrics-*.zip"))}
    instants = [int(row[0]) for row in settled if row[0].isdigit()]
    spot = written(tmp_path / "spot", market="spot", warmup_days=40)

    assert instants == [instants[0] + 28_800_000 * n for n in range(3 * 41)]
    assert len(periods) == 9
    assert list(periods)[-1] == f"BTCUSDT-metrics-{DAY}.zip"
    assert all(len([r for r in found if r[1] == "BTCUSDT"]) == 288 for found in periods.values())
    assert not [*spot.rglob("*fundingRate*"), *spot.rglob("*metrics*")]


def test_layout_finds_every_file(tmp_path: Path) -> None:
    """Each written file but the checksums is one that the raw layout looks for, and the report is true."""
    kitchen = kitchen_at(tmp_path)
    symbol = kitchen.symbols["BTCUSDT"]
    request = SampleRequest(
        out=kitchen.raw, first=DAY, trades_per_day=3_000, warmup_days=2, trades=True
    )
    report = write_sample(request)
    for file in report:
        assert file.path.stat().st_size == file.bytes
    for feed in FEEDS:
        listed = {raw.path for raw in layout.raw_files(kitchen, symbol, feed, DAY)}

        written = {file.path for file in report if file.what == feed}
        assert listed == {path for path in written if not re.search("2024|2025-01-01", path.name)}


def test_progress_and_feeds(tmp_path: Path) -> None:
    """Progress counts symbol-days; a feed that is not wanted has no files."""
    calls: list[tuple[int, int]] = []
    request = SampleRequest(
        out=tmp_path,
        first=DAY,
        days=2,
        symbols=("A", "B"),
        trades_per_day=9,
        ticks=False,
        bars=False,
    )
    report = write_sample(request, lambda done, total: calls.append((done, total)))

    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert {file.what for file in report} == {"binance_1m", "checksum", "atas_v6_3"}
    assert tick_paths(tmp_path) == []


def test_truth_is_what_was_written(tmp_path: Path) -> None:
    """The integer tape, scaled by the instrument, is the tick file."""
    request = SampleRequest(out=tmp_path, first=DAY, trades_per_day=3_000)
    write_sample(request)
    tape = truth(request, "BTCUSDT", DAY).tape
    prices = [Decimal(p).scaleb(-tape.instrument.price_decimals) for p in tape.price_ticks.tolist()]
    sizes = [Decimal(q).scaleb(-tape.instrument.qty_decimals) for q in tape.qty_lots.tolist()]

    assert [(t["price"], t["qty"]) for t in ticks(tmp_path)] == list(
        zip(prices, sizes, strict=True)
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"defects": ("A99",)}, "'A99', wanted one of A02, A04"),
        ({"defects": ("D01",)}, "D01 is a fault of the exchange's trades, which are left out"),
        ({"market": "options"}, "'options', wanted one of spot, futures_um"),
        ({"market": "futures_cm"}, "got BTCUSDT of futures_cm; wanted a name such as BTCUSD_PERP"),
        ({"symbols": ("BTCUSD_PERP",)}, "got BTCUSD_PERP of futures_um"),
        ({"days": 0}, "days: got 0, wanted 1 to"),
        ({"warmup_days": -1}, "warmup_days: got -1"),
        ({"trades_per_day": 1}, "trades_per_day: got 1, wanted 2 to"),
        ({"symbols": ()}, "symbols: got none"),
        ({"symbols": ("A", "A")}, "symbols: got A, A"),
        ({"symbols": ("../x",)}, "symbols: '../x'"),
        ({"first": dt.date(1999, 1, 1)}, "1999-01-01"),
    ],
)
def test_wrong_requests(tmp_path: Path, values: dict[str, object], words: str) -> None:
    """A wrong value is one sentence that says what came and what was wanted; nothing is written."""
    with pytest.raises(ParameterError, match=words.replace("(", r"\(").replace("..", r"\.\.")):
        written(tmp_path, **values)

    assert list(tmp_path.iterdir()) == []
