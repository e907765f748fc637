"""The exchange's trades as Parquet, read as the CSV that it would be: a row's number is its line.

Arrow writes a number as the shortest text that is that number again, so no value changes on the way, and the
one strict reader judges every form. The file is parsed in a process of its own (`parquet_child.py`), whose
answer is taken batch by batch.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.csv

from pipeline.errors import SourceError
from pipeline.sources.own import parquet_child
from pipeline.sources.protocol import RawText
from pipeline.sources.text.lines import Block

_MAGIC, _FIRST_FIELD = b"PAR1", b"\x15"
_MOST_ROWS = 200_000_000
"""A month of the busiest pair has some 150 million trades."""


def is_parquet(name: str, head: bytes) -> bool:
    """Whether a file that begins so is Parquet: text may begin with its mark too."""
    begins = head[len(_MAGIC) :].startswith(_FIRST_FIELD) or name.endswith(".parquet")
    return head.startswith(_MAGIC) and begins


class Rows:
    """The rows of one Parquet file: its columns' names, then its lines. To be closed."""

    def __init__(self, text: RawText) -> None:
        self._text = text
        limits = text.limits
        command = [sys.executable, "-I", parquet_child.__file__]
        command += [
            str(limits.parquet_memory_bytes),
            str(limits.parquet_seconds),
            str(_MOST_ROWS),
            "1",
        ]
        with _whole(text) as file:
            self._child = subprocess.Popen(
                command,
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={
                    "PATH": os.defpath,
                    "ARROW_DEFAULT_MEMORY_POOL": "system",
                    "OMP_NUM_THREADS": "1",
                },
            )
        try:
            self._stream = pa.ipc.open_stream(self._child.stdout)
        except pa.ArrowException as error:
            raise self._refused() from error
        self.names: list[str] = self._stream.schema.names

    def blocks(self, columns: list[str]) -> Iterator[Block]:
        """Those columns of the rows as lines, without a byte position of their own.

        Raises:
            SourceError: not Parquet, or beyond the limits.
        """
        number = 1
        try:
            for batch in self._stream:
                if batch.num_rows:
                    yield Block(body=_as_csv(batch.select(columns)), number=number, offset=0)
                    number += batch.num_rows
        except pa.ArrowException as error:
            raise self._refused() from error
        if self._child.wait():
            raise self._refused()

    def close(self) -> None:
        """Ends the process, if it still runs."""
        self._child.kill()
        for pipe in (self._child.stdout, self._child.stderr):
            if pipe is not None:
                pipe.close()
        self._child.wait()

    def _refused(self) -> SourceError:
        reason = self._child.communicate()[1].decode("utf-8", "replace")[:200]
        code = self._child.returncode
        if code == parquet_child.TOO_LONG:
            reason = f"more than {_MOST_ROWS} rows"
        elif code != parquet_child.REFUSED:
            limits = self._text.limits
            reason = (
                f"its reader ended with {code} within {limits.parquet_seconds} s of processor time and"
                f" {limits.parquet_memory_bytes} bytes"
            )
        self.close()
        return SourceError(
            f"{self._text.name}: not Parquet that can be read ({reason}); write it again"
        )


def _whole(text: RawText) -> IO[bytes]:
    """The file's bytes, in a file without a name."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
    size = 0
    for block in text.blocks():
        size += len(block)
        if size > text.limits.parquet_bytes:
            file.close()
            raise SourceError(
                f"{text.name}: larger than {text.limits.parquet_bytes} bytes (limits.parquet_bytes);"
                " raise the limit if it shall be read"
            )
        file.write(block)
    file.seek(0)
    return file


def _as_csv(batch: pa.RecordBatch) -> bytes:
    """The rows as lines; instants as microseconds since 1970, a null as nothing."""
    columns = [_plain(column) for column in batch.columns]
    names = [str(place) for place in range(len(columns))]
    table = pa.RecordBatch.from_arrays(columns, names=names)
    options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
    try:
        out = pa.BufferOutputStream()
        pa.csv.write_csv(table, out, options)
        data: bytes = out.getvalue().to_pybytes()
        return data.removesuffix(b"\n")
    except pa.ArrowInvalid:  # a text with a comma or a line feed inside
        rows = zip(*(column.to_pylist() for column in columns), strict=True)
        lines = (",".join("" if v is None else str(v) for v in row) for row in rows)
        return "\n".join(line.replace("\n", " ") for line in lines).encode()


def _plain(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", tz=kind.tz), safe=False).cast(pa.int64())
    return column.cast(pa.string()) if pa.types.is_decimal(kind) else column
