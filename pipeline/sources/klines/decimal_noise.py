"""Numbers such as 0.30000000000000004, which a program wrote for 0.3: the decimals that they were.

Belongs here: finding the step of a file's numbers, and those that miss it by rounding alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

NOISE_SHARE = 1e-6
"""A number that is nearer to a step of the file than a millionth of the step is that step."""


def mended(values: Sequence[float]) -> dict[float, float]:
    """Noisy number -> what it was; the step is that of the file's most usual number of places."""
    places = Counter(_places(value) for value in values)
    usual = max(places, key=lambda p: (places[p], p), default=0)
    found = {}
    for value in values:
        near = round(value, usual)
        if _places(value) > usual and abs(value - near) < NOISE_SHARE * 10.0**-usual:
            found[value] = near
    return found


def without_noise(rows: list[Any], groups: Sequence[Sequence[str]]) -> tuple[list[Any], int]:
    """Named tuples without noise in the fields of each group, and how many numbers had some."""
    count = 0
    for names in groups:
        right = mended([getattr(row, name) for row in rows for name in names])
        for place, row in enumerate(rows if right else ()):
            changes = {n: right[v] for n in names if (v := getattr(row, n)) in right}
            count += len(changes)
            rows[place] = row._replace(**changes) if changes else row
    return rows, count


def _places(value: float) -> int:
    exponent = Decimal(repr(value)).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
