"""Real days with the exchange's own trades: proven, and order flow for everybody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.tape_day import (
    AGGREGATES,
    ATAS,
    OF_SINGLE_TRADES,
    SYMBOL,
    TRADES,
    Damage,
    Made,
    all_sold,
    made,
)
from pipeline.provenance.explain import Prepared, explain_line, explain_minute, prepared
from pipeline.publishing import index
from pipeline.publishing.folder_store import FolderStore

pytestmark = pytest.mark.real

WITH = {
    "all": (TRADES, AGGREGATES, ATAS),
    "trades": (TRADES,),
    "agg_trades": (AGGREGATES,),
    "none": (),
}
FEEDS_APART = {"basis_bps", "xfeed_vol_ratio"}
"""Features of one feed against the other."""


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> dict[str, Made]:
    """The day with all feeds, with one tape of the exchange and without a tape, up to its features."""
    found = {
        name: made(tmp_path_factory.mktemp(name), real_data, *feeds) for name, feeds in WITH.items()
    }
    for day in found.values():
        day.build("MicroFeatures")
    return found


@pytest.mark.parametrize(("date", "traded"), [("2019-10-11", 1022), ("2019-10-12", 973)])
def test_a_day_with_every_tape_is_proven_whole(
    tmp_path: Path, real_data: Path, date: str, traded: int
) -> None:
    """Traded minutes come from the preferred tape, and all 1440 are proven by it."""
    day = made(tmp_path, real_data, TRADES, AGGREGATES, ATAS, day=dt.date.fromisoformat(date))
    day.build("AlignedBars")
    bars = day.table("AlignedBars", "bars_1m")

    assert bars.column_names[-1] == "proven"
    assert bars["proven"].to_pylist() == [True] * 1440
    assert bars["delta_source"].to_pylist().count("ticks") == traded


@pytest.mark.parametrize("name", ["trades", "agg_trades"])
def test_a_tape_of_the_exchange_alone_gives_what_atas_gives(
    days: dict[str, Made], name: str
) -> None:
    """Delta, footprint and every feature of the order flow; only delta_source has another word."""
    bars, whole = (days[d].table("AlignedBars", "bars_1m") for d in (name, "all"))
    levels, all_levels = (days[d].table("Footprint", "footprint") for d in (name, "all"))
    features, wanted = (days[d].table("MicroFeatures", "features_micro") for d in (name, "all"))
    other = FEEDS_APART | (set(OF_SINGLE_TRADES) if name == "agg_trades" else set())

    assert bars["delta_source"].to_pylist().count(name) == 1022
    for column in ("delta", "cvd", "proven"):
        assert bars[column].equals(whole[column]), column
    for column in ("minute_open", "price", "buy", "sell", "volume"):
        assert levels[column].equals(all_levels[column]), column
    assert {c for c in wanted.column_names if not features[c].equals(wanted[c])} == other


def test_a_day_without_a_tape_knows_of_no_proof(days: dict[str, Made]) -> None:
    """`proven` is null, delta is that of the klines, and there is no footprint."""
    bars = days["none"].table("AlignedBars", "bars_1m")

    assert bars["proven"].null_count == 1440
    assert set(bars["delta_source"].to_pylist()) == {"klines"}


def test_sides_that_say_nothing_are_taken_from_the_other_archive(
    tmp_path: Path, real_data: Path, days: dict[str, Made]
) -> None:
    """Every row of `trades` is a sell (D01), the aggregates are good: delta is right in every minute."""
    day = made(tmp_path, real_data, TRADES, AGGREGATES, damage={TRADES: all_sold})
    day.build("MicroFeatures")
    bars, clean = (d.table("AlignedBars", "bars_1m") for d in (day, days["trades"]))
    features, wanted = (d.table("MicroFeatures", "features_micro") for d in (day, days["trades"]))

    assert bars.equals(clean)
    assert features.equals(wanted)


def test_sides_that_nothing_mends_leave_delta_to_the_klines(
    tmp_path: Path, real_data: Path, days: dict[str, Made]
) -> None:
    """Without aggregates a minute's delta is the klines', save where all was sold; the rest is proven."""
    day = made(tmp_path, real_data, TRADES, damage={TRADES: all_sold})
    day.build("AlignedBars")
    bars, clean = (d.table("AlignedBars", "bars_1m") for d in (day, days["trades"]))

    assert bars["delta_source"].to_pylist().count("klines") > 720
    assert bars["delta"].equals(clean["delta"])
    assert bars["proven"].to_pylist() == [True] * 1440
    assert day.table("Footprint", "footprint")["buy"].null_count > 0


def test_half_a_day_of_trades_is_taken_from_the_other_archive(
    tmp_path: Path, real_data: Path, days: dict[str, Made]
) -> None:
    """Trades end at 12:00 (D02) and aggregates go on: the bars are those of the whole day."""

    def cut(lines: list[str]) -> list[str]:
        noon = 1_570_795_200_000
        return [line for line in lines if int(line.split(",")[4]) < noon]

    day = made(tmp_path, real_data, TRADES, AGGREGATES, damage={TRADES: cut})
    day.build("AlignedBars")
    bars, clean = (d.table("AlignedBars", "bars_1m") for d in (day, days["trades"]))

    assert bars.equals(clean)


def test_a_line_of_a_trade_is_explained(days: dict[str, Made]) -> None:
    """Its minute; and a minute has its trades' lines."""
    day = days["trades"]
    day.build("Verdict")
    given = prepared(day.kitchen, SYMBOL, day.day)
    file = day.archive(TRADES).relative_to(day.kitchen.raw).as_posix()
    found = explain_line(given, file, 1)
    (lines,) = [f for f in explain_minute(given, 0)["files"] if f["file"] == file]

    assert (found["fate"], found["minute_open"]) == ("used", "2019-10-11T00:00:00Z")
    assert found["why"] == "the minute is taken from trades"
    assert (lines["count"], lines["lines"]) == (9, "1-9")
    assert explain_minute(given, 0)["tape"] == {"counted": "trades", "proven": True, "mended": []}


def explained(root: Path, real_data: Path, *tapes: str, **damage: Damage) -> tuple[Made, Prepared]:
    """The day with a damaged archive, and what is prepared of it."""
    day = made(root, real_data, *tapes, damage=damage)
    day.build("Verdict")
    return day, prepared(day.kitchen, SYMBOL, day.day)


def named(day: Made, kind: str) -> str:
    """The raw file of an archive as the ledger names it."""
    return day.archive(kind).relative_to(day.kitchen.raw).as_posix()


def test_a_mended_minute_is_explained(tmp_path: Path, real_data: Path) -> None:
    """The first minute has nine trades in six aggregates, of which the fourth trade has no quantity (D04)."""

    def without_quantity(lines: list[str]) -> list[str]:
        row = lines[3].split(",")
        return [*lines[:3], ",".join([*row[:2], "0.00000000", *row[3:]]), *lines[4:]]

    day, given = explained(tmp_path, real_data, TRADES, AGGREGATES, trades=without_quantity)
    groups = [line.split(",") for line in day.archive(AGGREGATES).read_text().splitlines()]
    minute = [n for n, row in enumerate(groups, 1) if int(row[5]) < 1_570_752_060_000]
    lost = int(day.archive(TRADES).read_text().splitlines()[3].split(",")[0])
    (group,) = [row for row in groups if int(row[3]) <= lost <= int(row[4])]
    fills = int(group[4]) - int(group[3])
    trades = named(day, TRADES)
    (mended,) = explain_minute(given, 0)["tape"]["mended"]
    fates = [explain_line(given, trades, n) for n in range(1, 10)]

    assert (mended["tape"], mended["from"], mended["proven"]) == ("trades", "agg_trades", True)
    assert mended["lines"] == {named(day, AGGREGATES): f"1-{len(minute)}"}
    assert [f["fate"] for f in fates].count("rejected") == 1
    assert fates[3]["code"] == "D04"
    assert sum(f.get("why", "").startswith("replaced") for f in fates) == fills
    assert explain_line(given, named(day, AGGREGATES), 1)["why"] == "trades is mended from it here"


@pytest.mark.parametrize(
    ("extra", "fate", "words"),
    [
        (lambda lines: lines[6], "merged", "its id stands twice"),
        (lambda lines: lines[0].replace(",15707", ",15708"), "left", "of another day"),
        (
            lambda lines: "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match",
            "left",
            "a header",
        ),
    ],
)
def test_a_line_of_trades_without_a_row_says_why(
    tmp_path: Path, real_data: Path, extra: Callable[[list[str]], str], fate: str, words: str
) -> None:
    """A row again, one of another day, a header in the middle: each by its own sentence."""
    damage: Damage = lambda lines: [*lines[:20], extra(lines), *lines[20:]]  # noqa: E731
    day, given = explained(tmp_path, real_data, TRADES, trades=damage)
    found = explain_line(given, named(day, TRADES), 21)

    assert (found["fate"], words in found["why"]) == (fate, True)
    if fate == "merged":
        assert found["into"] == f"{named(day, TRADES)}:7"


def test_a_minute_of_a_tape_that_nothing_mends_is_explained(
    tmp_path: Path, real_data: Path
) -> None:
    """Trades that end at 02:00, alone: later there is no tape."""
    _, given = explained(tmp_path, real_data, TRADES, trades=two_hours)

    assert explain_minute(given, 1000)["tape"] == {"counted": None, "proven": None, "mended": []}


def test_another_file_of_trades_makes_stale_what_depends_on_it(
    tmp_path: Path, real_data: Path
) -> None:
    """Its reading, the proof and what follows; neither the klines' reading nor the calibration."""
    day = made(tmp_path, real_data, TRADES, AGGREGATES)
    day.build("Snapshot")
    assert day.build("Snapshot") == []
    assert day.document("Manifest", "manifest")["tape"][SYMBOL]["differing"] == {}
    path = day.archive(TRADES)
    path.write_text("".join(f"{line}\n" for line in all_sold(path.read_text().splitlines())))
    ran = [(unit.stage, unit.source) for unit in day.build("Snapshot")]

    assert ran[:2] == [("CleanFeed", "binance_trades"), ("Footprint", None)]
    assert not {"Calibration", "DailyStats", "MacroFeatures"} & {stage for stage, _ in ran}
    bought = [float(row.split(",")[9]) > 0 for row in day.archive("1m").read_text().splitlines()]
    assert day.document("Manifest", "manifest")["tape"][SYMBOL]["differing"] == {
        "taker_buy_volume": sum(bought)
    }


def two_hours(lines: list[str]) -> list[str]:
    """The trades until 02:00."""
    end = 1_570_752_000_000 + 7_200_000
    return [line for line in lines if int(line.split(",")[4]) < end]


def test_the_recorded_span_is_that_of_the_tape_too(tmp_path: Path, real_data: Path) -> None:
    """Of trades that end at 02:00, alone, it ends with the quiet minutes behind them."""
    day = made(tmp_path, real_data, TRADES, damage={TRADES: two_hours})
    day.build("AlignedBars")
    bars = day.table("AlignedBars", "bars_1m")
    traded = [volume > 0 for volume in bars["volume"].to_pylist()]
    end = traded.index(True, 120)

    assert bars["src_span_ok"].to_pylist() == [True] * end + [False] * (1440 - end)
    assert {bars["delta_source"][minute].as_py() for minute in range(end, 1440)} == {"klines"}


def test_manifest_and_index_have_the_proven_share(tmp_path: Path, real_data: Path) -> None:
    """Trades that end at 02:00, alone: some minutes have a tape, and all of these are proven."""
    day = made(tmp_path, real_data, TRADES, damage={TRADES: two_hours})
    day.build("Snapshot")
    told = day.document("Manifest", "manifest")["tape"][SYMBOL]
    entry = index.read(FolderStore(day.kitchen.snapshots)).days[day.day].symbols[SYMBOL]
    known = [p for p in day.table("AlignedBars", "bars_1m")["proven"].to_pylist() if p is not None]

    assert (told["minutes"], told["proven"]) == (len(known), sum(known))
    assert 120 <= len(known) < 1440
    assert told["sources"] == {"trades": len(known)}
    assert entry.proven == 1.0
