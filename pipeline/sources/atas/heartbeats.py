"""What a running exporter leaves behind: its heartbeat, and the tail of the file it is writing.

Belongs here: how the exporters write these two. How old is too old is CONTROL's, and telling anybody is
`unattended/heartbeat.py`.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from pipeline.clock import parse_instant

FEEDS = {
    "Bar1mExporter": "atas_bars",
    "SimplifiedDataExporter": "atas_v6_3",
    "TickTapeExporter": "atas_ticks",
}
"""Exporter -> the feed that it writes. Its folder may have a version behind the name."""

HEARTBEATS = "atas/_heartbeats"
NAMES = ("heartbeat.txt", ".heartbeat")

_STAMPS = ("ts", "timestamp_utc", "timestamp")
_BEAT_BYTES = 4_096
_TAIL_BYTES = 1 << 16
_LABELLED = re.compile(r"ts_utc\s*=\s*(\S+)")


def feed_of(exporter: str) -> str | None:
    """The feed that an exporter's folder name stands for; None for a name that is not known."""
    for name, feed in FEEDS.items():
        if exporter.startswith(name):
            return feed
    return None


def exporters(raw: Path, symbol: str) -> dict[str, Path]:
    """Exporter -> its heartbeat file, of every exporter that ever wrote one for the chart's symbol."""
    found: dict[str, Path] = {}
    for name in NAMES:
        for path in sorted((raw / HEARTBEATS).glob(f"*/{symbol}/{name}")):
            found.setdefault(path.parent.parent.name, path)
    return found


def beat_us(path: Path) -> int | None:
    """The instant of a heartbeat, in microseconds; None where the file holds none, half a line included.

    Either form: one line that is the instant, or lines `ts_utc=...`, `symbol=...`, `ticks_in_window=...`.
    """
    try:
        with open(path, "rb") as handle:
            text = handle.read(_BEAT_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return None
    labelled = _LABELLED.findall(text)
    lines = labelled or text.split()
    return _instant(lines[-1]) if lines else None


def newest_row_us(path: Path) -> int | None:
    """The greatest stamp among the last whole lines of a JSON lines file; None where there is none.

    Only the tail is read, and the file is closed at once: an exporter that wants to replace it must not
    find it held.
    """
    try:
        with open(path, "rb") as handle:
            start = max(handle.seek(0, os.SEEK_END) - _TAIL_BYTES, 0)
            handle.seek(start)
            tail = handle.read(_TAIL_BYTES)
    except OSError:
        return None
    lines = tail.split(b"\n")[1 if start else 0 :]
    stamps = [stamp for line in lines if (stamp := _stamp(line)) is not None]
    return max(stamps, default=None)


def _stamp(line: bytes) -> int | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    found = next((row[key] for key in _STAMPS if isinstance(row.get(key), str)), None)
    return _instant(found) if found else None


def _instant(text: str) -> int | None:
    try:
        return parse_instant(text)[0]
    except ValueError:
        return None
