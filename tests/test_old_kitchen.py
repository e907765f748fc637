"""A kitchen that release 0.1.0 made opens with today's code, and says why what is stale is stale."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from kit.doc_pages import blocks, page
from kit.support import Run
from pipeline import storage
from pipeline.contracts.manifest import read, to_json
from pipeline.reader import load
from pipeline.stages import STAGES

ARCHIVE = Path(__file__).parent / "golden" / "kitchen-0.1.0.tar.xz"
DAY = "2025-01-03"
LOST = dt.datetime(2025, 1, 3, 10, 32, tzinfo=dt.UTC)
"""The first of the three minutes that r1 has from ATAS and r2 has not."""

OLDER_FORM = "built by an older release, which had other files for it"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The archive, unpacked."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="tar")
    return tmp_path


def ask(old: Path, *command: str) -> Run:
    """Runs one of the installed commands in the kitchen, as a user would."""
    environ = {**os.environ, "KITCHEN_CONFIG": str(old / "kitchen.yaml")}
    return subprocess.run(
        [str(Path(sys.executable).with_name(command[0])), *command[1:]],
        cwd=old,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def kitchen(old: Path, *arguments: str) -> str:
    """What a kitchen command says; it has to succeed."""
    done = ask(old, "kitchen", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def plan(old: Path) -> dict[str, list[str]]:
    """Unit -> why it has to run."""
    units: dict[str, list[str]] = json.loads(kitchen(old, "why", DAY, "--json"))["units"]
    return units


def older_folders(old: Path) -> list[str]:
    """Folders of steps, in each of which there were a receipt and a file an output."""
    found = (old / "prepared").glob(f"date={DAY}/**/receipt.json")
    return sorted(path.parent.name for path in found)


def current(old: Path) -> str:
    """The revision that readers see."""
    return os.readlink(old / "snapshots" / DAY)


def price(old: Path, as_of: str | None = None) -> float | None:
    """ATAS's open of the minute that r2 lost."""
    rows = load("bars_1m", DAY, DAY, as_of=as_of, root=old / "snapshots").to_pylist()
    assert len(rows) == 1440
    [found] = [row["atas_open"] for row in rows if row["minute_open"] == LOST]
    return found if found is None else float(found)


def test_its_day_is_exported(old: Path) -> None:
    """Its bars; of its tape, which it prepared in an older form, a sentence says that it is not in hand."""
    said = kitchen(old, "export", "freqtrade", "--out", str(old / "out"))
    refused = ask(old, "kitchen", "export", "hftbacktest", "--out", str(old / "events"))

    assert "BTCUSDT as BTC/USDT:USDT: 1,440 bars, 2025-01-03T00:00:00Z" in said
    assert refused.returncode == 30
    assert "its tape is not in hand" in refused.stderr


def test_both_revisions_are_read(old: Path) -> None:
    """The current one, and by its time of publication the one before."""
    first = old / "snapshots/.revisions" / f"{DAY}.r1" / "publication.json"
    published_at = json.loads(first.read_text())["published_at"]

    assert price(old) is None
    assert price(old, as_of=published_at) == 79848.8


@pytest.mark.parametrize("revision", [1, 2])
def test_its_manifests_are_read_and_written_again_byte_for_byte(old: Path, revision: int) -> None:
    """So a rollback publishes just what was said then."""
    path = old / "snapshots/.revisions" / f"{DAY}.r{revision}" / "dataset_manifest.json"
    manifest = read(json.loads(path.read_bytes()))

    assert storage.canonical_json(to_json(manifest)) == path.read_bytes()


def test_its_snapshots_are_verified(old: Path) -> None:
    """Every revision; and a byte that changed is found."""
    assert "good" in kitchen(old, "verify", "--all")

    table = old / "snapshots/.revisions" / f"{DAY}.r1" / "bars_1m.parquet"
    table.chmod(0o644)
    table.write_bytes(table.read_bytes()[:-1] + b"X")

    assert ask(old, "kitchen", "verify", "--all").returncode != 0


def test_it_is_rolled_back(old: Path) -> None:
    """Readers see what the first revision says, as a third."""
    kitchen(old, "rollback", DAY, "r1", "--reason", "the lines were there after all")

    assert current(old).endswith(f"{DAY}.r3")
    assert price(old) == 79848.8


def test_what_is_stale_says_why_and_is_built_again(old: Path) -> None:
    """It had other files for each step; as today's code makes the same day, no revision follows."""
    assert older_folders(old) != []

    stale = plan(old)

    assert {unit.split()[0] for unit in stale} == set(STAGES) - {"DailyStats"}
    assert {text for reasons in stale.values() for text in reasons} == {OLDER_FORM}

    built = ask(old, *f"luigi --module pipeline Snapshot --date {DAY} --local-scheduler".split())

    assert built.returncode == 0, built.stdout + built.stderr
    assert current(old).endswith(f"{DAY}.r2")
    assert len(list((old / "snapshots/.revisions").iterdir())) == 2
    assert plan(old) == {}
    assert older_folders(old) == []


def test_what_was_rolled_back_stays_so_when_a_release_adds_columns(old: Path) -> None:
    """The raw files still give what r2 said, with today's columns; readers keep the rollback."""
    kitchen(old, "rollback", DAY, "r1", "--reason", "the lines were there after all")

    built = ask(old, *f"luigi --module pipeline Snapshot --date {DAY} --local-scheduler".split())

    assert built.returncode == 0, built.stdout + built.stderr
    assert current(old).endswith(f"{DAY}.r3")
    assert price(old) == 79848.8


def test_days_of_both_releases_are_read_together(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the reader, and by the lines of the guide; the old day's new column is null."""
    kitchen(old, "sample", "--date", "2025-01-04", "--trades", "3000", "--out", str(old / "raw"))
    newer = "luigi --module pipeline Snapshot --date 2025-01-04 --local-scheduler"
    built = ask(old, *newer.split())
    assert built.returncode == 0, built.stdout + built.stderr
    [lines] = [block for block in blocks(page("docs/reading.md"), "python") if "mixed" in block]
    monkeypatch.chdir(old)
    said: dict[str, Any] = {
        "duckdb": duckdb,
        "pl": pl,
        "paths": [f"snapshots/{day}/bars_1m.parquet" for day in (DAY, "2025-01-04")],
    }

    exec(lines, said)  # noqa: S102 - the guide's own lines
    table = load("bars_1m", DAY, "2025-01-04", root=old / "snapshots")

    assert said["proven"] == [(2880, 1440)]
    assert said["lazy"].select("proven").collect()["proven"].null_count() == 1440
    assert (table.num_rows, table["proven"].null_count) == (2880, 1440)
