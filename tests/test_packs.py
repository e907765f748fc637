"""Several outputs in one file: each is read as it was written, by the kitchen and by whatever opens a zip."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import packs, storage
from pipeline.packs import Stored
from pipeline.tables import parquet
from pipeline.tables.parts import Parts

NAMES = st.from_regex(r"[a-z0-9_]{1,20}\.(parquet|json|md)", fullmatch=True)
MEMBERS = st.dictionaries(NAMES, st.binary(max_size=300), min_size=1, max_size=5)
STEPS = st.lists(
    st.tuples(st.integers(-400, 400), st.sampled_from([0, 1, 2]), st.integers(-1, 400)), max_size=12
)
TABLE = pa.table({"symbol": ["BTCUSDT", "ETHUSDT"], "close": [1.5, None]})

common = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def packed(path: Path, members: Mapping[str, bytes]) -> Path:
    """A file with these members."""
    with storage.replacing(path) as handle, packs.packing(handle) as pack:
        for name, data in members.items():
            with packs.adding(pack, name) as place:
                place.write(data)
    return path


def with_table(path: Path, table: pa.Table | Parts) -> Stored:
    """A table between two other members."""
    with storage.replacing(path) as handle, packs.packing(handle) as pack:
        for name in ("before.json", "table.parquet", "behind.json"):
            with packs.adding(pack, name) as place:
                if name == "table.parquet":
                    parquet.write_into(place, table)
                else:
                    place.write(b"{}\n")
    return Stored(path, "table.parquet")


def walked(file: io.BufferedIOBase, steps: list[tuple[int, int, int]]) -> list[object]:
    """What a file gives, seek by seek; a place before its beginning is an error that moves nothing."""
    said: list[object] = []
    for offset, whence, count in steps:
        try:
            said.append(file.seek(offset, whence))
        except OSError:
            said.append("refused")
        said += [file.read(count), file.tell()]
    return said


@common
@given(MEMBERS, STEPS)
def test_a_member_is_a_file_of_its_own(
    tmp_path: Path, members: dict[str, bytes], steps: list[tuple[int, int, int]]
) -> None:
    """Whole, and at any place and length: as the same bytes in a file, and none beside them."""
    file = packed(tmp_path / "step.zip", members)

    for name, data in members.items():
        (tmp_path / "alone").write_bytes(data)
        place = Stored(file, name)
        assert place.read_bytes() == data
        with place.open() as mine, open(tmp_path / "alone", "rb") as alone:
            assert walked(mine, steps) == walked(alone, steps)


@common
@given(MEMBERS)
def test_a_pack_is_a_sound_zip(tmp_path: Path, members: dict[str, bytes]) -> None:
    """The standard library finds each member in order, whole by its check sum, and as it was."""
    with zipfile.ZipFile(packed(tmp_path / "step.zip", members)) as pack:
        assert pack.testzip() is None
        assert [(name, pack.read(name)) for name in pack.namelist()] == list(members.items())


def test_a_file_alone_is_read_like_a_member(tmp_path: Path) -> None:
    """A single output has no zip around it."""
    (tmp_path / "table.json").write_bytes(b"[1]")
    place = Stored(tmp_path / "table.json")

    assert (place.read_bytes(), place.place(), place.exists()) == (b"[1]", (0, 3), True)
    assert storage.json_in(place) == [1]
    assert not Stored(tmp_path / "gone.json").exists()


def test_its_bytes_do_not_depend_on_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another hour, another time zone and another mask of modes: the same file."""
    members = {"a.json": b"1\n", "b.json": b"2\n"}
    first = packed(tmp_path / "first.zip", members).read_bytes()
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    mask = os.umask(0o077)

    second = packed(tmp_path / "second.zip", members).read_bytes()

    os.umask(mask)
    monkeypatch.undo()
    time.tzset()
    assert second == first


def test_a_missing_member_is_a_missing_file(tmp_path: Path) -> None:
    """By its name, as a file that was never there."""
    place = Stored(packed(tmp_path / "step.zip", {"a.json": b"1"}), "b.json")

    assert not place.exists()
    with pytest.raises(FileNotFoundError, match=r"b\.json.*step\.zip"):
        place.read_bytes()


def test_a_pack_that_ends_too_early_is_an_error_of_the_disk(tmp_path: Path) -> None:
    """Wherever it was cut."""
    file = packed(tmp_path / "step.zip", {"a.json": b"1"})
    data = file.read_bytes()

    for end in range(len(data)):
        file.write_bytes(data[:end])
        assert not Stored(file, "a.json").exists()
        with pytest.raises(OSError, match=r"step\.zip"):
            Stored(file, "a.json").open()


@settings(common, max_examples=300)
@given(st.data())
def test_a_changed_byte_gives_bytes_or_an_error_of_the_disk(
    tmp_path: Path, data: st.DataObject
) -> None:
    """Which bytes is told by the digest that a receipt keeps."""
    file = packed(tmp_path / "step.zip", {"a.json": b"1" * 40, "b.json": b"2" * 40})
    good = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(good)

    with suppress(OSError):
        assert len(Stored(file, "a.json").read_bytes()) <= len(good)


@pytest.mark.parametrize("small_bytes", [0, 1 << 22])
def test_a_table_in_a_pack_is_read_whole_and_partly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bytes: int
) -> None:
    """In one piece or where it lies: rows, columns and their count."""
    monkeypatch.setattr(parquet, "SMALL_BYTES", small_bytes)
    place = with_table(tmp_path / "step.zip", TABLE)

    assert parquet.read(place).equals(TABLE)
    assert parquet.read(place, ["close"]).column_names == ["close"]
    assert parquet.rows(place) == 2


@pytest.mark.parametrize("small_bytes", [0, 1 << 22])
def test_parts_of_a_table_in_a_pack_are_read_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bytes: int
) -> None:
    """Each when it is needed, in any order and again; nothing stays open."""
    monkeypatch.setattr(parquet, "SMALL_BYTES", small_bytes)
    rows = pa.table({"id": pa.array(range(600_000), pa.int64())})
    place = with_table(tmp_path / "step.zip", parquet.in_parts(_alone(tmp_path, rows)))
    parts = parquet.in_parts(place)

    assert len(parts.parts) == 3
    for part, start in zip(reversed(parts.parts), (500_000, 250_000, 0), strict=True):
        assert part.read(["id"]).equals(rows.slice(start, part.num_rows))
    assert not [p for p in _open_files() if p.startswith(str(tmp_path))]


def _alone(folder: Path, table: pa.Table) -> Path:
    pq.write_table(table, folder / "alone.parquet", row_group_size=parquet.PART_ROWS)
    return folder / "alone.parquet"


def _open_files() -> list[str]:
    return [
        os.readlink(p) for p in Path("/proc/self/fd").iterdir() if p.is_symlink() and p.exists()
    ]


def test_other_tools_read_a_table_in_a_pack(tmp_path: Path) -> None:
    """Pandas and Polars, by the standard library's zip."""
    file = with_table(tmp_path / "step.zip", TABLE).file

    with zipfile.ZipFile(file) as pack:
        frame = pd.read_parquet(pack.open("table.parquet"))
        polars = pl.read_parquet(pack.open("table.parquet"))

    assert frame["symbol"].tolist() == polars["symbol"].to_list() == ["BTCUSDT", "ETHUSDT"]
    assert polars["close"].to_list() == [1.5, None]
