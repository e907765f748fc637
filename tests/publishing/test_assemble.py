"""Assembling: what of all symbols' outputs is published, and in which order."""

from __future__ import annotations

import itertools
from typing import Any

import pyarrow as pa
import pytest

from kit import snapshots as kit
from kit.shipped import RULES
from pipeline.contracts.verdict import Verdict, from_json
from pipeline.errors import ContractError, RefusedError
from pipeline.publishing.assemble import SymbolDay, assemble
from pipeline.tables import parquet
from pipeline.tables.parts import Parts, as_parts

REASON = {"code": "B05", "count": 40, "first": None, "last": None, "note": "coverage 0.9"}


def judged(condition: str, *reasons: dict[str, Any]) -> Verdict:
    """A verdict with these reasons."""
    lists = {"reasons": reasons, "notes": [], "checks": []}
    return from_json({"symbol": "S", "date": "2025-01-02", "condition": condition, **lists})


def part(symbol: str, condition: str = "available", **changes: Any) -> SymbolDay:
    """One symbol's outputs."""
    given: dict[str, Any] = {
        "symbol": symbol,
        "bars": kit.bars(kit.DAY, symbol),
        "micro": kit.micro(kit.DAY, symbol),
        "macro": kit.macro(symbol),
        "footprint": None,
        "rejects": [kit.reject(symbol, 9), kit.reject(symbol, 2)],
        "verdict": judged(condition, *([] if condition == "available" else [REASON])),
    }
    return SymbolDay(**given | changes)


def whole(table: pa.Table | Parts) -> pa.Table:
    """A table in parts in one piece."""
    return as_parts(table).whole()


def test_rows_are_sorted_whatever_the_order_of_the_parts() -> None:
    """Any order of symbols gives the same tables, sorted by symbol and time."""
    parts = [
        part(s, footprint=kit.footprint(kit.DAY, s)) for s in ("ETHUSDT", "ADAUSDT", "BTCUSDT")
    ]
    results = [assemble(kit.DAY, p, RULES.schema) for p in itertools.permutations(parts)]
    first = results[0]

    keys = whole(first["bars_1m"]).select(["symbol", "ts"]).to_pylist()
    assert keys == sorted(keys, key=lambda row: (row["symbol"], row["ts"]))
    assert whole(first["footprint"])["price"].to_pylist() == [100.0, 101.0] * 3
    assert whole(first["rejects"])["line"].to_pylist() == [2, 9] * 3
    assert whole(first["macro_slow"])["symbol"].to_pylist() == ["ADAUSDT", "BTCUSDT", "ETHUSDT"]
    for other in results[1:]:
        assert other["condition"] == first["condition"]
        for name in ("bars_1m", "features_micro", "macro_slow", "footprint", "rejects"):
            assert parquet.content_hash(other[name]) == parquet.content_hash(first[name])


def test_a_missing_symbol_gives_no_rows_but_its_rejects() -> None:
    """The others are published; why the symbol is missing stays in rejects and condition."""
    parts = [part("BTCUSDT"), part("ETHUSDT", "missing")]

    day = assemble(kit.DAY, parts, RULES.schema)

    for name in ("bars_1m", "features_micro", "macro_slow"):
        assert set(whole(day[name])["symbol"].to_pylist()) == {"BTCUSDT"}
    assert set(whole(day["rejects"])["symbol"].to_pylist()) == {"BTCUSDT", "ETHUSDT"}
    assert day["condition"] == {
        "day": "missing",
        "symbols": {
            "BTCUSDT": {"condition": "available", "reasons": []},
            "ETHUSDT": {"condition": "missing", "reasons": [REASON]},
        },
    }


def test_the_schema_is_constant_and_keeps_units() -> None:
    """Without ticks and rejects the tables are there, without rows and with the same columns."""
    day = assemble(kit.DAY, [part("BTCUSDT", rejects=[])], RULES.schema)
    full = assemble(
        kit.DAY, [part("BTCUSDT", footprint=kit.footprint(kit.DAY, "BTCUSDT"))], RULES.schema
    )

    for name in ("footprint", "rejects"):
        assert day[name].num_rows == 0
        assert day[name].schema.equals(full[name].schema, check_metadata=True)
    assert day["features_micro"].schema.field("ret_1m").metadata == {b"unit": b"log return"}


def test_a_day_on_which_nothing_can_be_published_is_refused() -> None:
    """Every symbol and its reasons stand in the one sentence."""
    parts = [part("BTCUSDT", "missing"), part("ETHUSDT", "missing")]

    with pytest.raises(RefusedError, match=r"BTCUSDT: B05 coverage 0\.9; ETHUSDT: B05") as told:
        assemble(kit.DAY, parts, RULES.schema)
    assert "\n" not in str(told.value)
    with pytest.raises(RefusedError):
        assemble(kit.DAY, [], RULES.schema)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"bars": kit.bars(kit.DAY, "BTCUSDT").slice(1)}, "1439 rows"),
        ({"bars": kit.bars(kit.DAY.replace(day=3), "BTCUSDT")}, "minutes once"),
        ({"bars": kit.bars(kit.DAY, "ETHUSDT")}, "ETHUSDT"),
        ({"micro": kit.micro(kit.DAY, "BTCUSDT").slice(5)}, "features_micro"),
        ({"bars": kit.bars(kit.DAY, "BTCUSDT").drop_columns(["poc"])}, "poc"),
    ],
)
def test_outputs_that_break_the_contract_are_refused(
    changes: dict[str, pa.Table], what: str
) -> None:
    """Missing minutes, another day's, another symbol's, a lost column: named, not published."""
    with pytest.raises(ContractError, match=what):
        assemble(kit.DAY, [part("BTCUSDT", **changes)], RULES.schema)


def test_a_symbol_stands_once() -> None:
    """Twice the same symbol would be twice its rows."""
    with pytest.raises(ContractError, match="BTCUSDT stands twice"):
        assemble(kit.DAY, [part("BTCUSDT"), part("BTCUSDT")], RULES.schema)


def test_reasons_have_one_shape_and_order() -> None:
    """Five keys each, sorted by code."""
    verdict = judged("degraded", {"code": "C12", "count": 1, "note": "twice"}, REASON)

    day = assemble(kit.DAY, [part("BTCUSDT", verdict=verdict)], RULES.schema)

    assert day["condition"]["symbols"]["BTCUSDT"]["reasons"] == [
        REASON,
        {"code": "C12", "count": 1, "first": None, "last": None, "note": "twice"},
    ]
