"""A real day is corrected, published again, compared, and rolled back: all by the commands."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kit import snapshots as kit
from kit.support import btcusdt_raw, luigi, stat_tree
from pipeline.clock import parse_day
from pipeline.errors import RefusedError
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.revisions import read_publication
from pipeline.publishing.verify import verify_day
from pipeline.reader import load

pytestmark = pytest.mark.real

TEXT = "2025-01-02"
DAY = parse_day(TEXT)
CHANGED, DROPPED = (100, 701), 600
"""Minutes of the day whose vendor bars are corrected, and one whose bar is taken out."""


def snapshot(root: Path) -> None:
    """Builds and publishes what the day lacks."""
    done = luigi(root, "Snapshot", "--date", TEXT)
    assert done.returncode == 0, done.stderr


def kitchen(root: Path, *arguments: str) -> dict[str, Any]:
    """The facts that a command tells."""
    done = subprocess.run(
        [Path(sys.executable).with_name("kitchen"), *arguments, "--json"],
        env={"KITCHEN_CONFIG": str(root / "configs/kitchen.yaml"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def correct(root: Path) -> None:
    """Edits the vendor's file: two bars say another low and close, one is gone."""
    path = root / f"data/raw/atas/bars_1m/BTCUSDT/date={TEXT}/bars_1m.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for minute in CHANGED:
        entry = json.loads(lines[minute])
        entry["close"] = entry["low"] = entry["low"] - 0.1
        lines[minute] = json.dumps(entry, separators=(",", ":")).encode() + b"\r\n"
    path.write_bytes(b"".join(lines[:DROPPED] + lines[DROPPED + 1 :]))


def everything(folder: Path) -> dict[str, bytes]:
    """Each file of a revision, its papers included."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def corrected(
    tmp_path_factory: pytest.TempPathFactory, real_data: Path
) -> tuple[Path, dict[str, bytes]]:
    """The root after the correction was published, and r1's bytes from before it."""
    root = btcusdt_raw(tmp_path_factory.mktemp("corrected"), real_data)
    shutil.rmtree(root / "data/raw/atas/v6_3")
    snapshot(root)
    before = everything(FolderStore(root / "snapshots").revision(DAY, 1))
    correct(root)
    snapshot(root)
    return root, before


def closes(root: Path, as_of: dt.datetime | None) -> list[float | None]:
    """The vendor's closes as published at an instant."""
    states, store = ("available", "degraded"), root / "snapshots"
    found = load("bars_1m", DAY, DAY, as_of=as_of, columns=["atas_close"], allow=states, root=store)
    values: list[float | None] = found["atas_close"].to_pylist()
    return values


def test_a_corrected_raw_file_makes_a_second_revision(
    corrected: tuple[Path, dict[str, bytes]],
) -> None:
    """The first keeps every byte; the second names it as its parent and says which raw file is why."""
    root, before = corrected
    store = FolderStore(root / "snapshots")

    assert everything(store.revision(DAY, 1)) == before
    paper = read_publication(store.revision(DAY, 2))
    assert (paper["revision"], paper["parent"]) == (2, 1)
    assert verify_day(store, DAY) == []


def test_as_of_gives_what_was_published_then(corrected: tuple[Path, dict[str, bytes]]) -> None:
    """Nothing before r1, r1 up to the instant of r2, r2 from it on."""
    root, _ = corrected
    store = FolderStore(root / "snapshots")
    first, second = (
        dt.datetime.fromisoformat(read_publication(store.revision(DAY, n))["published_at"])
        for n in (1, 2)
    )
    tick = dt.timedelta(microseconds=1)

    old, new = closes(root, first), closes(root, second)

    assert {m for m in range(1440) if old[m] != new[m]} == {*CHANGED, DROPPED}
    assert closes(root, second - tick) == old
    assert new[DROPPED] is None
    assert closes(root, None) == new
    with pytest.raises(RefusedError, match="not published"):
        closes(root, first - tick)


def test_diff_names_exactly_the_changed_rows(corrected: tuple[Path, dict[str, bytes]]) -> None:
    """The minutes of `bars_1m` that were edited, with both values; features of minutes before them stay."""
    root, _ = corrected

    tables = kitchen(root, "diff", f"{TEXT}.r1", f"{TEXT}.r2", "--rows", "0")["tables"]

    bars = tables["bars_1m.parquet"]
    minute = {k.isoformat(): m for m, k in enumerate(kit.minutes(DAY))}
    at = bars["keys"].index("ts")
    closed = dt.timedelta(minutes=1)
    rows = {
        minute[(dt.datetime.fromisoformat(row["row"][at]) - closed).isoformat()]: row["columns"]
        for row in bars["changed_rows"]
    }
    assert (bars["added_rows"], bars["removed_rows"]) == ([], [])
    assert set(rows) == {*CHANGED, DROPPED}
    for changed in CHANGED:
        assert set(rows[changed]) == {"atas_low", "atas_close", "basis_bps", "qc_flags"}
    assert rows[DROPPED]["src_atas"] == [True, False]
    earliest = min(r["row"] for r in tables["features_micro.parquet"]["changed_rows"])[at]
    assert earliest == (kit.minutes(DAY)[CHANGED[0]] + closed).isoformat()


@pytest.mark.slow
def test_a_rollback_stands_until_the_raw_files_say_something_else(
    corrected: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    """r3 has r1's tables; asked again, `Snapshot` leaves it; another correction becomes r4."""
    root = tmp_path / "root"
    shutil.copytree(corrected[0], root, symlinks=True)
    old = closes(root, None)
    store = FolderStore(root / "snapshots")

    kitchen(root, "rollback", TEXT, "r1", "--reason", "the correction was wrong")
    back = closes(root, None)
    before = stat_tree(root / "snapshots")
    snapshot(root)

    assert back[DROPPED] is not None
    assert stat_tree(root / "snapshots") == before
    path = root / f"data/raw/atas/bars_1m/BTCUSDT/date={TEXT}/bars_1m.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    snapshot(root)
    paper = read_publication(store.revision(DAY, 4))
    assert (paper["revision"], paper["parent"]) == (4, 3)
    assert closes(root, None)[:1439] == old[:1439]
    assert verify_day(store, DAY) == []
