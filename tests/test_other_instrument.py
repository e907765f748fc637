"""ATAS of another instrument beside the exchange's klines: moves alike, published, never degraded for it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest

from kit.shipped import RULES
from kit.support import btcusdt_raw, kitchen_at
from kit.whole_day import Day, edit_lines, whole_day
from pipeline.contracts.calibration import from_json
from pipeline.quality.distributions import ks_statistic
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.tables import parquet

DAY = dt.date(2025, 1, 2)
BARS = f"atas/bars_1m/BTCUSDT/date={DAY}/bars_1m.jsonl"


def coarse_venue(lines: list[bytes]) -> list[bytes]:
    """The same market on a venue whose prices step by what they usually move in a minute."""
    bars = [json.loads(line) for line in lines]
    step = float(np.std(np.diff([bar["close"] for bar in bars])))
    volumes = np.random.default_rng(11).uniform(0.2, 2.0, len(bars))
    for bar, share in zip(bars, volumes.tolist(), strict=True):
        for name in ("open", "high", "low", "close"):
            bar[name] = round(round(bar[name] / step) * step, 1)
        for name in ("volume", "vbuy", "vsell"):
            bar[name] = round(bar[name] * share, 3)
    return [json.dumps(bar).encode() + b"\r\n" for bar in bars]


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A simulated day whose bars are those of the coarse venue."""
    root = tmp_path_factory.mktemp("coarse")
    raw = root / "data" / "raw"
    write_sample(SampleRequest(out=raw, first=DAY, ticks=False, simplified=False))
    edit_lines(raw / BARS, coarse_venue)
    return whole_day(kitchen_at(root), "BTCUSDT", DAY)


def codes(day: Day, kind: str) -> list[str]:
    """Of the verdict's reasons or notes."""
    return [entry.code for entry in getattr(day.verdict, kind)]


def test_returns_that_correlate_by_nine_tenths_are_enough(coarse: Day) -> None:
    """Pearson's rho between 0.9 and 0.95: available with C01, though the returns' distributions differ."""
    like = from_json(coarse.report["calibration"]).figures.likeness
    bars = parquet.read(coarse.read("AlignedBars", "bars_1m")).to_pydict()
    both = [m for m in range(1440) if bars["atas_close"][m] is not None]
    ours, theirs = (np.diff(np.log([bars[n][m] for m in both])) for n in ("close", "atas_close"))
    limit = next(t for t in RULES.control.thresholds if t.name == "return_ks").limit

    assert like is not None
    assert like.rho == pytest.approx(float(np.corrcoef(ours, theirs)[0, 1]), abs=1e-6)
    assert 0.9 <= like.rho <= 0.95
    assert ks_statistic(ours, theirs) > limit
    assert (coarse.condition, codes(coarse, "reasons")) == ("available", [])
    assert "C01" in codes(coarse, "notes")


def test_the_perpetual_beside_spot_is_available(tmp_path: Path, real_data: Path) -> None:
    """The real day of both: C01 is told as a note, with the basis, and nothing degrades it."""
    btcusdt_raw(tmp_path, real_data, market="spot")
    day = whole_day(kitchen_at(tmp_path, "{market: spot}"), "BTCUSDT", DAY)
    found = from_json(day.report["calibration"])

    assert (day.condition, codes(day, "reasons")) == ("available", [])
    assert "C01" in codes(day, "notes")
    assert found.basis_bps_median == pytest.approx(-2.13, abs=0.01)
    checks = {check.name: check.passed for check in day.verdict.checks}
    assert (checks["return_psi"], checks["return_ks"]) == (None, None)
