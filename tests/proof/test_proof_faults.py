"""Each fault of the exchange's archives injected into a real day: found, mended, or null and said.

What must come out is the clean day's, which the klines and another recorder's ticks prove.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kit.proof_day import Damage, Raw, proven
from pipeline.clock import MINUTE_US, day_open_us
from pipeline.contracts.tape import TapeFault
from pipeline.proof.choice import proven as proven_column
from pipeline.proof.choice import taken
from pipeline.proof.tapes import TapesOfDay

pytestmark = pytest.mark.real

SEEN_AS_ONE = ("qty_max", "qty_q95")
"""What an aggregate tells as one trade."""


@pytest.fixture
def raw(real_data: Path, tmp_path: Path) -> Raw:
    return Raw(root=real_data / "xrpeth-2019-10", work=tmp_path)


@pytest.fixture(scope="session")
def clean(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> TapesOfDay:
    """The day as it is, with the tape that ATAS recorded."""
    work = tmp_path_factory.mktemp("clean")
    return proven(Raw(root=real_data / "xrpeth-2019-10", work=work), "ticks")


def at(line: str, kind: str) -> int:
    """The minute of the day of a line."""
    stamp = int(line.split(",")[4 if kind == "trades" else 5])
    return stamp % 86_400_000 // 60_000


def with_field(line: str, place: int, value: str) -> str:
    fields = line.split(",")
    return ",".join([*fields[:place], value, *fields[place + 1 :]])


def maker(kind: str) -> int:
    return 5 if kind == "trades" else 6


def all_sold(kind: str) -> Damage:
    return lambda lines: [with_field(line, maker(kind), "True") for line in lines]


def only(kind: str, keep: Callable[[int], bool]) -> Damage:
    """The rows of some minutes."""
    return lambda lines: [line for line in lines if keep(at(line, kind))]


def some_gone(lines: list[str]) -> list[str]:
    """Every ninth row is missing."""
    return [line for number, line in enumerate(lines) if number % 9]


def none_in(kind: str, hours: range) -> Damage:
    """All rows of these hours have quantity 0."""
    return lambda lines: [
        with_field(line, 2, "0.00000000") if at(line, kind) // 60 in hours else line
        for line in lines
    ]


def some_sized(size: str) -> Damage:
    """Every ninth row has this quantity."""
    return lambda lines: [
        line if number % 9 else with_field(line, 2, size) for number, line in enumerate(lines)
    ]


def of(found: TapesOfDay, code: str) -> TapeFault:
    (fault,) = [fault for fault in found.finding.faults if fault.code == code]
    return fault


def minutes_of(lines: list[str], kind: str) -> set[int]:
    return {at(line, kind) for line in lines}


def same_day(found: TapesOfDay, clean: TapesOfDay, name: str) -> bool:
    """Whether levels and minutes are those of the clean day."""
    levels = found.levels[name].whole().equals(clean.levels["ticks"].whole())
    theirs = clean.stats["ticks"].drop_columns(SEEN_AS_ONE)
    return levels and found.stats[name].drop_columns(SEEN_AS_ONE).equals(theirs)


MENDED: dict[str, tuple[str, Callable[[str], Damage]]] = {
    "D01": ("D01", all_sold),
    "D02 end": ("D02", lambda kind: only(kind, lambda minute: minute < 120)),
    "D02 begin": ("D02", lambda kind: only(kind, lambda minute: minute >= 700)),
    "D03": ("D03", lambda kind: some_gone),
    "D04 zero": ("D04", lambda kind: some_sized("0.00000000")),
    "D04 nearly": ("D04", lambda kind: some_sized("0.00000001")),
    "D04 hours": ("D04", lambda kind: none_in(kind, range(5, 7))),
    "D04 to the end": ("D04", lambda kind: none_in(kind, range(20, 24))),
    "D09": ("D09", lambda kind: only(kind, lambda minute: not 300 <= minute < 420)),
}


@pytest.mark.parametrize("case", MENDED)
@pytest.mark.parametrize(
    ("name", "kind", "other"),
    [("trades", "trades", "agg_trades"), ("agg_trades", "aggTrades", "trades")],
)
def test_a_fault_is_mended_from_the_other_archive(
    raw: Raw, clean: TapesOfDay, case: str, name: str, kind: str, other: str
) -> None:
    """Found under its code and no other; bars and footprint equal the clean day's, every minute proven."""
    code, damage = MENDED[case]
    found = proven(replace(raw, damage={name: damage(kind)}), name, other)
    fault = of(found, code)

    assert {entry.code for entry in found.finding.faults} == {code}
    assert (fault.source, fault.count > 0) == (name, True)
    assert same_day(found, clean, name)
    assert found.finding.proven == found.finding.minutes == 1440
    assert found.finding.sources == {name: 1440, other: 0}
    assert found.finding.tapes[name].proven + found.finding.tapes[name].mended == 1440
    assert found.finding.tapes[other].proven == 1440


def test_one_sided_trades_alone_lose_their_sides(raw: Raw, clean: TapesOfDay) -> None:
    """D01 without the other archive: rows stay, the sides of minutes that the klines deny are null."""
    found = proven(replace(raw, damage={"trades": all_sold("trades")}), "trades")
    stats, truth = found.stats["trades"], clean.stats["ticks"]
    bought = np.array(truth["vbuy"].to_pylist()) > 0

    assert of(found, "D01").count == 5929
    assert of(found, "D01").minutes == int(bought.sum())
    assert of(found, "D01").mended == 0
    assert [side is None for side in stats["vsell"].to_pylist()] == bought.tolist()
    assert stats["volume"].equals(truth["volume"])


def test_what_neither_archive_has_right_stays_null(raw: Raw, clean: TapesOfDay) -> None:
    """Trades of one side, aggregates that end at 02:00: mended up to there, then wrong sides are null."""
    cut = only("aggTrades", lambda minute: minute < 120)
    damage: dict[str, Damage | None] = {"trades": all_sold("trades"), "agg_trades": cut}
    found = proven(replace(raw, damage=damage), "trades", "agg_trades")
    truth = clean.stats["ticks"]
    opens = [at.value // MINUTE_US % 1440 for at in truth["minute_open"]]
    bought = np.array(truth["vbuy"].to_pylist()) > 0
    wanted = [
        None if minute >= 120 and buys else volume
        for minute, buys, volume in zip(opens, bought, truth["vsell"].to_pylist(), strict=True)
    ]

    assert found.stats["trades"]["vsell"].to_pylist() == wanted
    assert of(found, "D01").mended == sum(
        buys for minute, buys in zip(opens, bought, strict=True) if minute < 120
    )
    assert {(fault.code, fault.source) for fault in found.finding.faults} == {
        ("D01", "trades"),
        ("D02", "agg_trades"),
    }


def test_both_archives_one_sided_blame_no_kline(raw: Raw) -> None:
    """They agree with each other and not with the klines, in the one column that says nothing."""
    damage = {"trades": all_sold("trades"), "agg_trades": all_sold("aggTrades")}
    found = proven(replace(raw, damage=damage), "trades", "agg_trades")

    assert [(f.code, f.source, f.mended) for f in found.finding.faults] == [
        ("D01", "trades", 0),
        ("D01", "agg_trades", 0),
    ]
    assert found.finding.wrong_klines == ()


def test_a_tape_that_ends_is_no_tape_behind_its_end(raw: Raw) -> None:
    """D02 without another archive: proven is null where the tape is not, and true before."""
    cut = only("trades", lambda minute: minute < 120)
    found = proven(replace(raw, damage={"trades": cut}), "trades")
    column = proven_column(found.proof.candidates).to_pylist()
    lost = minutes_of(raw.lines("trades"), "trades") - set(range(120))
    first = min(lost)

    assert column == [True] * first + [None] * (1440 - first)
    assert (of(found, "D02").count, of(found, "D02").mended) == (len(lost), 0)
    assert found.finding.tapes["trades"].lost == len(lost)


def test_missing_trades_without_another_archive(raw: Raw) -> None:
    """D03 alone: counted trade by trade, and its minutes are taken from no tape."""
    lines = raw.lines("trades")
    gone = lines[4:-4:9]
    kept_lines = [line for line in lines if line not in set(gone)]
    found = proven(replace(raw, damage={"trades": lambda _: kept_lines}), "trades")
    levels = taken(found.levels, found.proof.candidates, day_open_us(raw.day))
    opens = (one.value - day_open_us(raw.day) for one in levels.whole()["minute_open"])
    column = proven_column(found.proof.candidates).to_pylist()
    minutes = minutes_of(gone, "trades")

    assert (of(found, "D03").count, of(found, "D03").minutes) == (len(gone), len(minutes))
    assert {at // MINUTE_US for at in opens} == minutes_of(lines, "trades") - minutes
    assert {minute for minute, is_proven in enumerate(column) if not is_proven} == minutes


def test_rows_without_a_quantity_alone(raw: Raw) -> None:
    """D04 without another archive: every such row counted, in its minute, which is not proven."""
    lines = raw.lines("trades")
    zero = lines[4:-4:9]
    damage = [with_field(line, 2, "0.00000000") if line in set(zero) else line for line in lines]
    found = proven(replace(raw, damage={"trades": lambda _: damage}), "trades")
    column = proven_column(found.proof.candidates).to_pylist()

    assert (of(found, "D04").count, of(found, "D04").mended) == (len(zero), 0)
    assert {m for m, is_proven in enumerate(column) if not is_proven} == minutes_of(zero, "trades")


def test_gaps_that_the_klines_do_not_count_are_no_loss(raw: Raw) -> None:
    """Ids that no archive and no kline has, as of deleveraging: every minute proven, no fault."""

    def skipped(lines: list[str]) -> list[str]:
        return [
            with_field(line, 0, str(int(line.split(",")[0]) + number // 50))
            for number, line in enumerate(lines)
        ]

    found = proven(replace(raw, damage={"trades": skipped}), "trades")

    assert (found.finding.proven, found.finding.faults) == (1440, ())
    assert found.proof.tapes["trades"].gaps is not None
    assert found.proof.tapes["trades"].gaps.missing.sum() == 5928 // 50


def test_the_same_trades_missing_in_both_archives_blame_no_kline(raw: Raw) -> None:
    """The two archives agree, but ids are missing: that is their loss (D03), not a kline's fault (B27)."""
    ids = [line.split(",")[3:5] for line in raw.lines("agg_trades")[4:-4:9]]
    lost = {first for first, last in ids if first == last}
    damage: dict[str, Damage | None] = {
        "trades": lambda lines: [row for row in lines if row.split(",")[0] not in lost],
        "agg_trades": lambda lines: [row for row in lines if row.split(",")[3] not in lost],
    }
    found = proven(replace(raw, damage=damage), "trades", "agg_trades")

    faults = [(f.code, f.source, f.count, f.mended) for f in found.finding.faults]
    assert faults == [("D03", "trades", len(lost), 0), ("D03", "agg_trades", len(lost), 0)]
    assert found.finding.wrong_klines == ()


def test_rows_out_of_order_and_of_other_days(raw: Raw, clean: TapesOfDay) -> None:
    """D05: shuffled, with rows of the day before among them; the tape is the clean one."""

    def shuffled(lines: list[str]) -> list[str]:
        others = [
            with_field(line, 4, str(int(line.split(",")[4]) - 86_400_000)) for line in lines[:20]
        ]
        mixed = lines + others
        random.Random(1).shuffle(mixed)
        return mixed

    found = proven(replace(raw, damage={"trades": shuffled}), "trades")

    assert same_day(found, clean, "trades")
    assert (of(found, "D05").minutes, of(found, "D05").count > 20) == (0, True)
    assert found.finding.proven == 1440


def test_an_aggregate_that_stands_twice(raw: Raw, clean: TapesOfDay) -> None:
    """D06: rows that say the same count once; one of other trades under the same id is another row."""

    def twice(lines: list[str]) -> list[str]:
        first = lines[0].split(",")[0]
        return [*lines[:50], *lines[40:50], with_field(lines[50], 0, first), *lines[51:]]

    found = proven(replace(raw, damage={"agg_trades": twice}), "agg_trades")

    assert same_day(found, clean, "agg_trades")
    assert of(found, "D06").count >= 10
    assert found.finding.proven == 1440


def test_two_units_of_time(raw: Raw, clean: TapesOfDay) -> None:
    """D07: stamps in microseconds among milliseconds, read by their value."""

    def mixed(lines: list[str]) -> list[str]:
        return [
            line if number % 7 else with_field(line, 4, line.split(",")[4] + "000")
            for number, line in enumerate(lines)
        ]

    found = proven(replace(raw, damage={"trades": mixed}), "trades")

    assert same_day(found, clean, "trades")
    assert of(found, "D07").count == sum(number % 7 == 0 for number in range(5929))


def test_a_month_without_the_day(raw: Raw, clean: TapesOfDay) -> None:
    """D08: the month's file has another day's rows alone; the other archive has the day."""

    def moved(lines: list[str]) -> list[str]:
        return [with_field(line, 4, str(int(line.split(",")[4]) + 86_400_000)) for line in lines]

    given = replace(raw, damage={"trades": moved}, month=frozenset({"trades"}))
    found = proven(given, "trades", "agg_trades")

    assert (of(found, "D08").minutes, of(found, "D08").mended) == (1022, 1022)
    assert same_day(found, clean, "trades")


def test_a_standstill_of_the_exchange_is_no_fault_of_the_tape(raw: Raw) -> None:
    """D09: klines stand still with the tape, in a known outage or not: proven, and nothing is blamed."""
    stood = range(300, 420)

    def still(lines: list[str]) -> list[str]:
        price = lines[stood.start - 1].split(",")[4]

        def one(line: str) -> str:
            opened, closes = line.split(",")[0], line.split(",")[6]
            return ",".join([opened, *[price] * 4, "0.0", closes, "0.0", "0", "0.0", "0.0", "0"])

        return [one(line) if n in stood else line for n, line in enumerate(lines)]

    damage: dict[str, Damage | None] = {
        "trades": only("trades", lambda minute: minute not in stood),
        "klines": still,
    }
    given = replace(raw, damage=damage)

    for outages in (frozenset[int](), frozenset(stood)):
        found = proven(given, "trades", outages=outages).finding
        assert (found.proven, found.faults) == (1440, ())


def test_a_recorded_tape_gives_way_to_a_proven_archive(raw: Raw, clean: TapesOfDay) -> None:
    """Preferred, but without an hour of its trades: that hour comes from the exchange's own."""
    found = proven(replace(raw, lost_hours=frozenset({13})), "ticks", "trades")
    hour = minutes_of(raw.lines("trades"), "trades") & set(range(780, 840))
    levels = taken(found.levels, found.proof.candidates, day_open_us(raw.day))

    assert found.finding.sources == {"ticks": 1440 - len(hour), "trades": len(hour)}
    assert (found.finding.proven, found.finding.faults) == (1440, ())
    assert levels.whole().equals(clean.levels["ticks"].whole())
