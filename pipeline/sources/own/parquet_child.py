"""A process of its own that reads one Parquet file: what that file breaks, it breaks here.

Run by path, with the limits as arguments, and 1 behind them for a file of trades; Parquet on standard
input, an Arrow stream on standard output.
It limits its own memory, processor time and files before it loads the library that parses. A reason is one
line on standard error, with exit code 1, or 3 for too many rows, which its footer tells before one is read;
any other end means that a limit struck.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

MAX_COLUMNS = 200
REFUSED, TOO_LONG = 1, 3


def main(memory_bytes: int, seconds: int, most_rows: int, of_trades: int = 0) -> int:
    """Reads standard input whole and writes the table, columns of nested or binary types left out."""
    if importlib.util.find_spec("resource") is None:
        sys.stderr.write("Parquet is read within limits that Windows cannot set; use WSL2, or CSV")
        return REFUSED
    resource = importlib.import_module("resource")
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(sys.stdin.buffer.read()))
        rows, columns = file.metadata.num_rows, file.metadata.num_columns
        if rows > most_rows:
            return TOO_LONG
        if columns > MAX_COLUMNS:
            what = "file of trades" if of_trades else "kline file"
            raise ValueError(f"{columns} columns; no {what} has so many")
        names = _flat(file.schema_arrow, with_truths=bool(of_trades))
        schema = pa.schema([file.schema_arrow.field(name) for name in names])
        with pa.ipc.new_stream(sys.stdout.buffer, schema) as writer:
            if not of_trades:  # whole, so that its own limit of memory is what strikes
                writer.write_table(file.read(columns=names, use_threads=False))
                return 0
            for batch in file.iter_batches(columns=names, use_threads=False):
                writer.write_batch(batch)
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
        sys.stderr.write(" ".join(f"{error}".split())[:300] or type(error).__name__)
        return REFUSED
    return 0


def _flat(schema: object, *, with_truths: bool) -> list[str]:
    import pyarrow as pa

    kinds = (
        pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_temporal,
        pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary,
        *([pa.types.is_boolean] if with_truths else ()),
    )  # fmt: skip
    return [field.name for field in schema if any(is_kind(field.type) for is_kind in kinds)]  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
