"""The contract of every adapter of a line format. A new one inherits `AdapterSuite` and says four things.

Belongs here: what must hold whatever the vendor. What one vendor means by a field is its own test file.
"""

from __future__ import annotations

import datetime as dt
import gzip
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.shipped import RULES
from pipeline.contracts.ledger import Lines
from pipeline.model.raw_names import RawPath
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.protocol import Adapter, Feed

DAY = dt.date(2025, 1, 2)


def feed_of(source: str, **changes: Any) -> Feed:
    """A spot feed of BTCUSDT on `DAY`."""
    values = {"symbol": "BTCUSDT", "market": "spot", "vendor_symbol": "BTCUSDT", "day": DAY}
    return Feed(source=source, **(values | changes))


def drop(raw: Path, name: str, data: bytes, rank: int = 0) -> RawPath:
    """Puts a raw file below `raw`."""
    path = raw / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return RawPath(path, name, rank)


def without(table: pa.Table, *columns: str) -> pa.Table:
    """The table without columns."""
    return table.drop_columns(list(columns))


GARBAGE = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.binary(min_size=1, max_size=60).filter(
            lambda line: b"\n" not in line and line.strip() != b""
        ),
    ),
    max_size=6,
)


class AdapterSuite:
    """Inherit it and set `adapter`, `feed`, `name`, `good_lines` and, for CSV, `header`."""

    adapter: Adapter
    feed: Feed
    name: str
    header: bytes = b""
    good_lines: tuple[bytes, ...] = ()
    """At least five lines; each must become a row of its own, in this order."""
    bad_line: bytes = b"\xff\xfenot a line of this format"
    foreign: bytes = b'{"something": "else"}\n'

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.raw = tmp_path

    def data(self, lines: tuple[bytes, ...] | None = None, end: bytes = b"\n") -> bytes:
        """The file of such lines."""
        lines = self.good_lines if lines is None else lines
        return b"".join(line + end for line in ((self.header,) if self.header else ()) + lines)

    def read(self, data: bytes, name: str | None = None) -> CleanFeed:
        """The feed of one file."""
        file = drop(self.raw, name or self.name, data)
        return read_feed(self.feed, [file], RULES)

    @property
    def first_line(self) -> int:
        """The number of the first good line."""
        return 2 if self.header else 1

    def test_a_good_file_is_used_line_by_line(self) -> None:
        """Every line is a row, and the ledger says so."""
        found = self.read(self.data())
        count = len(self.good_lines)

        assert found.table.num_rows == count
        assert found.table["line"].to_pylist() == list(
            range(self.first_line, self.first_line + count)
        )
        assert found.rejects.num_rows == 0
        assert found.ledger[0].adapter == self.adapter.name
        assert found.ledger[0].lines == Lines(read=count, used=count, merged=0, rejected=0)

    def test_the_tables_have_their_schemas(self) -> None:
        """Columns, types, nullability and units are those of the governance document."""
        found = self.read(self.data())

        for table, name in ((found.table, self.feed.kind.table), (found.rejects, "rejects")):
            wanted = RULES.schema.table(name)
            assert table.schema.equals(wanted, check_metadata=True)

    def test_line_ends_and_byte_order_mark_change_nothing(self) -> None:
        """CRLF and a BOM are how it was written, not what."""
        plain = self.read(self.data())
        windows = self.read(b"\xef\xbb\xbf" + self.data(end=b"\r\n"))

        assert windows.table.equals(plain.table)
        assert windows.ledger[0].notes["encoding"] == "utf-8-sig"

    def test_blank_lines_are_counted_and_cost_nothing(self) -> None:
        """Blank lines are neither read nor rejected."""
        plain = self.read(self.data())
        spaced = self.read(self.data().replace(b"\n", b"\n\r\n\n"))

        assert without(spaced.table, "line").equals(without(plain.table, "line"))
        assert spaced.ledger[0].lines == plain.ledger[0].lines
        assert spaced.ledger[0].blank_lines == 2 * self.data().count(b"\n")

    def test_a_torn_last_line_costs_only_itself(self) -> None:
        """The lines before it are used; it is named, with its place and bytes."""
        torn = self.good_lines[-1][: len(self.good_lines[-1]) // 2]
        data = self.data(self.good_lines[:-1]) + torn
        found = self.read(data)

        assert found.table.num_rows == len(self.good_lines) - 1
        assert found.ledger[0].notes["torn_tail"] == {
            "line": self.first_line + len(self.good_lines) - 1,
            "byte_offset": len(data) - len(torn),
            "bytes": len(torn),
        }
        assert [(r["code"], r["raw"]) for r in found.rejects.to_pylist()] == [
            ("A13", torn.decode())
        ]

    def test_a_whole_last_line_without_a_line_end_is_used(self) -> None:
        """Only what cannot be read is torn."""
        found = self.read(self.data().removesuffix(b"\n"))

        assert found.table.num_rows == len(self.good_lines)

    @pytest.mark.parametrize("place", [1, 2, -1])
    def test_a_bad_line_costs_only_itself(self, place: int) -> None:
        """It is set aside with number, offset and bytes; each other line is used."""
        lines = list(self.good_lines)
        lines.insert(place, self.bad_line)
        data = self.data(tuple(lines))
        found = self.read(data)
        (row,) = found.rejects.to_pylist()

        assert found.table.num_rows == len(self.good_lines)
        assert data.splitlines()[row["line"] - 1] == self.bad_line
        assert data[row["byte_offset"] :][: row["raw_bytes"]] == self.bad_line
        assert row["raw"] == self.bad_line.decode("utf-8", "backslashreplace")

    def test_gzip_changes_nothing(self) -> None:
        """The same text compressed gives the same table; the ledger has the compressed bytes."""
        plain = self.read(self.data())
        packed = gzip.compress(self.data(), mtime=0)
        found = self.read(packed, self.name + ".gz")

        assert found.table.equals(plain.table)
        assert found.ledger[0].bytes == len(packed)

    def test_reading_twice_gives_the_same(self) -> None:
        """Table, rejects and ledger are functions of the bytes."""
        data = self.data((*self.good_lines, self.bad_line))
        one, two = self.read(data), self.read(data)

        assert one.table.equals(two.table)
        assert one.rejects.equals(two.rejects)
        assert one.ledger == two.ledger

    def test_the_order_in_which_files_are_given_is_irrelevant(self) -> None:
        """Rank and name decide, not the caller's list."""
        half = len(self.good_lines) // 2
        one = drop(self.raw, "a/" + self.name, self.data(self.good_lines[:half]))
        two = drop(self.raw, "b/" + self.name, self.data(self.good_lines[half:]))
        forward = read_feed(self.feed, [one, two], RULES)
        backward = read_feed(self.feed, [two, one], RULES)

        assert forward.table.num_rows == len(self.good_lines)
        assert forward.table.equals(backward.table)
        assert forward.ledger == backward.ledger

    def test_its_own_format_is_claimed_and_another_is_not(self) -> None:
        """An import can tell formats apart by their first bytes."""
        assert self.adapter.claims(self.name, self.data())
        assert not self.adapter.claims(self.name, self.foreign)
        assert not self.adapter.claims(self.name, b"")

    def test_no_files_make_an_empty_table(self) -> None:
        """Nothing read is an empty day, not an error."""
        found = read_feed(self.feed, [], RULES)

        assert (found.table.num_rows, found.ledger, found.stats) == (0, [], {})

    def test_an_empty_file_is_in_the_ledger(self) -> None:
        """It was read, and had no line."""
        found = self.read(b"")

        assert found.table.num_rows == 0
        assert found.ledger[0].lines.read == 0

    def test_no_garbage_costs_a_good_line(self) -> None:
        """Wherever garbage stands, the good lines are all used and every line is accounted for."""

        @settings(max_examples=40, deadline=None)
        @given(garbage=GARBAGE)
        def survives(garbage: list[tuple[int, bytes]]) -> None:
            lines = list(self.good_lines)
            for place, line in garbage:
                lines.insert(place % (len(lines) + 1), line)
            with tempfile.TemporaryDirectory() as folder:
                file = drop(Path(folder), self.name, self.data(tuple(lines)))
                found = read_feed(self.feed, [file], RULES)

            assert found.table.num_rows == len(self.good_lines)
            assert found.rejects.num_rows == found.ledger[0].lines.rejected

        survives()
