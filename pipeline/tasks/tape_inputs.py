"""The tapes of a symbol's day as the proof takes them, from the files behind a unit's inputs.

Belongs here: from a unit's inputs to tapes. Which may be held against the klines is the proof's to say. Loads
the heavy libraries.
"""

from __future__ import annotations

from pipeline.alignment.record_clock import in_true_time
from pipeline.alignment.true_time import parts_in_true_time
from pipeline.model.contract_size import contract_usd
from pipeline.model.feeds import TRADE_TAPES
from pipeline.proof.taken import held_against_klines
from pipeline.proof.tapes import Given, TapeGiven
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
    prefer = job.kitchen.prefer_delta
    return Given(
        day=day,
        klines=in_true_time(inputs.klines(job), correction),
        tapes=held_against_klines(day, own, correction, _archives(job), prefer),
        keep=Spill(job.node.folder).put,
    )


def _archives(job: Job) -> dict[str, TapeGiven]:
    """The exchange's tapes that are there."""
    ledgers = inputs.ledgers_by_feed(job)
    in_contracts = job.symbol.market == "futures_cm"
    size = contract_usd(job.symbol.vendor_symbol) if in_contracts else None
    parts = {name: inputs.tape(job, feed) for name, feed in TRADE_TAPES.items()}
    return {
        name: TapeGiven(
            parts=tape, is_archive=True, ledger=ledgers[TRADE_TAPES[name]], contract=size
        )
        for name, tape in parts.items()
        if tape is not None
    }
