"""The last lines of a build: what is remarkable of the day, and where to look at it."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from kit.support import Run, luigi, write_config
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.tasks import closing

DAY = dt.date(2025, 1, 2)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day whose ATAS recorded another instrument."""
    root = tmp_path_factory.mktemp("closing")
    write_config(root, extra="simulated: true\n")
    write_sample(
        SampleRequest(
            out=root / "data/raw", first=DAY, trades_per_day=3_000, trades=False, defects=("C01",)
        )
    )
    return root


@pytest.fixture(scope="module")
def built(root: Path) -> Run:
    """The day, built."""
    return luigi(root, "Snapshot", "--date", str(DAY), "--local-scheduler")


def test_an_available_symbol_is_told_with_its_note(built: Run) -> None:
    """Another instrument, and by how much its prices differ."""
    assert re.search(
        r"^  BTCUSDT has a note: C01 .*, median basis [+-]\d+\.\d bps", built.stdout, re.M
    )


def test_the_report_is_named_and_there(root: Path, built: Run) -> None:
    """By its path; and the command that shows the picture."""
    report = re.search(r"^  report  (/.*\.html)$", built.stdout, re.M)

    assert report
    assert Path(report[1]).is_file()
    assert f"  look    kitchen show {DAY} BTCUSDT --open\n" in built.stdout
    assert " s after the run began\n" in built.stdout


def test_the_report_is_named_where_a_web_server_has_it(root: Path, built: Run) -> None:
    """Below the address that stands for the snapshots."""
    write_config(root, extra="simulated: true\nalerts: {reports: 'https://pages.example/k/'}\n")
    again = luigi(root, "Snapshot", "--date", str(DAY), "--local-scheduler")

    assert (
        f"  report  https://pages.example/k/{DAY}/qc/BTCUSDT/calibration_report.html\n"
        in again.stdout
    )


def test_what_a_vendor_wrote_cannot_drive_the_terminal() -> None:
    """A note may quote a file's name."""
    told = closing._told("BTCUSDT", "has a note", [{"code": "A13", "note": "x\x1b[2Jy"}])

    assert told == "  BTCUSDT has a note: A13 x[2Jy"
