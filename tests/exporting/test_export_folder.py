"""The folder of an export: all of it or what it had before, and nobody else's files are lost."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyarrow import feather

from kit import snapshots
from kit.export_ground import DAYS, Exporter
from pipeline import storage
from pipeline.exporting.folder import drafted
from pipeline.settings.config import Kitchen

ONE = ("--symbols", "SOLUSDT", "--stop", DAYS[0])
BOTH = ("--symbols", "SOLUSDT,BTCUSD_PERP")
TOOLS = ["freqtrade", "nautilus", "parquet", "qlib"]


def receipt_of(out: Path) -> tuple[Path, dict]:
    """The one receipt of a folder."""
    (path,) = out.glob("_export-*.json")
    return path, json.loads(path.read_text())


@pytest.mark.parametrize("tool", [*TOOLS, "hftbacktest"])
def test_the_receipt_says_what_the_folder_holds(
    exporter: Exporter, ground: Kitchen, tmp_path: Path, tool: str
) -> None:
    """Every file with its digest, and by date the revision and its manifest's digest; no path, no clock."""
    out = tmp_path / "out"
    exporter.made(tool, *BOTH, "--out", out)

    path, said = receipt_of(out)
    files = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    del files[path.name]
    assert {name: it["sha256"] for name, it in said["files"].items()} == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    }
    assert {name: it["bytes"] for name, it in said["files"].items()} == {
        name: len(data) for name, data in files.items()
    }
    for day in DAYS:
        manifest = ground.snapshots / f"{day}/dataset_manifest.json"
        entry = said["days"][str(day)]
        assert entry["manifest_sha256"] == hashlib.sha256(manifest.read_bytes()).hexdigest()
        assert entry["conditions"] == {"BTCUSD_PERP": "available", "SOLUSDT": "available"}
    assert str(tmp_path) not in path.read_text()
    assert said["tool"] == tool


@pytest.mark.parametrize("tool", TOOLS)
def test_the_same_export_again_changes_nothing(
    exporter: Exporter, tmp_path: Path, tool: str
) -> None:
    """Not an inode, not a time; and elsewhere it gives the same bytes."""
    out, other = tmp_path / "out", tmp_path / "other"
    exporter.made(tool, *BOTH, "--out", out)
    before = {k: v for k, v in snapshots.tree(out).items() if k != "."}

    exporter.made(tool, *BOTH, "--out", out)
    exporter.made(tool, *BOTH, "--out", other)

    assert {k: v for k, v in snapshots.tree(out).items() if k != "."} == before
    assert snapshots.contents(out) == snapshots.contents(other)


@pytest.mark.parametrize("tool", TOOLS)
def test_more_days_and_symbols_take_its_place(
    exporter: Exporter, tmp_path: Path, tool: str
) -> None:
    """As if it had been made at once; files that the larger one does not have go."""
    out, at_once = tmp_path / "out", tmp_path / "at_once"
    exporter.made(tool, *ONE, "--out", out)

    exporter.made(tool, *BOTH, "--out", out)
    exporter.made(tool, *BOTH, "--out", at_once)

    assert snapshots.contents(out) == snapshots.contents(at_once)


@pytest.mark.parametrize("less", [ONE, ("--symbols", "BTCUSD_PERP")], ids=["days", "symbols"])
def test_less_than_what_is_there_is_refused(
    exporter: Exporter, tmp_path: Path, less: tuple[str, ...]
) -> None:
    """So that no run takes days or symbols away unasked."""
    out = tmp_path / "out"
    exporter.made("freqtrade", *BOTH, "--out", out)
    before = snapshots.contents(out)

    code, said = exporter.refused("freqtrade", *less, "--out", out)

    assert code == 40
    assert "BTCUSD_PERP as BTC/USD:BTC, SOLUSDT as SOL/USDT from 2025-01-02 to 2025-01-03" in said
    assert snapshots.contents(out) == before


def test_two_exports_share_a_folder(exporter: Exporter, tmp_path: Path) -> None:
    """Bars of two lengths and trades, each with its own receipt; and what else is there stays."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    exporter.made("nautilus", *BOTH, "--out", out)
    exporter.made("nautilus", *BOTH, "--interval", "5m", "--out", out)
    exporter.made("nautilus", "--symbols", "BTCUSD_PERP", "--trades", "--out", out)

    names = {path.name for path in out.glob("_export-*.json")}
    assert names == {
        "_export-nautilus-1m.json",
        "_export-nautilus-5m.json",
        "_export-nautilus-trades.json",
    }
    assert (out / "mine.txt").read_text() == "mine"
    assert len(list(out.glob("data/*/*/*.parquet"))) == 6


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_file_that_is_not_ours_is_never_replaced(
    exporter: Exporter, tmp_path: Path, when: str
) -> None:
    """One of the tool's own downloads, or ours once the tool has gone on with it."""
    out = tmp_path / "out"
    file = out / "SOL_USDT-1m.feather"
    if when == "after":
        exporter.made("freqtrade", *ONE, "--out", out)
    out.mkdir(exist_ok=True)
    file.write_bytes(b"downloaded")
    before = snapshots.contents(out)

    code, said = exporter.refused("freqtrade", *BOTH, "--out", out)

    assert code == 40
    assert f"{file} is there and not as an export of ours left it" in said
    assert snapshots.contents(out) == before


@pytest.mark.parametrize(
    "rubbish", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"format": 3}'], ids=range(5)
)
def test_a_receipt_that_is_none_is_refused(
    exporter: Exporter, tmp_path: Path, rubbish: bytes
) -> None:
    """Nothing is taken for ours by a name."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "_export-freqtrade-1m.json").write_bytes(rubbish)

    code, said = exporter.refused("freqtrade", *ONE, "--out", out)

    assert code == 40
    assert "is no receipt of this release" in said
    assert [path.name for path in out.iterdir()] == ["_export-freqtrade-1m.json"]


@pytest.mark.parametrize("place", ["a file", "below a file", "in the kitchen"])
def test_a_folder_that_cannot_be_is_one_sentence(
    exporter: Exporter, ground: Kitchen, tmp_path: Path, place: str
) -> None:
    """And nothing is written anywhere."""
    (tmp_path / "file").write_text("")
    out = {
        "a file": tmp_path / "file",
        "below a file": tmp_path / "file/out",
        "in the kitchen": ground.snapshots / "out",
    }[place]

    code, said = exporter.refused("parquet", *ONE, "--out", out)

    assert code == 40
    assert said.startswith("kitchen: --out: ")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert not (ground.snapshots / "out").exists()


def test_a_refused_export_leaves_no_folder(exporter: Exporter, tmp_path: Path) -> None:
    """There is nothing to find out about afterwards."""
    code, said = exporter.refused("hftbacktest", *ONE, "--out", tmp_path / "a/out")

    assert code == 30
    assert "nothing from 2025-01-02 to 2025-01-02 is there to export (no tape)" in said
    assert not (tmp_path / "a/out").exists()


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_move_that_was_killed_is_made_up_for(
    exporter: Exporter, tmp_path: Path, moved: int
) -> None:
    """Some files are new, the receipt is not: the next run knows both for ours, also another one's."""
    out, wanted = tmp_path / "out", tmp_path / "wanted"
    exporter.made("nautilus", *ONE, "--out", out)
    exporter.made("nautilus", *BOTH, "--out", wanted)
    _, old = receipt_of(out)
    with drafted(out, "_export-nautilus-1m.json") as draft:
        files = sorted(p.relative_to(wanted).as_posix() for p in wanted.rglob("*.parquet"))
        ours = {name: [it["sha256"]] for name, it in old["files"].items()}
        for name in files:
            ours.setdefault(name, []).append(storage.file_digest(wanted / name))
        storage.write_json(draft.begun, ours)
        for name in files[:moved]:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(wanted / name, out / name)

    exporter.made("nautilus", *BOTH, "--out", out)

    assert snapshots.contents(out) == snapshots.contents(wanted)


def test_a_run_that_is_killed_leaves_whole_files_or_none(
    exporter: Exporter, ground: Kitchen, tmp_path: Path
) -> None:
    """At any moment, as a real process; the next one ends as if there had been no other."""
    out, wanted = tmp_path / "out", tmp_path / "wanted"
    exporter.made("freqtrade", *BOTH, "--out", wanted)
    whole = snapshots.contents(wanted)
    command = [sys.executable, "-c", "from pipeline.cli.main import main; main()", "export"]
    command += ["freqtrade", *map(str, BOTH), "--out", str(out)]
    environ = os.environ | {"KITCHEN_CONFIG": str(ground.file)}
    for wait in (0.2, 0.6, 0.8, 1.0):
        running = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
        time.sleep(wait)
        running.send_signal(signal.SIGKILL)
        running.wait()
        found = {k: v for k, v in snapshots.contents(out).items() if not k.startswith(("_", "."))}
        assert all(whole[name] == data for name, data in found.items())

    exporter.made("freqtrade", *BOTH, "--out", out)

    assert snapshots.contents(out) == whole
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_a_second_run_waits_for_the_first(exporter: Exporter, tmp_path: Path) -> None:
    """Both write the same folder; one after the other it is whole."""
    out = tmp_path / "out"
    command = [sys.executable, "-c", "from pipeline.cli.main import main; main()", "export"]
    command += ["freqtrade", *map(str, BOTH), "--out", str(out)]
    environ = os.environ | {"KITCHEN_CONFIG": str(exporter.root / "configs/kitchen.yaml")}
    both = [subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) for _ in range(2)]

    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert feather.read_table(out / "SOL_USDT-1m.feather").num_rows == 2880
    _, said = receipt_of(out)
    assert set(said["files"]) == {
        "SOL_USDT-1m.feather",
        "futures/BTC_USD_BTC-1m-futures.feather",
    }
