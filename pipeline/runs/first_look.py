"""A published date in a line a symbol: its closes as a small picture, and what was found and put right.

Belongs here: what a person sees who has just built a first day. The whole picture is `pages/`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np

from pipeline.contracts.manifest import Manifest
from pipeline.free_form import Json
from pipeline.publishing import revisions
from pipeline.publishing.opening import open_store
from pipeline.reader.loading import CONDITIONS, load
from pipeline.settings.config import Kitchen
from pipeline.tables import arrays
from pipeline.tables.arrays import Floats

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 32


def lines(kitchen: Kitchen, day: dt.date) -> Iterator[str]:
    """A line for each symbol of the date's current revision."""
    store = open_store(kitchen.snapshots)
    sealed = revisions.current(store, day)
    if sealed is None:
        return
    manifest = revisions.read_manifest(sealed)
    names = sorted(manifest.condition.symbols)
    width = max(map(len, names), default=0)
    for name in names:
        rows = load(
            "bars_1m", day, day, [name], columns=["close"], allow=CONDITIONS, root=store.name
        )
        yield f"  {name:{width}}  {_picture(arrays.floats(rows['close']))}  {_found(manifest, name)}"


def _picture(closes: Floats) -> str:
    """The closes in blocks, each of as many minutes, a blank where none is known; then the first and last."""
    known = closes[np.isfinite(closes)]
    if not known.size:
        return f"{'no price':{_WIDTH}}"
    low, high = known.min(), known.max()
    steps = max(high - low, 1e-12)
    blocks = (part[np.isfinite(part)][-1:] for part in np.array_split(closes, _WIDTH))
    drawn = (_BLOCKS[int((part[0] - low) / steps * 7.999)] if part.size else " " for part in blocks)
    return f"{''.join(drawn)}  {known[0]:.10g} to {known[-1]:.10g}"


def _found(manifest: Manifest, symbol: str) -> str:
    """Condition and codes; what was done to the clock; the lines that were set aside or merged."""
    entry, calibration = manifest.condition.symbols[symbol], manifest.calibration.get(symbol, {})
    codes = ", ".join(reason.code for reason in entry.reasons)
    words = [f"{entry.condition}{f' ({codes})' if codes else ''}", *_clock(calibration)]
    inputs = manifest.inputs.get(symbol, {}).values()
    rejected = sum(it.lines.rejected for it in inputs)
    merged = sum(it.lines.merged for it in inputs)
    words += [f"{merged:,} lines merged"] if merged else []
    words += [f"{rejected:,} set aside"] if rejected else []
    tape = manifest.tape.get(symbol)
    if tape is not None and tape.minutes:
        words.append(f"{tape.proven:,} of {tape.minutes:,} minutes proven")
        words += (
            [f"{sum(it.mended for it in tape.tapes.values()):,} mended"]
            if _mended(tape.tapes)
            else []
        )
    return ", ".join(words)


def _mended(tapes: Json) -> bool:
    return any(it.mended for it in tapes.values())


def _clock(calibration: Json) -> Iterator[str]:
    offset = calibration.get("offset_minutes")
    if calibration.get("status") == "applied" and offset:
        hours, minutes = divmod(abs(offset), 60)
        size = (
            f"{hours} h"
            if not minutes
            else f"{hours} h {minutes} min"
            if hours
            else f"{minutes} min"
        )
        yield f"clock {size} {'behind' if offset > 0 else 'ahead'}, put right"
