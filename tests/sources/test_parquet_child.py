"""The process that reads one Parquet file: its limits hold, and what it cannot read is one sentence."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from test_binance_parquet import klines, save

from kit.adapter_suite import feed_of
from kit.shipped import RULES
from pipeline.model.limits import Limits
from pipeline.model.raw_names import RawPath
from pipeline.sources.clean import read_feed
from pipeline.sources.own import parquet_child, parquet_table

OPENED = 1735776000000


def limits_of(pid: int) -> dict[str, str]:
    """The limits of a process, as the system holds them: name -> the hard one."""
    text = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): line[47:68].strip() for line in text}


def test_the_child_limits_itself_before_it_parses() -> None:
    """Memory, processor time, core files and files, while it still waits for its input."""
    command = [sys.executable, "-I", parquet_child.__file__, str(1 << 30), "7", "9"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        found, until = {}, time.monotonic() + 60
        while found.get("Max file size") != "0" and time.monotonic() < until:
            time.sleep(0.01)
            found = limits_of(child.pid)
        child.kill()

    assert found["Max address space"] == str(1 << 30)
    assert found["Max cpu time"] == "7"
    assert found["Max core file size"] == "0"
    assert found["Max file size"] == "0"


def reason_of(file: RawPath, limits: Limits | None = None) -> str:
    """Why the file was set aside as a whole."""
    found = read_feed(feed_of("binance_1m"), [file], RULES, limits or Limits())
    (row,) = found.rejects.to_pylist()

    assert (found.table.num_rows, row["line"]) == (0, 0)
    return str(row["reason"])


def test_more_rows_or_columns_than_klines_have(tmp_path: Path) -> None:
    """Told by the footer, before anything is read."""
    rows = pa.table({"open_time": pa.array([OPENED] * 11)})
    columns = pa.table({f"c{i}": [1.0] for i in range(parquet_child.MAX_COLUMNS + 1)})

    many = reason_of(save(tmp_path, rows), Limits(kline_rows=10))
    wide = reason_of(save(tmp_path, columns))

    assert "more than 10 rows (limits.kline_rows)" in many
    assert "no kline file has so many" in wide


def test_what_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    """The library's own words, not where in it they were said."""
    file = save(tmp_path, klines([OPENED]))
    whole = file.path.read_bytes()
    for data in (whole[:200], whole[:-1], b"PAR1" + bytes(500) + b"PAR1"):
        file.path.write_bytes(data)
        reason = reason_of(file)

        assert "not Parquet that can be read" in reason
        assert "Traceback" not in reason


def test_a_file_beyond_its_size_is_not_given_to_it(tmp_path: Path) -> None:
    """The limit is the configuration's."""
    file = save(tmp_path, klines([OPENED]))

    assert "limits.parquet_bytes" in reason_of(file, Limits(parquet_bytes=100))


def test_a_child_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may wait for ever without using the processor."""
    script = tmp_path / "sleeps.py"
    script.write_text("import time; time.sleep(600)\n")
    monkeypatch.setattr(parquet_child, "__file__", str(script))
    monkeypatch.setattr(parquet_table, "_WALL_SECONDS", 0)
    file = save(tmp_path, klines([OPENED]))

    assert "its reader ended with -1" in reason_of(file, Limits(parquet_seconds=1))
