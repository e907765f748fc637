"""Damage to the real tape of XRPETH, 2019-10-11, one defect each.

Belongs here: edits of ticks, as of bars and archives in `real_exports.py`.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from kit.injection import put_records, records
from kit.real_exports import Inject, lines_of

TAPE = "atas/ticks/XRPETH/date=2019-10-11"


def _tape(raw: Path) -> list[Path]:
    return sorted((raw / TAPE).glob("*/ticks.jsonl"))


def only_buys(raw: Path) -> None:
    """The exporter did not find the side."""
    for path in _tape(raw):
        path.write_bytes(
            path.read_bytes().replace(b'"side":"sell","vsell":', b'"side":"buy","vbuy":')
        )


def pc_clock(raw: Path) -> None:
    """Stamps have digits below the millisecond."""
    for path in _tape(raw):
        found = records(path)
        for tick in found:
            tick["ts"] = tick["ts"].replace("0000Z", "2345Z")
        put_records(path, found)


def swapped(raw: Path) -> None:
    """In the hours with enough trades, one pair of neighbours with different stamps stands swapped."""
    for path in _tape(raw)[:20]:
        lines = lines_of(path)
        stamps = [line[:36] for line in lines]
        at = next(i for i in range(len(lines) // 2, len(lines) - 1) if stamps[i] < stamps[i + 1])
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
        path.write_bytes(b"".join(lines))


def misfiled(raw: Path) -> None:
    """A batch of seven ticks lies under its first tick's hour."""
    four, five = (raw / TAPE / f"0{hour}/ticks.jsonl" for hour in (4, 5))
    late = lines_of(five)
    four.write_bytes(b"".join([*lines_of(four), *late[:7]]))
    five.write_bytes(b"".join(late[7:]))


def without_a_date(raw: Path) -> None:
    """The ticks of hour 05 lie under a folder that is called date={date}, to the letter."""
    target = raw / "atas/ticks/XRPETH/date={date}/05/ticks.jsonl"
    target.parent.mkdir(parents=True)
    (raw / TAPE / "05/ticks.jsonl").rename(target)


def strays(raw: Path) -> None:
    """Three ticks of nine days later, where no day looks for them."""
    path = raw / TAPE / "12/ticks.jsonl"
    lines = lines_of(path)
    other = [line.replace(b"2019-10-11T", b"2019-10-20T") for line in lines[10:13]]
    path.write_bytes(b"".join([*lines[:10], *other, *lines[10:]]))


def of_another_symbol(raw: Path) -> None:
    """Each tick names another coin."""
    for path in _tape(raw):
        path.write_bytes(path.read_bytes().replace(b'"symbol":"XRPETH"', b'"symbol":"XRPBTC"'))


def late(milliseconds: int) -> Inject:
    """All stamps of the tape are late."""

    def inject(raw: Path) -> None:
        for path in _tape(raw):
            found = records(path)
            for tick in found:
                moment = dt.datetime.fromisoformat(tick["ts"][:23])
                moment += dt.timedelta(milliseconds=milliseconds)
                tick["ts"] = f"{moment:%Y-%m-%dT%H:%M:%S.}{moment.microsecond // 1000:03d}0000Z"
            put_records(path, found)

    return inject
