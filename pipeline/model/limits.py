"""What a raw file may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a raw file may cost; beyond, it is no export and is set aside.

    Args:
        text_bytes: Decompressed text: no day or month of an export has 4 GiB.
        text_ratio: Text / file: klines and JSON lines compress 5 to 30 times.
        zip_bytes: A zip, which is read whole to reach its directory.
        parquet_bytes: A Parquet file, which is read in a process of its own.
        parquet_memory_bytes: That process's address space.
        parquet_seconds: Its processor time.
        kline_rows: Rows of a file of klines: a year of minutes has 527,040.
        kline_rows_of_day: Of these, rows of one day: one of seconds has 86,400.
    """

    text_bytes: int = 4 << 30
    text_ratio: int = 200
    zip_bytes: int = 256 << 20
    parquet_bytes: int = 256 << 20
    parquet_memory_bytes: int = 4 << 30
    parquet_seconds: int = 60
    kline_rows: int = 550_000
    kline_rows_of_day: int = 100_000
