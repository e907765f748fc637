"""Funding archives: settlements of the day, month or day files, nonsense set aside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.adapter_suite import DAY, AdapterSuite, drop, feed_of
from kit.shipped import RULES
from pipeline.clock import HOUR_US, day_open_us
from pipeline.contracts.ledger import Lines
from pipeline.sources.binance.funding import BinanceFunding
from pipeline.sources.clean import CleanFeed, read_feed

FOLDER = "binance/futures_um"
MONTH = f"{FOLDER}/BTCUSDT-fundingRate-2025-01.csv"
HEADER = b"calc_time,funding_interval_hours,last_funding_rate"


def settled(hour: float, rate: str = "0.00010000", interval: int = 4) -> bytes:
    """A settlement so many hours after the day's 00:00."""
    return f"{(day_open_us(DAY) + round(hour * HOUR_US)) // 1_000},{interval},{rate}".encode()


class TestBinanceFunding(AdapterSuite):
    """The suite, on a file of the day, and what is funding's own."""

    adapter = BinanceFunding()
    feed = feed_of("binance_funding", market="futures_um")
    name = f"{FOLDER}/BTCUSDT-fundingRate-{DAY}.csv"
    header = HEADER
    good_lines = tuple(settled(hour, f"-0.0000{hour:02d}5") for hour in range(0, 24, 4))

    def month(self, *lines: bytes) -> CleanFeed:
        """The feed of a monthly file of such lines."""
        return self.read(b"".join(line + b"\n" for line in (HEADER, *lines)), MONTH)

    def test_values_are_the_files(self) -> None:
        """Instant, interval and rate as written; milliseconds of delay stay."""
        late = settled(8.0, "-0.00001234", 8).replace(b"00000,8", b"00007,8")
        (row,) = self.month(late).table.to_pylist()

        assert row["settled_at"].isoformat() == f"{DAY}T08:00:00.007000+00:00"
        assert (row["interval_hours"], row["rate"], row["line"]) == (8.0, -1.234e-5, 2)

    def test_a_month_gives_its_days_their_settlements(self) -> None:
        """Other days' lines are counted and left; 24:00 is the next day's."""
        found = self.month(*(settled(hour) for hour in (-8, 0, 8, 16, 24, 32)))

        assert found.table["line"].to_pylist() == [3, 4, 5]
        assert found.ledger[0].lines.read == 3
        assert found.ledger[0].other_days == 3

    def test_a_row_of_a_neighbour_day_is_that_days(self) -> None:
        """In a day's file too: counted and told (C10), not set aside."""
        found = self.read(self.data((settled(0), settled(24))))

        assert found.rejects.num_rows == 0
        assert found.ledger[0].other_days == 1
        assert found.ledger[0].notes["defects"] == {"C10": 1}

    def test_a_settlement_stamped_just_before_its_hour_is_of_its_day(self) -> None:
        """By the nearest hour, for 00:00 and for 24:00; in two files it is one settlement."""
        found = self.month(settled(-1e-6), settled(8), settled(16), settled(24 - 1e-6))

        assert found.table["line"].to_pylist() == [2, 3, 4]
        assert found.ledger[0].other_days == 1

    @pytest.mark.parametrize("unit", [1, 1_000, 1_000_000, 1_000_000_000])
    def test_time_in_any_unit(self, unit: int) -> None:
        """Seconds to nanoseconds, told by their size."""
        at = day_open_us(DAY) // 1_000_000 * unit
        (row,) = self.month(f"{at},8,0.0001".encode()).table.to_pylist()

        assert row["settled_at"].isoformat() == f"{DAY}T00:00:00+00:00"

    @pytest.mark.parametrize(
        "form", ["csv", "other order", "quoted", "text above", "array", "objects"]
    )
    def test_the_exchanges_answer_is_read(self, form: str) -> None:
        """symbol, fundingTime, fundingRate, markPrice, in CSV or JSON: the interval is not said, so null."""
        at = day_open_us(DAY) // 1_000
        keys = {"symbol": "BTCUSDT", "fundingTime": at, "fundingRate": "-0.0002", "markPrice": "95"}
        rows = [keys, keys | {"fundingTime": at + 28_800_000}]
        head, lines = ",".join(keys), [",".join(map(str, row.values())) for row in rows]
        turned = ",".join(reversed(keys))
        text = {
            "csv": "\n".join((head, *lines)),
            "other order": "\n".join(
                (turned, *(",".join(line.split(",")[::-1]) for line in lines))
            ),
            "quoted": "\n".join('"' + line.replace(",", '","') + '"' for line in (head, *lines)),
            "text above": "\n".join(("https://example.com", "", head, *lines)),
            "array": json.dumps(rows),
            "objects": "\n".join(map(json.dumps, rows)),
        }[form]
        found = self.read(text.encode(), MONTH)

        assert self.adapter.claims(MONTH, text.encode())
        assert found.table["rate"].to_pylist() == [-0.0002, -0.0002]
        assert found.table["interval_hours"].to_pylist() == [None, None]
        assert found.ledger[0].lines.read == 2
        assert found.ledger[0].ignored == (form == "text above")

    def test_rows_of_other_symbols_are_theirs(self) -> None:
        """Counted, not set aside; a file without an own row is refused, and says whose rows it has."""
        lines = [f"{name},{day_open_us(DAY) // 1_000},0.0001" for name in ("ETHUSDT", "BTCUSDT")]
        head = "symbol,fundingTime,fundingRate"
        both = self.read("\n".join((head, *lines)).encode(), MONTH)
        other = self.read("\n".join((head, lines[0])).encode(), MONTH)

        assert both.table.num_rows == both.ledger[0].other_symbols == 1
        assert both.rejects.num_rows == 0
        assert "its rows are of ETHUSDT; wanted BTCUSDT" in other.rejects["reason"][0].as_py()

    def test_a_header_of_another_table_is_refused(self) -> None:
        """Names before positions: three columns under foreign names are not taken by their order."""
        found = self.read(b"when,span,paid\n" + settled(0) + b"\n", MONTH)

        assert found.table.num_rows == 0
        assert "wanted the exchange's own names" in found.ledger[0].notes["refused"]["reason"]

    def test_a_file_without_a_usable_line_says_its_first(self) -> None:
        """The ledger's note has the line and its own reason."""
        found = self.read(b"nonsense\nmore\n", self.name)

        assert found.ledger[0].notes["no_usable_line"] == "line 1: 1 columns; wanted 3"

    def test_a_line_that_stands_a_million_times_is_read_once(self) -> None:
        """Rows are kept by their hour, whatever the file's length."""
        found = self.read(settled(0) + (b"\n" + settled(0)) * 999_999, self.name)

        assert found.ledger[0].lines == Lines(read=1_000_000, used=1, merged=999_999, rejected=0)

    def test_a_broken_line_of_a_month_is_told_once(self) -> None:
        """It goes with the row before it: another day's account has it."""
        lines = (settled(8), b"nonsense", settled(40), b"more nonsense")
        found = self.month(*lines)

        assert [(r["code"], r["line"]) for r in found.rejects.to_pylist()] == [("B26", 3)]

    @pytest.mark.parametrize(
        "line",
        [
            settled(8, "nan"),
            settled(8, "1.5"),
            settled(8, interval=0),
            settled(8, interval=25),
            settled(8) + b",1",
            b"12,8,0.0001",
        ],
    )
    def test_nonsense_is_set_aside(self, line: bytes) -> None:
        """B26 with a reason; the others are used."""
        found = self.read(self.data((settled(0), line, settled(16))))

        assert [r["code"] for r in found.rejects.to_pylist()] == ["B26"]
        assert found.table.num_rows == 2

    def test_equal_rows_are_merged_and_different_ones_set_aside(self) -> None:
        """B15 both times."""
        lines = (settled(0), settled(0), settled(8), settled(8, "0.0002"), settled(16))
        found = self.read(self.data(lines))

        assert found.table["line"].to_pylist() == [2, 6]
        assert found.ledger[0].lines == Lines(read=5, used=2, merged=1, rejected=2)
        assert {r["code"] for r in found.rejects.to_pylist()} == {"B15"}

    def test_the_days_file_wins_over_the_months(self, tmp_path: Path) -> None:
        """What both have is merged; a different rate is counted (B08), and the more trusted one used."""
        own = drop(tmp_path, self.name, self.data((settled(0, "0.0003"), settled(8))))
        lines = b"\n".join((HEADER, *(settled(hour) for hour in (0, 8, 16)))) + b"\n"
        month = drop(tmp_path, MONTH, lines, rank=1)
        found = read_feed(self.feed, [month, own], RULES)

        assert found.table["rate"].to_pylist() == [0.0003, 0.0001, 0.0001]
        assert found.table["file"].to_pylist() == [0, 0, 1]
        assert [entry.lines.merged for entry in found.ledger] == [0, 2]
        assert found.ledger[1].notes["defects"] == {"B08": 1}
