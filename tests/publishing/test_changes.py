"""The reason of a revision, in words."""

from __future__ import annotations

import copy

from pipeline.publishing.changes import changes

BEFORE = {
    "files": {"bars_1m.parquet": {"content_hash": "a"}, "qc/X/r.md": {"sha256": "1"}},
    "condition": {"symbols": {"X": {"condition": "available", "reasons": []}}},
    "calibration_hash": "c",
    "inputs": {"X": {"raw/one": {"sha256": "1"}}},
}


def test_the_first_revision_has_no_parent_to_differ_from() -> None:
    """It says so."""
    assert changes(None, BEFORE) == "first publication"


def test_a_corrected_raw_file_is_named_with_what_it_moved() -> None:
    """Table and raw file both."""
    after = copy.deepcopy(BEFORE)
    after["files"]["bars_1m.parquet"]["content_hash"] = "b"
    after["inputs"]["X"]["raw/one"]["sha256"] = "2"

    assert changes(BEFORE, after) == "content of bars_1m.parquet changed; raw files: raw/one"


def test_conditions_corrections_and_new_files_are_named() -> None:
    """Everything that makes a revision."""
    after = copy.deepcopy(BEFORE)
    after["condition"]["symbols"]["X"]["condition"] = "degraded"
    after["calibration_hash"] = "d"
    after["files"]["footprint.parquet"] = {"content_hash": "f"}
    after["inputs"]["X"] = {"raw/two": {"sha256": "1"}}

    assert changes(BEFORE, after) == (
        "content of footprint.parquet (new), condition of X, correction changed;"
        " raw files: raw/one (gone), raw/two (new)"
    )


def test_a_report_alone_is_no_reason() -> None:
    """Bytes of files without a content hash are form."""
    after = copy.deepcopy(BEFORE)
    after["files"]["qc/X/r.md"]["sha256"] = "2"

    assert changes(BEFORE, after) == "nothing but form changed"
