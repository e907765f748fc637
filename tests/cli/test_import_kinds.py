"""`kitchen import` on what people load from archives: kinds, intervals, markets and files of many days."""

from __future__ import annotations

import datetime as dt
import io
import json
import shutil
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_commands import run

from kit.shipped import RULES
from kit.support import write_config
from pipeline import layout
from pipeline.clock import day_open_us
from pipeline.freshness.listing import Listing, first_raw_day
from pipeline.settings import config
from pipeline.settings.config import Kitchen
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed

DAY = dt.date(2025, 1, 2)
HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    """A perpetual, a delivery contract and a symbol of spot."""
    path = write_config(
        tmp_path / "home",
        {
            "BTCUSDT": "{market: futures_um}",
            "BTCUSDT_250328": "{market: futures_um}",
            "币安人生USDT": "{market: spot}",
        },
    )
    monkeypatch.setenv("KITCHEN_CONFIG", str(path))
    config._load.cache_clear()
    layout.forget_listings()
    return config._load(path)


def klines(
    *,
    step: int = 60,
    first: dt.date = DAY,
    hours: int = 24,
    header: bool = True,
    scale: int = 1_000,
    **values: str,
) -> str:
    """Rows of twelve columns, `step` seconds apart."""
    row = {"o": "100", "c": "101", "v": "2", "n": "5"} | values
    high, low = ("0.002", "-0.001") if row["o"].startswith("-") else ("102", "99")
    lines = [HEADER] if header else []
    start = day_open_us(first) // 1_000_000
    for at in range(start, start + hours * 3600, step):
        lines.append(
            f"{at * scale},{row['o']},{high},{low},{row['c']},{row['v']},{(at + step) * scale - 1},"
            f"{200 if row['v'] != '0' else 0},{row['n']},{1 if row['v'] != '0' else 0},100,0"
        )
    return "\n".join(lines) + "\n"


def zipped(text: str, member: str) -> bytes:
    """A zip of one member."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, text)
    return out.getvalue()


def imported(tmp_path: Path, files: dict[str, bytes | str], code: int) -> dict:
    """What the command says of a folder with such files."""
    folder = tmp_path / "in"
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    result = run("import", str(folder), "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.output)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("markPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2025-01-02.csv", klines(), "markPriceKlines"),
        ("index_price/BTCUSDT-1m-2025-01-02.csv", klines(), "indexPriceKlines"),
        ("BTCUSDT_premium_index_1m_2025-01-02.csv", klines(), "premiumIndexKlines"),
        ("BTCUSDT-1m-2025-01-02.csv", klines(v="0"), "markPriceKlines or indexPriceKlines"),
        (
            "BTCUSDT-1m-2025-01-02.csv",
            klines(o="-0.0004", c="0.001", v="0", n="0"),
            "premiumIndexKlines",
        ),
        ("BTCUSDT-1s-2025-01-02.csv", klines(step=1, hours=1), "1s klines"),
        ("BTCUSDT_2025-01-02.csv", klines(step=5), "5s klines"),
        ("BTCUSDT/1h/2025-01-02.csv", klines(step=3600), "1h klines"),
        ("BTCUSDT-1mo-2025-01.csv", klines(step=86400 * 30, hours=24 * 90), "1mo klines"),
        ("BTCUSDT-bookTicker-2025-01-02.csv", "update_id,best_bid_price\n1,2\n", "bookTicker"),
        (
            "liquidationSnapshot/BTCUSDT/x-2025-01-02.csv",
            "time,side\n1,BUY\n",
            "liquidationSnapshot",
        ),
    ],
)
def test_what_no_source_reads_is_left_by_its_name(
    kitchen: Kitchen, tmp_path: Path, name: str, text: str, kind: str
) -> None:
    """By folder, file name or content; never filed where 1m klines go."""
    facts = imported(tmp_path, {name: text}, 20)
    (file,) = facts["files"]

    assert (file["state"], file["kind"], file["to"]) == ("unclaimed", kind, None)
    assert kind in facts["unclaimed"][0]["why"]
    assert not list(kitchen.raw.rglob("*.csv"))


def test_a_zips_member_tells_its_kind_and_interval(kitchen: Kitchen, tmp_path: Path) -> None:
    """However the zip is called; where names and rows differ, both are told."""
    files = {
        "BTCUSDT-2025-01-02.zip": zipped(klines(), "BTCUSDT-markPriceKlines-1m-2025-01-02.csv"),
        "BTCUSDT_2025-01-02.zip": zipped(klines(step=900), "BTCUSDT-15m-2025-01-02.csv"),
        "BTCUSDT-1m-2025-01-02.zip": zipped(klines(step=900), "BTCUSDT-1m-2025-01-02.csv"),
        "BTCUSDT-2025.01.zip": zipped(klines(), "ETHUSDT-1m-2025-01-02.csv"),
    }
    whys = [group["why"] for group in imported(tmp_path, files, 20)["unclaimed"]]

    assert sorted(whys) == sorted(
        [
            "markPriceKlines: no source reads these",
            "15m klines: no source reads these",
            "its name says 1m, and its rows are 15m apart; rename it, or fetch it again",
            "it is of ETHUSDT, which is not configured; wanted one of BTCUSDT, BTCUSDT_250328, 币安人生USDT",
        ]
    )


def test_the_unclaimed_are_grouped_and_texts_do_not_count(kitchen: Kitchen, tmp_path: Path) -> None:
    """One line for a kind, with its number; a read-me and a picture are left without a code."""
    depth = {
        f"bookDepth/BTCUSDT-bookDepth-2025-01-{day:02}.csv": "timestamp,percentage\n1,2\n"
        for day in range(1, 13)
    }
    notes = {"README.md": "hello", "chart.png": b"\x89PNG"}
    (group,) = [g for g in imported(tmp_path, depth | notes, 20)["unclaimed"] if g["kind"]]
    text = run("import", str(tmp_path / "in")).output

    assert (group["kind"], group["files"]) == ("bookDepth", 12)
    assert "bookDepth: 12 files" in text
    assert "2025-01-11" not in text
    imported(tmp_path, notes, 0)


def test_texts_and_pictures_are_counted_apart_from_data_that_is_left(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    """Packed too; an export without a place is called what it is, whatever its folder is called."""
    tick = (
        '{"ts":"2025-01-02T00:00:00Z","price":1,"qty":1,"side":"buy","schema_version":"tick.v3"}\n'
    )
    files = {
        "a.pdf": b"%PDF",
        "holiday.zip": zipped("", "holiday.jpg"),
        "klines/date=2025-01-02/ticks.jsonl": tick,
        "klines/date=2025-01-03/ticks.jsonl": tick,
    }
    kinds = [group["kind"] for group in imported(tmp_path, files, 20)["unclaimed"]]
    text = run("import", str(tmp_path / "in")).output

    assert kinds == [None, "atas_ticks"]
    assert "no data   files: 2 files (a.pdf .. holiday.zip): no adapter knows this format" in text
    assert "unclaimed atas_ticks: 2 files (klines/" in text
    assert text.endswith("2 no data, 2 unclaimed\n")
    imported(tmp_path, {"holiday.zip": zipped("", "holiday.jpg")}, 0)


def test_a_table_of_many_days_serves_each_of_them(kitchen: Kitchen, tmp_path: Path) -> None:
    """It is filed once, found for every day and no other, and no row of it is rejected."""
    table = klines(first=dt.date(2025, 1, 30), hours=96)
    name = "BTCUSDT_1m_20250130_20250202.csv"
    (file,) = imported(tmp_path, {name: table}, 0)["files"]
    symbol = kitchen.symbol("BTCUSDT")
    layout.forget_listings()
    days = layout.raw_days(kitchen, symbol, "binance_1m")

    assert file["to"] == "binance/futures_um/BTCUSDT-1m-from-2025-01-30-to-2025-02-02.csv"
    assert (min(days), max(days), len(days)) == (dt.date(2025, 1, 30), dt.date(2025, 2, 2), 4)
    assert first_raw_day(Listing(str(kitchen.raw)), kitchen, symbol) == min(days)
    for day in days:
        feed = Feed(
            symbol="BTCUSDT",
            market="futures_um",
            source="binance_1m",
            vendor_symbol="BTCUSDT",
            day=day,
        )
        found = layout.raw_files(kitchen, symbol, "binance_1m", day)
        clean = read_feed(feed, found, RULES)
        assert [f.name for f in found] == [file["to"]]
        assert (clean.table.num_rows, clean.rejects.num_rows) == (1440, 0)
    assert not layout.raw_files(kitchen, symbol, "binance_1m", dt.date(2025, 2, 3))
    assert imported(tmp_path, {name: table}, 0)["states"] == {"there": 1}


@pytest.mark.parametrize(
    ("name", "first", "hours", "to"),
    [
        ("BTCUSDT_2025-01-02.csv", DAY, 24, "BTCUSDT_2025-01-02.csv"),
        ("BTCUSDT-1m-2025-01.csv", dt.date(2025, 1, 1), 744, "BTCUSDT-1m-2025-01.csv"),
        ("BTCUSDT-1m-2025-01.csv", dt.date(2025, 1, 20), 288, "BTCUSDT-1m-2025-01.csv"),
        (
            "BTCUSDT-1m-2025-01.csv",
            dt.date(2024, 12, 1),
            1488,
            "-1m-from-2024-12-01-to-2025-01-31.csv",
        ),
        ("BTCUSDT.csv", DAY, 72, "BTCUSDT-1m-from-2025-01-02-to-2025-01-04.csv"),
        ("BTCUSDT.csv", DAY, 24, "BTCUSDT-1m-2025-01-02.csv"),
        (
            "BTCUSDT_250328-1m-2025-01-02.csv",
            DAY,
            24,
            "futures_um/BTCUSDT_250328-1m-2025-01-02.csv",
        ),
        ("币安人生USDT-1m-2025-01-02.csv", DAY, 24, "spot/币安人生USDT-1m-2025-01-02.csv"),
    ],
)
def test_rows_tell_the_days_where_the_name_does_not(
    kitchen: Kitchen, tmp_path: Path, name: str, first: dt.date, hours: int, to: str
) -> None:
    """A name's own day or month stands while the rows are of it; the longest symbol is meant."""
    text = klines(first=first, hours=hours, header=False)
    if name == "BTCUSDT_2025-01-02.csv":
        text = "timestamp,open,high,low,close,volume\n" + "\n".join(
            ",".join(line.split(",")[:6]) for line in text.splitlines()
        )
    (file,) = imported(tmp_path, {name: text}, 0)["files"]

    assert file["to"].endswith(to)


def test_a_name_of_another_day_than_the_rows_is_left(kitchen: Kitchen, tmp_path: Path) -> None:
    """It is not known which of the two is wrong."""
    (file,) = imported(tmp_path, {"BTCUSDT-1m-2025-03-05.csv": klines()}, 20)["files"]

    assert "its name says 2025-03-05, and its rows are of 2025-01-02" in file["why"]


def test_a_parquet_of_many_days_is_filed_by_its_stamps(kitchen: Kitchen, tmp_path: Path) -> None:
    """As a table of text is."""
    opened = [day_open_us(DAY) // 1000 + 60_000 * at for at in range(2 * 1440)]
    out = io.BytesIO()
    values = dict.fromkeys(("open", "high", "low", "close", "volume"), [1.0] * len(opened))
    pq.write_table(pa.table({"open_time": opened, **values}), out)
    (file,) = imported(tmp_path, {"BTCUSDT.parquet": out.getvalue()}, 0)["files"]

    assert file["to"].endswith("BTCUSDT-1m-from-2025-01-02-to-2025-01-03.parquet")


def test_an_archive_of_another_market_is_never_filed_without_a_word(
    kitchen: Kitchen, real_data: Path, tmp_path: Path
) -> None:
    """By its form where no folder tells the market; by the folder else, with the word."""
    name = "BTCUSDT-1m-2025-01-02.zip"
    spot, perp = (
        (real_data / "btcusdt-2025-01-02/binance" / market / name).read_bytes()
        for market in ("spot", "futures_um")
    )
    (bare,) = imported(tmp_path, {name: spot}, 20)["files"]
    (told_spot,) = imported(tmp_path, {f"data/spot/{name}": spot}, 0)["files"]
    (told_perp,) = imported(tmp_path, {f"data/futures/um/{name}": spot}, 0)["files"]
    (right,) = imported(tmp_path / "other", {name: perp}, 20)["files"]

    assert "looks like an archive of spot" in bare["why"]
    assert (told_spot["to"], told_spot["why"][:7]) == (f"binance/spot/{name}", "of spot")
    assert told_perp["to"] == f"binance/futures_um/{name}"
    assert "looks like an archive of spot" in told_perp["why"]
    assert (right["state"], right["to"]) == ("kept", f"binance/futures_um/{name}")


def test_an_archive_of_futures_is_not_taken_for_spots(kitchen: Kitchen, tmp_path: Path) -> None:
    """A header and milliseconds since 2025: the archive of spot has neither."""
    (file,) = imported(tmp_path, {"币安人生USDT-1m-2025-01-02.csv": klines()}, 20)["files"]

    assert "looks like an archive of futures" in file["why"]


def test_another_contracts_archive_is_not_the_perpetuals(kitchen: Kitchen, tmp_path: Path) -> None:
    """A delivery behind the name makes it another instrument."""
    (file,) = imported(tmp_path, {"BTCUSDT_250627-1m-2025-01-02.csv": klines()}, 20)["files"]

    assert "it is of BTCUSDT_250627, which is not configured" in file["why"]


def test_a_folders_name_does_not_hide_what_klines_and_exports_are(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    """Somebody's folder of trades may hold klines and bars too."""
    bar = '{"schema":"bar_1m.v6_3","symbol":"BTCUSDT","timestamp":"2025-01-02T%02d:%02d:00Z","open":1}\n'
    files = {
        "my trades/BTCUSDT-1m-2025-01-02.csv": klines(),
        "metrics/BTCUSDT/bars_1m/2025-01-02.jsonl": "".join(
            bar % divmod(m, 60) for m in range(1440)
        ),
    }
    places = {file["to"] for file in imported(tmp_path, files, 0)["files"]}

    assert places == {
        "binance/futures_um/BTCUSDT-1m-2025-01-02.csv",
        "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl",
    }


def test_bars_of_many_days_lie_under_each_of_them(kitchen: Kitchen, tmp_path: Path) -> None:
    """One entry a day; of a clock that is off, the name's day stands and a foot in the next is no day."""
    bar = '{"schema":"bar_1m.v6_3","symbol":"BTCUSDT","timestamp":"2025-01-%02dT%02d:00:00Z","open":1}\n'
    three = "".join(bar % (2 + at // 24, at % 24) for at in range(72))
    shifted = "".join(bar % (6 + at // 24, at % 24) for at in range(14, 38))
    files = {"BTCUSDT/bars.jsonl": three, "BTCUSDT/date=2025-01-06/bars_1m.jsonl": shifted}
    facts = imported(tmp_path, files, 0)

    assert [file["to"].rpartition("date=")[2][:11] for file in facts["files"]] == [
        *(f"2025-01-{day:02}/" for day in (2, 3, 4)),
        "2025-01-06/",
    ]
    assert imported(tmp_path, files, 0)["states"] == {"there": 4}
