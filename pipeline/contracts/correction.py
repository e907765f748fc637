"""`correction.json`: what the steps below the calibration need of it, as typed values.

Belongs here: the form of the document, which `alignment/` writes and carries out and `provenance/` shows.
Finding the correction is `alignment/calibrate.py`.
"""

from __future__ import annotations

from typing import Any

from pipeline.clock import MINUTE_US
from pipeline.contracts.calibration import Status
from pipeline.contracts.value import Value, read_as, to_json

__all__ = ["NONE", "Correction", "FeedCorrection", "from_json", "to_json"]


class FeedCorrection(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What is done to a feed: true minute open = stamp + `offset_minutes`.

    `offsets` gives each run its own, where the runs do not all share one; runs are cut at gaps of
    `split_gap_minutes`, if given. `skew_us` is taken off a tape's stamps. What does not apply is not written.
    """

    status: Status
    offset_minutes: int | None
    identity: str | None
    volume_unit: str
    volume_factor: int | None
    split_gap_minutes: int | None = None
    skew_us: int = 0
    offsets: dict[int, int] | None = None

    @property
    def stands(self) -> bool:
        """Whether the feed's rows are used."""
        return self.status in ("applied", "not_needed")

    @property
    def offset_us(self) -> int:
        """What is added to a stamp of a run without an offset of its own."""
        return (self.offset_minutes or 0) * MINUTE_US - self.skew_us


class Correction(FeedCorrection, frozen=True, kw_only=True, omit_defaults=True):
    """The correction that the day follows, the feed that it is of (None: no feed is usable), and each feed's.

    `record_shift_minutes` moves the klines, where ATAS has told that their stamps are closes.
    """

    feed: str | None
    feeds: dict[str, FeedCorrection]
    record_shift_minutes: int = 0


NONE = Correction(
    status="not_measured",
    offset_minutes=None,
    identity=None,
    volume_unit="unknown",
    volume_factor=None,
    feed=None,
    feeds={},
)
"""The correction of a day of which nothing was found."""


def from_json(value: Any) -> Correction:
    """The document in a JSON value.

    Raises:
        ContractError: a field is unknown, absent or of another type.
    """
    return read_as(Correction, value, "correction.json", "Calibration")
