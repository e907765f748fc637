"""A waiver in CONTROL on a real day: what it lowers, what it cannot, and that it is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kit import injection as old
from kit import real_exports as real
from kit.injection import BARS
from kit.real_build import built
from kit.support import kitchen_at
from kit.whole_day import Day
from pipeline.tables import parquet

pytestmark = pytest.mark.real

WHO, WHY = "R. Reviewer", "seen and understood"

Waive = Callable[..., None]


@pytest.fixture
def waive(tmp_path: Path, governance: Path, monkeypatch: pytest.MonkeyPatch) -> Waive:
    """Writes a waiver into a CONTROL of this test's own."""

    def write(code: str, to: str, days: str = "2025-01-02", symbol: str = "BTCUSDT") -> None:
        own = tmp_path / "governance"
        shutil.copytree(governance, own)
        text = (own / "CONTROL_kitchen.yaml").read_text()
        entry = (
            f"  - {{code: {code}, symbol: '{symbol}', first: {days}, last: {days},"
            f' consequence: {to}, who: "{WHO}", why: "{WHY}"}}'
        )
        changed = text.replace("waivers: []", f"waivers:\n{entry}")
        assert changed != text
        (own / "CONTROL_kitchen.yaml").write_text(changed)
        plain = kitchen_at
        monkeypatch.setattr(
            "kit.real_build.kitchen_at", lambda *a: replace(plain(*a), governance=own)
        )

    return write


@dataclass(frozen=True, kw_only=True)
class Waived:
    """A defect, what it leads to, what its waiver says, and what the day then is."""

    code: str
    damage: Callable[[Path], None]
    stated: str
    to: str
    then: str


CASES = {
    "flag, degrade to note": Waived(
        code="C08", damage=real.every_tenth_lost, stated="degraded", to="note", then="available"
    ),
    "flag, prices that differ": Waived(
        code="B10", damage=old.other_closes, stated="degraded", to="note", then="available"
    ),
    "quarantine of rows": Waived(
        code="B26", damage=real.impossible, stated="degraded", to="note", then="available"
    ),
    "quarantine of lines": Waived(
        code="A13",
        damage=real.edited(BARS, real.many_broken_lines),
        stated="degraded",
        to="note",
        then="available",
    ),
    "fail, refuse to degrade": Waived(
        code="B09", damage=old.silent_archive, stated="missing", to="degrade", then="degraded"
    ),
    "fail, a feed set aside": Waived(
        code="C02", damage=real.times_thousand, stated="degraded", to="note", then="available"
    ),
    "no rows at all": Waived(
        code="B06", damage=old.no_klines, stated="missing", to="note", then="missing"
    ),
}


def said(day: Day, code: str) -> str:
    """What the verdict says of a code."""
    verdict = day.report["verdict"]
    return " ".join(e["note"] for e in verdict["reasons"] + verdict["notes"] if e["code"] == code)


@pytest.mark.parametrize("name", CASES)
def test_a_waiver_lowers_what_it_names(
    tmp_path: Path, raw_days: dict[str, Path], waive: Waive, name: str
) -> None:
    """The day is as the waiver says; the report says who and why; nothing invents rows."""
    case = CASES[name]
    waive(case.code, case.to)
    day = built(tmp_path, raw_days, case.damage)

    assert day.condition == case.then, day.report["verdict"]
    if case.then != case.stated:
        assert f"{WHO}: {WHY}" in said(day, case.code)


@pytest.mark.parametrize(
    ("days", "symbol"),
    [("2025-01-03", "BTCUSDT"), ("2025-01-02", "ETHUSDT")],
    ids=["day", "symbol"],
)
def test_a_waiver_of_something_else_lowers_nothing(
    tmp_path: Path, raw_days: dict[str, Path], waive: Waive, days: str, symbol: str
) -> None:
    """Of another date, or another symbol."""
    waive("C08", "note", days, symbol)
    day = built(tmp_path, raw_days, real.every_tenth_lost)

    assert day.condition == "degraded"
    assert WHO not in said(day, "C08")


def test_a_feed_that_a_waiver_lets_in_is_in_the_bars(
    tmp_path: Path, raw_days: dict[str, Path], waive: Waive
) -> None:
    """As measured: a thousand times the exchange's prices, and told to be another instrument's."""
    waive("C02", "note")
    day = built(tmp_path, raw_days, real.times_thousand)
    bars = parquet.read(day.read("AlignedBars", "bars_1m"))
    thousandfold = [round(close * 1000, 1) for close in bars["close"].to_pylist()]

    assert [round(close, 1) for close in bars["atas_close"].to_pylist()] == thousandfold
    assert set(bars["delta_source"].to_pylist()) == {"klines"}
