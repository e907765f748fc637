"""Delta views from the outside: how runs and commands keep them, and what is said when they cannot."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from kit.revised_days import other_closes
from kit.support import Run, luigi, write_config
from pipeline.reader import load
from pipeline.sample.generate import SampleRequest, write_sample

D1, D2 = "2025-01-02", "2025-01-03"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A kitchen with two days of raw data, that keeps two tables as Delta tables."""
    file = write_config(tmp_path, "{market: futures_um, atas: none}")
    file.write_text(f"{file.read_text()}\ntables: {{delta: [bars_1m, macro_slow]}}\n")
    first = dt.date.fromisoformat(D1)
    write_sample(SampleRequest(out=tmp_path / "data/raw", first=first, days=2, trades_per_day=2000))
    return tmp_path


def kitchen(root: Path, *arguments: str, **environment: str) -> Run:
    """Runs a command with the configuration of a root."""
    return subprocess.run(
        [sys.executable, "-P", "-c", "from pipeline.cli.main import main; main()", *arguments],
        env={
            "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml"),
            "HOME": str(root),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def seen(root: Path, table: str = "bars_1m") -> list[str]:
    """The dates that a view has rows of."""
    rows = DeltaTable(str(root / "snapshots/delta" / table)).to_pandas()
    return sorted({str(day) for day in rows["date"]})


def test_the_views_follow_each_publication(root: Path) -> None:
    """Of a day alone and of a range; what they say is what `load` gives."""
    assert luigi(root, "Snapshot", "--local-scheduler", "--date", D1).returncode == 0
    assert [seen(root), seen(root, "macro_slow")] == [[D1], [D1]]

    run = kitchen(root, "backfill", "--start", D1, "--stop", D2)

    assert run.returncode == 0, run.stderr
    assert [seen(root), seen(root, "macro_slow")] == [[D1, D2], [D1, D2]]
    every = load("bars_1m", D1, D2, root=root / "snapshots", allow=("available", "degraded"))
    found = DeltaTable(str(root / "snapshots/delta/bars_1m")).to_pyarrow_table()
    keys = [("symbol", "ascending"), ("ts", "ascending")]
    assert found.select(every.column_names).sort_by(keys).to_pylist() == every.to_pylist()


def test_a_range_is_one_version(root: Path) -> None:
    """The views follow once all dates of a window are there: years of days are not years of versions."""
    run = kitchen(root, "backfill", "--start", D1, "--stop", D2)

    assert run.returncode == 0, run.stderr
    assert seen(root) == [D1, D2]
    assert DeltaTable(str(root / "snapshots/delta/bars_1m")).version() == 0


def test_a_view_in_the_way_of_nobody(root: Path) -> None:
    """A publication that a view cannot follow is done, with a warning; `status` says so until then."""
    (root / "snapshots").mkdir()
    obstacle = root / "snapshots/delta"
    obstacle.write_text("somebody's\n")

    run = luigi(root, "Snapshot", "--local-scheduler", "--date", D1)
    assert run.returncode == 0, run.stderr
    assert "the Delta view of bars_1m is behind the store: " in run.stderr
    told = kitchen(root, "status", "--start", D1, "--stop", D1)
    assert (
        "the Delta view of bars_1m is behind: `kitchen index` brings it up to date" in told.stdout
    )
    refused = kitchen(root, "index")
    assert (refused.returncode, refused.stdout) == (30, "")
    assert "the Delta view of bars_1m is behind the store" in refused.stderr

    obstacle.unlink()
    made = kitchen(root, "index")
    assert made.returncode == 0, made.stderr
    assert made.stdout.endswith("snapshots/delta/macro_slow: a Delta table\n")
    facts = json.loads(kitchen(root, "status", "--start", D1, "--stop", D1, "--json").stdout)
    assert facts["delta_behind"] == []
    assert seen(root) == [D1]


def test_rollback_and_gc_take_the_views_with_them(root: Path) -> None:
    """By the commands: what is readers' is the view's, what was collected is not in it."""
    assert luigi(root, "Snapshot", "--local-scheduler", "--date", D1).returncode == 0
    other_closes(next((root / "data/raw").rglob(f"BTCUSDT-1m-{D1}.zip")))
    assert luigi(root, "Snapshot", "--local-scheduler", "--date", D1).returncode == 0
    view = root / "snapshots/delta/bars_1m"
    closes = [DeltaTable(str(view), version=v).to_pandas()["close"].sum() for v in (0, 1)]

    assert kitchen(root, "rollback", D1, "r1", "--reason", "wrong export").returncode == 0
    assert DeltaTable(str(view)).to_pandas()["close"].sum() == closes[0] != closes[1]
    run = kitchen(root, "gc", "--keep", "1", "--apply")

    assert run.returncode == 0, run.stderr
    assert [link.name for link in view.glob("date=*/*/*")] == ["r3.parquet"]
    assert DeltaTable(str(view)).to_pandas()["close"].sum() == closes[0]


def without_library(root: Path) -> str:
    """A search path on which deltalake is not to be found."""
    folder = root / "without"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import sys; sys.modules['deltalake'] = None\n")
    return str(folder)


def test_without_the_library_nothing_is_built(root: Path) -> None:
    """One sentence that names the extra, and exit 40."""
    run = luigi(
        root, "Snapshot", "--local-scheduler", "--date", D1, PYTHONPATH=without_library(root)
    )

    assert run.returncode == 40
    assert run.stderr.count("deltalake is not installed") == 1
    assert "pip install 'central-data-kitchen[delta]' brings it" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (root / "snapshots").exists()
    assert not list((root / "data/prepared").rglob("*.parquet"))


def test_the_configuration_is_told_to_be_wrong_without_the_library(root: Path) -> None:
    """By `config check`; `index` refuses before it writes anything. Reading asks for none."""
    path = without_library(root)

    told = kitchen(root, "config", "check", PYTHONPATH=path)
    assert (told.returncode, told.stdout.count("deltalake is not installed")) == (40, 1)
    told = kitchen(root, "index", PYTHONPATH=path)
    assert (told.returncode, told.stderr.count("deltalake is not installed")) == (40, 1)

    assert not (root / "snapshots").exists()
    assert kitchen(root, "status", "--start", D1, "--stop", D1, PYTHONPATH=path).returncode == 0


def test_a_table_that_is_none_is_named(root: Path) -> None:
    """With those that there are."""
    file = root / "configs/kitchen.yaml"
    file.write_text(file.read_text().replace("macro_slow", "bars_1s"))

    run = kitchen(root, "config", "check")

    assert run.returncode == 40
    assert "tables.delta" in run.stdout
    assert "bars_1s" in run.stdout
