"""What an exporter left half done: `X.part` beside or instead of `X`.

The exporters of bars and ticks write all of X and the new lines into X.part and rename it over X; so a
left-over beside X tells nothing that X will not tell, and alone it is X. One exporter (V63) keeps only the
last batch there and appends it to X: beside X it may hold lines that X never got.
"""

from __future__ import annotations

import pyarrow as pa

from pipeline.sources.file_read import FileRead
from pipeline.sources.protocol import Parsed

SUFFIX = ".part"

_PLACES = ("file", "line")


def settle(reads: list[FileRead]) -> None:
    """Decides what the rows of each `.part` are worth; A14 is counted once a file.

    Beside its file: merged where it begins as X does (a rewrite) or repeats the end of X; else used, it
    is the batch that was lost. Alone: used.
    """
    whole = {read.file.name: read for read in reads if read.parsed is not None}
    for read in reads:
        if read.parsed is None or not read.file.name.endswith(SUFFIX):
            continue
        read.parsed.defects["A14"] += 1
        beside = whole.get(read.file.name.removesuffix(SUFFIX))
        if beside is None or beside.parsed is None:
            read.more_notes["recovered_from_part"] = True
        elif _tells_nothing_new(read.rows(), beside.rows()):
            read.more_notes["left_over_of"] = beside.file.name
            _merge_all(read, read.parsed)
        else:
            read.more_notes["batch_not_in"] = beside.file.name


def _tells_nothing_new(part: pa.Table, whole: pa.Table) -> bool:
    names = [name for name in part.column_names if name not in _PLACES]
    part, whole = part.select(names), whole.select(names)
    count = min(part.num_rows, whole.num_rows)
    if not count:
        return not part.num_rows
    begins = part.slice(0, 1).equals(whole.slice(0, 1))
    return bool(begins or part.equals(whole.slice(whole.num_rows - part.num_rows)))


def _merge_all(read: FileRead, parsed: Parsed) -> None:
    parsed.merged += read.rows().num_rows
    parsed.rows, read.tape = parsed.rows.slice(0, 0), []
