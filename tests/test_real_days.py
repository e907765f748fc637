"""Real vendor exports in, published snapshots out: what a user of the kitchen relies on."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kit.support import Run, btcusdt_raw, luigi, stat_tree, xrpeth_raw

pytestmark = pytest.mark.real

KLINE_COLUMNS = {
    "open": 1,
    "high": 2,
    "low": 3,
    "close": 4,
    "volume": 5,
    "quote_volume": 7,
    "trades": 8,
    "taker_buy_volume": 9,
}


def archive_rows(path: Path) -> list[list[str]]:
    """The data rows of a kline archive, read with the standard library alone."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    return [row for row in csv.reader(io.StringIO(text)) if row[0].isdigit()]


def bars_of(root: Path, day: str) -> dict[str, list]:
    """The published bars of a day, as columns."""
    return pq.ParquetFile(root / "snapshots" / day / "bars_1m.parquet").read().to_pydict()


def manifest_of(root: Path, day: str) -> dict:
    """The published manifest of a day."""
    return json.loads((root / "snapshots" / day / "dataset_manifest.json").read_text())


def succeeded(run: Run) -> Run:
    """The run, once it is known that it ended well."""
    assert run.returncode == 0, run.stdout + run.stderr
    return run


@pytest.fixture(scope="session")
def perpetual(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    """The real BTCUSDT futures day, published."""
    root = btcusdt_raw(tmp_path_factory.mktemp("perpetual"), real_data)
    succeeded(luigi(root, "Snapshot", "--date", "2025-01-02"))
    return root


@pytest.fixture(scope="session")
def xrpeth(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    """The two real XRPETH days, published with ticks and bars."""
    root = xrpeth_raw(tmp_path_factory.mktemp("xrpeth"), real_data)
    for day in ("2019-10-11", "2019-10-12"):
        succeeded(luigi(root, "Snapshot", "--date", day))
    return root


@pytest.fixture(scope="session")
def tape_alone(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    """The two real XRPETH days, published with ticks and klines alone."""
    root = xrpeth_raw(tmp_path_factory.mktemp("tape_alone"), real_data)
    shutil.rmtree(root / "data/raw/atas/bars_1m")
    for day in ("2019-10-11", "2019-10-12"):
        succeeded(luigi(root, "Snapshot", "--date", day))
    return root


def test_the_baseline_is_the_archive(perpetual: Path, real_data: Path) -> None:
    """All eight Binance columns of all 1440 minutes equal the archive."""
    bars = bars_of(perpetual, "2025-01-02")
    rows = archive_rows(
        real_data / "btcusdt-2025-01-02/binance/futures_um/BTCUSDT-1m-2025-01-02.zip"
    )

    assert len(bars["ts"]) == len(rows) == 1440
    for name, column in KLINE_COLUMNS.items():
        assert bars[name] == [float(row[column]) for row in rows], name
    assert [int(t.timestamp() * 1000) for t in bars["minute_open"]] == [int(r[0]) for r in rows]


def test_every_atas_minute_stands_on_its_own_minute(perpetual: Path) -> None:
    """ATAS close equals the exchange's close in 1440 of 1440 minutes."""
    bars = bars_of(perpetual, "2025-01-02")

    for name in ("open", "high", "low", "close", "volume"):
        assert bars[f"atas_{name}"] == bars[name]
    assert all(bars["src_span_ok"])
    assert all(bars["src_atas"])
    assert set(bars["basis_bps"]) == {0.0}


def test_order_flow_of_the_day_equals_the_taker_volume(perpetual: Path) -> None:
    """Delta from ATAS bars is 2 x taker buy - volume of the klines, in every minute."""
    bars = bars_of(perpetual, "2025-01-02")
    expected = [
        round(2 * b - v, 3) for b, v in zip(bars["taker_buy_volume"], bars["volume"], strict=True)
    ]

    assert [round(d, 3) for d in bars["delta"]] == expected
    assert set(bars["delta_source"]) == {"atas_bars"}
    assert bars["cvd"][-1] == pytest.approx(sum(expected), abs=1e-6)


def test_the_day_is_available(perpetual: Path) -> None:
    """A whole day of both vendors has nothing to excuse."""
    manifest = manifest_of(perpetual, "2025-01-02")

    assert manifest["condition"] == {
        "day": "available",
        "symbols": {"BTCUSDT": {"condition": "available", "reasons": []}},
    }
    assert manifest["calibration"]["BTCUSDT"]["status"] == "not_needed"
    assert manifest["calibration"]["BTCUSDT"]["offset_minutes"] == 0
    assert manifest["simulated"] is False
    assert manifest["quality"]["atas_coverage"]["at_least"] == 0.95
    assert manifest["quality"]["atas_coverage"]["measured"] == {"BTCUSDT": 1.0}


def test_the_checksum_lists_are_those_of_the_gnu_tools(perpetual: Path) -> None:
    """`md5sum -c` and `sha256sum -c` pass inside the folder."""
    folder = perpetual / "snapshots" / "LATEST"
    for tool, name in (("md5sum", "MD5SUMS"), ("sha256sum", "SHA256SUMS")):
        checked = subprocess.run(
            [tool, "--strict", "-c", name], cwd=folder, check=False, capture_output=True
        )

        assert checked.returncode == 0, checked.stderr


def test_the_same_command_again_touches_nothing(perpetual: Path) -> None:
    """A second run says that there is nothing to do, and not one inode changes.

    Once raw files are no longer so young that they could change without a trace: before, no stamp is left.
    """
    time.sleep(2)
    succeeded(luigi(perpetual, "Snapshot", "--date", "2025-01-02"))
    before = stat_tree(perpetual)

    run = succeeded(luigi(perpetual, "Snapshot", "--date", "2025-01-02"))

    assert "nothing to do" in run.stdout
    assert stat_tree(perpetual) == before


def test_another_folder_and_time_zone_give_the_same_bytes(
    perpetual: Path, tmp_path: Path, real_data: Path
) -> None:
    """Parquet, manifest, reports and checksum lists do not show where or when they were made."""
    other = btcusdt_raw(tmp_path / "elsewhere", real_data)
    succeeded(luigi(other, "Snapshot", "--date", "2025-01-02", cwd=Path("/"), TZ="Asia/Shanghai"))

    def files(root: Path) -> dict[str, bytes]:
        folder = (root / "snapshots" / "2025-01-02").resolve()
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith("publication")
        }

    assert files(other) == files(perpetual)


def test_five_changed_and_seven_lost_bars_are_exactly_those(
    perpetual: Path, tmp_path: Path, real_data: Path
) -> None:
    """Edited ATAS bars differ in their minutes alone, dropped ones are null there alone."""
    root = btcusdt_raw(tmp_path / "edited", real_data)
    shutil.rmtree(root / "data/raw/atas/v6_3")
    path = root / "data/raw/atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    changed, dropped = {100, 333, 700, 701, 1200}, {5, 6, 7, 500, 900, 1001, 1300}
    for minute in changed:
        entry = json.loads(lines[minute])
        entry["close"] = entry["low"] - 0.1
        entry["low"] = entry["close"]
        lines[minute] = json.dumps(entry, separators=(",", ":")).encode() + b"\r\n"
    path.write_bytes(b"".join(line for m, line in enumerate(lines) if m not in dropped))

    succeeded(luigi(root, "Snapshot", "--date", "2025-01-02"))
    bars, whole = bars_of(root, "2025-01-02"), bars_of(perpetual, "2025-01-02")

    assert {m for m in range(1440) if bars["atas_close"][m] is None} == dropped
    assert {m for m in range(1440) if not bars["src_atas"][m]} == dropped
    differing = {m for m in range(1440) if bars["atas_close"][m] != whole["atas_close"][m]}
    assert differing == changed | dropped
    for name in KLINE_COLUMNS:
        assert bars[name] == whole[name]


def test_spot_klines_against_the_perpetual_are_no_false_alarm(
    tmp_path: Path, real_data: Path
) -> None:
    """Another instrument of the same coin: lag 0, basis measured, published as available."""
    root = btcusdt_raw(tmp_path / "spot", real_data, market="spot")

    succeeded(luigi(root, "Snapshot", "--date", "2025-01-02"))
    bars, manifest = bars_of(root, "2025-01-02"), manifest_of(root, "2025-01-02")
    rows = archive_rows(real_data / "btcusdt-2025-01-02/binance/spot/BTCUSDT-1m-2025-01-02.zip")
    calibration = manifest["calibration"]["BTCUSDT"]

    assert [int(t.timestamp() * 1e6) for t in bars["minute_open"]] == [int(r[0]) for r in rows]
    for name, column in KLINE_COLUMNS.items():
        assert bars[name] == [float(row[column]) for row in rows], name
    assert calibration["offset_minutes"] == 0
    assert -5 < calibration["basis_bps_median"] < 5
    assert manifest["condition"]["day"] == "available"
    assert all(bars["src_atas"])


@pytest.mark.parametrize(("day", "traded"), [("2019-10-11", 1022), ("2019-10-12", 973)])
def test_minutes_without_a_trade_are_not_gaps(xrpeth: Path, day: str, traded: int) -> None:
    """A thin market is whole: what did not trade is filled by the exchange and absent in ATAS."""
    bars, manifest = bars_of(xrpeth, day), manifest_of(xrpeth, day)

    assert sum(bars["src_atas"]) == traded
    assert sum(bars["is_filled"]) == 1440 - traded
    assert all(bars["src_span_ok"])
    assert manifest["condition"]["day"] == "available"
    for minute in range(1440):
        if bars["src_atas"][minute]:
            assert bars["atas_close"][minute] == bars["close"][minute]


@pytest.mark.parametrize(("day", "traded"), [("2019-10-11", 1022), ("2019-10-12", 973)])
def test_a_tape_alone_is_a_whole_day(tape_alone: Path, day: str, traded: int) -> None:
    """Without ATAS bars: prices, volume and delta of the tape equal the klines in every traded minute."""
    bars, manifest = bars_of(tape_alone, day), manifest_of(tape_alone, day)
    found = manifest["calibration"]["XRPETH"]

    assert manifest["condition"]["symbols"]["XRPETH"] == {"condition": "available", "reasons": []}
    assert (found["feed"], found["offset_minutes"]) == ("atas_ticks", 0)
    assert [m for m in range(1440) if bars["volume"][m]] == [
        m for m in range(1440) if bars["src_atas"][m]
    ]
    assert sum(bars["src_atas"]) == traded
    for minute in range(1440):
        if bars["src_atas"][minute]:
            for name in ("open", "high", "low", "close", "volume"):
                assert bars[f"atas_{name}"][minute] == bars[name][minute], (minute, name)
            taker = 2 * bars["taker_buy_volume"][minute] - bars["volume"][minute]
            assert bars["delta"][minute] == taker
            assert bars["delta_source"][minute] == "ticks"
    report = tape_alone / "snapshots" / day / "qc/XRPETH/calibration_report.html"
    assert "Residual by clock shift" in report.read_text()


@pytest.mark.parametrize("day", ["2019-10-11", "2019-10-12"])
def test_ticks_give_the_taker_volume_of_the_exchange(xrpeth: Path, day: str) -> None:
    """Delta from the tape equals 2 x taker buy - volume in every traded minute."""
    bars = bars_of(xrpeth, day)
    for minute in range(1440):
        if bars["volume"][minute]:
            expected = 2 * bars["taker_buy_volume"][minute] - bars["volume"][minute]

            assert bars["delta"][minute] == expected
            assert bars["delta_source"][minute] == "ticks"


def test_the_footprint_holds_every_trade(xrpeth: Path, real_data: Path) -> None:
    """Trades and volume of the published footprint are those of the tape."""
    table = pq.ParquetFile(xrpeth / "snapshots/2019-10-11/footprint.parquet").read().to_pydict()
    tape = [
        json.loads(line)
        for path in sorted(
            (real_data / "xrpeth-2019-10/atas/ticks/XRPETH/date=2019-10-11").rglob("*.jsonl")
        )
        for line in path.read_bytes().splitlines()
    ]

    assert sum(table["trades"]) == len(tape)
    assert sum(table["buy"]) == sum(t["qty"] for t in tape if t["side"] == "buy")
    assert sum(table["sell"]) == sum(t["qty"] for t in tape if t["side"] == "sell")


def test_live_exports_give_the_bars_and_the_flow_of_the_exchange(
    tmp_path: Path, real_data: Path
) -> None:
    """Many lines a minute and re-emitted history merge into the klines' bars; vbuy is taker buy."""
    root = xrpeth_raw(tmp_path / "live", real_data, live=True, ticks=False)

    for day in ("2019-10-11", "2019-10-12"):
        succeeded(luigi(root, "Snapshot", "--date", day))
        bars = bars_of(root, day)
        for minute in range(1440):
            if bars["volume"][minute]:
                for name in ("open", "high", "low", "close", "volume"):
                    assert bars[f"atas_{name}"][minute] == bars[name][minute]
                assert bars["vbuy"][minute] == bars["taker_buy_volume"][minute]


def test_the_same_rows_in_another_order_make_no_revision(tmp_path: Path, real_data: Path) -> None:
    """Other bytes with the same result are noted, and nothing is published."""
    root = btcusdt_raw(tmp_path / "reordered", real_data)
    shutil.rmtree(root / "data/raw/atas")
    succeeded(luigi(root, "Snapshot", "--date", "2025-01-02"))
    archive = root / "data/raw/binance/futures_um/BTCUSDT-1m-2025-01-02.zip"
    rows = archive_rows(archive)
    archive.unlink()
    archive.with_suffix(".zip.CHECKSUM").unlink()
    text = "\n".join(",".join(row) for row in reversed(rows))
    archive.with_suffix(".csv").write_text(text + "\n")

    succeeded(luigi(root, "Snapshot", "--date", "2025-01-02"))

    assert sorted(p.name for p in (root / "snapshots/.revisions").iterdir()) == ["2025-01-02.r1"]
