"""`kitchen explain` on real days: every published row's lines, and where every raw line went."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from kit.support import kitchen_at
from kit.whole_day import whole_day
from pipeline.cli import explain
from pipeline.contracts.ledger import LedgerEntry, to_json
from pipeline.errors import ParameterError
from pipeline.provenance.explain import Prepared, explain_line, explain_minute, prepared

pytestmark = pytest.mark.real

THIN = dt.date(2019, 10, 11)
BUSY = dt.date(2025, 1, 2)
LIVE = "atas/bars_1m/XRPETH/date=2019-10-11/bars_1m.jsonl"
SIMPLE = "atas/v6_3/XRPETH/date=2019-10-11/bar_20191011.jsonl"
TICKS = "atas/ticks/XRPETH/date=2019-10-11/{:02d}/ticks.jsonl"
DAILY = "binance/spot/XRPETH-1m-2019-10-11.zip"
MONTHLY = "binance/spot/XRPETH-1m-2019-10.csv"
BARS = "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"


def lines_of(path: Path) -> list[bytes]:
    """Lines with their ends."""
    return path.read_bytes().splitlines(keepends=True)


@pytest.fixture(scope="module")
def thin(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Prepared:
    """XRPETH as exported live, with every sort of line: broken, blank, repeated, misfiled, of another day."""
    kitchen = kitchen_at(tmp_path_factory.mktemp("thin"), {"XRPETH": "{market: spot}"})
    source, raw = real_data / "xrpeth-2019-10", kitchen.raw
    for one, other in (
        ("atas-live/bars_1m/XRPETH/date=2019-10-11", Path(LIVE).parent),
        ("atas/v6_3/XRPETH/date=2019-10-11", Path(SIMPLE).parent),
        ("atas/ticks/XRPETH", Path("atas/ticks/XRPETH")),
        ("binance/spot", Path(DAILY).parent),
    ):
        shutil.copytree(source / one, raw / other, ignore=shutil.ignore_patterns("*rades-*"))
    damage(raw)
    whole_day(kitchen, "XRPETH", THIN)
    return prepared(kitchen, "XRPETH", THIN)


def damage(raw: Path) -> None:
    """A month beside an archive that lacks ten minutes; odd lines in the exports."""
    with zipfile.ZipFile(raw / DAILY) as archive:
        rows = archive.read(archive.namelist()[0]).decode().splitlines(keepends=True)
    (raw / DAILY).unlink()
    (raw / f"{DAILY}.CHECKSUM").unlink(missing_ok=True)
    (raw / DAILY).with_suffix(".csv").write_text("".join([*rows[:300], *rows[310:], rows[500]]))
    later = (
        rows[0].replace("1570752000000", "1570838400000").replace("1570752059999", "1570838459999")
    )
    (raw / MONTHLY).write_text("".join([*rows, later]))
    bars = lines_of(raw / LIVE)
    bars[100:100] = [b"\r\n", b'{"timestamp":"2019-10-11T00:0\r\n']
    (raw / LIVE).write_bytes(b"".join(bars))
    four, five = (raw / TICKS.format(hour) for hour in (4, 5))
    ticks = lines_of(five)
    five.write_bytes(b"".join([*ticks[7:], ticks[20], ticks[21], b"nonsense\n"]))
    four.write_bytes(b"".join([*lines_of(four), *ticks[:7]]))


def fates(given: Prepared, path: str, numbers: range) -> dict[int, dict[str, Any]]:
    """Line -> what is said of it."""
    return {n: explain_line(given, path, n) for n in numbers}


def ledger_of(given: Prepared, path: str) -> LedgerEntry:
    """A file's entry."""
    return next(e for ledger in given.ledgers.values() for e in ledger if e.path == path)


@pytest.mark.parametrize("name", [TICKS.format(4), TICKS.format(5), DAILY.replace("zip", "csv")])
def test_every_line_of_a_file_has_the_fate_of_the_ledger(thin: Prepared, name: str) -> None:
    """Used, merged and rejected are as many as the ledger counts, and each text is the file's own."""
    lines = lines_of(thin.kitchen.raw / name)
    found = fates(thin, name, range(1, len(lines) + 1))
    counts = Counter(fate["fate"] for fate in found.values())
    entry = ledger_of(thin, name)
    wanted = {fate: to_json(entry.lines)[fate] for fate in ("used", "merged", "rejected")}

    assert {fate: counts[fate] for fate in wanted} == wanted
    assert counts["left"] == entry.blank_lines + entry.other_days
    for number, line in enumerate(lines, 1):
        assert found[number]["raw"] == line.decode().rstrip("\r\n")[:400]


def test_a_line_of_a_live_bar_is_merged_into_the_one_that_stands(thin: Prepared) -> None:
    """Every seventeenth of 5931 lines: into its own minute, and of its own run where history was repeated."""
    raw = lines_of(thin.kitchen.raw / LIVE)
    for number in range(5, len(raw), 17):
        found = explain_line(thin, LIVE, number)
        stamp = json.loads(raw[number - 1])["timestamp"][:16]
        target = number if found["fate"] == "used" else int(found["into"].rpartition(":")[2])
        between = [json.loads(line)["timestamp"][:16] for line in raw[number - 1 : target]]

        assert found["fate"] in ("used", "merged")
        assert found["minute_open"][:16] == stamp
        assert set(between) == {stamp}


def test_blank_and_broken_lines_are_told_apart(thin: Prepared) -> None:
    """Neither is a row; each for its own reason. A line that the file does not have is none."""
    assert explain_line(thin, LIVE, 101)["why"] == "blank"
    assert explain_line(thin, LIVE, 102)["code"] == "A13"
    with pytest.raises(ParameterError, match="no such line"):
        explain_line(thin, LIVE, 99_999)
    with pytest.raises(ParameterError, match="no such line"):
        explain_line(thin, LIVE, 0)


def test_a_repeated_trade_points_at_itself(thin: Prepared) -> None:
    """Not at another trade of the same instant."""
    name = TICKS.format(5)
    count = len(lines_of(thin.kitchen.raw / name))
    found = [explain_line(thin, name, n) for n in (count - 2, count - 1)]

    assert [fate["into"] for fate in found] == [f"{name}:14", f"{name}:15"]


def test_a_used_tick_says_whose_prices_stand_and_where_to_see_the_row(thin: Prepared) -> None:
    """The day follows the bars; open to close are the exchange's, not theirs."""
    found = explain_line(thin, TICKS.format(5), 14)

    assert found["fate"] == "used"
    assert found["why"] == (
        "atas_open to atas_volume are those of atas_bars, this feed may fill other columns of ATAS; the row:"
        f" kitchen explain 2019-10-11 XRPETH --minute {found['minute_open'][11:16]}"
    )


def test_a_wrong_file_is_told_a_few_of_the_inputs(thin: Prepared) -> None:
    """And where all are listed."""
    with pytest.raises(ParameterError, match=r" and [0-9]+ more \(all: kitchen explain") as refused:
        explain_line(thin, "atas/ticks/XRPETH/date=2019-10-11/05/tick.jsonl", 1)

    assert str(refused.value).count(".jsonl") <= 6
    assert "did you mean atas/ticks/XRPETH/date=2019-10-11/05/ticks.jsonl" in str(refused.value)


def test_a_month_fills_the_gaps_and_repeats_the_rest(thin: Prepared) -> None:
    """Ten rows of it are used; the others are in the archive of the day."""
    daily = DAILY.replace("zip", "csv")
    used = [explain_line(thin, MONTHLY, n)["fate"] for n in range(301, 311)]

    assert used == ["used"] * 10
    assert explain_line(thin, MONTHLY, 300)["into"] == f"{daily}:300"
    assert explain_line(thin, MONTHLY, 311)["into"] == f"{daily}:301"


def test_a_row_of_another_day_says_which(thin: Prepared) -> None:
    """The month's first row of the twelfth."""
    found = explain_line(thin, MONTHLY, 1441)

    assert (found["fate"], found["why"]) == ("left", "of 2019-10-12, which reads it from here")


def numbers_in(text: str) -> set[int]:
    """`3-5, 9` as a set."""
    spans = [[int(n) for n in part.split("-")] for part in text.split(", ")]
    return {n for span in spans for n in range(span[0], span[-1] + 1)}


def test_the_lines_of_a_minute_are_all_that_made_it(thin: Prepared) -> None:
    """Trades of the minute, every state of its bar, its kline: by the raw files' own stamps."""
    tape = [
        (json.loads(line), path, number)
        for path in sorted(
            (thin.kitchen.raw / "atas/ticks/XRPETH/date=2019-10-11").rglob("*.jsonl")
        )
        for number, line in enumerate(lines_of(path), 1)
        if line.startswith(b'{"ts"')
    ]
    bars = [
        (json.loads(line)["timestamp"][11:16], number)
        for number, line in enumerate(lines_of(thin.kitchen.raw / LIVE), 1)
        if line.endswith(b"}\r\n")
    ]
    for minute in (0, 1, 299, 300, 305, 365, 719, 1439):
        found = explain_minute(thin, minute)
        clock = f"{minute // 60:02d}:{minute % 60:02d}"
        told = {file["file"]: numbers_in(file["lines"]) for file in found["files"]}
        trades = {tick["trade_id"] for tick, _, _ in tape if tick["ts"][11:16] == clock}
        listed = {
            tick["trade_id"]
            for tick, path, number in tape
            if number in told.get(path.relative_to(thin.kitchen.raw).as_posix(), set())
        }

        assert listed == trades
        assert told.get(LIVE, set()) == {number for stamp, number in bars if stamp == clock}
        kline = MONTHLY if 300 <= minute < 310 else DAILY.replace("zip", "csv")
        assert len(told[kline]) == 1


def as_array(path: Path) -> None:
    """The same objects as one JSON array, on one line."""
    path.write_bytes(b"[" + b",".join(line.strip() for line in lines_of(path)) + b"]")


def indented(path: Path) -> None:
    """The same objects, pretty-printed."""
    objects = [json.dumps(json.loads(line), indent=2) for line in lines_of(path)]
    path.write_text("\n".join(objects) + "\n")


@pytest.fixture
def busy(tmp_path: Path, real_data: Path) -> Callable[..., Prepared]:
    """BTCUSDT after a change to its files."""

    def build(change: Callable[[Path], None], symbol: str = "{market: futures_um}") -> Prepared:
        kitchen = kitchen_at(tmp_path, symbol)
        source = real_data / "btcusdt-2025-01-02"
        shutil.copytree(source / "atas", kitchen.raw / "atas")
        shutil.copytree(source / "binance/futures_um", kitchen.raw / "binance/futures_um")
        change(kitchen.raw)
        whole_day(kitchen, "BTCUSDT", BUSY)
        return prepared(kitchen, "BTCUSDT", BUSY)

    return build


@pytest.mark.parametrize("rewrite", [as_array, indented])
def test_a_line_is_what_the_ledger_counts(
    busy: Callable[..., Prepared], rewrite: Callable[[Path], None]
) -> None:
    """Elements of an array, and indented objects: the number and the text belong together."""
    given = busy(lambda raw: rewrite(raw / BARS))
    (entry,) = [
        line for line in explain_minute(given, 100)["lines"] if line["source"] == "atas_bars"
    ]
    found = explain_line(given, BARS, entry["line"])

    assert json.loads(entry["raw"])["timestamp"][11:16] == "01:40"
    assert found["minute_open"] == "2025-01-02T01:40:00Z"
    assert found["raw"] == entry["raw"]


def test_a_quarantined_file_takes_its_lines_with_it(busy: Callable[..., Prepared]) -> None:
    """Each line's reason is the file's."""
    name = "binance/futures_um/BTCUSDT-1m-2025-01-02.zip"
    given = busy(
        lambda raw: (raw / f"{name}.CHECKSUM").write_text(f"{'0' * 64}  {Path(name).name}\n")
    )
    found = explain_line(given, name, 700)

    assert (found["fate"], found["code"], found["whole_file"]) == ("rejected", "B03", True)


def user_csv(raw: Path) -> None:
    """A user's table, stamped with the close, with spaces of its own; one row stands twice."""
    archive = raw / "binance/futures_um/BTCUSDT-1m-2025-01-02.zip"
    with zipfile.ZipFile(archive) as packed:
        rows = list(csv.reader(packed.read(packed.namelist()[0]).decode().splitlines()))[1:]
    archive.unlink()
    lines = ["minute_close;open;high;low;close;volume"]
    for row in rows:
        closed = dt.datetime.fromtimestamp(int(row[0]) / 1000 + 60, dt.UTC)
        lines.append(";".join([f"{closed:%Y-%m-%d %H:%M}", *row[1:6]]))
    lines.insert(500, lines[500])
    target = raw / "binance/fetcher/BTCUSDT_2025-01-02.csv"
    target.parent.mkdir()
    target.write_text("\n".join(lines) + "\n")


def test_a_user_table_is_read_as_it_was(busy: Callable[..., Prepared]) -> None:
    """Stamps of closes are closes here too; a header is a header."""
    given = busy(user_csv)
    name = "binance/fetcher/BTCUSDT_2025-01-02.csv"
    merged = explain_line(given, name, 502)

    assert explain_line(given, name, 1)["fate"] == "left"
    assert explain_line(given, name, 11)["minute_open"] == "2025-01-02T00:09:00Z"
    assert (merged["fate"], merged["into"]) == ("merged", f"{name}:501")
    assert merged["minute_open"] == "2025-01-02T08:19:00Z"


def local_table(raw: Path) -> None:
    """The table of `user_csv`, in the clock of Shanghai."""
    user_csv(raw)
    path = raw / "binance/fetcher/BTCUSDT_2025-01-02.csv"
    header, *rows = path.read_text().splitlines()
    closes = [dt.datetime.strptime(row[:16], "%Y-%m-%d %H:%M") for row in rows]  # noqa: DTZ007
    ahead = [f"{at + dt.timedelta(hours=8):%Y-%m-%d %H:%M}" for at in closes]
    lines = [at + row[16:] for at, row in zip(ahead, rows, strict=True)]
    path.write_text("\n".join([header, *lines]) + "\n")


def test_the_command_reads_stamps_in_the_zone_that_the_reader_was_told(
    busy: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merged line finds its row; a used one says the minute of UTC."""
    here = "{market: futures_um, sources: {binance_1m: {zone: Asia/Shanghai}}}"
    given = busy(local_table, here)
    monkeypatch.setenv("KITCHEN_CONFIG", str(given.kitchen.file))
    place = "binance/fetcher/BTCUSDT_2025-01-02.csv"

    def told(line: int) -> dict[str, Any]:
        words = ["2025-01-02", "BTCUSDT", "--line", f"{place}:{line}", "--json"]
        return json.loads(CliRunner().invoke(explain.command, words).output)

    used, merged = told(11), told(502)
    assert (used["fate"], used["minute_open"]) == ("used", "2025-01-02T00:09:00Z")
    assert (merged["fate"], merged.get("into")) == ("merged", f"{place}:501")
    assert merged["minute_open"] == "2025-01-02T08:19:00Z"


def odd_table(raw: Path) -> None:
    """A table with text before its header, rows of another symbol, stamps with the day first."""
    user_csv(raw)
    path = raw / "binance/fetcher/BTCUSDT_2025-01-02.csv"
    header, *rows = path.read_text().splitlines()
    closes = [dt.datetime.strptime(row[:16], "%Y-%m-%d %H:%M") for row in rows]  # noqa: DTZ007
    rows = [f"BTC/USDT;{at:%d.%m.%Y %H:%M}{row[16:]}" for at, row in zip(closes, rows, strict=True)]
    rows.insert(3, rows[3].replace("BTC", "ETH"))
    text = ["https://example.com/1735776000000", "", f"symbol;{header}", *rows]
    path.write_text("\n".join(text) + "\n")


def test_what_is_none_of_the_table_is_called_what_it_is(busy: Callable[..., Prepared]) -> None:
    """Text, blank, header, another symbol's row; and rows are found where their dates say."""
    given = busy(odd_table)
    name = "binance/fetcher/BTCUSDT_2025-01-02.csv"
    whys = [explain_line(given, name, n).get("why") for n in (1, 2, 3, 7)]
    merged = explain_line(given, name, 505)

    assert whys == [
        "text before the header",
        "blank",
        "the header",
        "a row of ETH/USDT, not of BTC/USDT",
    ]
    assert explain_line(given, name, 8)["minute_open"] == "2025-01-02T00:03:00Z"
    assert (merged["fate"], merged["minute_open"]) == ("merged", "2025-01-02T08:19:00Z")


def json_table(raw: Path) -> None:
    """The rows of `user_csv` as objects, among them one of another symbol."""
    user_csv(raw)
    path = raw / "binance/fetcher/BTCUSDT_2025-01-02.csv"
    lines = path.read_text().splitlines()
    rows = [row | {"symbol": "BTCUSDT"} for row in csv.DictReader(lines, delimiter=";")]
    rows.insert(3, rows[3] | {"symbol": "ETHUSDT"})
    path.unlink()
    (raw / "binance/futures_um/BTCUSDT-1m-2025-01-02.json").write_text(json.dumps(rows))


def test_an_element_of_a_json_table_has_a_number(busy: Callable[..., Prepared]) -> None:
    """Used, merged, or of another symbol."""
    given = busy(json_table)
    name = "binance/futures_um/BTCUSDT-1m-2025-01-02.json"

    assert explain_line(given, name, 3)["minute_open"] == "2025-01-02T00:02:00Z"
    assert explain_line(given, name, 4)["why"] == "a row of ETHUSDT, not of BTCUSDT"
    assert explain_line(given, name, 502)["minute_open"] == "2025-01-02T08:19:00Z"


def shifted(raw: Path) -> None:
    """Stamps of both exports are eight hours early, and lie where a converting machine files them."""
    for path in sorted(raw.rglob("*.jsonl")):
        lines = lines_of(path)
        early = [moved_early(line) for line in lines]
        first = [line for line in early if b'"2025-01-01T' in line]
        other = Path(str(path).replace("2025-01-02", "2025-01-01").replace("0102.", "0101."))
        other.parent.mkdir(parents=True)
        other.write_bytes(b"".join(first))
        path.write_bytes(b"".join(early[len(first) :]))


def moved_early(line: bytes) -> bytes:
    """All stamps of a line, eight hours early."""

    def early(match: re.Match[bytes]) -> bytes:
        moment = dt.datetime.fromisoformat(match[0].decode()) - dt.timedelta(hours=8)
        return f"{moment:%Y-%m-%dT%H:%M}".encode()

    return re.sub(rb"2025-01-02T[0-9]{2}:[0-9]{2}", early, line)


def test_rows_of_a_wrong_clock_are_found_where_they_lie(busy: Callable[..., Prepared]) -> None:
    """00:00 to 07:59 lie in the files of the day before."""
    given = busy(shifted)
    before = BARS.replace("2025-01-02", "2025-01-01")
    for minute, file in ((100, before), (479, before), (480, BARS), (1439, BARS)):
        found = explain_minute(given, minute)
        (line,) = [line for line in found["lines"] if line["source"] == "atas_bars"]

        assert line["file"] == file
        assert json.loads(line["raw"])["close"] == found["row"]["atas_close"]
        back = explain_line(given, file, line["line"])
        assert (back["fate"], back["minute_open"]) == ("used", found["minute_open"])


def test_a_parquet_row_has_a_number(busy: Callable[..., Prepared]) -> None:
    """And its values, as CSV, for a text."""

    def parquet(raw: Path) -> None:
        user_csv(raw)
        path = raw / "binance/fetcher/BTCUSDT_2025-01-02.csv"
        rows = list(csv.DictReader(path.read_text().splitlines(), delimiter=";"))
        path.unlink()
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        target = raw / "binance/futures_um/BTCUSDT-1m-2025-01-02.parquet"
        pq.write_table(pa.table(columns), target)

    given = busy(parquet)
    name = "binance/futures_um/BTCUSDT-1m-2025-01-02.parquet"
    tenth = explain_line(given, name, 10)
    values = pq.read_table(given.kitchen.raw / name).slice(9, 1).to_pylist()[0].values()

    assert tenth["minute_open"] == "2025-01-02T00:09:00Z"
    assert tenth["raw"] == ",".join(map(str, values))
    assert explain_line(given, name, 501)["fate"] == "merged"
    with pytest.raises(ParameterError, match="no such line"):
        explain_line(given, name, 1442)
