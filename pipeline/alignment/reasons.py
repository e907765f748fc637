"""Why a feed's finding does not stand: the keys of CONTROL's refusals, with a note in words.

Belongs here: from evidence to reasons. Does not belong here: what a reason leads to (`calibrate.py`).
"""

from __future__ import annotations

from pipeline.alignment.evidence import Block, agreement, allowed, split, volume_disagrees
from pipeline.alignment.identity import MULTIPLE, OTHER, QUOTE, WRONG
from pipeline.alignment.runs import Ground, Placed


def reasons_against(
    placed: Placed, kind: str | None, unit: str, hours: list[Block], ground: Ground
) -> list[tuple[str, str]]:
    """(key below CONTROL's refusals, note), the gravest first; a refusal ends the list.

    No exporter writes traded value where it says volume, so such a file is not what it says: only CONTROL
    lets it in.
    """
    choice = placed.choice
    if choice.by is None:
        return [_without_lag(placed, kind, hours, ground)]
    if kind == MULTIPLE:
        return [("multiplier", "the prices' ratio is a power of ten")]
    if kind == WRONG:
        return [("wrong_instrument", "basis or return correlation beyond CONTROL's limits")]
    beyond = sorted({o for o in placed.offsets.values() if not allowed(o)} - ground.approved)
    if beyond:
        return [
            ("offset_not_allowed", f"offset {beyond[0]} min is no quarter hour and none beside")
        ]
    shaky = _unstable(placed, hours, ground)
    if shaky:
        return [shaky]
    against = volume_disagrees(
        placed.laid.scan, choice.lag, ground.evidence, waived=kind == OTHER or choice.by == "exact"
    )
    if against and choice.by != "exact":
        return [("not_identifiable", against)]
    if unit == QUOTE:
        return [("volume_in_quote", "the volumes are traded value in quote currency")]
    if kind == OTHER:
        return [("other_instrument", "moves alike, within the basis limits, but prices differ")]
    return []


def _without_lag(
    placed: Placed, kind: str | None, hours: list[Block], ground: Ground
) -> tuple[str, str]:
    """Why the day as a whole has no lag: foreign prices, two lags one after the other, or too little."""
    if placed.laid.scan.common.max() < ground.evidence["minutes_min"]:
        return "not_identifiable", placed.choice.note
    if kind == WRONG:
        return "wrong_instrument", "the price ranges do not meet at any lag"
    informative, _ = agreement(hours, placed.choice.lag)
    first, second, share = split(hours)
    enough = informative >= ground.evidence["blocks_min"]
    if enough and share >= ground.evidence["block_agreement_min"]:
        return "unstable_offset", f"hours of {first} min and hours of {second} min in one run"
    return "not_identifiable", placed.choice.note


def _unstable(placed: Placed, hours: list[Block], ground: Ground) -> tuple[str, str] | None:
    """Whether the hours tell of another lag; with too few hours equal OHLC must have decided."""
    informative, share = agreement(hours, placed.choice.lag)
    if informative < ground.evidence["blocks_min"]:
        if placed.choice.by == "exact":
            return None
        return "not_identifiable", f"{informative} informative hour blocks"
    if share < ground.evidence["block_agreement_min"]:
        return "unstable_offset", f"{share:.3f} of {informative} hour blocks agree"
    return None
