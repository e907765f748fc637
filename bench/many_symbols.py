"""Peak memory of a date's steps over the number of its symbols: assembling, describing, publishing.

    python bench/many_symbols.py [--from KITCHEN] [--symbols 40,160] [--json]

Each symbol is one of a built kitchen's, under another name; each step is a process of its own, as in a run.
Without `--from` a kitchen of two days of the sample is built first.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import clone_store
import pyarrow as pa

from pipeline import storage
from pipeline.contracts import calibration, governed, ledger, rules, verdict
from pipeline.contracts import manifest as manifest_document
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.locations import GOVERNANCE
from pipeline.packs import Stored
from pipeline.publishing.assemble import SymbolDay, assemble
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.manifest import ManifestInput, manifest
from pipeline.publishing.seal import Draft, publish
from pipeline.settings.config import load_kitchen
from pipeline.tables import parquet

COUNTS = (40, 160)
MOST_MB = 400
"""At the larger number, in any of the steps."""

STEPS = ("assemble", "manifest", "snapshot")
_TABLES = {
    "bars": ("AlignedBars", "bars_1m"),
    "micro": ("MicroFeatures", "features_micro"),
    "macro": ("MacroFeatures", "macro_slow"),
    "footprint": ("Footprint", "footprint"),
    "rejects": ("CleanFeed", "rejects"),
}
_PAPERS = {
    "verdict": ("Verdict", "verdict"),
    "calibration": ("Calibration", "calibration"),
    "ledger": ("CleanFeed", "ledger"),
}
_DATASETS = ("bars_1m", "features_micro", "macro_slow", "footprint", "rejects")


def prepare(kitchen: Path, day: dt.date, out: Path, count: int) -> None:
    """The outputs of so many symbols' steps."""
    os.environ["KITCHEN_CONFIG"] = str(kitchen / "kitchen.yaml")
    built = load_kitchen()
    known = sorted(built.symbols)

    def place(stage: str, output: str, symbol: str) -> Stored:
        source = "binance_1m" if stage == "CleanFeed" else None
        return graph.stored(built, Unit(stage, day, symbol, source), output)

    for number, name in enumerate(clone_store.names(count)):
        like = known[number % len(known)]
        for file, (stage, output) in _TABLES.items():
            table = parquet.read(place(stage, output, like))
            at = table.schema.get_field_index("symbol")
            own = pa.array([name] * table.num_rows, pa.string())
            table = table.set_column(at, table.schema.field(at), own)
            parquet.write(out / name / f"{file}.parquet", table, group_by="symbol")
        for file, (stage, output) in _PAPERS.items():
            target = out / name / f"{file}.json"
            target.write_bytes(place(stage, output, like).read_bytes())


def step(name: str, folder: Path, day: dt.date) -> None:
    """One step of the date, on what the ones before left in the folder."""
    {"assemble": _assemble, "manifest": _manifest, "snapshot": _snapshot}[name](folder, day)


def _symbols(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.endswith("USDT"))


def _assemble(folder: Path, day: dt.date) -> None:
    parts = [
        SymbolDay(
            symbol=path.name,
            bars=parquet.in_parts(path / "bars.parquet"),
            micro=parquet.in_parts(path / "micro.parquet"),
            macro=parquet.in_parts(path / "macro.parquet"),
            footprint=parquet.in_parts(path / "footprint.parquet"),
            rejects=[parquet.in_parts(path / "rejects.parquet")],
            verdict=verdict.from_json(storage.read_json(path / "verdict.json")),
        )
        for path in _symbols(folder)
    ]
    made = assemble(day, parts, rules.load(GOVERNANCE).schema)
    for name in _DATASETS:
        path = folder / f"{name}.parquet"
        parquet.write(path, made[name], group_by="symbol")
        parquet.content_hash(parquet.by_columns(path))
    storage.write_json(folder / "condition.json", made["condition"])


def _manifest(folder: Path, day: dt.date) -> None:
    files = {f"{name}.parquet": folder / f"{name}.parquet" for name in _DATASETS}
    given = ManifestInput(
        day=day,
        simulated=True,
        version="0",
        condition=manifest_document.from_json(storage.read_json(folder / "condition.json")),
        tables={name: parquet.by_columns(path) for name, path in files.items()},
        files={name: Stored(path) for name, path in files.items()},
        calibrations={
            path.name: calibration.from_json(storage.read_json(path / "calibration.json"))
            for path in _symbols(folder)
        },
        ledgers={
            path.name: ledger.from_json(storage.read_json(path / "ledger.json"))
            for path in _symbols(folder)
        },
        control=rules.load(GOVERNANCE).control,
        contract=governed.contract(GOVERNANCE),
        code={},
    )
    storage.write_json(folder / "manifest.json", manifest_document.to_json(manifest(given)))


def _snapshot(folder: Path, day: dt.date) -> None:
    found = manifest_document.read(storage.read_json(folder / "manifest.json"))
    files = {name: Stored(folder / name) for name in found.files}
    draft = Draft(day=day, files=files, manifest=found, reason="bench", run="bench")
    publish(draft, FolderStore(folder / "snapshots"))


def measure(kitchen: Path, day: dt.date, count: int) -> dict[str, float]:
    """Step -> the largest resident set of its process, in MB."""
    with tempfile.TemporaryDirectory() as place:
        prepare(kitchen, day, Path(place), count)
        return {name: _peak(name, place, day) for name in STEPS}


def _peak(name: str, folder: str, day: dt.date) -> float:
    command = [sys.executable, __file__, "--step", name, folder, day.isoformat()]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main() -> int:
    """Prints the figures; exit 1 when a peak is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="kitchen", type=Path)
    parser.add_argument("--symbols", default=",".join(map(str, COUNTS)))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        step(given.step[0], Path(given.step[1]), dt.date.fromisoformat(given.step[2]))
        sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f}\n")
        return 0
    with tempfile.TemporaryDirectory() as place:
        kitchen = given.kitchen or clone_store.built(Path(place) / "built").root.parent
        counts = [int(text) for text in given.symbols.split(",")]
        found = {n: measure(kitchen, clone_store.BUILT[-1], n) for n in counts}
    if given.json:
        sys.stdout.write(json.dumps(found) + "\n")
    for count, peaks in found.items() if not given.json else ():
        for name, peak in peaks.items():
            sys.stdout.write(f"{count:5} symbols, {name:9}{peak:8.0f} MB   (at most {MOST_MB})\n")
    return int(max(max(peaks.values()) for peaks in found.values()) > MOST_MB)


if __name__ == "__main__":
    sys.exit(main())
