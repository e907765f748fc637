"""A date whose symbols have every pair of states of any two feeds, both of the exchange's tapes among them.

The states of klines and ATAS feeds are those of `test_feed_combinations.py`, and so are the conditions: the
exchange's trades change none of these.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from kit.support import kitchen_at
from pipeline import layout
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.stages import STAGES
from pipeline.tasks import job
from test_feed_combinations import (
    DAY,
    FEEDS,
    FOREIGN_TRADES,
    STATES,
    TRADES,
    Case,
    configured,
    exports,
    file_of,
    write_states,
)

TAPES = ("binance_trades", "binance_agg_trades")
ALL = (*FEEDS, *TAPES)


def pairwise() -> list[tuple[str, ...]]:
    """Few rows of states of all feeds, in which each two feeds have each two states together."""
    wanted = {
        (one, state, other, another)
        for one, other in itertools.combinations(range(len(ALL)), 2)
        for state, another in itertools.product(STATES, repeat=2)
    }
    rows = []
    while wanted:
        row = max(
            itertools.product(STATES, repeat=len(ALL)), key=lambda row: len(pairs(row) & wanted)
        )
        wanted -= pairs(row)
        rows.append(row)
    return rows


def pairs(row: tuple[str, ...]) -> set[tuple[int, str, int, str]]:
    """Each two feeds' places and states."""
    numbered = enumerate(row)
    return {(one, a, other, b) for (one, a), (other, b) in itertools.combinations(numbered, 2)}


CASES = pairwise()


def trade_files(ticks: bytes) -> dict[str, list[str]]:
    """The trades of a recorded tape as the exchange's two archives of a futures day, without a header."""
    rows = [json.loads(line) for line in ticks.splitlines()]
    trades, aggregates = [], []
    for number, row in enumerate(rows):
        at = round(datetime.fromisoformat(row["ts"][:23] + "+00:00").timestamp() * 1000)
        sold = "true" if row["side"] == "sell" else "false"
        quote = row["price"] * row["qty"]
        trades.append(f"{number},{row['price']},{row['qty']},{quote:.8f},{at},{sold}")
        aggregates.append(f"{number},{row['price']},{row['qty']},{number},{number},{at},{sold}")
    return {"binance_trades": trades, "binance_agg_trades": aggregates}


def write_tapes(raw: Path, ticks: bytes) -> None:
    """The states of both tapes: whole, of its first sixth, and a web page."""
    for feed, lines in trade_files(ticks).items():
        for state, text in (
            ("good", "\n".join(lines)),
            ("thin", "\n".join(lines[: len(lines) // 6])),
            ("refused", "<html>503 Service Unavailable</html>"),
        ):
            path = raw / tape_of(feed, state).format(date=DAY)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")


def tape_of(feed: str, state: str) -> str:
    """The pattern of a tape's file below the raw folder."""
    return file_of(feed, state).replace(".jsonl", ".csv")


def name_of(states: tuple[str, ...]) -> str:
    """Each feed's letter with that of its state."""
    return "".join(f"{feed}{s[0].upper()}" for feed, s in zip("KBVTXY", states, strict=True))


def entry_of(states: tuple[str, ...]) -> str:
    """A symbol that reads its own files of each feed."""
    entry = json.loads(configured(Case(states[: len(FEEDS)])))
    entry["sources"] |= {
        feed: [tape_of(feed, state)]
        for feed, state in zip(TAPES, states[len(FEEDS) :], strict=True)
        if state != "absent"
    }
    return json.dumps(entry)


@dataclass(frozen=True, slots=True)
class Published:
    """The date as it was published."""

    manifest: dict[str, Any]
    bars: dict[str, dict[str, list[Any]]]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """From raw files to the snapshot, in this process."""
    sample, root = (tmp_path_factory.mktemp(name) for name in ("sample", "tapes"))
    raw, made = root / "data" / "raw", exports(sample, "BTCUSDT", TRADES)
    foreign = exports(sample, "ETHUSDT", FOREIGN_TRADES)["atas_v6_3"]
    write_states(raw, made, foreign)
    write_tapes(raw, made["atas_ticks"])
    kitchen = kitchen_at(root, {name_of(states): entry_of(states) for states in CASES})
    layout.forget_listings()
    freshness = Freshness(kitchen)
    freshness.code = dict.fromkeys(STAGES, "as of this test run")
    job.build(freshness, Unit("Snapshot", DAY))
    folder = root / "snapshots" / DAY.isoformat()
    table = pq.ParquetFile(folder / "bars_1m.parquet").read(
        ["symbol", "volume", "delta", "delta_source", "proven"]
    )
    bars: dict[str, dict[str, list[Any]]] = {}
    for row in table.to_pylist():
        own = bars.setdefault(row.pop("symbol"), {})
        for name, value in row.items():
            own.setdefault(name, []).append(value)
    return Published(json.loads((folder / "dataset_manifest.json").read_text()), bars)


@pytest.mark.timeout(1200)
def test_trades_change_no_condition(published: Published) -> None:
    """Condition and reason codes are those of the klines and the ATAS feeds alone."""
    symbols = published.manifest["condition"]["symbols"]
    found = {
        name: (entry["condition"], {reason["code"] for reason in entry["reasons"]})
        for name, entry in symbols.items()
    }
    wanted = {name_of(states): Case(states[: len(FEEDS)]).expected for states in CASES}

    differ = {n: (found.get(n), wanted[n]) for n in wanted if found.get(n) != wanted[n]}
    assert differ == {}


@pytest.mark.timeout(1200)
def test_delta_is_of_the_first_tape_that_is_there(published: Published) -> None:
    """Of whole klines: traded minutes are the ticks', the trades', the aggregates', or others'."""
    for states in CASES:
        klines, bars, _, ticks, *tapes = states
        if klines != "good":
            continue
        name = name_of(states)
        states_of = dict(zip(("ticks", "trades", "agg_trades"), (ticks, *tapes), strict=True))
        whole = [tape for tape, state in states_of.items() if state == "good"]
        rest = "atas_bars" if bars == "good" else "klines"
        traded = [volume > 0 for volume in published.bars[name]["volume"]]
        sources = itertools.compress(published.bars[name]["delta_source"], traded)
        late = list(itertools.islice(reversed(list(sources)), 100))

        assert set(late) == {whole[0] if whole else rest}, name


@pytest.mark.timeout(1200)
def test_a_good_tape_proves_every_minute_of_good_klines(published: Published) -> None:
    """And the manifest says so; without a tape `proven` is null, and the manifest has no entry."""
    for states in CASES:
        name, tapes = name_of(states), published.manifest["tape"]
        if states[0] != "good":
            continue
        if "good" in states[3:]:
            assert published.bars[name]["proven"] == [True] * 1440, name
            assert (tapes[name]["minutes"], tapes[name]["proven"]) == (1440, 1440), name
        elif not {"thin", "refused"} & set(states[3:]):
            assert published.bars[name]["proven"] == [None] * 1440, name
            assert name not in tapes
