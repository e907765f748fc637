"""The other benchmarks of this folder, run one after the other, as rows of the page.

Belongs here: how each is called, and how what it prints becomes goals. What they measure is their own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent

Goal = tuple[str, str, str, bool]
"""Words, limit, measured, and whether it holds."""

FEATURES_MOST = 0.1
"""The feature step of a day against the tick step of the same day."""

_PEAK = re.compile(r" *([0-9]+ symbols, [a-z]+) +([0-9]+) MB   \(at most ([0-9]+)\)")
_LINE = re.compile(r" *([0-9.]+)  (.+) \(at (most|least) ([0-9.]+): .*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A script, what it is called with, and what its output says."""

    script: str
    arguments: tuple[str, ...]
    goals: Callable[[str], list[Goal]]


def others(data: Path, ticks: int) -> tuple[Other, ...]:
    """All of them; `data` keeps generated days for the next time."""
    days = str(data / "finished")
    return (
        Other(
            script="features.py",
            arguments=("--ticks", str(ticks), "--work", str(data)),
            goals=_features,
        ),
        Other(script="trades.py", arguments=("--work", str(data)), goals=_lines),
        Other(script="reader.py", arguments=("--json",), goals=_reader),
        Other(script="fetch.py", arguments=(), goals=_lines),
        Other(script="report.py", arguments=("--json",), goals=_report),
        Other(script="symbol_days.py", arguments=(), goals=_lines),
        Other(script="one_symbol.py", arguments=(), goals=_lines),
        Other(script="many_symbols.py", arguments=(), goals=_memory),
        Other(script="executors.py", arguments=(), goals=_lines),
        Other(script="freshness.py", arguments=("--root", days, "--rounds", "5"), goals=_lines),
    )


def measured(other: Other) -> list[Goal]:
    """Its goals; where it says nothing that can be read, one that is missed and says so."""
    started = time.monotonic()
    command = [sys.executable, str(HERE / other.script), *other.arguments]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(f"{other.script}: {time.monotonic() - started:.0f} s", flush=True)
    try:
        found = other.goals(ended.stdout)
    except (ValueError, KeyError, TypeError):
        found = []
    return found or [(other.script, "measured", f"nothing (exit {ended.returncode})", False)]


def _goal(words: str, limit: float, value: float, *, least: bool = False) -> Goal:
    holds = value >= limit if least else value <= limit
    return words, f"{'>=' if least else '<='} {limit:g} x", f"{value:.2f} x", holds


def _features(text: str) -> list[Goal]:
    said = json.loads(text)
    words, limit, value, holds = _goal(
        "feature step / tick step, processor time", FEATURES_MOST, said["ratio"]
    )
    return [(words, limit, f"{value} ({said['process_ratio']:.2f} x as processes)", holds)]


def _reader(text: str) -> list[Goal]:
    said = json.loads(text)
    return [
        _goal(f"reader, 30 days x 3 symbols: {name}", limit, said["ratios"][name]["wall"])
        for name, limit in said["limits"].items()
    ]


def _report(text: str) -> list[Goal]:
    """Of the report of a day: value, limit and unit each."""
    return [
        (words, f"<= {limit:g} {unit}", f"{value:.3g} {unit}", value <= limit)
        for words, (value, limit, unit) in json.loads(text)["measured"].items()
    ]


def _memory(text: str) -> list[Goal]:
    lines = filter(None, map(_PEAK.fullmatch, text.splitlines()))
    return [
        (f"peak memory of a date, {m[1]}", f"<= {m[3]} MB", f"{m[2]} MB", int(m[2]) <= int(m[3]))
        for m in lines
    ]


def _lines(text: str) -> list[Goal]:
    lines = filter(None, map(_LINE.fullmatch, text.splitlines()))
    return [_goal(m[2], float(m[4]), float(m[1]), least=m[3] == "least") for m in lines]
