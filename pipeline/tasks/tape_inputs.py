"""The tapes of a symbol's day as the proof takes them, from the files behind a unit's inputs.

Belongs here: which tape may be held against the klines, in which order and unit. Loads the heavy libraries.
"""

from __future__ import annotations

from pipeline.alignment.feeds import TICKS as TICKS_FEED
from pipeline.alignment.identity import BASE, CONTRACTS, SAME
from pipeline.alignment.record_clock import in_true_time
from pipeline.alignment.true_time import parts_in_true_time
from pipeline.contracts.correction import Correction
from pipeline.model.contract_size import contract_usd
from pipeline.model.feeds import TRADE_TAPES
from pipeline.proof.faults import Limits
from pipeline.proof.taken import TICKS, by_preference
from pipeline.proof.tapes import Given, TapeGiven
from pipeline.settings.config import Symbol
from pipeline.tables.parts import Parts, Spill, single
from pipeline.tasks import inputs
from pipeline.tasks.job import Job


def ticks(job: Job) -> Parts:
    """ATAS's ticks in true time; none of a tape that was refused."""
    tape = inputs.tape(job)
    return parts_in_true_time(
        single(inputs.no_ticks(job)) if tape is None else tape,
        inputs.table(job, "Calibration", "moved_ticks"),
        inputs.correction(job),
        job.unit.day,
    )


def given(job: Job, own: Parts) -> Given:
    """The klines of the day, and its tapes of the same instrument and unit; `own` are ATAS's ticks."""
    day, correction = inputs.day(job), inputs.correction(job)
    control = day.rules.control
    there = _archives(job)
    if _is_comparable(job.symbol, correction):
        size = correction.feeds[TICKS_FEED].volume_factor if _in_contracts(job.symbol) else None
        there[TICKS] = TapeGiven(parts=own, is_archive=False, contract=size)
    return Given(
        symbol=job.symbol.name,
        day=job.unit.day,
        klines=in_true_time(inputs.klines(job), correction),
        tapes={
            name: there[name] for name in by_preference(job.kitchen.prefer_delta) if name in there
        },
        outages=day.outages,
        rules=day.rules,
        limits=Limits(
            one_sided_share_max=control.flow["one_sided_share_max"],
            one_sided_trades_min=control.flow["one_sided_trades_min"],
            still_minutes_min=control.tape["still_minutes_min"],
        ),
        keep=Spill(job.node.folder).put,
    )


def _archives(job: Job) -> dict[str, TapeGiven]:
    """The exchange's tapes that are there."""
    ledgers = inputs.ledgers_by_feed(job)
    size = contract_usd(job.symbol.vendor_symbol) if _in_contracts(job.symbol) else None
    parts = {name: inputs.tape(job, feed) for name, feed in TRADE_TAPES.items()}
    return {
        name: TapeGiven(
            parts=tape, is_archive=True, ledger=ledgers[TRADE_TAPES[name]], contract=size
        )
        for name, tape in parts.items()
        if tape is not None
    }


def _is_comparable(symbol: Symbol, correction: Correction) -> bool:
    """Whether ATAS's ticks are of the klines' instrument, and count what the exchange's trades count."""
    found = correction.feeds.get(TICKS_FEED)
    unit = CONTRACTS if _in_contracts(symbol) else BASE
    return (
        found is not None and found.stands and (found.identity, found.volume_unit) == (SAME, unit)
    )


def _in_contracts(symbol: Symbol) -> bool:
    return symbol.market == "futures_cm"
