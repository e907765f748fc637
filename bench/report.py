"""What the report of a symbol's day costs: bytes of its three forms, and processor time.

    python bench/report.py [--json] [--rounds 30] [--root DIR]

The day is the sample's, with bars, ticks and the exchange's trades, on which nothing is wrong. Warm: every
page of a worker but its first. First: libraries and templates, which a fresh process loads for it alone.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from kit.support import kitchen_at
from kit.whole_day import whole_day
from pipeline import storage
from pipeline.contracts.verdict import Verdict
from pipeline.quality.facts import DayFacts
from pipeline.quality.report import html, markdown, report
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.tasks import recipes

DAY = dt.date(2025, 1, 2)
LIMITS = {"report, three forms": (60.0, "KB"), "report, warm": (0.05, "core-seconds")}
"""What is measured, and the most that counts as good."""

IMPORTS = (
    "import pipeline.quality.verdict, pyarrow.compute, time; begun = time.process_time();"
    " import pipeline.quality.report; print(time.process_time() - begun)"
)

Judged = tuple[DayFacts, Verdict]


def judged(root: Path) -> Judged:
    """The day up to its verdict, as the report is made of it."""
    kept: list[Judged] = []

    def keep(facts: DayFacts, found: Verdict) -> dict:
        kept.append((facts, found))
        return report(facts, found)

    kitchen = kitchen_at(root)
    write_sample(SampleRequest(out=kitchen.raw, first=DAY))
    recipes.report = keep
    whole_day(kitchen, "BTCUSDT", DAY)
    return kept[0]


def pages(day: Judged) -> tuple[bytes, ...]:
    """JSON, Markdown and HTML."""
    said = report(*day)
    return storage.canonical_json(said), markdown(said).encode(), html(said, day[0].bars).encode()


def processor_time(day: Judged) -> float:
    """Of making the three forms once."""
    begun = time.process_time()
    pages(day)
    return time.process_time() - begun


def main() -> None:
    """Measures, prints each figure beside its limit, and ends with 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--root", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        day = judged(options.root or Path(temporary))
    recipes.report = report
    first = processor_time(day)
    warm = statistics.median(processor_time(day) for _ in range(options.rounds))
    loading = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True
    )
    forms = dict(zip(("json", "md", "html"), map(len, pages(day)), strict=True))
    found = {"report, three forms": sum(forms.values()) / 1000, "report, warm": warm}
    told = {
        "measured": {name: (value, *LIMITS[name]) for name, value in found.items()},
        "bytes": forms,
        "first": float(loading.stdout) + first - warm,
    }
    if options.json:
        print(json.dumps(told))
    else:
        for name, (value, limit, unit) in told["measured"].items():
            print(f"{value:.3f} {unit}  {name} (at most {limit:g})")
        print(f"{told['first']:.3f} core-seconds  more in a fresh process; bytes {forms}")
    sys.exit(any(value > LIMITS[name][0] for name, value in found.items()))


if __name__ == "__main__":
    main()
