"""Each fault of the exchange's trades injected into a real day: named, judged, and mended in what is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kit.tape_day import (
    AGGREGATES,
    OF_SINGLE_TRADES,
    TRADES,
    Damage,
    Made,
    all_sold,
    made,
)
from pipeline.quality.catalogue import DEFECTS

pytestmark = pytest.mark.real

_SECOND_DAY = 86_400_000


def changed(place: int, value: Callable[[str], str], every: int = 1) -> Damage:
    """Every so many rows have another value there."""

    def damage(lines: list[str]) -> list[str]:
        rows = [line.split(",") for line in lines]
        for row in rows[::every]:
            row[place] = value(row[place])
        return [",".join(row) for row in rows]

    return damage


def within(first: int, last: int) -> Damage:
    """The rows of these hours alone."""
    hours = range(first, last)
    return lambda lines: [
        line for line in lines if int(line.split(",")[4]) // 3_600_000 % 24 in hours
    ]


def stood(lines: list[str]) -> list[str]:
    """Nothing from 05:00 to 07:00."""
    return within(0, 5)(lines) + within(7, 24)(lines)


FAULTS: dict[str, tuple[str, Damage]] = {
    "D01": (TRADES, all_sold),
    "D02": (TRADES, within(0, 2)),
    "D03": (TRADES, lambda lines: [line for n, line in enumerate(lines) if n % 9]),
    "D04": (TRADES, changed(2, lambda size: "0.00000000", every=9)),
    "D05": (TRADES, lambda lines: lines[::-1]),
    "D06": (AGGREGATES, lambda lines: [*lines[:50], *lines[40:]]),
    "D07": (TRADES, changed(4, lambda stamp: f"{stamp}000", every=7)),
    "D09": (TRADES, stood),
}
"""Code -> the archive, and what is done to its lines."""


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Made:
    """The day as the exchange published it."""
    return built(tmp_path_factory.mktemp("clean"), real_data)


def built(root: Path, real_data: Path, **damage: Damage) -> Made:
    """The day with both archives, up to its verdict and features."""
    day = made(root, real_data, TRADES, AGGREGATES, damage=damage)
    day.build("Verdict")
    day.build("MicroFeatures")
    return day


def codes(day: Made) -> dict[str, int]:
    """Code -> the largest count that the report has of it."""
    report = day.document("Verdict", "report_json")
    entries = report["verdict"]["reasons"] + report["verdict"]["notes"] + report["defects"]
    return {e["code"]: e["count"] for e in sorted(entries, key=lambda entry: entry["count"])}


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_is_named_and_mended(
    tmp_path: Path, real_data: Path, clean: Made, code: str
) -> None:
    """The report has it, the condition is the registry's, bars and features are the clean day's."""
    kind, damage = FAULTS[code]
    day = built(tmp_path, real_data, **{kind: damage})

    assert codes(day)[code] > 0
    assert day.document("Verdict", "verdict")["condition"] == DEFECTS[code].condition
    for stage, output in (("AlignedBars", "bars_1m"), ("MicroFeatures", "features_micro")):
        found, wanted = day.table(stage, output), clean.table(stage, output)
        apart = {name for name in wanted.column_names if not found[name].equals(wanted[name])}
        assert apart <= set(OF_SINGLE_TRADES), output


def test_a_clean_day_has_none_of_them(clean: Made) -> None:
    """Nor a contradicted kline."""
    assert not [code for code in codes(clean) if code[0] == "D" or code == "B27"]


def test_a_month_without_the_day(tmp_path: Path, real_data: Path, clean: Made) -> None:
    """D08: the month's file has the next day alone."""
    day = made(tmp_path, real_data, TRADES, AGGREGATES)
    lines = day.archive(TRADES).read_text().splitlines()
    moved = changed(4, lambda stamp: str(int(stamp) + _SECOND_DAY))(lines)
    day.archive(TRADES).with_name("XRPETH-trades-2019-10.csv").write_text("\n".join(moved) + "\n")
    day.archive(TRADES).unlink()
    day.build("Verdict")

    assert codes(day)["D08"] == 1022
    assert day.document("Verdict", "verdict")["condition"] == DEFECTS["D08"].condition
    assert day.table("AlignedBars", "bars_1m").equals(clean.table("AlignedBars", "bars_1m"))


def test_a_kline_that_two_tapes_contradict(tmp_path: Path, real_data: Path) -> None:
    """B27: one high is wrong; it stays as archived, the day is degraded, the tapes' value is told."""

    def higher(lines: list[str]) -> list[str]:
        row = lines[1].split(",")
        return [lines[0], ",".join([*row[:2], "9.00000000", *row[3:]]), *lines[2:]]

    day = made(tmp_path, real_data, TRADES, AGGREGATES, damage={"1m": higher})
    day.build("Verdict")
    (told,) = day.document("Verdict", "report_json")["tapes"]["contradicted"]

    assert day.document("Verdict", "verdict")["condition"] == DEFECTS["B27"].condition
    assert codes(day)["B27"] == 1
    assert (told["column"], told["kline"]) == ("high", 9.0)
    assert day.table("AlignedBars", "bars_1m")["high"][1].as_py() == 9.0
    assert "9, the tapes" in str(day.document("Verdict", "verdict")["reasons"])
