"""Which lag is believed, and why: CONTROL's `evidence` applied to a scan.

Belongs here: the rule of evidence for a lag, by the day and by the hour. Does not belong here: whether
both feeds tell of the same instrument (`identity.py`), what is done about a finding (`calibrate.py`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from pipeline.alignment.dense import SCAN_MINUTES, Dense
from pipeline.alignment.scan import LagScan, Laid, scan
from pipeline.tables.arrays import Floats

BLOCK_MINUTES = 60
QUARTER_HOUR = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """The best lag by one measure: its value, the best other lag, and the lead over it."""

    lag: int
    value: float
    other_lag: int
    gap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The lag that the evidence points to; `by` is "exact", "returns", or None when it does not stand.

    `note` says which figure fell short.
    """

    lag: int
    by: str | None
    note: str


def allowed(offset: int) -> bool:
    """Whether an offset needs no profile: a quarter hour's multiple, or a minute beside one."""
    return (offset + 1) % QUARTER_HOUR <= 2


def lead(found: LagScan, measure: Floats, minutes_min: float) -> Lead | None:
    """The best lag by a measure among those with enough common minutes; the nearest lag counts too."""
    usable = (found.common >= minutes_min) & np.isfinite(measure)
    if not usable.any():
        return None
    values = np.where(usable, measure, -1.0)
    best = int(np.argmax(values))
    value = float(values[best])
    values[best] = -1.0
    other = int(np.argmax(values))
    return Lead(
        lag=int(found.lags[best]),
        value=value,
        other_lag=int(found.lags[other]),
        gap=value - max(float(values[other]), 0.0),
    )


def choose(found: LagScan, evidence: dict[str, float]) -> Choice:
    """The lag of a scan.

    Equal OHLC in nearly all common minutes, at one lag alone, is the strongest evidence and decides by
    itself: it also holds in thin markets. Else the returns decide, by correlation and lead.
    """
    minutes_min = evidence["minutes_min"]
    exact = lead(found, found.exact_share, minutes_min)
    returns = lead(found, found.rho_return, minutes_min)
    fullest = int(np.argmax(found.common))
    if exact is None:
        note = f"{found.common[fullest]} common traded minutes, wanted at least {minutes_min:g}"
        return Choice(lag=int(found.lags[fullest]), by=None, note=note)
    if exact.value >= evidence["exact_share_min"] and exact.gap >= evidence["return_gap_min"]:
        return Choice(lag=exact.lag, by="exact", note="")
    if returns is None:
        return Choice(
            lag=int(found.lags[fullest]), by=None, note="prices do not vary in the common minutes"
        )
    if returns.value < evidence["return_rho_min"]:
        note = f"best return correlation {returns.value:.3f}, wanted {evidence['return_rho_min']}"
        return Choice(lag=returns.lag, by=None, note=note)
    if returns.gap < evidence["return_gap_min"]:
        note = f"lead over lag {returns.other_lag} {returns.gap:.3f}, wanted {evidence['return_gap_min']}"
        return Choice(lag=returns.lag, by=None, note=note)
    return Choice(lag=returns.lag, by="returns", note="")


def volume_disagrees(found: LagScan, lag: int, evidence: dict[str, float], *, waived: bool) -> str:
    """Why the volumes speak against the lag; empty when they do not.

    Between different instruments they need not confirm it (`waived`), but a clear volume lag elsewhere
    still speaks against it.
    """
    best = lead(found, found.rho_volume, evidence["minutes_min"])
    clear = (
        best is not None
        and best.value >= evidence["volume_rho_min"]
        and best.gap >= evidence["volume_gap_min"]
    )
    if best is not None and clear and best.lag != lag:
        return f"returns say {lag} min, volumes say {best.lag} min"
    if not clear and not waived:
        return "changes of volume do not confirm the lag"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Neighbouring hours with enough minutes; `lag` is their own best, None when uninformative."""

    first_hour: int
    hours: int
    n: int
    lag: int | None


def blocks(
    laid: Laid, klines: Dense, choice: Choice, evidence: dict[str, float], base: int = 0
) -> list[Block]:
    """The lag of each hour by itself, hours merged with the next until they have enough minutes.

    The measure is that which found the day's lag. Half an hour's minutes held against 1800 lags find some
    better one by chance, so another lag must lead the day's as a day's best must lead the next; short of
    that the day's stands where it is itself good enough, and else the block tells nothing.
    """
    minutes_min = evidence["block_minutes_min"]
    here = laid.vendor.present[SCAN_MINUTES - (choice.lag - base) :][: len(klines.present)]
    common = np.add.reduceat(here & klines.present, np.arange(0, len(here), BLOCK_MINUTES))
    found = []
    for first, hours in _spans(common.tolist(), minutes_min):
        span = slice(first * BLOCK_MINUTES, (first + hours) * BLOCK_MINUTES)
        wider = (span.start, span.stop + 2 * SCAN_MINUTES)
        ids = np.concatenate(
            [
                laid.same_price[wider[0] : wider[1]],
                laid.same_price[len(laid.vendor.present) :][span],
            ]
        )
        vendor, exchange = laid.vendor.between(*wider), klines.between(span.start, span.stop)
        part = scan(vendor, exchange, ids, base, volumes=False)
        n = int(part.common[part.at(choice.lag)])
        lag = _own_lag(part, choice, evidence)
        found.append(Block(first_hour=first, hours=hours, n=n, lag=lag))
    return found


def _spans(common: list[int], minutes_min: float) -> list[tuple[int, int]]:
    """(first hour, hours) of each block; what is left over at the end joins the last."""
    spans: list[tuple[int, int]] = []
    first, held = 0, 0
    for hour, minutes in enumerate(common):
        held += minutes
        if held >= minutes_min:
            spans.append((first, hour + 1 - first))
            first, held = hour + 1, 0
    if spans and first < len(common):
        spans[-1] = (spans[-1][0], len(common) - spans[-1][0])
    return spans


def _own_lag(part: LagScan, choice: Choice, evidence: dict[str, float]) -> int | None:
    measure = part.exact_share if choice.by == "exact" else part.rho_return
    best = lead(part, measure, evidence["block_minutes_min"])
    at_choice = part.at(choice.lag)
    varies = np.isfinite(part.rho_return[at_choice])
    if best is None or not varies:
        return None
    here = float(measure[at_choice])
    if here < best.value and best.value - here >= evidence["return_gap_min"]:
        return best.lag
    good_enough = here >= min(best.value, evidence["return_rho_min"])
    return choice.lag if good_enough else None


def agreement(found: list[Block], lag: int) -> tuple[int, float]:
    """(informative blocks, share of them whose own lag is the given one)."""
    own = [block.lag for block in found if block.lag is not None]
    return len(own), sum(o == lag for o in own) / max(len(own), 1)


def split(found: list[Block]) -> tuple[int, int, float]:
    """The two lags that most hours tell of, and the share of informative blocks that tell of either."""
    own = Counter(block.lag for block in found if block.lag is not None)
    (first, many), (second, few) = [*own.most_common(2), (0, 0), (0, 0)][:2]
    return first, second, (many + few) / max(own.total(), 1)
