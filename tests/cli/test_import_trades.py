"""`kitchen import` on the exchange's own trades: every form by path and content, never as klines."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_import_kinds import imported, klines, zipped

from kit.shipped import RULES
from kit.support import write_config
from pipeline import layout
from pipeline.model.feeds import TRADE_FEEDS
from pipeline.model.raw_names import RawPath
from pipeline.settings import config
from pipeline.settings.config import Kitchen
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed

START = int(dt.datetime(2025, 1, 2, tzinfo=dt.UTC).timestamp() * 1000)
HOUR = 3_600_000


@pytest.fixture(autouse=True)
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    """A symbol of each market."""
    path = write_config(
        tmp_path / "home",
        {
            "BTCUSDT": "{market: futures_um}",
            "ETHUSDT": "{market: spot}",
            "BTCUSD_PERP": "{market: futures_cm}",
        },
    )
    monkeypatch.setenv("KITCHEN_CONFIG", str(path))
    config._load.cache_clear()
    layout.forget_listings()
    return config._load(path)


def trades(first: int = START, *, hours: int = 24, tail: str = "true", header: str = "") -> str:
    """A trade an hour, as an archive of single trades has them."""
    lines = [f"{n},100.5,0.2,20.1,{first + n * HOUR},{tail}" for n in range(hours)]
    return "\n".join([header, *lines] if header else lines) + "\n"


def aggregates(first: int = START, *, hours: int = 24, tail: str = "true") -> str:
    """An aggregate of two trades an hour."""
    lines = [f"{n},100.5,0.2,{2 * n},{2 * n + 1},{first + n * HOUR},{tail}" for n in range(hours)]
    return "\n".join(lines) + "\n"


USDM = "id,price,qty,quote_qty,time,is_buyer_maker"
COINM = "id,price,qty,base_qty,time,is_buyer_maker"
SPOT_TAIL = "True,True"


def rest(first: int = START) -> list[dict[str, object]]:
    """A page as the API answers `aggTrades`."""
    return [
        {"a": n, "p": "100.5", "q": "0.2", "f": n, "l": n, "T": first + n * HOUR, "m": True}
        for n in range(20)
    ]


def recorded(event: str, symbol: str = "BTCUSDT", first: int = START, hours: int = 20) -> str:
    """Messages of the stream, one a line."""
    ids = {"trade": {"t": 7}, "aggTrade": {"a": 7, "f": 1, "l": 2}}[event]
    lines = [
        {
            "e": event,
            "s": symbol,
            **ids,
            "p": "100.5",
            "q": "0.2",
            "T": first + n * HOUR,
            "m": False,
        }
        for n in range(hours)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def parquet() -> bytes:
    """Single trades as people keep them."""
    table = pa.table({"id": [1], "price": [100.5], "qty": [0.2], "time": [START], "m": [True]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


PLACED = {
    "usd-m zip": (
        "um/BTCUSDT-trades-2025-01-02.zip",
        zipped(trades(header=USDM), "BTCUSDT-trades-2025-01-02.csv"),
        "futures_um/BTCUSDT-trades-2025-01-02.zip",
    ),
    "usd-m without a header": (
        "BTCUSDT-trades-2025-01-02.csv",
        trades(),
        "futures_um/BTCUSDT-trades-2025-01-02.csv",
    ),
    "spot": (
        "ETHUSDT-aggTrades-2025-01-02.zip",
        zipped(aggregates(tail=SPOT_TAIL), "ETHUSDT-aggTrades-2025-01-02.csv"),
        "spot/ETHUSDT-aggTrades-2025-01-02.zip",
    ),
    "coin-m": (
        "BTCUSD_PERP-trades-2025-01-02.csv",
        trades(header=COINM),
        "futures_cm/BTCUSD_PERP-trades-2025-01-02.csv",
    ),
    "a month": (
        "BTCUSDT-aggTrades-2025-01.csv",
        aggregates(hours=24 * 31),
        "futures_um/BTCUSDT-aggTrades-2025-01.csv",
    ),
    "a day with rows of others among them": (
        "BTCUSDT-trades-2025-01-02.csv",
        trades() + trades(START - 40 * 24 * HOUR, hours=3),
        "futures_um/BTCUSDT-trades-2025-01-02.csv",
    ),
    "gz": (
        "BTCUSDT-trades-2025-01-02.csv.gz",
        gzip.compress(trades().encode()),
        "futures_um/BTCUSDT-trades-2025-01-02.csv.gz",
    ),
    "parquet": (
        "BTCUSDT-trades-2025-01-02.parquet",
        parquet(),
        "futures_um/BTCUSDT-trades-2025-01-02.parquet",
    ),
    "an answer": (
        "api/BTCUSDT.json",
        json.dumps(rest()),
        "futures_um/BTCUSDT-aggTrades-2025-01-02.json",
    ),
    "a recording": (
        "stream/ws.jsonl",
        recorded("trade"),
        "futures_um/BTCUSDT-trades-2025-01-02.jsonl",
    ),
    "a recording, packed": (
        "btcusdt.jsonl.gz",
        gzip.compress(recorded("aggTrade").encode()),
        "futures_um/BTCUSDT-aggTrades-2025-01-02.jsonl.gz",
    ),
    "without a date in its name": (
        "BTCUSDT.csv",
        trades(header=USDM),
        "futures_um/BTCUSDT-trades-2025-01-02.csv",
    ),
}


@pytest.mark.parametrize("case", PLACED)
def test_trades_find_their_place(tmp_path: Path, kitchen: Kitchen, case: str) -> None:
    """By name or rows, under the archive's own name, with the bytes they had."""
    name, data, to = PLACED[case]
    said = imported(tmp_path, {name: data}, 0)
    (file,) = said["files"]

    assert (file["state"], file["to"]) == ("copied", f"binance/{to}")
    assert (kitchen.raw / file["to"]).read_bytes() == (
        data if isinstance(data, bytes) else data.encode()
    )


def test_a_recording_of_two_days_is_filed_under_both(tmp_path: Path, kitchen: Kitchen) -> None:
    """Each of its days reads its own rows; a foot of an hour is no day."""
    text = recorded("trade", hours=44) + recorded("trade", first=START + 48 * HOUR, hours=1)
    said = imported(tmp_path, {"BTCUSDT.jsonl": text}, 0)

    assert [file["to"] for file in said["files"]] == [
        f"binance/futures_um/BTCUSDT-trades-{day}.jsonl" for day in ("2025-01-02", "2025-01-03")
    ]


@pytest.mark.parametrize("name", ["ws/BTCUSDT.jsonl", "BTCUSDT-trades-2025-01-02.jsonl"])
def test_a_recording_of_both_kinds_is_filed_under_both(
    tmp_path: Path, kitchen: Kitchen, name: str
) -> None:
    """Each feed reads its own lines and counts the other's, whichever of them a name or the head tells."""
    said = imported(tmp_path, {name: recorded("trade") * 5 + recorded("aggTrade", hours=12)}, 0)
    read = {
        feed: read_feed(feed_of(feed), [RawPath(kitchen.raw / file["to"], file["to"], 0)], RULES)
        for feed, file in zip(TRADE_FEEDS, said["files"], strict=True)
    }

    assert [file["to"] for file in said["files"]] == [
        f"binance/futures_um/BTCUSDT-{kind}-2025-01-02.jsonl" for kind in ("trades", "aggTrades")
    ]
    assert {f: r.ledger[0].inferred["other_events"] for f, r in read.items()} == {
        "binance_trades": 12,
        "binance_agg_trades": 100,
    }
    assert [r.ledger[0].lines.read for r in read.values()] == [100, 12]


def feed_of(source: str) -> Feed:
    """The day of the perpetual."""
    day = dt.date(2025, 1, 2)
    return Feed(
        symbol="BTCUSDT", vendor_symbol="BTCUSDT", market="futures_um", source=source, day=day
    )


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        (("id", "price", "qty", "time", "is_buyer_maker"), "trades"),
        (("agg_id", "price", "qty", "first_id", "last_id", "transact_time"), "aggTrades"),
    ],
)
def test_parquet_is_known_by_its_columns(
    tmp_path: Path, kitchen: Kitchen, columns: tuple[str, ...], kind: str
) -> None:
    """Its name tells the symbol alone; its rows tell the days."""
    numbers = {name: [n + 1 for n in range(20)] for name in columns}
    times = {columns[-1] if kind == "aggTrades" else "time": [START + n * HOUR for n in range(20)]}
    maker = {"is_buyer_maker": [True] * 20} if kind == "trades" else {}
    pq.write_table(pa.table(numbers | times | maker), tmp_path / "BTCUSDT_ticks.parquet")
    data = (tmp_path / "BTCUSDT_ticks.parquet").read_bytes()
    (file,) = imported(tmp_path, {"BTCUSDT_ticks.parquet": data}, 0)["files"]

    assert file["to"] == f"binance/futures_um/BTCUSDT-{kind}-2025-01-02.parquet"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("BTCUSDT-aggTrades-2025-01-02.csv", trades(), "its name says aggTrades, and its rows are"),
        ("BTCUSDT-1m-2025-01-02.csv", trades(), "its name says 1m klines, and its rows are trades"),
        ("BTCUSDT-trades-2025-01-02.csv", klines(), "its name says trades, and its rows are none"),
        ("BTCUSDT-trades-2025-01-03.csv", trades(), "its rows are of 2025-01-02 to 2025-01-02"),
        ("BTCUSDT-trades-2025-02.csv", trades(), "its name says 2025-02"),
        ("SOLUSDT-trades-2025-01-02.csv", trades(), "it is of SOLUSDT, which is not configured"),
        (
            "BTCUSDT-trades-2025-01-02.csv",
            trades(tail=SPOT_TAIL),
            "it looks like an archive of spot (it tells the best match)",
        ),
        ("ETHUSDT-trades-2025-01-02.csv", trades(header=USDM), "an archive of futures"),
        ("BTCUSDT-trades-2025-01-02.csv", "nothing of that kind\n", "no adapter knows"),
        (
            "BTCUSDT-bookTicker-2025-01-02.csv",
            "update_id\n1\n",
            "bookTicker: no source reads these",
        ),
    ],
)
def test_what_does_not_agree_is_left_by_name(
    tmp_path: Path, kitchen: Kitchen, name: str, data: str, words: str
) -> None:
    """Data that are left end with 20; nothing is filed."""
    said = imported(tmp_path, {name: data}, 20)

    assert [file["state"] for file in said["files"]] == ["unclaimed"]
    assert words in said["files"][0]["why"]
    assert not kitchen.raw.exists()


def test_real_archives_find_their_places(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that the exchange published of two days of XRPETH, each with its checksum."""
    path = write_config(tmp_path / "real", {"XRPETH": "{market: spot}"})
    monkeypatch.setenv("KITCHEN_CONFIG", str(path))
    config._load.cache_clear()
    root = real_data / "xrpeth-2019-10/binance/spot"
    files = {file.name: file.read_bytes() for file in root.iterdir()}
    said = imported(tmp_path, files, 0)
    raw = config._load(path).raw / "binance/spot"

    assert {file["state"] for file in said["files"]} == {"copied"}
    assert {file.name for file in raw.iterdir()} == set(files)
