"""A receipt vouches for its outputs, and for nothing that changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import storage
from pipeline.freshness import fingerprint, receipt
from pipeline.freshness.receipt import Receipt


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the file of a unit and its receipt."""
    storage.write_bytes(tmp_path / "A.bin", b"content")
    file = receipt.describe(tmp_path / "A.bin")
    made = Receipt(parts={"code": {"A": "1"}}, contents={"out": "digest"}, file=file, seen_ns=5)
    receipt.write(tmp_path, {"A": made})
    return tmp_path


def kept_in(folder: Path) -> Receipt:
    """The unit's receipt."""
    found = receipt.read(folder, "A")
    assert found is not None
    return found


def test_what_is_written_is_read_back(folder: Path) -> None:
    """All fields survive."""
    kept = kept_in(folder)

    assert kept.parts == {"code": {"A": "1"}}
    assert kept.contents == {"out": "digest"}
    assert kept.file is not None
    assert (kept.file.bytes, kept.file.sha256) == (7, hashlib.sha256(b"content").hexdigest())


def test_a_receipt_leaves_those_of_other_units_as_they_are(folder: Path) -> None:
    """One of a unit that writes no file among them; a name that nobody wrote has none."""
    before = kept_in(folder)
    receipt.write(folder, {"B": Receipt(parts={}, contents={}, file=None)})

    assert kept_in(folder) == before
    assert receipt.read(folder, "B") == Receipt(parts={}, contents={}, file=None)
    assert receipt.read(folder, "C") is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"A": 1}', '{"A": {"parts": 1}}', '{"A": {"raw": {}, "file": {"bytes": 1}}}'],
)
def test_a_receipt_that_cannot_be_read_is_none(folder: Path, text: str) -> None:
    """A torn or foreign receipt means "never built", not an error."""
    (folder / receipt.FILE).write_text(text)

    assert receipt.read(folder, "A") is None


def test_no_byte_of_a_receipt_can_change_unseen(folder: Path) -> None:
    """Whichever is another, flipped or gone: the receipt is none, or says what it said."""
    file, before = folder / receipt.FILE, kept_in(folder)
    written = file.read_bytes()
    for at, byte in enumerate(written):
        for instead in (b"", b"7", b"}", b"x", bytes([byte ^ 1])):
            file.write_bytes(written[:at] + instead + written[at + 1 :])
            assert receipt.read(folder, "A") in (None, before)


def test_a_receipt_of_another_unit_is_none(folder: Path) -> None:
    """Under a name that is not its own."""
    file = folder / receipt.FILE
    file.write_bytes(file.read_bytes().replace(b'{"A":', b'{"B":', 1))

    assert receipt.read(folder, "B") is None


def test_a_receipt_without_its_digest_is_none(folder: Path) -> None:
    """Nothing that it says counts."""
    file = folder / receipt.FILE
    entries = storage.read_json(file)
    del entries["A"][receipt.SEAL]
    file.write_bytes(storage.canonical_json(entries))

    assert receipt.read(folder, "A") is None


def test_processes_that_write_receipts_of_one_folder_lose_none(tmp_path: Path) -> None:
    """Two at once, fifty units each: all hundred are there."""
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITE_FIFTY, str(tmp_path), name])
        for name in ("A", "B")
    ]

    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    for name in ("A", "B"):
        for number in range(50):
            kept = receipt.read(tmp_path, f"{name}{number}")
            assert kept is not None
            assert kept.facts == {"of": name}
    assert [path.name for path in tmp_path.iterdir()] == [receipt.FILE]


_WRITE_FIFTY = """
import sys
from pathlib import Path
from pipeline.freshness import receipt
folder, name = Path(sys.argv[1]), sys.argv[2]
for number in range(50):
    made = receipt.Receipt(parts={}, contents={}, file=None, facts={"of": name})
    receipt.write(folder, {f"{name}{number}": made})
"""


def test_a_flipped_byte_is_damage(folder: Path) -> None:
    """Same size, other content."""
    (folder / "A.bin").write_bytes(b"cOntent")

    assert receipt.is_damaged(folder / "A.bin", kept_in(folder))


def test_a_lost_output_is_damage(folder: Path) -> None:
    """A file that is gone."""
    (folder / "A.bin").unlink()

    assert receipt.is_damaged(folder / "A.bin", kept_in(folder))


def test_a_touch_is_no_damage(folder: Path) -> None:
    """Another time stamp on the same bytes is looked into, and forgiven."""
    os.utime(folder / "A.bin", ns=(1, 1))

    assert not receipt.is_damaged(folder / "A.bin", kept_in(folder))


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
