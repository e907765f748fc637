"""The reason of a revision, in words."""

from __future__ import annotations

import datetime as dt

from pipeline.contracts.ledger import Lines
from pipeline.contracts.manifest import (
    Code,
    Contract,
    DayCondition,
    FileEntry,
    InputEntry,
    Manifest,
    SymbolCondition,
)
from pipeline.contracts.value import changed
from pipeline.publishing.changes import changes

TABLE = FileEntry(bytes=1, md5="", sha256="1", content_hash="a")
REPORT = FileEntry(bytes=1, md5="", sha256="1")
BEFORE = Manifest(
    producer="",
    dataset="",
    date=dt.date(2025, 1, 2),
    version="",
    simulated=False,
    condition=DayCondition(day="available", symbols={"X": SymbolCondition(condition="available")}),
    files={"bars_1m.parquet": TABLE, "qc/X/r.md": REPORT},
    inputs={"X": {"raw/one": InputEntry(bytes=1, sha256="1", lines=Lines(), inferred={})}},
    calibration={},
    quality={},
    contract=Contract(files={}, slices={}),
    code=Code(package="", stages={}),
    data_manifest_hash="",
    calibration_hash="c",
)


def test_the_first_revision_has_no_parent_to_differ_from() -> None:
    """It says so."""
    assert changes(None, BEFORE) == "first publication"


def test_a_corrected_raw_file_is_named_with_what_it_moved() -> None:
    """Table and raw file both."""
    one = changed(BEFORE.inputs["X"]["raw/one"], sha256="2")
    files = BEFORE.files | {"bars_1m.parquet": changed(TABLE, content_hash="b")}
    after = changed(BEFORE, files=files, inputs={"X": {"raw/one": one}})

    assert changes(BEFORE, after) == "content of bars_1m.parquet changed; raw files: raw/one"


def test_conditions_corrections_and_new_files_are_named() -> None:
    """Everything that makes a revision."""
    worse = DayCondition(day="degraded", symbols={"X": SymbolCondition(condition="degraded")})
    after = changed(
        BEFORE,
        condition=worse,
        calibration_hash="d",
        files=BEFORE.files | {"footprint.parquet": TABLE},
        inputs={"X": {"raw/two": BEFORE.inputs["X"]["raw/one"]}},
    )

    assert changes(BEFORE, after) == (
        "content of footprint.parquet (new), condition of X, correction changed;"
        " raw files: raw/one (gone), raw/two (new)"
    )


def test_a_report_alone_is_no_reason() -> None:
    """Bytes of files without a content hash are form."""
    files = BEFORE.files | {"qc/X/r.md": changed(REPORT, sha256="2")}
    after = changed(BEFORE, files=files)

    assert changes(BEFORE, after) == "nothing but form changed"
