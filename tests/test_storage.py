"""Bytes that are there whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
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


@given(JSON)
def test_readable_json_is_laid_out_as_pythons_own(value: object) -> None:
    """Byte for byte, two blanks a level."""
    own = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2)

    assert storage.readable_json(value) == own.encode() + b"\n"


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


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    """By the next writer of the same file, durable or scratch, and by no other."""
    for write in (partial(storage.write_bytes, sweep=True), storage.write_scratch):
        _killed_while_writing(tmp_path / "out")
        (left,) = tmp_path.glob(".out.*.tmp")
        assert left.read_bytes() == b"half"

        write(tmp_path / "other", b"whole")
        assert left.exists()
        write(tmp_path / "out", b"whole")

        assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "out"]
        assert (tmp_path / "out").read_bytes() == b"whole"


def test_what_a_living_writer_has_begun_is_never_swept(tmp_path: Path) -> None:
    """However old it is: it goes on, and the last to end has the name."""
    with _writing(tmp_path / "out") as writer:
        (begun,) = tmp_path.glob(".out.*.tmp")
        os.utime(begun, (0, 0))

        storage.write_bytes(tmp_path / "out", b"mine", sweep=True)
        assert begun.exists()
        writer.communicate("\n", timeout=60)

    assert writer.returncode == 0
    assert (tmp_path / "out").read_bytes() == b"half and whole"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_many_writers_of_one_file_leave_it_whole_and_no_litter(tmp_path: Path) -> None:
    """Each sweeps while the others begin: no one loses what he writes."""
    writers = [_python(_MANY, tmp_path / "out", letter * 5000) for letter in "abcd"]

    said = [(writer.communicate(timeout=120)[1], writer.returncode) for writer in writers]

    assert said == [("", 0)] * 4
    assert (tmp_path / "out").read_text() in [letter * 5000 for letter in "abcd"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


_ONE = """
import sys
from pathlib import Path
from pipeline import storage
with storage.replacing(Path(sys.argv[1])) as handle:
    handle.write(b"half")
    handle.flush()
    print("begun", flush=True)
    sys.stdin.readline()
    handle.write(b" and whole")
"""

_MANY = """
import sys
from pathlib import Path
from pipeline import storage
for _ in range(100):
    storage.write_scratch(Path(sys.argv[1]), sys.argv[2].encode())
"""


def _python(text: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that runs a text."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([sys.executable, "-c", text, *map(str, arguments)], text=True, **pipes)


@contextmanager
def _writing(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun to write a file."""
    with _python(_ONE, path) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        yield writer


def _killed_while_writing(path: Path) -> None:
    with _writing(path) as writer:
        writer.kill()


def test_no_byte_of_what_is_remembered_can_change_unseen(tmp_path: Path) -> None:
    """Whichever is another, flipped or gone: it is made again, as it was."""
    cache, values = tmp_path / "cache.json", {"Step": "5ea24ee0", "Other": "c81b9aec"}
    assert storage.remembered(cache, "as now", lambda: values) == values
    written = cache.read_bytes()

    for at, byte in enumerate(written):
        for instead in (b"", b"7", b"}", b"\xff", bytes([byte ^ 1])):
            cache.write_bytes(written[:at] + instead + written[at + 1 :])
            assert storage.remembered(cache, "as now", lambda: values) == values


def test_what_is_remembered_is_not_made_again(tmp_path: Path) -> None:
    """Until its signature is another."""
    cache, made = tmp_path / "cache.json", list[str]()

    def make() -> dict[str, str]:
        made.append("")
        return {"made": str(len(made))}

    assert [storage.remembered(cache, s, make)["made"] for s in "aabb"] == ["1", "1", "2", "2"]
