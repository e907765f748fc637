"""Many days at once: planned, built, and after one raw file changed, exactly what it touches runs again."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.support import write_config
from pipeline import storage
from pipeline.sample.generate import SampleRequest, write_sample

FIRST = dt.date(2024, 1, 1)
SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")


class Year:
    """A kitchen with so many days of small exports."""

    def __init__(self, root: Path, days: int) -> None:
        self.root, self.days = root, days
        write_config(root, dict.fromkeys(SYMBOLS, "{market: futures_um}"), "simulated: true\n")
        write_sample(
            SampleRequest(
                out=root / "data/raw",
                first=FIRST,
                days=days,
                symbols=SYMBOLS,
                trades_per_day=1500,
                ticks=False,
                simplified=False,
            )
        )

    def run(self, command: str, *more: str) -> dict:
        """What `kitchen COMMAND` says of the whole range."""
        stop = FIRST + dt.timedelta(days=self.days - 1)
        span = ("--start", FIRST.isoformat(), "--stop", stop.isoformat(), "--json")
        started = time.monotonic()
        done = subprocess.run(
            [Path(sys.executable).with_name("kitchen"), command, *span, *more],
            env={**os.environ, "KITCHEN_CONFIG": str(self.root / "configs/kitchen.yaml")},
            capture_output=True,
            text=True,
            check=False,
        )
        sys.stderr.write(f"{self.days} days: {command} {time.monotonic() - started:.1f} s\n")
        assert done.returncode == 0, done.stderr[-2000:]
        return dict(json.loads(done.stdout))

    def ran(self) -> dict[str, dict]:
        """Unit -> what its receipt tells of the run that made it: reason, seconds, figures."""
        prepared = self.root / "data/prepared"
        return {
            (path.parent.relative_to(prepared) / unit).as_posix(): kept["facts"]
            for path in prepared.glob("date=*/**/receipts.json")
            for unit, kept in storage.read_json(path).items()
        }

    def revisions(self) -> dict[str, str]:
        """Date -> the revision that its link names."""
        links = (path for path in (self.root / "snapshots").iterdir() if path.is_symlink())
        return {p.name: os.readlink(p).rpartition(".")[2] for p in links if p.name[0] == "2"}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("days", [20, 365])
def test_a_year_is_built_and_a_changed_file_touches_its_own_days_alone(
    tmp_path: Path, days: int
) -> None:
    """All that is planned is built; then nothing is left; then one byte of one day's bars changes."""
    year = Year(tmp_path, days)
    middle = FIRST + dt.timedelta(days=days // 2)

    planned = year.run("plan")
    built = year.run("backfill", "--workers", "2")

    assert planned["steps"]["Snapshot"] == days == len(built["built"])
    assert planned["reasons"] == {"never built": sum(planned["steps"].values())}
    assert list(year.revisions().values()) == ["r1"] * days
    assert len(year.run("backfill")["ready"]) == days

    before = year.ran()
    change_one_digit(tmp_path / "data/raw/atas/bars_1m/ETHUSDT" / f"date={middle}/bars_1m.jsonl")
    planned = year.run("plan")
    year.run("backfill", "--workers", "2")
    after = year.ran()
    own = {middle.isoformat(): "r2"}

    near = [middle + dt.timedelta(days=n) for n in (-1, 0, 1, 2)]
    assert planned["days"] == [
        day.isoformat() for day in near
    ]  # at most: contents are not known yet
    assert {name for name in after if after[name] != before.get(name)} == touched(middle)
    assert {day: r for day, r in year.revisions().items() if r != "r1"} == own
    assert year.run("plan")["days"] == []


def change_one_digit(path: Path) -> None:
    """The last digit of a bar's volume is another one."""
    lines = path.read_bytes().split(b"\n")
    head, mark, tail = lines[600].partition(b'"volume":')
    end = tail.index(b",")
    digit = b"2" if tail[end - 1 : end] == b"1" else b"1"
    lines[600] = head + mark + tail[: end - 1] + digit + tail[end:]
    path.write_bytes(b"\n".join(lines))


def touched(day: dt.date) -> set[str]:
    """What reads one symbol's ATAS bars of a day: its own steps, minute features of the next, the tables."""
    own = ("CleanFeed.atas_bars", "Calibration", "AlignedBars", "Verdict", "MicroFeatures")
    following = day + dt.timedelta(days=1)
    return {
        *(f"date={day}/ETHUSDT/{step}" for step in own),
        f"date={following}/ETHUSDT/MicroFeatures",
        *(f"date={day}/{step}" for step in ("Assemble", "Manifest", "Snapshot")),
    }
