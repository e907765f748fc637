"""Bytes that are there whole or not at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import storage

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_canonical_json_means_the_same_value(value: object) -> None:
    """What is read back is what was written, and the same value has one form."""
    data = storage.canonical_json(value)

    assert json.loads(data) == value
    assert storage.canonical_json(json.loads(data)) == data


def test_the_order_of_keys_does_not_show() -> None:
    """Two orders of the same keys have the same digest."""
    assert storage.digest({"a": 1, "b": 2}) == storage.digest({"b": 2, "a": 1})


def test_canonical_json_is_these_bytes() -> None:
    """The form is part of the contract: sorted keys, no blanks, UTF-8, one line end."""
    assert storage.canonical_json({"b": 1.5, "a": "é"}) == '{"a":"é","b":1.5}\n'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_refused(value: float) -> None:
    """NaN is an error, never the word NaN."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        storage.canonical_json([value])


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    """Half a file is never under the final name."""
    path = tmp_path / "out"
    storage.write_bytes(path, b"old")

    def write_half() -> None:
        with storage.replacing(path) as handle:
            handle.write(b"half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_half()

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_digests_are_the_standard_ones(tmp_path: Path) -> None:
    """A file's digest is what any tool gives."""
    storage.write_bytes(tmp_path / "out", b"abc")

    assert storage.file_digest(tmp_path / "out") == hashlib.sha256(b"abc").hexdigest()
    assert storage.file_digest(tmp_path / "out", "md5") == "900150983cd24fb0d6963f7d28e17f72"
