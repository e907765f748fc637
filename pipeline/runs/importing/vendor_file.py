"""What a vendor's file is: of which kind, and of which days, as its names and its rows tell it.

Belongs here: holding names (`vendor_names.py`) and rows (`kline_peek.py`) against each other. Where a
file goes is `placing.py`'s.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.clock import parse_day
from pipeline.model.limits import Limits
from pipeline.model.raw_names import RawPath
from pipeline.runs.importing import kline_peek, trade_peek
from pipeline.runs.importing.kline_peek import Peek
from pipeline.runs.importing.trade_peek import TradePeek
from pipeline.runs.importing.vendor_names import NameFacts, name_facts
from pipeline.sources.rawfile import RawFile, open_raw
from pipeline.sources.registry import claimant

READ_KINDS = ("klines", "metrics", "fundingRate", *trade_peek.KINDS.values())
"""What sources read, as the public archive calls it."""

_EXPORTS = ("atas_bars", "atas_simplified", "atas_ticks")
_STAMP = re.compile(
    rb'"(?:ts|timestamp_utc|timestamp)"\s*:\s*"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}):'
)
_DAY_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorFile:
    """What is known of a file before its place is.

    `hours`: of an export or a file of trades, in how many hours of each date it has rows. `looks`: the market
    that an archive's form tells, `spot` or `futures`.
    """

    name: str
    adapter: str
    head: bytes
    says: NameFacts
    rows: Peek | None
    hours: Counter[str]
    looks: str | None = None


def look(path: Path, name: str, limits: Limits) -> list[VendorFile]:
    """The file as it presents itself, once for each kind of trades that it has.

    Nothing where no adapter claims it, and no name tells another kind.
    """
    says, raw_path = name_facts(name), RawPath(path, name, 0)
    trades = trade_peek.peek_parquet(raw_path, limits)
    with open_raw(raw_path, limits) as raw:
        claims = claimant(name, raw.head)
        adapter = trades[0].adapter if trades else claims.name if claims else ""
        if not adapter and (says.kind or says.folder_kind) in (None, *READ_KINDS):
            return []
        if adapter in trade_peek.KINDS and not trades:
            trades = trade_peek.peek(raw, adapter)
        rows = kline_peek.peek(raw, adapter) if adapter in kline_peek.SHAPED else None
        file = VendorFile(
            name=name,
            adapter=adapter,
            head=raw.head,
            says=_says(path, says, rows, is_export=adapter in _EXPORTS),
            rows=rows,
            hours=_hours(raw) if adapter in _EXPORTS else Counter(),
            looks=rows.market if rows else None,
        )
    return [_of_trades(file, one, len(trades)) for one in trades] or [file]


def _says(path: Path, says: NameFacts, rows: Peek | None, *, is_export: bool) -> NameFacts:
    """What its own name and that of a zip's member tell together."""
    member = name_facts(_member(path))
    kinds = (says.kind, member.kind, _of_folder(says.folder_kind, rows, is_export=is_export))
    return replace(
        says,
        kind=next((kind for kind in kinds if kind not in (None, "klines")), None),
        interval=says.interval or member.interval,
        archive_of=says.archive_of or member.archive_of,
    )


def _of_trades(file: VendorFile, found: TradePeek, kinds: int) -> VendorFile:
    """The file as one of its kinds of trades; the name of a recording of both tells at most one."""
    kind = file.says.kind if kinds == 1 else trade_peek.KINDS[found.adapter]
    return replace(
        file,
        adapter=found.adapter,
        says=replace(file.says, kind=kind),
        hours=found.hours,
        looks=found.market,
    )


def _of_folder(kind: str | None, rows: Peek | None, *, is_export: bool) -> str | None:
    """What a folder tells of a file: prices of any kind are klines, while trades or metrics are none."""
    fits = kind is not None and (rows is None or kind.endswith("Klines")) and not is_export
    return kind if fits else None


def _hours(raw: RawFile) -> Counter[str]:
    """In how many hours of each date an export has stamps."""
    found: set[bytes] = set()
    for block in raw.blocks():
        found.update(_STAMP.findall(block))
    return Counter(hour.decode()[:10] for hour in found)


def _member(path: Path) -> str:
    """The name of a zip's first member; nothing of any other file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return next((n for n in archive.namelist() if not n.startswith("__MACOSX/")), "")
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return ""


def kind_of(file: VendorFile) -> str:
    """What the file holds, by names and rows.

    Raises:
        ValueError: they do not agree.
    """
    says, rows = file.says, file.rows
    trades = trade_peek.KINDS.get(file.adapter)
    if trades is not None or says.kind in trade_peek.KINDS.values():
        said = says.kind or (f"{says.interval} klines" if says.interval else trades)
        if said != trades:
            raise ValueError(
                f"its name says {said}, and its rows are {trades or 'none'}; rename it, or"
                " fetch it again"
            )
        return str(trades)
    if says.kind not in (None, "klines"):
        return str(says.kind)
    if file.adapter in _EXPORTS:
        return file.adapter
    if rows is None or rows.kind != "klines":
        return "klines" if rows is None else rows.kind
    interval = rows.interval or says.interval or "1m"
    if rows.interval and says.interval and rows.interval != says.interval:
        raise ValueError(
            f"its name says {says.interval}, and its rows are {rows.interval} apart; rename it, or"
            " fetch it again"
        )
    return f"{interval} klines"


def marks_of(file: VendorFile) -> list[dict[str, str]]:
    """The parts of a pattern that tell the file's days: a day, a month or a span; each day of an export.

    Raises:
        ValueError: neither names nor rows tell a date, or they tell other ones.
    """
    said, rows = file.says.periods, file.rows
    if rows is None:
        return [_of_period(day) for day in _days(file)]
    first, last = rows.first.isoformat(), rows.last.isoformat()
    if said and not any(first[: len(p)] <= p <= last[: len(p)] for p in (*said, said[0])):
        raise ValueError(
            f"its name says {', '.join(said)}, and its rows are of {first} to {last}; rename it, or"
            " fetch it again"
        )
    if len(said) == 1 and len(said[0]) < len(first):
        # a month in another zone, or of closes, has a foot in the next one
        spill = {first[:7], last[:7]} - {said[0]}
        if not spill or rows.hours <= 32 * _DAY_HOURS:
            return [_of_period(said[0])]
    if len(said) == 1 and rows.hours < _DAY_HOURS + 1:
        return [_of_period(said[0])]
    return [_of_period(first) if first == last else {"first": first, "last": last}]


def _of_period(text: str) -> dict[str, str]:
    if len(text) == len("2025-01"):
        return {"month": text}
    parse_day(text)
    return {"date": text, "yyyymmdd": text.replace("-", "")}


def _days(file: VendorFile) -> list[str]:
    """The days of a file that is no klines.

    An export's clock may be off: of a day's length of rows its name tells the day, and a foot is no day. The
    exchange's trades are of the day or month that their name tells, whatever else is among them.

    Raises:
        ValueError: neither its path nor its rows tell one, or they tell other ones.
    """
    said, hours = file.says.periods, file.hours
    if file.adapter in trade_peek.KINDS and len(said) == 1:
        if hours and not any(day.startswith(said[0]) for day in hours):
            raise ValueError(
                f"its name says {said[0]}, and its rows are of {min(hours)} to {max(hours)}; rename it,"
                " or fetch it again"
            )
        return [said[0]]
    if said and (not hours or (said[-1] in hours and hours.total() <= _DAY_HOURS + 1)):
        return [said[-1]]
    if not hours:
        raise ValueError("neither its path nor its rows tell a date")
    most = max(hours.values())
    return sorted(day for day, count in hours.items() if 2 * count > most)
