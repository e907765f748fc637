"""A real day whose klines lie in a person's table: the configuration, the file and ATAS on its stamps."""

from __future__ import annotations

import datetime as dt
import io
import shutil
import zipfile
from pathlib import Path

import pytest

from kit.support import kitchen_at
from kit.whole_day import Day, whole_day

DAY = dt.date(2025, 1, 2)
TABLE = f"binance/fetcher/BTCUSDT_{DAY}.csv"


def day_with(root: Path, real: Path, label: str | None, first: int = 0, late: int = 0) -> Day:
    """The day of BTCUSDT by its archive as a table of `timestamp`, from a minute on, and ATAS.

    The table says each minute `late` minutes later than it was.
    """
    said = f", sources: {{binance_1m: {{label: {label}}}}}" if label else ""
    kitchen = kitchen_at(root, f"{{market: futures_um{said}}}")
    source = real / "btcusdt-2025-01-02"
    shutil.copytree(source / "atas", kitchen.raw / "atas")
    with zipfile.ZipFile(source / f"binance/futures_um/BTCUSDT-1m-{DAY}.zip") as packed:
        text = io.TextIOWrapper(packed.open(packed.namelist()[0])).read()
    rows = [line.split(",") for line in text.splitlines() if line[0].isdigit()]
    moments = (dt.datetime.fromtimestamp(int(row[0]) // 1000 + 60 * late, dt.UTC) for row in rows)
    stamps = [moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in moments]
    lines = [",".join((at, *row[1:6])) for at, row in zip(stamps, rows, strict=True)][first:]
    table = kitchen.raw / TABLE
    table.parent.mkdir(parents=True)
    table.write_text("\n".join(["timestamp,open,high,low,close,volume", *lines]) + "\n")
    return whole_day(kitchen, "BTCUSDT", DAY)


@pytest.mark.parametrize(
    ("label", "first", "late", "doubted"),
    [
        ("close", 0, 0, True),
        ("close", 7, 0, True),
        ("open", 7, 1, True),
        (None, 0, 0, False),
        ("open", 0, 0, False),
        ("close", 0, 1, False),
        ("close", 7, 1, False),
        (None, 7, 1, False),
    ],
)
def test_a_stated_edge_that_file_and_atas_contradict_is_refused(
    tmp_path: Path, real_data: Path, label: str | None, first: int, late: int, doubted: bool
) -> None:
    """From the file's ledger to the verdict; an edge that is right, told or stated, is not doubted."""
    found = day_with(tmp_path, real_data, label, first, late)
    notes = {reason.code: reason.note for reason in found.verdict.reasons}

    assert ("C13" in notes) == doubted, notes
    assert (found.condition == "missing") == doubted
    if doubted:
        assert (
            f"sources.binance_1m.label says that timestamp of {TABLE} is the {label}"
            in notes["C13"]
        )
