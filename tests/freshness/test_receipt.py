"""A receipt vouches for its outputs, and for nothing that changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline import storage
from pipeline.freshness import fingerprint, receipt
from pipeline.freshness.receipt import Receipt


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A unit's folder with one output and its receipt."""
    storage.write_bytes(tmp_path / "out.bin", b"content")
    output = receipt.describe(tmp_path / "out.bin", "digest")
    receipt.write(tmp_path, Receipt(parts={"code": {"A": "1"}}, outputs={"out": output}, seen_ns=5))
    return tmp_path


def test_what_is_written_is_read_back(folder: Path) -> None:
    """All fields survive."""
    kept = receipt.read(folder)

    assert kept is not None
    assert kept.parts == {"code": {"A": "1"}}
    assert kept.outputs["out"].content == "digest"
    assert kept.outputs["out"].bytes == 7


@pytest.mark.parametrize("text", ["", "{", "[]", '{"parts": 1}', '{"outputs": {"out": {}}}'])
def test_a_receipt_that_cannot_be_read_is_none(folder: Path, text: str) -> None:
    """A torn or foreign receipt means "never built", not an error."""
    (folder / receipt.FILE).write_text(text)

    assert receipt.read(folder) is None


def test_a_flipped_byte_is_damage(folder: Path) -> None:
    """Same size, other content."""
    (folder / "out.bin").write_bytes(b"cOntent")
    kept = receipt.read(folder)

    assert kept is not None
    assert receipt.damaged(folder, kept) == "out"


def test_a_lost_output_is_damage(folder: Path) -> None:
    """A file that is gone is named."""
    (folder / "out.bin").unlink()
    kept = receipt.read(folder)

    assert kept is not None
    assert receipt.damaged(folder, kept) == "out"


def test_a_touch_is_no_damage(folder: Path) -> None:
    """Another time stamp on the same bytes is looked into, and forgiven."""
    os.utime(folder / "out.bin", ns=(1, 1))
    kept = receipt.read(folder)

    assert kept is not None
    assert receipt.damaged(folder, kept) is None


def test_a_file_seen_too_soon_after_its_change_is_not_trusted() -> None:
    """Within two seconds a file can change again without changing its time stamps."""
    stat = [10, 1_000_000_000, 7, 1_000_000_000]

    assert receipt.is_trusted(stat, stat, 10_000_000_000)
    assert not receipt.is_trusted(stat, stat, 2_500_000_000)
    assert not receipt.is_trusted(stat, [11, *stat[1:]], 10_000_000_000)


def test_differences_are_named() -> None:
    """New, gone and changed keys of every part, in words."""
    kept = {"code": {"A": "1"}, "inputs": {"x": "1", "y": "1"}}
    now = {"code": {"A": "2"}, "inputs": {"x": "1", "z": "1"}}

    assert fingerprint.differences(kept, now) == [
        "code A changed",
        "inputs y is gone",
        "inputs z is new",
    ]
