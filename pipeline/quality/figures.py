"""Figures of the report that are measured on a day's finished bars.

Belongs here: arrays -> plain JSON values, rounded to six decimals so that the last bit of a machine's
logarithm cannot move a report. Nothing here is held against a threshold; that is `checks.py`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.free_form import Json
from pipeline.quality.facts import PRICES, DayFacts, Minutes, instant, mask_of, positions
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats

STATES = {
    ".": "ok",
    "X": "missing",
    "o": "known outage",
    "f": "filled (no trade, price carried)",
    "-": "no trade",
    "q": "set aside",
}
"""Letter of a heat strip -> what the minute is."""

_HISTOGRAM_BINS = 41
_LEAST_SPAN_BPS = 0.1
_WORST = 10
_KEYS = ("symbol", "ts", "minute_open", "minute_close", "available_at")


def heat(facts: DayFacts, minutes: Minutes, conflict_mask: int) -> list[Json]:
    """24 lines of 60 letters a feed, see `STATES`: one letter a minute, by minute_open."""
    strips = [("binance", _record_states(facts, minutes, conflict_mask))]
    if facts.atas_expected or minutes.atas.any():
        strips.append(("atas", _atas_states(facts, minutes)))
    return [
        {
            "feed": feed,
            "rows": ["".join(states[hour * 60 : hour * 60 + 60]) for hour in range(24)],
            "counts": {letter: int((states == letter).sum()) for letter in STATES},
        }
        for feed, states in strips
    ]


def _record_states(facts: DayFacts, minutes: Minutes, conflict_mask: int) -> npt.NDArray[np.str_]:
    at = positions(facts)
    flags = facts.bars["qc_flags"].to_numpy()
    return _states(
        minutes.record,
        ("X", ~minutes.record),
        ("q", mask_of(at[(flags & conflict_mask) != 0].tolist())),
        ("o", minutes.outage & ~minutes.record),
        ("f", mask_of(at[arrays.truths(facts.bars["is_filled"])].tolist())),
    )


def _atas_states(facts: DayFacts, minutes: Minutes) -> npt.NDArray[np.str_]:
    untraded = minutes.record & ~minutes.traded
    return _states(
        minutes.atas,
        ("q" if facts.set_aside else "X", ~minutes.atas),
        ("-", ~minutes.atas & untraded),
        ("o", ~minutes.atas & minutes.outage),
    )


def _states(present: Bools, *layers: tuple[str, Bools]) -> npt.NDArray[np.str_]:
    """Later layers win."""
    states = np.full(present.size, ".", dtype="<U1")
    for letter, mask in layers:
        states[mask] = letter
    return states


def gaps(facts: DayFacts, strips: list[Json]) -> list[Json]:
    """Runs of missing minutes, and of minutes in a known outage, feed by feed, in time order."""
    found = []
    for strip in strips:
        letters = "".join(strip["rows"])
        for start, stop in _runs(letters):
            if letters[start] in "Xo":
                found.append(
                    {
                        "feed": strip["feed"],
                        "kind": STATES[letters[start]],
                        "first": instant(facts.day.date, start),
                        "last": instant(facts.day.date, stop - 1),
                        "minutes": stop - start,
                    }
                )
    return found


def _runs(letters: str) -> list[tuple[int, int]]:
    cuts = [i for i in range(1, len(letters)) if letters[i] != letters[i - 1]]
    return list(zip([0, *cuts], [*cuts, len(letters)], strict=True))


def basis(facts: DayFacts) -> Json:
    """`basis_bps` of the bars: median, MAD, 1st and 99th percentile, a histogram."""
    values = arrays.floats(facts.bars["basis_bps"])
    known = values[np.isfinite(values)]
    if not known.size:
        return {"n": 0, "histogram": None}
    median, low, high = (float(np.percentile(known, p)) for p in (50, 1, 99))
    return {
        "n": int(known.size),
        "median": rounded(median),
        "mad": rounded(float(np.median(np.abs(known - median)))),
        "p1": rounded(low),
        "p99": rounded(high),
        "histogram": _histogram(known, low, high),
    }


def _histogram(values: Floats, low: float, high: float) -> Json:
    """Counts in equal bins from half a p1-p99 width below p1 to as much above p99.

    Values beyond are counted in the outermost bins, so that one bad print does not hide the rest.
    """
    reach = max(high - low, _LEAST_SPAN_BPS) / 2
    span = (low - reach, high + reach)
    counts, bounds = np.histogram(np.clip(values, *span), bins=_HISTOGRAM_BINS, range=span)
    return {"edges": [rounded(float(e)) for e in bounds], "counts": counts.tolist()}


def volume_ratio(facts: DayFacts) -> Json:
    """ATAS volume / exchange volume of the minutes with both: median, CV, and medians by hour."""
    ours, theirs = arrays.floats(facts.bars["volume"]), arrays.floats(facts.bars["atas_volume"])
    known = np.isfinite(ours) & np.isfinite(theirs) & (ours > 0)
    ratio, hours = theirs[known] / ours[known], positions(facts)[known] // 60
    if not ratio.size:
        return {"n": 0, "by_hour": []}
    mean = float(ratio.mean())
    by_hour = [
        rounded(float(np.median(ratio[hours == hour]))) if (hours == hour).any() else None
        for hour in range(24)
    ]
    return {
        "n": int(ratio.size),
        "median": rounded(float(np.median(ratio))),
        "cv": rounded(float(ratio.std()) / mean) if mean else None,
        "by_hour": by_hour,
    }


def columns(bars: pa.Table) -> list[Json]:
    """Columns, but for the keys, that have nulls or one value that never changes, and what is so of each."""
    described = []
    for name in (n for n in bars.column_names if n not in _KEYS):
        said: Json = {}
        nulls, known = bars[name].null_count, bars[name].drop_null()
        if nulls:
            said |= {"nulls": nulls, "null_share": rounded(nulls / bars.num_rows)}
        if len(known) > 1 and pc.count_distinct(known).as_py() == 1:
            said["constant"] = str(known[0].as_py())
        if said:
            described.append({"column": name, **said})
    return described


def worst_minutes(facts: DayFacts) -> list[Json]:
    """The ten minutes in which the feeds' prices lie farthest apart, both sides as published.

    Distance in bps: the largest |1e4 ln(ATAS / exchange)| of the four prices, less the day's median
    basis, so that a steady basis between two instruments is no distance. Equal minutes are left out.
    """
    bars = facts.bars
    pairs = np.stack([_log_ratio(bars, price) for price in PRICES])
    if not np.isfinite(pairs).any():
        return []
    usual = float(np.nanmedian(pairs[PRICES.index("close")]))
    distance = np.nan_to_num(np.max(np.abs(pairs - usual), axis=0), nan=0.0).round(6)
    order = np.argsort(-distance, kind="stable")[:_WORST]
    at = positions(facts)
    return [_side_by_side(facts, row, int(at[row]), distance) for row in order if distance[row] > 0]


def _log_ratio(bars: pa.Table, price: str) -> Floats:
    ours, theirs = arrays.floats(bars[price]), arrays.floats(bars[f"atas_{price}"])
    usable = (ours > 0) & (theirs > 0)
    ratio = np.full(ours.size, np.nan)
    ratio[usable] = 1e4 * np.log(theirs[usable] / ours[usable])
    return ratio


def _side_by_side(facts: DayFacts, row: int, minute: int, distance: Floats) -> Json:
    names = (*PRICES, "volume")
    cells = facts.bars.slice(int(row), 1).to_pylist()[0]
    return {
        "minute_open": instant(facts.day.date, minute),
        "distance_bps": rounded(float(distance[row])),
        "binance": {name: cells[name] for name in names},
        "atas": {name: cells[f"atas_{name}"] for name in names},
        "qc_flags": cells["qc_flags"],
    }


def rounded(value: float) -> float | None:
    """Six decimals; None for what is not a number."""
    return round(value, 6) + 0.0 if np.isfinite(value) else None
