"""What became of one file that was wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from pipeline.errors import ExitCode
from pipeline.free_form import Json

FETCHED, UNCHANGED, REISSUED = "fetched", "unchanged", "reissued"
PENDING, ABSENT, MISSING, FAILED = "pending", "absent", "missing", "failed"

_MONTH_CHARS = 7
_EXITS = {PENDING: ExitCode.PENDING, MISSING: ExitCode.FAILED, FAILED: ExitCode.FAILED}


@dataclass(frozen=True, slots=True)
class Unreached:
    """A host as its address names it, and why it is not asked any more: `cannot be reached: ..`."""

    host: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One file.

    `status`: fetched, unchanged (there already, and the same), reissued (the exchange has replaced it; the
    old file is kept), pending (not published yet), absent (never will be, and need not: daily history
    before a listing), missing (not published though its deadline has passed), failed. `period` is a date
    or a month, `source` where it came from, `file` its name below the raw folder. `unreached`: the hosts for
    which alone a failed file waits.
    """

    symbol: str
    feed: str
    period: str
    status: str
    source: str = ""
    file: str = ""
    bytes: int = 0
    notes: tuple[str, ...] = field(default=())
    unreached: tuple[Unreached, ...] = field(default=())

    @property
    def is_month(self) -> bool:
        """Whether it is a month's file."""
        return len(self.period) == _MONTH_CHARS

    def facts(self) -> Json:
        """For JSON."""
        facts = asdict(self)
        return facts | {"notes": list(self.notes), "unreached": list(facts["unreached"])}

    def line(self) -> str:
        """For people."""
        what = f" {self.source} {self.file} ({self.bytes:,} bytes)" if self.file else ""
        notes = f": {'; '.join(self.notes)}" if self.notes else ""
        return f"{self.symbol} {self.feed} {self.period} {self.status}{what}{notes}"


CHECK = "check the network and the proxy (HTTPS_PROXY), then run again"
"""How the sentence of a host that cannot be reached ends."""


def away(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """A sentence for each reason why hosts could not be reached: which, how many files wait, what to do."""
    hosts: dict[str, dict[str, None]] = {}
    waiting: Counter[str] = Counter()
    for one in outcomes:
        for host in one.unreached:
            hosts.setdefault(host.why, {})[host.host] = None
        waiting.update({host.why for host in one.unreached})
    for why, names in hosts.items():
        files = f"{waiting[why]} file{' waits' if waiting[why] == 1 else 's wait'}"
        yield (
            f"{' and '.join(names)} {why}; {files} for {'it' if len(names) == 1 else 'them'}: {CHECK}"
        )


def exit_code(outcomes: Iterable[Outcome], *, missing_is_pending: bool = False) -> ExitCode:
    """0 done, 20 something is not published yet, 30 something failed or is missing.

    `missing_is_pending`: 20 for what is missing, too.
    """
    exits = {**_EXITS, MISSING: _EXITS[PENDING]} if missing_is_pending else _EXITS
    return max(
        (exits.get(outcome.status, ExitCode.DONE) for outcome in outcomes), default=ExitCode.DONE
    )
