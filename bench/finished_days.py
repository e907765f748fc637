"""Days that look finished, made in moments: small files under the right names, and genuine stamps.

What a run with nothing to do looks at are names, states of files, stamps and links; nothing of it depends
on what stands in the prepared files. So these may be tiny, and a decade of days can be made while one waits.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline import storage
from pipeline.clock import day_open_us
from pipeline.contracts.manifest import Code, Contract, DayCondition, FileEntry, Manifest, to_json
from pipeline.freshness import graph, receipt
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.freshness.receipt import Receipt, Written
from pipeline.publishing import revisions, sums
from pipeline.publishing.finished import Finished
from pipeline.publishing.folder_store import FolderStore
from pipeline.settings.config import Kitchen, load_kitchen

FIRST = dt.date(2014, 1, 1)
NAMES = ("BTCUSDT", "ETHUSDT", "XRPUSDT")


class AllFresh(Freshness):
    """Takes every unit for fresh and unchanged, with a content that tells the units apart."""

    def holds_still(self, unit: Unit) -> bool:
        """Yes."""
        return True

    def receipt(self, unit: Unit) -> Receipt:
        """A receipt whose outputs are named by the unit."""
        contents = {name: f"{unit} {name}" for name in unit.declared.outputs}
        return Receipt(parts={}, contents=contents, file=Written(bytes=0, sha256="", stat=[]))


def configure(root: Path, symbols: tuple[str, ...], more: str = "") -> Kitchen:
    """A configuration of the symbols, which this process uses from now on."""
    lines = "".join(f"  {name}: {{{more}market: futures_um}}\n" for name in symbols)
    path = root / "configs/kitchen.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "paths: {raw: data/raw, prepared: data/prepared, snapshots: snapshots}\n"
        f"simulated: true\nsymbols:\n{lines}"
    )
    os.environ["KITCHEN_CONFIG"] = str(path)
    return load_kitchen()


def write(root: Path, days: list[dt.date], symbols: tuple[str, ...] = NAMES) -> None:
    """Finished days below a root."""
    kitchen = configure(root, symbols)
    for day in days:
        for name in symbols:
            write_raw(kitchen, name, day)
    for day in days:
        for unit in _units(kitchen, day):
            node = graph.node(kitchen, unit)
            node.folder.mkdir(parents=True, exist_ok=True)
            (node.folder / receipt.FILE).touch()
            if unit.declared.outputs:
                node.file.touch()
        publish(FolderStore(kitchen.snapshots), day)
    link(FolderStore(kitchen.snapshots), days[-1])
    time.sleep(receipt.RACY_NS / 1e9 + 0.1)
    stamp(kitchen, days)


def stamp(kitchen: Kitchen, days: list[dt.date]) -> None:
    """Leaves the stamps that say of each day that it is finished, by the code of now."""
    finished = Finished(AllFresh(kitchen))
    for day in days:
        if not finished.remember(day):
            raise SystemExit(f"{day}: no stamp can be left; the days are not made rightly")


def write_raw(kitchen: Kitchen, name: str, day: dt.date) -> None:
    """Empty raw files of a symbol's day, at rest since long ago."""
    text, at = day.isoformat(), day_open_us(day) // 1_000_000 + 2 * 86_400
    for file in (
        kitchen.raw / f"binance/futures_um/{name}-1m-{text}.zip",
        kitchen.raw / f"atas/bars_1m/{name}/date={text}/bars_1m.jsonl",
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, (at, at))


def _units(kitchen: Kitchen, day: dt.date) -> Iterator[Unit]:
    """Every unit of the day itself, and the daily statistics that later days look back on."""
    found: dict[Unit, None] = {}
    waiting = [Unit("Snapshot", day)]
    waiting += [Unit("DailyStats", day, symbol) for symbol in kitchen.symbols]
    while waiting:
        unit = waiting.pop()
        if unit not in found and unit.day == day:
            found[unit] = None
            if unit.stage != "MacroFeatures":  # hundreds of inputs, all of other days
                waiting.extend(edge.unit for edge in graph.edges(kitchen, unit))
    return iter(found)


def publish(store: FolderStore, day: dt.date) -> None:
    """A first revision of the date; its manifest says just what the closing lines of a run tell."""
    folder = store.revision(day, 1)
    folder.mkdir(parents=True)
    manifest = Manifest(
        producer="bench",
        dataset="bench",
        date=day,
        version="0",
        simulated=True,
        condition=DayCondition(day="available", symbols={}),
        files={"bars_1m.parquet": FileEntry(bytes=0, md5="", sha256="", rows=0)},
        inputs={},
        calibration={},
        quality={},
        contract=Contract(files={}, slices={}),
        code=Code(package="0", stages={}),
        data_manifest_hash="",
        calibration_hash="",
    )
    (folder / sums.MANIFEST).write_bytes(storage.canonical_json(to_json(manifest)))
    publication = {
        "date": day.isoformat(),
        "revision": 1,
        "manifest_sha256": storage.file_digest(folder / sums.MANIFEST),
    }
    publication[revisions.SELF_DIGEST] = revisions.publication_digest(publication)
    (folder / sums.PUBLICATION).write_bytes(storage.readable_json(publication))
    store.date_link(day).symlink_to(f".revisions/{folder.name}")


def link(store: FolderStore, day: dt.date) -> None:
    """LATEST and LATEST_AVAILABLE lead to the date."""
    for available in (False, True):
        store.latest(available=available).unlink(missing_ok=True)
        store.latest(available=available).symlink_to(day.isoformat())
