"""The governance documents: valid as shipped, and refused with every fault named."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from kit.shipped import RULES
from pipeline.contracts import control, outages, schema
from pipeline.errors import ConfigError, ContractError

DAY = dt.date(2025, 1, 2)


@pytest.fixture
def folder(tmp_path: Path, governance: Path) -> Path:
    """A governance folder of one's own to edit."""
    shutil.copytree(governance, tmp_path / "governance")
    return tmp_path / "governance"


def edit(path: Path, old: str, new: str) -> None:
    """Replaces one piece of text that must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_control_holds_the_thresholds_that_users_were_promised() -> None:
    """Coverage 95 %, continuity 99.9 %, skew 500 ms, mismatch 0.1 %."""
    limits = {t.name: t.limit for t in RULES.control.thresholds}

    assert limits["binance_coverage"] == 0.95
    assert limits["atas_coverage"] == 0.95
    assert limits["binance_continuity"] == 0.999
    assert limits["skew_ms"] == 500
    assert limits["ohlc_mismatch"] == 0.001


def test_a_check_that_control_does_not_name_is_a_fault(folder: Path) -> None:
    """No threshold may be missing: there is none in code to fall back on."""
    path = folder / "CONTROL_kitchen.yaml"
    edit(path, "  skew_ms:", "  skew_msec:")

    with pytest.raises(ConfigError, match=r"missing \['skew_ms'\], not known \['skew_msec'\]"):
        control.load(folder)


def test_every_fault_of_control_is_named(folder: Path) -> None:
    """All faults of form come in one error, with their keys."""
    path = folder / "CONTROL_kitchen.yaml"
    edit(path, "minutes_min: 240", "minutes_min: many")
    edit(path, "consequence: refuse", "consequence: explode")

    with pytest.raises(ConfigError) as caught:
        control.load(folder)

    assert "evidence.minutes_min" in str(caught.value)
    assert "checks.binance_coverage.consequence" in str(caught.value)


def test_a_waiver_lowers_and_never_raises(folder: Path) -> None:
    """Within its dates, symbol and code, and only downwards."""
    edit(
        folder / "CONTROL_kitchen.yaml",
        "waivers: []",
        "waivers:\n"
        "  - {code: B12, symbol: BTCUSDT, first: 2025-01-02, last: 2025-01-03, consequence: note,"
        " who: me, why: known gap}\n"
        "  - {code: C08, symbol: '*', first: 2025-01-02, last: 2025-01-02, consequence: refuse,"
        " who: me, why: stricter}\n",
    )
    rules = control.load(folder)

    assert rules.consequence("B12", "degrade", "BTCUSDT", DAY) == "note"
    assert rules.consequence("B12", "degrade", "ETHUSDT", DAY) == "degrade"
    assert rules.consequence("B12", "degrade", "BTCUSDT", dt.date(2025, 1, 4)) == "degrade"
    assert rules.consequence("C08", "degrade", "BTCUSDT", DAY) == "degrade"


def test_a_waiver_without_a_name_or_a_reason_is_refused(folder: Path) -> None:
    """Who and why are required."""
    edit(
        folder / "CONTROL_kitchen.yaml",
        "waivers: []",
        "waivers: [{code: B12, symbol: X, first: 2025-01-02, last: 2025-01-02, consequence: note}]",
    )

    with pytest.raises(ConfigError, match=r"waivers\.0\.who: required field"):
        control.load(folder)


def test_the_bars_schema_is_the_published_contract() -> None:
    """Keys, baseline, ATAS, chosen and provenance columns, in their order."""
    names = RULES.schema.table("bars_1m").names

    assert names == [
        "symbol",
        "ts",
        "minute_open",
        "minute_close",
        "available_at",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "quote_volume",
        "trades",
        "taker_buy_volume",
        "atas_open",
        "atas_high",
        "atas_low",
        "atas_close",
        "atas_volume",
        "vbuy",
        "vsell",
        "cvd_export",
        "poc",
        "vah",
        "val",
        "bar_vpo_price",
        "bar_vpo_vol",
        "bar_vpo_loc",
        "bar_vpo_side",
        "absorption_detected",
        "absorption_strength",
        "absorption_side",
        "oi",
        "cum_bid_depth",
        "cum_ask_depth",
        "delta",
        "delta_source",
        "cvd",
        "src_binance",
        "src_atas",
        "src_span_ok",
        "is_filled",
        "basis_bps",
        "qc_flags",
        "proven",
    ]


def test_a_column_that_stands_twice_is_refused(folder: Path) -> None:
    """Names in a schema are unique."""
    path = folder / "SCHEMA_data.json"
    document = json.loads(path.read_text())
    document["tables"]["footprint"]["columns"].append(document["tables"]["footprint"]["columns"][0])
    path.write_text(json.dumps(document))

    with pytest.raises(ConfigError, match="column of footprint symbol stands twice"):
        schema.load(folder)


SMALL = pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.float64())])


def test_conform_orders_casts_and_keeps_nulls() -> None:
    """A fitting table becomes exactly the schema's."""
    found = schema.conform(
        pa.table({"b": pa.array([None, 2], pa.int32()), "a": pa.array([1, 2], pa.int8())}),
        SMALL,
        "t",
    )

    assert found.schema.equals(SMALL)
    assert found.to_pydict() == {"a": [1, 2], "b": [None, 2.0]}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (pa.table({"a": [1]}), r"missing \['b'\]"),
        (pa.table({"a": [1], "b": [1.0], "c": [1]}), r"not known \['c'\]"),
        (pa.table({"a": ["x"], "b": [1.0]}), r"t\.a: got string, wanted int64"),
        (pa.table({"a": [None, 1], "b": [1.0, 2.0]}), r"t\.a: 1 nulls"),
    ],
)
def test_conform_refuses_what_does_not_fit(table: pa.Table, says: str) -> None:
    """Nothing is dropped, invented or squeezed."""
    with pytest.raises(ContractError, match=says):
        schema.conform(table, SMALL, "t")


def test_an_outage_covers_its_minutes_half_open(governance: Path) -> None:
    """2017-12-04 06:00-06:49: the minutes 06:00 to 06:48, of the spot market alone."""
    day = dt.date(2017, 12, 4)

    assert outages.outage_minutes(governance, "spot", "BTCUSDT", day) == set(range(360, 409))
    assert not outages.outage_minutes(governance, "futures_um", "BTCUSDT", day)


def test_an_outage_over_midnight_is_cut_at_the_day(governance: Path) -> None:
    """2018-02-08 00:28 to 02-09 10:00 gives each day its part."""
    first = outages.outage_minutes(governance, "spot", "BTCUSDT", dt.date(2018, 2, 8))
    second = outages.outage_minutes(governance, "spot", "BTCUSDT", dt.date(2018, 2, 9))

    assert first == set(range(28, 1440))
    assert second == set(range(600))


def test_an_outage_needs_a_source_and_utc(folder: Path) -> None:
    """A span without a source, or in local time, is refused."""
    (folder / "KNOWN_outages.yaml").write_text(
        "version: 1\noutages:\n"
        "  - {market: spot, start: '2020-01-01T00:00:00', end: '2020-01-01T01:00:00', source: note}\n"
    )

    with pytest.raises(ConfigError, match="both ending in Z"):
        outages.outage_minutes(folder, "spot", "X", DAY)


def test_a_schema_that_was_checked_before_is_not_checked_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process needs the schema; only the first one to see its bytes pays for checking them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = schema.load(folder)
    schema.load.cache_clear()
    monkeypatch.setattr("pipeline.contracts.documents.check", None)

    assert schema.load(folder) == first
