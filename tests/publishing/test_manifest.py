"""The manifest: what a snapshot is, free of where and when it was made."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kit import snapshots as kit
from kit.shipped import GOVERNANCE, RULES
from pipeline import storage
from pipeline.contracts import control, governed
from pipeline.contracts.calibration import (
    DayFinding,
    Figures,
    Finding,
    Runs,
    Segment,
    changed,
)
from pipeline.contracts.ledger import Lines
from pipeline.contracts.manifest import DayCondition, FileEntry, to_json
from pipeline.errors import StageError
from pipeline.publishing import manifest as publishing_manifest
from pipeline.publishing.manifest import (
    ManifestInput,
    calibration_hash,
    data_manifest_hash,
)


def given(folder: Path, **changes: Any) -> ManifestInput:
    """What a manifest of one symbol's day is made of."""
    states = {"BTCUSDT": "available"}
    files, tables = kit.prepared(folder, kit.DAY, states, 100.0)
    value = ManifestInput(
        day=kit.DAY,
        simulated=True,
        version="0.1.0",
        condition=kit.conditions(states),
        tables=tables,
        files=files,
        calibrations={"BTCUSDT": kit.calibration()},
        ledgers={"BTCUSDT": kit.ledger("BTCUSDT", rejected=1)},
        control=RULES.control,
        contract=governed.contract(GOVERNANCE),
        code={"Assemble": "f" * 64},
    )
    return dataclasses.replace(value, **changes)


def manifest(one: ManifestInput) -> dict[str, Any]:
    """As it is written."""
    return to_json(publishing_manifest.manifest(one))


def test_it_has_the_fields_of_the_contract(tmp_path: Path) -> None:
    """All fields are there, and each file has its digests, rows, columns and window."""
    found = manifest(given(tmp_path))

    fields = """producer dataset date version simulated condition files inputs calibration quality
        contract code data_manifest_hash calibration_hash"""
    assert sorted(found) == sorted(fields.split())
    bars = found["files"]["bars_1m.parquet"]
    data = (tmp_path / "bars_1m.parquet").read_bytes()
    assert (bars["bytes"], bars["md5"]) == (
        len(data),
        hashlib.md5(data, usedforsecurity=False).hexdigest(),
    )
    assert (bars["rows"], bars["sha256"]) == (1440, hashlib.sha256(data).hexdigest())
    assert bars["window"] == {"first": "2025-01-02T00:01:00Z", "last": "2025-01-03T00:00:00Z"}
    named = {"name": "volume", "type": "double", "unit": "base"}
    assert named in bars["columns"]
    assert set(found["files"]["qc/BTCUSDT/calibration_report.md"]) == {"bytes", "md5", "sha256"}
    assert found["inputs"]["BTCUSDT"]["binance/spot/BTCUSDT-1m-2025-01-02.zip"] == {
        "bytes": 60_000,
        "sha256": "a" * 64,
        "lines": {"read": 1441, "used": 1440, "merged": 0, "rejected": 1},
        "inferred": {},
    }
    assert found["quality"]["binance_coverage"]["at_least"] == 0.95
    assert found["contract"]["files"]["SCHEMA_data.json"] == storage.file_digest(
        GOVERNANCE / "SCHEMA_data.json"
    )


def test_it_is_the_same_on_another_machine(tmp_path: Path) -> None:
    """Other folders, other orders of files and symbols: the same bytes, and no path of either."""
    one = given(tmp_path / "one")
    two = given(tmp_path / "two" / "deeper")
    shutil.copytree(GOVERNANCE, tmp_path / "governance")
    two = dataclasses.replace(
        two,
        files=dict(reversed(two.files.items())),
        tables=dict(reversed(two.tables.items())),
        contract=governed.contract(tmp_path / "governance"),
    )

    written = storage.canonical_json(manifest(one))

    assert written == storage.canonical_json(manifest(two))
    assert str(tmp_path).encode() not in written
    assert json.loads(written) == manifest(one)


def test_the_data_hash_is_independent_of_the_parquet_writer(tmp_path: Path) -> None:
    """The same rows written with other options have other bytes and the same identity."""
    one = given(tmp_path)
    before = manifest(one)
    pq.write_table(
        one.tables["bars_1m.parquet"], one.files["bars_1m.parquet"].file, compression="none"
    )

    after = manifest(one)

    assert (
        after["files"]["bars_1m.parquet"]["sha256"] != before["files"]["bars_1m.parquet"]["sha256"]
    )
    assert after["data_manifest_hash"] == before["data_manifest_hash"]


def test_the_data_hash_can_be_computed_by_hand(tmp_path: Path) -> None:
    """SHA-256 of the canonical JSON of date, condition and each table's content_hash."""
    found = manifest(given(tmp_path))
    hashes = {n: f["content_hash"] for n, f in found["files"].items() if n.endswith(".parquet")}
    value = {"date": "2025-01-02", "condition": found["condition"], "files": hashes}
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"

    assert found["data_manifest_hash"] == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("change", ["date", "condition", "content"])
def test_the_data_hash_moves_with_its_parts(change: str) -> None:
    """Another date, condition or content is other data; a report is not."""
    table = FileEntry(bytes=1, md5="", sha256="1", content_hash="1")
    report = FileEntry(bytes=1, md5="", sha256="2")
    files = {"a.parquet": table, "qc/x": report}
    condition = DayCondition(day="available", symbols={})
    before = data_manifest_hash(kit.DAY, condition, files)
    assert (
        data_manifest_hash(kit.DAY, condition, files | {"qc/x": changed(report, sha256="3")})
        == before
    )
    others = {
        "date": (kit.DAY + dt.timedelta(days=1), condition, files),
        "condition": (kit.DAY, DayCondition(day="degraded", symbols={}), files),
        "content": (kit.DAY, condition, {"a.parquet": changed(table, content_hash="9")}),
    }

    assert data_manifest_hash(*others[change]) != before


def test_evidence_does_not_move_the_calibration_hash() -> None:
    """Figures and skew are evidence; an offset, a unit and a segment's offset are applied."""
    segment = Segment(offset_minutes=1, found=Runs(runs=(0,)))
    base = calibration_hash({"S": kit.calibration(segments=(segment,))})

    def moved(**changes: Any) -> bool:
        return (
            calibration_hash({"S": kit.calibration(**{"segments": (segment,)} | changes)}) != base
        )

    assert not moved(figures=Figures(gap=0.1), skew_ms=400, skew_interval_ms=None)
    assert not moved(segments=(changed(segment, found=Runs(runs=(0, 1))),))
    assert moved(offset_minutes=60)
    assert moved(volume_unit="quote")
    assert moved(segments=(changed(segment, offset_minutes=2),))
    assert moved(feed="atas_bars")
    assert moved(feeds={"atas_bars": Finding(status="applied", offset_minutes=60)})


def test_the_calibration_hash_is_that_of_earlier_versions() -> None:
    """Its JSON form never changes, so that a release alone makes no revision."""
    bars = Finding(status="applied", offset_minutes=60, volume_unit="base", volume_factor=1)
    day = DayFinding(
        status="applied",
        offset_minutes=60,
        volume_unit="base",
        volume_factor=1,
        segments=(Segment(offset_minutes=60),),
        feed="atas_bars",
        feeds={"atas_bars": bars},
    )
    text = """{"S":{"feed":"atas_bars","feeds":{"atas_bars":{"feed":null,"feeds":{},
        "offset_minutes":60,"segments":[],"skew_applied_ms":0.0,"status":"applied",
        "volume_factor":1,"volume_unit":"base"}},"offset_minutes":60,"segments":[60],
        "skew_applied_ms":0.0,"status":"applied","volume_factor":1,"volume_unit":"base"}}"""
    canonical = "".join(line.strip() for line in text.splitlines()) + "\n"

    assert calibration_hash({"S": day}) == hashlib.sha256(canonical.encode()).hexdigest()


def test_lines_must_be_accounted_for(tmp_path: Path) -> None:
    """A raw line that is neither used, merged nor rejected stops the day."""
    (entry,) = kit.ledger("BTCUSDT")
    torn = changed(entry, lines=entry.lines + Lines(read=1))

    with pytest.raises(StageError, match="1441 lines read and 1440 accounted for"):
        manifest(given(tmp_path, ledgers={"BTCUSDT": [torn]}))


def test_what_lies_beside_the_lines_is_counted(tmp_path: Path) -> None:
    """Other days, other symbols, text before a header: where a file has them, beside lines that add up."""
    (entry,) = kit.ledger("BTCUSDT")
    entry = changed(entry, other_symbols=3, ignored=1)
    found = manifest(given(tmp_path, ledgers={"BTCUSDT": [entry]}))
    counted = found["inputs"]["BTCUSDT"][entry.path]

    assert (counted["other_symbols"], counted["ignored"]) == (3, 1)
    assert "other_days" not in counted


def test_a_table_with_rows_has_a_file(tmp_path: Path) -> None:
    """An empty footprint may be left out; one with rows may not."""
    whole = given(tmp_path)
    rows = {"footprint.parquet": kit.footprint(kit.DAY, "BTCUSDT")}

    with pytest.raises(StageError, match=r"footprint\.parquet has rows and no file"):
        manifest(dataclasses.replace(whole, tables=whole.tables | rows))
    empty: dict[str, pa.Table] = {"footprint.parquet": rows["footprint.parquet"].slice(0, 0)}
    assert "footprint.parquet" not in manifest(
        dataclasses.replace(whole, tables=whole.tables | empty)
    )["files"]  # fmt: skip


def test_a_waiver_shows_where_it_is_in_force(tmp_path: Path) -> None:
    """The manifest says which consequence was lowered, for which symbol."""
    shutil.copytree(GOVERNANCE, tmp_path / "governance")
    path = tmp_path / "governance" / "CONTROL_kitchen.yaml"
    waiver = (
        "waivers:\n  - {code: B12, symbol: BTCUSDT, first: 2025-01-02, last: 2025-01-02,"
        ' consequence: note, who: "A. Person", why: "known gap"}\n'
    )
    path.write_text(path.read_text().replace("waivers: []\n", waiver))
    rules = control.load(tmp_path / "governance")

    found = manifest(
        given(tmp_path, control=rules, contract=governed.contract(tmp_path / "governance"))
    )

    assert found["quality"]["binance_continuity"]["waived"] == {"BTCUSDT": "note"}
    assert found["quality"]["binance_coverage"]["waived"] == {}
