"""A date whose symbols have every combination of feeds: each is absent, good, thin or refused as a file.

The conditions that are expected are written down here, as the rules of a day say them, and not taken
from the code.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from kit.support import kitchen_at
from pipeline import layout
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.stages import STAGES
from pipeline.tasks import job

DAY = dt.date(2025, 1, 2)
FEEDS = ("binance_1m", "atas_bars", "atas_v6_3", "atas_ticks")
STATES = ("absent", "good", "thin", "refused")
TRADES = 600
"""Of the whole day: about 480 minutes are traded, twice what an offset needs."""

FOREIGN_TRADES = 2000
"""Of another instrument: enough minutes in common to see that it is one."""

THIN_MINUTES = 100
"""Fewer traded minutes than an offset needs."""


@dataclass(frozen=True, slots=True)
class Case:
    """A symbol: the state of each feed, and what the rules make of it."""

    states: tuple[str, ...]

    @property
    def name(self) -> str:
        """Each feed's letter with that of its state: `KGBAVTTR`."""
        return "".join(
            f"{feed}{state[0].upper()}" for feed, state in zip("KBVT", self.states, strict=True)
        )

    @property
    def expected(self) -> tuple[str, set[str]]:
        """Condition and reason codes.

        Without the exchange of record nothing is published: B06, and the code of the file that would have
        been it. A thin one (98 of 100 rows) is published with its gaps, degraded by B12. The ATAS side is
        that of the first feed that stands, whatever other bars are; the tape is wanted beside any, so that
        one of which no line is usable is held against the day (A13). Where none stands the day is degraded:
        by what speaks against the first feed that could be measured, too thin (C11) or another instrument
        (A22); where none could be, by the absence of ATAS (C12). Then a file of a wrong form (A13) is a
        cause as well. Sparse klines (below 95 of 100) are refused; a sparse feed stands, and what it lacks
        is held against the day (C08).
        """
        klines, *atas = self.states
        if klines in ("absent", "refused"):
            return "missing", {"B06", "B03"} if klines == "refused" else {"B06"}
        if klines == "sparse":
            return "missing", {"B05", "B12"}
        codes = {"B12"} if klines == "thin" else set()
        if atas[0] == "sparse":
            codes |= {"C08"}
        if atas[2] == "refused":
            codes |= {"A13"}
        if not {"good", "sparse"} & set(atas):
            codes |= _without_a_whole_feed(*atas)
        return "degraded" if codes else "available", codes


def _without_a_whole_feed(bars: str, simplified: str, ticks: str) -> set[str]:
    measured = [
        code
        for state, codes in (
            (bars, {"thin": "C11"}),
            (simplified, {"thin": "C11", "refused": "A22"}),
            (ticks, {"thin": "C11"}),
        )
        if (code := codes.get(state))
    ]
    return {*(measured or ["C12"])[:1], *(["A13"] if "refused" in (bars, ticks) else [])}


CASES = [Case(states) for states in itertools.product(STATES, repeat=len(FEEDS))]
SPARSE = [
    Case(("sparse", "good", "good", "good")),
    Case(("good", "sparse", "absent", "absent")),
    Case(("good", "sparse", "good", "good")),
]


def exports(raw: Path, symbol: str, trades: int) -> dict[str, bytes]:
    """The sample's files of a symbol by feed: text of klines, lines of ATAS in one file each."""
    write_sample(SampleRequest(out=raw, first=DAY, symbols=(symbol,), trades_per_day=trades))
    with zipfile.ZipFile(next(raw.glob(f"binance/*/{symbol}-1m-{DAY}.zip"))) as archive:
        klines = archive.read(archive.namelist()[0])
    return {"binance_1m": klines} | {
        feed: b"".join(path.read_bytes() for path in sorted(raw.glob(pattern)))
        for feed, pattern in (
            ("atas_bars", f"atas/bars_1m/{symbol}/*/*.jsonl"),
            ("atas_v6_3", f"atas/v6_3/{symbol}/*/*.jsonl"),
            ("atas_ticks", f"atas/ticks/{symbol}/*/*/*.jsonl"),
        )
    }


def one_lost_in(every: int, text: bytes) -> bytes:
    """Without every so many-th line, the first one apart, which may be a header."""
    first, *rows = text.splitlines(keepends=True)
    return first + b"".join(row for number, row in enumerate(rows) if number % every)


def first_minutes(text: bytes) -> bytes:
    """The lines of the first traded minutes."""
    lines = text.splitlines(keepends=True)
    stamps = [json.loads(line) for line in lines]
    minutes = [(stamp.get("timestamp_utc") or stamp["ts"])[:16] for stamp in stamps]
    last = sorted(set(minutes))[THIN_MINUTES - 1]
    return b"".join(line for line, minute in zip(lines, minutes, strict=True) if minute <= last)


def write_states(raw: Path, made: dict[str, bytes], foreign: bytes) -> None:
    """`{feed}/{state}.{date}.{form}` below the raw folder, for every state but absence.

    Refused are: klines that are not those of their checksum, bars in UTF-16 that break off, the older
    export of another instrument, and a web page in the place of ticks.
    """
    refused = {
        "binance_1m": made["binance_1m"],
        "atas_bars": made["atas_bars"].decode().encode("utf-16")[:-1],
        "atas_v6_3": foreign,
        "atas_ticks": b"<html>503 Service Unavailable</html>\n",
    }
    for feed, good in made.items():
        thin = one_lost_in(50, good) if feed == "binance_1m" else first_minutes(good)
        for state, data in (
            ("good", good),
            ("thin", thin),
            ("sparse", one_lost_in(8, good)),
            ("refused", refused[feed]),
        ):
            path = raw / file_of(feed, state).format(date=DAY)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    path = raw / file_of("binance_1m", "refused").format(date=DAY)
    Path(f"{path}.CHECKSUM").write_text(f"{'0' * 64}  {path.name}\n")


def file_of(feed: str, state: str) -> str:
    """The pattern of a file below the raw folder."""
    return f"{feed}/{state}.{{date}}.{'csv' if feed == 'binance_1m' else 'jsonl'}"


def configured(case: Case) -> str:
    """A symbol that reads its own files of each feed, whatever its name."""
    sources = {
        feed: [file_of(feed, state)]
        for feed, state in zip(FEEDS, case.states, strict=True)
        if state != "absent"
    }
    entry = {"market": "futures_um", "vendor_symbol": "BTCUSDT", "atas_symbol": "BTCUSDT"}
    return json.dumps({**entry, "since": DAY.isoformat(), "sources": sources})


@dataclass(frozen=True, slots=True)
class Published:
    """The date as it was published."""

    folder: Path
    manifest: dict[str, Any]


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """One date with a symbol for every combination, from raw files to the snapshot, in this process."""
    sample = tmp_path_factory.mktemp("sample")
    root = tmp_path_factory.mktemp("combinations")
    foreign = exports(sample, "ETHUSDT", FOREIGN_TRADES)["atas_v6_3"]
    write_states(root / "data" / "raw", exports(sample, "BTCUSDT", TRADES), foreign)
    kitchen = kitchen_at(root, {case.name: configured(case) for case in CASES + SPARSE})
    layout.forget_listings()
    freshness = Freshness(kitchen)
    freshness.code = dict.fromkeys(STAGES, "as of this test run")
    job.build(freshness, Unit("Snapshot", DAY))
    folder = root / "snapshots" / DAY.isoformat()
    return Published(folder, json.loads((folder / "dataset_manifest.json").read_text()))


@pytest.mark.timeout(1200)
def test_every_combination_has_the_condition_of_the_rules(published: Published) -> None:
    """256 symbols of one date, and three with sparse feeds: condition and reason codes of each."""
    symbols = published.manifest["condition"]["symbols"]
    found = {
        name: (entry["condition"], {reason["code"] for reason in entry["reasons"]})
        for name, entry in symbols.items()
    }
    wanted = {case.name: case.expected for case in CASES + SPARSE}

    assert len(CASES) == 256
    assert len(wanted) == len(found) == 259
    differ = {n: (found.get(n), wanted[n]) for n in wanted if found.get(n) != wanted[n]}
    assert differ == {}
    assert published.manifest["condition"]["day"] == "missing"


@pytest.mark.timeout(1200)
def test_what_is_published_of_a_combination_is_what_its_feeds_have(published: Published) -> None:
    """Rows of every symbol that is not missing; ATAS columns only where a feed stands."""
    states = {case.name: case.states for case in CASES}
    table = pq.ParquetFile(published.folder / "bars_1m.parquet").read(["symbol", "src_atas"])
    grouped = table.group_by("symbol").aggregate([("symbol", "count"), ("src_atas", "any")])
    rows = {row["symbol"]: row for row in grouped.to_pylist() if row["symbol"] in states}

    assert set(rows) == {name for name, of in states.items() if of[0] in ("good", "thin")}
    assert {row["symbol_count"] for row in rows.values()} == {1440}
    for name, row in rows.items():
        assert row["src_atas_any"] == ("good" in states[name][1:]), name
