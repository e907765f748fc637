"""One raw file through its adapter: read, sealed, or set aside as a whole.

Belongs here: the meeting of `rawfile`, `registry` and an adapter. Several files of a day are `joining.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import pyarrow as pa

from pipeline.errors import SourceError, UnstableInputError
from pipeline.free_form import Json
from pipeline.model.limits import Limits
from pipeline.model.raw_names import RawPath
from pipeline.sources import registry
from pipeline.sources.protocol import Feed, Parsed, Put, Reject, TapeAdapter, reject
from pipeline.sources.rawfile import RawFile, Sealed, open_raw
from pipeline.sources.tick_tape import Stretch

_INFERRED = (
    *("encoding", "header", "unit", "volume", "time_from", "label", "label_by"),
    *("columns", "zeros", "delimiter"),
    *("decimal_mark", "thousands_mark", "array", "indented", "not_measured", "recovered_from_part"),
    *("dates", "symbols", "ignored_columns", "looks_like", "zone"),
    *("other_events", "not_on_the_market"),
)


@dataclass(slots=True, kw_only=True)
class FileRead:
    """One file, read. `parsed` is None where it could not be used as a whole, for the `failure`.

    `used` and `merged` count its lines in the day's table; `sealed` is None for what is no file. The rows of
    a tape are put aside in `tape`, and `parsed` then has none.
    """

    file: RawPath
    adapter: str | None = None
    sealed: Sealed | None = None
    parsed: Parsed | None = None
    tape: list[Stretch] = field(default_factory=list)
    failure: SourceError | None = None
    used: int = 0
    merged: int = 0
    more_notes: Json = field(default_factory=dict)

    def rows(self) -> pa.Table:
        """Its rows, wherever they are; none of a file that could not be used."""
        if self.tape:
            return pa.concat_tables([stretch.part.read(None) for stretch in self.tape])
        return self.parsed.rows if self.parsed is not None else pa.table({})

    def rejects(self) -> list[Reject]:
        """The lines set aside; for a file set aside as a whole one of line 0, with the file's digest."""
        if self.parsed is not None:
            return self.parsed.rejects
        code = self.failure.code if self.failure else "A13"
        whole = reject(b"", line=0, offset=0, code=code, reason=str(self.failure))
        if self.sealed is None:
            return [whole]
        return [replace(whole, raw_bytes=self.sealed.bytes, raw_sha256=self.sealed.sha256)]

    def notes(self) -> Json:
        """What the ledger says beyond the counts."""
        notes: Json = dict(self.more_notes)
        is_archive = self.file.name.endswith(".zip")
        if self.parsed is not None:
            notes |= self.parsed.notes
            defects = self.parsed.defects + Counter(A12=self._oddly_written())
            notes["defects"] = dict(sorted((+defects).items()))
        if self.failure is not None:
            notes["refused"] = {"code": self.failure.code, "reason": str(self.failure)}
        if self.sealed is not None and (is_archive or self.sealed.checksum != "missing"):
            notes["checksum"] = self.sealed.checksum
        return notes

    def _oddly_written(self) -> int:
        """Blank lines, and one each for a byte order mark, an array, indented objects (A12)."""
        if self.parsed is None:
            return 0
        notes = self.parsed.notes
        odd = (notes.get("encoding") == "utf-8-sig", "array" in notes, "indented" in notes)
        return int(self.parsed.blank_lines + sum(odd))

    def inferred(self) -> Json:
        """Of these, what the file does not say itself: its format, units, labels, marks."""
        if self.parsed is None:
            return {}
        return {"format": self.adapter} | {k: v for k, v in self.notes().items() if k in _INFERRED}


def read_file(feed: Feed, file: RawPath, limits: Limits, put: Put | None = None) -> FileRead:
    """Reads one file of a feed; the rows of a tape go to `put`, if it is given.

    Raises:
        UnstableInputError: it changed, grew or vanished while it was read.
    """
    read = FileRead(file=file)
    try:
        with open_raw(file, limits) as raw:
            _parse(feed, raw, read, put)
            read.sealed = raw.seal()
    except UnstableInputError:
        raise
    except SourceError as error:
        read.failure = error
    if read.sealed is not None and read.sealed.checksum not in ("ok", "missing"):
        read.failure = SourceError(
            f"{file.name}: {read.sealed.checksum}; wanted the file that it names; fetch both again",
            code="B03",
        )
    if read.failure is not None:
        read.parsed = None
    return read


def holds_day(feed: Feed, file: RawPath, limits: Limits) -> tuple[bool, Sealed | None]:
    """Whether a neighbour's file has a stamp of the feed's day, and what was read to know it.

    Tick stamps are written in UTC, so the day stands in them to the letter. A file that cannot be read
    holds nothing: its own day says why.

    Raises:
        UnstableInputError: it changed, grew or vanished while it was read.
    """
    wanted = b'"' + feed.day.isoformat().encode() + b"T"
    found, end = False, b""
    try:
        with open_raw(file, limits) as raw:
            for block in raw.blocks():
                found = found or wanted in end + block
                end = block[-len(wanted) :]
            return found, raw.seal()
    except UnstableInputError:
        raise
    except SourceError:
        return False, None


def _parse(feed: Feed, raw: RawFile, read: FileRead, put: Put | None) -> None:
    try:
        adapter = registry.adapter_for(feed.source, raw.name, raw.head)
        read.adapter = adapter.name
        if put is not None and isinstance(adapter, TapeAdapter):
            read.parsed = adapter.parse_tape(raw, feed, put)
        else:
            read.parsed = adapter.parse(raw, feed)
    except UnstableInputError:
        raise
    except SourceError as error:
        read.failure = error
