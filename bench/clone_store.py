"""A store of many symbols and days out of a few built ones, in minutes and a few gigabytes.

    python bench/clone_store.py OUT [--from KITCHEN] [--symbols 400] [--days 730] [--files 24]

Each symbol is one of the built ones under another name, each manifest has the accounts of all of them, and
every paper, digest, link and the index are what `kitchen verify` wants. What is not as in life, for 400
symbols x 730 days would have 60 GB of bars alone: days have `bars_1m` and no other table, and only `--files`
of them have a file of their own. The others are hard links to these, so that rows are of the built days,
whatever the day's date. Who reads them reads, hashes and decodes as much; only the pages of a file are warm
sooner.
Without `--from` a kitchen of two days of the sample is built first.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from pipeline import storage
from pipeline.contracts.manifest import DayCondition, Manifest, to_json
from pipeline.contracts.value import changed
from pipeline.free_form import Json
from pipeline.packs import Stored
from pipeline.publishing import index, ranges, revisions, sums
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.manifest import data_manifest_hash, file_entry
from pipeline.publishing.revisions import Sealed
from pipeline.tables import parquet

SYMBOLS, DAYS, FILES = 400, 730, 24
BARS = "bars_1m.parquet"
BUILT = (dt.date(2025, 1, 2), dt.date(2025, 1, 3))
_NAMES = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
_AT = "2025-06-01T00:00:00Z"

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mould:
    """A file of all symbols, the manifest of a day that has it, and that one's bytes and parts."""

    file: Path
    manifest: Manifest
    data: bytes
    parts: Json


def names(count: int) -> list[str]:
    """Symbols as they could be listed."""
    return [f"C{number:04d}USDT" for number in range(count)]


def _configure(folder: Path, symbols: Sequence[str]) -> None:
    """A configuration, by which `kitchen plan` and `kitchen verify` go."""
    lines = "".join(f"  {name}: {{market: futures_um}}\n" for name in symbols)
    for name in ("raw", "prepared"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "kitchen.yaml").write_text(
        "paths: {raw: raw, prepared: prepared, snapshots: snapshots}\n"
        f"simulated: true\nsymbols:\n{lines}"
    )


def built(folder: Path) -> FolderStore:
    """A kitchen of two sampled days."""
    _configure(folder, _NAMES)
    first, last = (day.isoformat() for day in BUILT)
    kitchen = os.path.join(os.path.dirname(sys.executable), "kitchen")
    for command in (
        ["sample", "--date", first, "--days", "2", "--symbols", ",".join(_NAMES), "--out", "raw"],
        ["backfill", "--start", first, "--stop", last],
    ):
        environment = os.environ | {"KITCHEN_CONFIG": str(folder / "kitchen.yaml")}
        ended = subprocess.run(
            [kitchen, *command], cwd=folder, env=environment, check=False, capture_output=True
        )
        if ended.returncode:
            raise SystemExit(f"kitchen {command[0]}: {ended.stderr.decode()[-2000:]}")
    return FolderStore(folder / "snapshots")


def clone(
    source: FolderStore, target: FolderStore, symbols: int, days: int, files: int
) -> list[dt.date]:
    """Writes the store, and returns its dates."""
    there = source.days()
    sealed = [found for day in there if (found := revisions.current(source, day)) is not None]
    moulds = [
        _mould(target.root / ".moulds" / str(n), sealed[n % len(sealed)], names(symbols), n)
        for n in range(min(files, days))
    ]
    first = there[-1] - dt.timedelta(days=days - 1)
    dates = [first + dt.timedelta(days=n) for n in range(days)]
    made = {day: _publish(target, day, moulds[n % len(moulds)]) for n, day in enumerate(dates)}
    for available in (False, True):
        target.latest(available=available).symlink_to(dates[-1].isoformat())
    (target.root / ".locks").mkdir(exist_ok=True)
    index.write(target, made)
    shutil.rmtree(target.root / ".moulds")
    _configure(target.root.parent, names(symbols))
    return dates


def _mould(folder: Path, like: Sealed, symbols: list[str], turn: int) -> Mould:
    manifest = revisions.read_manifest(like)
    known = sorted(manifest.condition.symbols)
    of = {name: known[(n + turn) % len(known)] for n, name in enumerate(symbols)}
    table = parquet.read(like.path / BARS)
    rows = {name: table.filter(pa.compute.equal(table["symbol"], name)) for name in known}
    whole = pa.concat_tables([_renamed(rows[old], new) for new, old in of.items()])
    folder.mkdir(parents=True)
    parquet.write(folder / BARS, whole, group_by="symbol")
    (folder / BARS).chmod(0o444)
    made = _renumbered(manifest, of, whole, folder / BARS)
    data = storage.canonical_json(to_json(made))
    parts = ranges.parts(data, made)
    return Mould(file=folder / BARS, manifest=made, data=data, parts=parts)


def _renamed(table: pa.Table, name: str) -> pa.Table:
    return table.set_column(0, table.schema.field(0), pa.array([name] * table.num_rows))


def _renumbered(manifest: Manifest, of: Mapping[str, str], table: pa.Table, file: Path) -> Manifest:
    def each(values: Mapping[str, Kind]) -> dict[str, Kind]:
        return {new: values[old] for new, old in of.items() if old in values}

    return changed(
        manifest,
        condition=DayCondition(
            day=manifest.condition.day, symbols=each(manifest.condition.symbols)
        ),
        files={BARS: file_entry(Stored(file), table)},
        inputs=each(manifest.inputs),
        calibration=each(manifest.calibration),
        tape=each(manifest.tape),
        quality={
            name: changed(measure, measured=each(measure.measured), waived=each(measure.waived))
            for name, measure in manifest.quality.items()
        },
    )


def _publish(store: FolderStore, day: dt.date, mould: Mould) -> index.Entry:
    """A first revision of the date: every paper as sealing writes it."""
    folder = store.revision(day, 1)
    folder.mkdir(parents=True)
    os.link(mould.file, folder / BARS)
    entry, condition = mould.manifest.files[BARS], mould.manifest.condition
    own = data_manifest_hash(day, condition, mould.manifest.files)
    # Of the same length: all parts stay where they are.
    data = mould.data.replace(
        f'"date":"{mould.manifest.date}"'.encode(), f'"date":"{day}"'.encode()
    ).replace(mould.manifest.data_manifest_hash.encode(), own.encode())
    (folder / sums.MANIFEST).write_bytes(data)
    found = {
        BARS: sums.Facts(bytes=entry.bytes, md5=entry.md5, sha256=entry.sha256),
        sums.MANIFEST: sums.facts(folder / sums.MANIFEST),
    }
    for name, digest in sums.LISTS.items():
        (folder / name).write_bytes(sums.listing(found, digest))
    paper = {
        "date": day.isoformat(),
        "revision": 1,
        "parent": None,
        "parent_manifest_sha256": None,
        "reason": "bench",
        "published_at": _AT,
        "run": "bench",
        "host": "bench",
        "manifest_sha256": found[sums.MANIFEST].sha256,
        ranges.PARTS: mould.parts,
        "changes": None,
    }
    paper[revisions.SELF_DIGEST] = revisions.publication_digest(paper)
    (folder / sums.PUBLICATION).write_bytes(storage.readable_json(paper))
    store.date_link(day).symlink_to(f".revisions/{folder.name}")
    sealed = Sealed(
        day=day, revision=1, path=folder, new=True, manifest_sha256=found[sums.MANIFEST].sha256
    )
    return index.said_of(sealed, changed(mould.manifest, data_manifest_hash=own))


def main() -> None:
    """Writes the store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--from", dest="kitchen", type=Path)
    parser.add_argument("--symbols", type=int, default=SYMBOLS)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--files", type=int, default=FILES)
    given = parser.parse_args()
    source = (
        FolderStore(given.kitchen / "snapshots") if given.kitchen else built(given.out / "built")
    )
    dates = clone(
        source, FolderStore(given.out / "snapshots"), given.symbols, given.days, given.files
    )
    sys.stdout.write(f"{len(dates)} days, {dates[0]} to {dates[-1]}, in {given.out}/snapshots\n")


if __name__ == "__main__":
    main()
