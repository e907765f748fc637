"""`kitchen import` and `kitchen explain` as a user meets them."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
from test_commands import run

from kit.support import kitchen_at
from kit.whole_day import whole_day
from pipeline.sample import mark
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import Kitchen

DAY = dt.date(2025, 1, 2)
BARS = "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"
KLINES = "binance/futures_um/BTCUSDT-1m-2025-01-02.zip"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vendor files of a day, one bar line broken and one repeated."""
    out = tmp_path_factory.mktemp("vendor") / "raw"
    write_sample(SampleRequest(out=out, first=DAY, trades_per_day=4000))
    lines = (out / BARS).read_bytes().splitlines(keepends=True)
    lines[100] = lines[100][:40] + b"\n"
    lines.insert(200, lines[200])
    (out / BARS).write_bytes(b"".join(lines))
    (out / mark.NAME).unlink()
    return out


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    """A configuration that the commands find."""
    found = kitchen_at(tmp_path / "home")
    monkeypatch.setenv("KITCHEN_CONFIG", str(found.file))
    return found


def told(*arguments: str, code: int = 0) -> dict:
    """What a command says as JSON."""
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.output)


def test_a_heap_of_files_finds_its_places(raw: Path, kitchen: Kitchen, tmp_path: Path) -> None:
    """Names and folders do not matter where the format, symbol and date can be told."""
    heap = tmp_path / "heap" / "BTCUSDT" / "down loads"
    heap.mkdir(parents=True)
    shutil.copy(raw / KLINES, heap / "BTCUSDT-1m-2025-01-02.zip")
    shutil.copy(raw / f"{KLINES}.CHECKSUM", heap / "BTCUSDT-1m-2025-01-02.zip.CHECKSUM")
    shutil.copy(raw / BARS, heap / "export (1).jsonl")
    shutil.copytree(raw / "atas/ticks/BTCUSDT", heap / "tape")
    (heap / "latest.json").write_text("{}")
    (heap / "holiday.jpg").write_bytes(b"\xff\xd8")
    facts = told("import", str(tmp_path / "heap"))
    placed = {f["to"] for f in facts["files"] if f["state"] == "copied"}

    assert facts["states"] == {"copied": 26, "ignored": 1, "unclaimed": 1}
    assert {KLINES, BARS, "atas/ticks/BTCUSDT/date=2025-01-02/07/ticks.jsonl"} <= placed
    assert (kitchen.raw / BARS).read_bytes() == (raw / BARS).read_bytes()
    assert (kitchen.raw / f"{KLINES}.CHECKSUM").exists()
    (left,) = [f for f in facts["files"] if f["state"] == "unclaimed"]
    assert left["path"].endswith("holiday.jpg")
    assert "no adapter" in left["why"]


def test_an_array_of_bars_lies_where_lines_do(raw: Path, kitchen: Kitchen, tmp_path: Path) -> None:
    """Its name says .json; it is read as lines are."""
    heap = tmp_path / "heap" / "BTCUSDT"
    heap.mkdir(parents=True)
    lines = [line for line in (raw / BARS).read_bytes().splitlines() if line.endswith(b"}")]
    (heap / "2025-01-02.json").write_bytes(b"[" + b",\n".join(lines) + b"]")
    (found,) = told("import", str(heap.parent))["files"]

    assert (found["state"], found["to"]) == ("copied", BARS)


def test_funding_and_metrics_find_their_places(kitchen: Kitchen, tmp_path: Path) -> None:
    """By their columns and their names' dates, a month or a day, wherever they were loaded to."""
    out = tmp_path / "vendor"
    write_sample(SampleRequest(out=out, first=DAY, trades_per_day=20, warmup_days=3))
    wanted = {
        f"binance/futures_um/BTCUSDT-fundingRate-{month}.zip" for month in ("2024-12", "2025-01")
    }
    wanted.add(f"binance/futures_um/BTCUSDT-metrics-{DAY}.zip")
    (tmp_path / "heap").mkdir()
    for name in wanted:
        shutil.copy(out / name, tmp_path / "heap")
    files = told("import", str(tmp_path / "heap"))["files"]

    assert {(f["state"], f["to"]) for f in files} == {("copied", name) for name in wanted}
    assert {f["adapter"] for f in files} == {"binance_funding", "binance_metrics"}


def test_importing_again_changes_nothing(raw: Path, kitchen: Kitchen, tmp_path: Path) -> None:
    """The same bytes are there; other bytes are kept and named."""
    told("import", str(raw))
    (kitchen.raw / BARS).write_text("mine\n")
    facts = told("import", str(raw), code=20)

    assert facts["states"] == {"there": 26, "kept": 1}
    assert (kitchen.raw / BARS).read_text() == "mine\n"


def test_real_files_of_two_markets_are_not_mixed(
    kitchen: Kitchen, real_data: Path, tmp_path: Path
) -> None:
    """A tape of spot is none of the perpetual's; a user's table goes where users' tables are."""
    heap = tmp_path / "heap"
    for name in ("btcusdt-2024-08-08", "btcusdt-2025-01-02"):
        shutil.copytree(real_data / name, heap / name)
    files = {f["path"]: f for f in told("import", str(heap), code=20)["files"]}
    tape = "atas/ticks/BTCUSDT/date=2024-08-08/23/ticks.jsonl"
    archive = "BTCUSDT-1m-2025-01-02.zip"

    assert files[f"btcusdt-2024-08-08/usdm/{tape}"]["to"] == tape
    assert files[f"btcusdt-2024-08-08/spot/{tape}"]["state"] == "unclaimed"
    assert "its path says spot" in files[f"btcusdt-2024-08-08/spot/{tape}"]["why"]
    for market in ("spot", "futures_um"):
        found = files[f"btcusdt-2025-01-02/binance/{market}/{archive}"]
        assert found["to"] == f"binance/{market}/{archive}"
    table = files["btcusdt-2025-01-02/binance/fetcher_csv/BTCUSDT_2025-01-02.csv"]
    assert table["to"] == "binance/fetcher/BTCUSDT_2025-01-02.csv"


def test_import_refuses_the_raw_folder_itself(kitchen: Kitchen) -> None:
    """One sentence, exit 40."""
    kitchen.raw.mkdir(parents=True)
    result = run("import", str(kitchen.raw))

    assert result.exit_code == 40
    assert "wanted a folder beside it" in result.output


@pytest.fixture
def built(raw: Path, kitchen: Kitchen) -> Kitchen:
    """The day, built."""
    shutil.copytree(raw, kitchen.raw)
    whole_day(kitchen, "BTCUSDT", DAY)
    return kitchen


def test_explain_finds_the_lines_of_a_row_and_the_fate_of_lines(built: Kitchen) -> None:
    """A minute's raw lines; a used, a rejected and a merged line; the whole day's account."""
    place = f"{BARS}:11"
    text = (built.raw / BARS).read_text().splitlines()[10]
    minute = json.loads(text)["timestamp"][11:16]
    row = told("explain", "2025-01-02", "BTCUSDT", "--minute", minute)
    used = told("explain", "2025-01-02", "BTCUSDT", "--line", place)
    broken = told("explain", "2025-01-02", "BTCUSDT", "--line", f"{BARS}:101")
    merged = told("explain", "2025-01-02", "BTCUSDT", "--line", f"{BARS}:201")
    day = told("explain", "2025-01-02", "BTCUSDT")

    assert row["row"]["atas_close"] == json.loads(text)["close"]
    assert (BARS, 11) in {(line["file"], line["line"]) for line in row["lines"]}
    assert (KLINES, int(minute[:2]) * 60 + int(minute[3:]) + 2) in {
        (line["file"], line["line"]) for line in row["lines"]
    }
    assert (used["fate"], used["minute_open"]) == ("used", f"2025-01-02T{minute}:00Z")
    assert (broken["fate"], broken["code"]) == ("rejected", "A13")
    assert (merged["fate"], merged["into"]) == ("merged", f"{BARS}:202")
    assert [r["line"] for r in day["rejects"]] == [101]
    assert all(f["read"] == f["used"] + f["merged"] + f["rejected"] for f in day["files"])
    assert run("explain", "2025-01-02", "BTCUSDT", "--minute", minute).exit_code == 0
    assert run("explain", "2025-01-02", "BTCUSDT").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["2025-01-02", "ETHUSDT"], "not configured"),
        (["2025-02-30", "BTCUSDT"], "give a UTC date"),
        (["2025-01-02", "BTCUSDT"], "nothing of it is built"),
    ],
)
def test_explain_says_what_is_wrong(kitchen: Kitchen, arguments: list[str], says: str) -> None:
    """One sentence, exit 40."""
    result = run("explain", *arguments)

    assert result.exit_code == 40
    assert says in result.output
