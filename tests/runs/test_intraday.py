"""A day that is still going on: prepared again and again, never published before it has settled."""

from __future__ import annotations

import datetime as dt
import os
import zipfile
from pathlib import Path

import pytest

from kit.support import kitchen_at, luigi
from pipeline.errors import LockedError, ParameterError
from pipeline.packs import Stored
from pipeline.runs.intraday import Partial, apart, prepare
from pipeline.runs.state_folder import Places
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import Kitchen
from pipeline.tables import parquet

NAME = "data/raw/binance/futures_um/BTCUSDT-1m-{}.csv"


def utc_now() -> dt.datetime:
    """The present instant: whether a feed is settled is asked of the real clock."""
    return dt.datetime.now(dt.UTC)


@pytest.fixture
def today(tmp_path: Path) -> tuple[Kitchen, list[str], dt.date]:
    """A kitchen without data, and the klines of today that may arrive."""
    day = utc_now().date()
    request = SampleRequest(
        out=tmp_path / "made", first=day, trades_per_day=1_500, ticks=False, simplified=False
    )
    write_sample(request)
    (made,) = (tmp_path / "made").rglob("*-1m-*.zip")
    with zipfile.ZipFile(made) as archive:
        lines = archive.read(archive.namelist()[0]).decode().splitlines(keepends=True)
    return kitchen_at(tmp_path, f"{{market: futures_um, since: {day}}}"), lines, day


def arrive(root: Path, lines: list[str], day: dt.date) -> None:
    """So many klines are there now."""
    path = root / NAME.format(day)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines))


def the_one(found: list[Partial]) -> Partial:
    """The one symbol and day."""
    (partial,) = found
    return partial


def test_each_round_prepares_what_has_arrived_and_nothing_when_nothing_has(
    tmp_path: Path, today: tuple[Kitchen, list[str], dt.date]
) -> None:
    """300 minutes, the same again, 600 minutes; the bars have as many rows of the exchange."""
    kitchen, lines, day = today
    head = len(lines) - 1440
    arrive(tmp_path, lines[: head + 300], day)
    first = the_one(prepare(kitchen, utc_now(), day))
    again = the_one(prepare(kitchen, utc_now(), day))
    arrive(tmp_path, lines[: head + 600], day)
    more = the_one(prepare(kitchen, utc_now(), day))

    bars = parquet.read(Stored(more.folder / "AlignedBars.zip", "bars_1m.parquet"))
    assert sum(bars["src_binance"].to_pylist()) == 600
    assert (first.coverage, more.coverage) == (300 / 1440, 600 / 1440)
    assert first.ran
    assert again.ran == ()
    assert Stored(more.folder / "Verdict.zip", "calibration_report.html").exists()
    assert more.facts()["condition"] == "pending"


def test_what_was_prepared_today_never_leads_to_a_snapshot(
    tmp_path: Path, today: tuple[Kitchen, list[str], dt.date]
) -> None:
    """Luigi still waits for the settled feed, and its own folder has nothing of the half day."""
    kitchen, lines, day = today
    arrive(tmp_path, lines, day)
    old = utc_now().timestamp() - 7_200
    os.utime(tmp_path / NAME.format(day), (old, old))
    prepare(kitchen, utc_now(), day)

    run = luigi(tmp_path, "Snapshot", "--date", str(day), "--local-scheduler")

    assert run.returncode == 20, run.stderr
    assert not list((tmp_path / "snapshots").glob("2*"))
    assert not list(kitchen.prepared.glob("date=*/BTCUSDT/Verdict*"))


def test_without_klines_it_says_so(today: tuple[Kitchen, list[str], dt.date]) -> None:
    """Nothing to prepare is no failure."""
    kitchen, _, day = today

    assert the_one(prepare(kitchen, utc_now(), day)).error == "no klines yet"


def test_settled_and_future_days_are_refused(
    tmp_path: Path, today: tuple[Kitchen, list[str], dt.date]
) -> None:
    """One sentence; a settled day is a snapshot's."""
    _, _, day = today
    kitchen = kitchen_at(tmp_path, "{market: futures_um, since: 2025-01-01}")

    with pytest.raises(ParameterError, match="is settled"):
        prepare(kitchen, utc_now(), dt.date(2025, 1, 2))
    with pytest.raises(ParameterError, match="has not begun"):
        prepare(kitchen, utc_now(), day + dt.timedelta(days=2))


def test_the_folder_of_a_day_that_has_settled_is_removed(
    today: tuple[Kitchen, list[str], dt.date],
) -> None:
    """Only open days are kept."""
    kitchen, _, day = today
    old = apart(kitchen).prepared / f"date={day - dt.timedelta(days=9)}" / "BTCUSDT"
    old.mkdir(parents=True)

    prepare(kitchen, utc_now(), day)

    assert not old.parent.exists()


def test_two_at_once_are_one(today: tuple[Kitchen, list[str], dt.date]) -> None:
    """The second says that another run holds the lock."""
    kitchen, _, day = today

    with Places.of(kitchen.prepared).locked("intraday"), pytest.raises(LockedError):
        prepare(kitchen, utc_now(), day)
