"""What a symbol's published tables are made of, step by step, down to the raw files.

Belongs here: the declared graph of steps with the day's raw files at its ends. What a single row came from is
the day's picture.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pipeline.contracts.manifest import InputEntry, Manifest
from pipeline.pages import addresses, frame
from pipeline.pages.addresses import Leads
from pipeline.pages.frame import Link
from pipeline.pages.known import Known
from pipeline.publishing import revisions
from pipeline.stages import STAGES

TABLES = {
    "bars_1m.parquet": ("AlignedBars",),
    "features_micro.parquet": ("MicroFeatures",),
    "macro_slow.parquet": ("MacroFeatures",),
    "footprint.parquet": ("Footprint",),
    "rejects.parquet": ("CleanFeed",),
}
"""Published table -> the step whose output it is."""

_SLOW = "DailyStats"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step, what it reads of which steps, and its code's digest; `files` of one that reads raw files."""

    name: str
    reads: tuple[str, ...]
    above: tuple[Step, ...]
    digest: str
    files: tuple[tuple[str, InputEntry], ...] = ()


def lineage(known: Known, leads: Leads, day: dt.date, symbol: str) -> str | None:
    """The page; None where the symbol is not among the date's."""
    sealed = revisions.current(known.store, day)
    manifest = None if sealed is None else revisions.read_manifest(sealed)
    if manifest is None or symbol not in manifest.condition.symbols:
        return None
    return frame.page(
        "lineage.html",
        leads,
        scripts=("search.js",),
        links=[
            Link(href=leads.to(addresses.day(day, symbol)), words=f"{symbol} {day}"),
            Link(href=leads.to(addresses.revisions(day)), words=f"revisions of {day}"),
        ],
        day=day,
        symbol=symbol,
        manifest=manifest,
        tables=[
            (name, manifest.files[name], [_step(manifest, symbol, step) for step in steps])
            for name, steps in TABLES.items()
            if name in manifest.files
        ],
        inputs=sorted(manifest.inputs.get(symbol, {}).items()),
    )


def _step(manifest: Manifest, symbol: str, name: str) -> Step:
    """The step with all above it. Daily statistics are of earlier days, whose manifests have their files."""
    needs = STAGES[name].needs
    above = dict.fromkeys(need.stage for need in needs if need.stage != name)
    reads = dict.fromkeys(
        f"{need.stage} {need.output}" + (f" ({need.source})" if need.source else "")
        for need in needs
    )
    return Step(
        name=name,
        reads=tuple(reads),
        above=() if name == _SLOW else tuple(_step(manifest, symbol, each) for each in above),
        digest=manifest.code.stages.get(name, ""),
        files=tuple(sorted(manifest.inputs.get(symbol, {}).items())) if name == "CleanFeed" else (),
    )
