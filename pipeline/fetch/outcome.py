"""What became of one file that was wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from pipeline.errors import ExitCode
from pipeline.free_form import Json

FETCHED, UNCHANGED, REISSUED = "fetched", "unchanged", "reissued"
PENDING, ABSENT, MISSING, FAILED = "pending", "absent", "missing", "failed"

_MONTH_CHARS = 7
_EXITS = {PENDING: ExitCode.PENDING, MISSING: ExitCode.FAILED, FAILED: ExitCode.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One file.

    `status`: fetched, unchanged (there already, and the same), reissued (the exchange has replaced it; the
    old file is kept), pending (not published yet), absent (never will be, and need not: daily history
    before a listing), missing (not published though its deadline has passed), failed. `period` is a date
    or a month, `source` where it came from, `file` its name below the raw folder.
    """

    symbol: str
    feed: str
    period: str
    status: str
    source: str = ""
    file: str = ""
    bytes: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def is_month(self) -> bool:
        """Whether it is a month's file."""
        return len(self.period) == _MONTH_CHARS

    def facts(self) -> Json:
        """For JSON."""
        return asdict(self) | {"notes": list(self.notes)}

    def line(self) -> str:
        """For people."""
        what = f" {self.source} {self.file} ({self.bytes:,} bytes)" if self.file else ""
        notes = f": {'; '.join(self.notes)}" if self.notes else ""
        return f"{self.symbol} {self.feed} {self.period} {self.status}{what}{notes}"


def exit_code(outcomes: Iterable[Outcome], *, missing_is_pending: bool = False) -> ExitCode:
    """0 done, 20 something is not published yet, 30 something failed or is missing.

    `missing_is_pending`: 20 for what is missing, too.
    """
    exits = {**_EXITS, MISSING: _EXITS[PENDING]} if missing_is_pending else _EXITS
    return max(
        (exits.get(outcome.status, ExitCode.DONE) for outcome in outcomes), default=ExitCode.DONE
    )
