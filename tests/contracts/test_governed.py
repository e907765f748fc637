"""Which governance documents were in force."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.contracts.governed import contract


def test_a_document_that_changes_is_read_again(tmp_path: Path) -> None:
    """In the same process: the hash of its bytes, and that of the slice whose meaning changed."""
    path = tmp_path / "CONTROL_kitchen.yaml"
    path.write_text("limits: {a: 1}\nother: 2\n")
    before = contract(tmp_path)
    path.write_text("limits: {a: 3}\nother: 2\n")
    after = contract(tmp_path)

    assert after.files == {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    assert before.slices["CONTROL.limits"] != after.slices["CONTROL.limits"]
    assert before.slices["CONTROL.other"] == after.slices["CONTROL.other"]
