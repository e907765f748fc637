"""Sample files have the shape of the real ones: fields, their order, stamps, number text, line ends."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from kit.sample_reading import (
    archive_text,
    bars_path,
    simplified_path,
    tick_paths,
    written,
    zip_path,
)

REAL_BARS = "xrpeth-2019-10/atas/bars_1m/XRPETH/date=2019-10-11/bars_1m.jsonl"
REAL_LIVE = "xrpeth-2019-10/atas-live/bars_1m/XRPETH/date=2019-10-11/bars_1m.jsonl"
REAL_SIMPLIFIED = "xrpeth-2019-10/atas/v6_3/XRPETH/date=2019-10-11/bar_20191011.jsonl"
REAL_TICKS = "btcusdt-2024-08-08/usdm/atas/ticks/BTCUSDT/date=2024-08-08/23/ticks.jsonl"
REAL_ZIPS = "btcusdt-2025-01-02/binance/{}/BTCUSDT-1m-2025-01-02.zip"
CONSTANTS = (
    *("tz", "exchange", "symbol", "window_convention", "fingerprint", "filename_pattern"),
    *("exporter_version", "schema_version", "backfill", "cvd_mode", "vah", "val"),
    *("absorption_detected", "absorption_strength", "absorption_side"),
)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flawless futures day."""
    return written(tmp_path_factory.mktemp("shape"))


def shapes(path: Path) -> set[str]:
    """Every line with its digits and signs blotted out, values that are always the same left standing."""
    found = set()
    for raw in path.read_bytes().split(b"\r\n"):
        if not raw:
            continue
        record = json.loads(raw)
        parts = [
            f"{name}={value!r}" if name in CONSTANTS else f"{name}:{form(value)}"
            for name, value in record.items()
        ]
        found.add(" ".join(parts))
    return found


def form(value: object) -> str:
    """A value's kind; a text with its digits as 9."""
    return re.sub("[0-9]", "9", value) if isinstance(value, str) else type(value).__name__


def blotted(shape: str) -> str:
    """A shape without the words that depend on the minute."""
    return re.sub(r"bull|bear|neutral|99+(?= )", "*", shape)


@pytest.mark.parametrize(
    ("real", "made"), [(REAL_BARS, bars_path), (REAL_SIMPLIFIED, simplified_path)]
)
def test_bars_look_real(real_data: Path, sample: Path, real: str, made: object) -> None:
    """Bar lines have the real fields in the real order, absent and null where the real ones are."""
    found = {blotted(shape) for shape in shapes(made(sample))}  # type: ignore[operator]

    assert found == {blotted(shape) for shape in shapes(real_data / real)}


def test_ticks_look_real(real_data: Path, sample: Path) -> None:
    """Tick lines are those of the real perpetual tape: quote, mid and trade id included."""
    found = {blotted(shape) for path in tick_paths(sample) for shape in shapes(path)}

    assert found == {blotted(shape) for shape in shapes(real_data / REAL_TICKS)}


def test_live_and_history_lines_look_real(real_data: Path, tmp_path: Path) -> None:
    """Live lines and re-emitted history have the two shapes of the real live set."""
    out = written(tmp_path, defects=("A04", "A05"))

    assert shapes(bars_path(out)) == shapes(real_data / REAL_LIVE)


@pytest.mark.parametrize("market", ["spot", "futures_um"])
def test_archives_look_real(real_data: Path, tmp_path: Path, market: str) -> None:
    """Archives have the real header, columns, and decimals of every column."""
    made = archive_text(zip_path(written(tmp_path, market=market), market=market)).splitlines()
    real = archive_text(real_data / REAL_ZIPS.format(market)).splitlines()
    ends = re.compile(r"(?<=[0-9.])[0-9]+(?=\.)|^[0-9]+(?=\.)")

    def decimals(line: str) -> list[int]:
        return [len(cell.partition(".")[2]) for cell in ends.sub("9", line).split(",")]

    assert (made[0] == real[0]) is (market != "spot")
    assert {tuple(decimals(line)) for line in made[1:]} == {tuple(decimals(real[1]))}
    assert [line.split(",")[0] for line in made] == [line.split(",")[0] for line in real]
    assert [line.split(",")[6] for line in made] == [line.split(",")[6] for line in real]


def test_zip_entry(sample: Path) -> None:
    """The entry is deflated, readable by all, and dated by the market's day, not by the clock."""
    with zipfile.ZipFile(zip_path(sample)) as archive:
        (entry,) = archive.infolist()

    assert entry.date_time == (2025, 1, 3, 6, 0, 0)
    assert (entry.external_attr >> 16, entry.compress_type) == (0o100644, zipfile.ZIP_DEFLATED)


def test_line_ends(sample: Path) -> None:
    """Every ATAS line ends in CRLF, the last one too, and no file begins with a byte order mark."""
    for path in (bars_path(sample), simplified_path(sample), *tick_paths(sample)):
        data = path.read_bytes()

        assert data.count(b"\n") == data.count(b"\r\n") == data.count(b"\r")
        assert data.endswith(b"}\r\n")
        assert data.startswith(b"{")


def test_ticks_lie_in_their_hour(sample: Path) -> None:
    """The folder of a tick is the hour of its stamp."""
    for path in tick_paths(sample):
        hours = {json.loads(line)["ts"][11:13] for line in path.read_text().splitlines()}

        assert hours == {path.parent.name}
