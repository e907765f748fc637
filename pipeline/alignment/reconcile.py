"""Order flow told three times: by the tape, by the ATAS bars, by the exchange's klines. Do they agree?

Belongs here: comparing the sources' deltas minute by minute. Does not belong here: which one is published
(`align.py`), any judgement (`quality/`).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from pipeline.alignment.flow import Sides
from pipeline.clock import MINUTE_US, iso
from pipeline.free_form import Json
from pipeline.tables.arrays import Bools, Ints
from pipeline.tables.exact import Units, beyond, decimal_places, from_units, to_units

EQUAL, CLOSE, APART, ALONE, NONE = "=", "~", "x", "1", "."
WORST = 10


def reconciliation(
    sources: dict[str, Sides], published: list[str | None], opened_us: int, close_share: float
) -> Json:
    """How the sources' deltas (buys - sells) agree.

    Args:
        sources: by name, the preferred first, all in base units, one value a minute.
        published: name of the source whose delta is published, by minute.
        opened_us: the day's first instant.
        close_share: a difference of at most this share of the larger flow is close.

    Returns:
        `published`: minutes by source. `pairs`: for each two sources the minutes that both measured,
        those equal to the lot, those close, and the sum of the differences. `rows`: 24 texts of 60
        letters: `=` all that measured agree, `~` they are close, `x` apart, `1` one source alone, `.` none.
        `worst`: the minutes farthest apart.
    """
    places = decimal_places(*(v for s in sources.values() for v in (s.buy, s.sell)))
    deltas = {n: to_units(s.buy, places) - to_units(s.sell, places) for n, s in sources.items()}
    totals = {n: to_units(s.buy, places) + to_units(s.sell, places) for n, s in sources.items()}
    letters = np.where(_count(sources, len(published)) > 1, EQUAL, ALONE)
    letters[_count(sources, len(published)) == 0] = NONE
    farthest: Units = np.zeros(len(published), dtype=np.int64)
    pairs = []
    for a, b in combinations(sources, 2):
        both = sources[a].measured & sources[b].measured
        apart = np.where(both, np.abs(deltas[a] - deltas[b]), 0)
        larger = np.maximum(totals[a], totals[b])
        close = both & (beyond(apart, close_share, larger) <= 0)
        letters[both & (apart > 0) & close & (letters == EQUAL)] = CLOSE
        letters[both & ~close] = APART
        farthest = np.maximum(farthest, apart)
        total = from_units(np.array([apart.sum()]), places)[0]
        pairs.append(_pair(a, b, both, apart, close) | {"difference": float(total)})
    return {
        "published": {name: published.count(name) for name in sources},
        "pairs": pairs,
        "rows": ["".join(letters[at : at + 60]) for at in range(0, len(letters), 60)],
        "worst": _worst(farthest, deltas, sources, opened_us, places),
    }


def _count(sources: dict[str, Sides], minutes: int) -> Ints:
    measured = [s.measured.astype(np.int64) for s in sources.values()]
    count: Ints = np.sum([np.zeros(minutes, np.int64), *measured], axis=0, dtype=np.int64)
    return count


def _pair(a: str, b: str, both: Bools, apart: Units, close: Bools) -> Json:
    return {
        "first": a,
        "second": b,
        "minutes": int(both.sum()),
        "equal": int((both & (apart == 0)).sum()),
        "close": int(close.sum()),
    }


def _worst(
    farthest: Units,
    deltas: dict[str, Units],
    sources: dict[str, Sides],
    opened_us: int,
    places: int,
) -> list[Json]:
    order = np.argsort(-farthest, kind="stable")[:WORST]
    told = {name: from_units(delta, places) for name, delta in deltas.items()}
    return [
        {
            "minute_open": iso(opened_us + int(at) * MINUTE_US),
            **{
                name: float(delta[at]) if sources[name].measured[at] else None
                for name, delta in told.items()
            },
        }
        for at in order[farthest[order] > 0]
    ]
