"""The process that writes a view's Delta log: `python -m pipeline.publishing.delta_log ORDER`.

A commit takes out the files of revisions that are no longer current, and puts in those that are. It is made
upon the version that was there before the store was looked at, and fails where another process was quicker:
then all is looked at again, so that no version is of an older store than the one before it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
import pyarrow as pa
from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.schema import PrimitiveType
from deltalake.transaction import (
    AddAction,
    CommitProperties,
    RemoveAction,
    create_table_with_add_actions,
)

from pipeline.contracts.manifest import Column
from pipeline.errors import KitchenError, PublishError
from pipeline.publishing import revisions
from pipeline.publishing.delta_order import Order
from pipeline.publishing.delta_view import FOLDER, STATE, state
from pipeline.publishing.lender import Lender
from pipeline.publishing.opening import open_store
from pipeline.publishing.side_by_side import each
from pipeline.publishing.store import ALWAYS, Store

_PARTITIONS = {"date": "date", "condition": "string"}
"""Columns that no file has: of the path, in which readers look for them, and of the log."""

_EACH_HAS = "symbol"
"""A column of all tables, so that there is one before any date has the table."""

_TYPES = {
    "string": "string",
    "bool": "boolean",
    "double": "double",
    "float": "float",
    "int8": "byte",
    "int16": "short",
    "int32": "integer",
    "int64": "long",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamp",
}
"""Arrow's name of a type -> Delta's."""

_PATH = re.compile(
    r"date=([0-9]{4}-[0-9]{2}-[0-9]{2})/condition=[a-z]+/r([1-9][0-9]*)\.parquet", re.ASCII
)
_OURS = "Made by the Central Data Kitchen from what is published; changes of others do not last."
_CONFIGURATION = {"delta.enableExpiredLogCleanup": "false"}
_TRIES, _PAUSE_SECONDS = 100, 0.05


Revision = tuple[dt.date, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A revision's file of the table."""

    revision: Revision
    condition: str
    bytes: int
    rows: int
    published_at: dt.datetime
    columns: tuple[Column, ...]

    @property
    def path(self) -> str:
        """Where it is lent."""
        day, number = self.revision
        return f"date={day}/condition={self.condition}/r{number}.parquet"

    def added(self) -> AddAction:
        """As a log has it."""
        return AddAction(
            path=self.path,
            size=self.bytes,
            partition_values={"date": self.revision[0].isoformat(), "condition": self.condition},
            modification_time=int(self.published_at.timestamp() * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": self.rows}),
        )


def roll_forward(store: Store, table: str, *, anew: bool) -> None:
    """Makes a table's view say what the store says.

    Raises:
        PublishError: others were quicker all the time, or the table's columns cannot be told in Delta.
        DeltaError, OSError: the log cannot be written.
    """
    view = _View(store, table, store.lender(f"{FOLDER}/{table}"))
    for _ in range(_TRIES):
        try:
            view.roll_forward(anew=anew)
        except CommitFailedError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return
    raise PublishError(f"{view.lender.address}: others were quicker {_TRIES} times")


@dataclass(frozen=True, slots=True)
class _View:
    store: Store
    table: str
    lender: Lender
    options: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", self.lender.options())

    def roll_forward(self, *, anew: bool) -> None:
        """One commit, if any is needed.

        Raises:
            CommitFailedError: another process was quicker.
        """
        log = self._log()
        lent = set(self.lender.names())
        # Looked at last: whatever is published from now on makes a commit that this one fails upon.
        seen = self.store.look(ALWAYS)
        named = {day: seen.named_revision(day) for day in seen.published_days()}
        there = {} if log is None else _sizes(log)
        known = {} if anew else {path: _of(path) for path in there if path in lent}
        kept = {path for path, it in known.items() if it and named.get(it[0]) == it[1]}
        wanted = sorted({(d, n) for d, n in named.items() if n} - {known[path] for path in kept})
        files = [it for it in each(lambda it: self._file(seen, it), wanted, seen.at_once) if it]
        each(lambda it: self._lend(seen, it), files, seen.at_once)
        changed = [it for it in files if there.get(it.path) != it.bytes]
        gone = sorted(there.keys() - kept - {it.path for it in files})
        self._commit(log, changed, {path: there[path] for path in gone}, state(seen))
        self._take_back(seen, lent, named)

    def _log(self) -> DeltaTable | None:
        """The log that is there, if it is one of ours that can be read; anything else goes."""
        try:
            log = DeltaTable(self.lender.address, storage_options=self.options)
            if log.metadata().description == _OURS:
                return log
        except DeltaError:
            pass
        for name in list(self.lender.names()):
            if name.startswith("_delta_log/"):
                self.lender.remove(name)
        return None

    def _file(self, seen: Store, revision: Revision) -> _File | None:
        sealed = revisions.find(seen, *revision)
        if sealed is None:
            return None
        manifest = revisions.read_manifest(sealed)
        entry = manifest.files.get(f"{self.table}.parquet")
        if entry is None:
            return None
        published_at = revisions.read_publication(sealed.path)["published_at"]
        return _File(
            revision=revision,
            condition=manifest.condition.day,
            bytes=entry.bytes,
            rows=entry.rows or 0,
            published_at=dt.datetime.fromisoformat(published_at),
            columns=entry.columns,
        )

    def _lend(self, seen: Store, file: _File) -> None:
        self.lender.lend(*file.revision, f"{self.table}.parquet", file.path)

    def _commit(
        self, log: DeltaTable | None, files: list[_File], gone: Mapping[str, int], of: str
    ) -> None:
        said = CommitProperties(custom_metadata={STATE: of}, max_commit_retries=0)
        if log is None:
            self._create(files, said)
            return
        if not files and not gone and log.history(1)[0].get(STATE) == of:
            return
        self._grow(log, files)
        log.create_write_transaction(
            [*(_removed(path, size) for path, size in gone.items()), *(it.added() for it in files)],
            mode="append",
            schema=log.schema(),
            partition_by=list(_PARTITIONS),
            commit_properties=said,
        )

    def _create(self, files: list[_File], said: CommitProperties) -> None:
        try:
            create_table_with_add_actions(
                self.lender.address,
                Schema([*_fields(_PARTITIONS), *_fields(self._columns(files))]),
                [it.added() for it in files],
                mode="error",
                partition_by=list(_PARTITIONS),
                name=self.table,
                description=_OURS,
                configuration=_CONFIGURATION,
                storage_options=self.options,
                commit_properties=said,
            )
        except DeltaError as error:
            if DeltaTable.is_deltatable(self.lender.address, self.options):
                raise CommitFailedError(str(error)) from error
            raise

    def _grow(self, log: DeltaTable, files: list[_File]) -> None:
        """Adds columns that files have and the log has not, as the last."""
        known = {it.name: it.type for it in log.schema().fields}
        columns = self._columns(files)
        wrong = [
            name
            for name in columns
            if name in known and known[name] != PrimitiveType(columns[name])
        ]
        if wrong:
            raise PublishError(f"{self.table} changed the type of {', '.join(wrong)}")
        new = {name: columns[name] for name in columns if name not in known}
        if new:
            log.alter.add_columns(
                _fields(new), commit_properties=CommitProperties(max_commit_retries=0)
            )

    def _columns(self, files: Iterable[_File]) -> dict[str, str]:
        """Every column with Delta's type, by date: those of a later release are the last."""
        found = {_EACH_HAS: "string"}
        for file in files:
            for column in file.columns:
                if column.type not in _TYPES:
                    raise PublishError(
                        f"{self.table}.{column.name}: Delta has no type for {column.type}"
                    )
                if found.setdefault(column.name, _TYPES[column.type]) != _TYPES[column.type]:
                    raise PublishError(f"{self.table} changed the type of {column.name}")
        return found

    def _take_back(
        self, seen: Store, lent: Iterable[str], named: Mapping[dt.date, int | None]
    ) -> None:
        """What was collected since: versions that had it cannot be read any more."""
        for name in lent:
            revision = _of(name)
            if revision is None or named.get(revision[0]) == revision[1]:
                continue
            if revision[1] not in seen.standing(revision[0]):
                self.lender.remove(name)


def _of(path: str) -> Revision | None:
    """The revision of a file that was lent under this name."""
    match = _PATH.fullmatch(path)
    return None if match is None else (dt.date.fromisoformat(match[1]), int(match[2]))


def _sizes(log: DeltaTable) -> dict[str, int]:
    """Every file that a log has, with its bytes."""
    added = pa.table(log.get_add_actions(flatten=True))
    return dict(zip(added["path"].to_pylist(), added["size_bytes"].to_pylist(), strict=True))


def _removed(path: str, size: int) -> RemoveAction:
    now = int(time.time() * 1000)
    return RemoveAction(path=path, data_change=True, deletion_timestamp=now, size=size)


def _fields(columns: Mapping[str, str]) -> list[Field]:
    """Any may be null: days that were published before a column was there lack it."""
    return [Field(name, PrimitiveType(kind)) for name, kind in columns.items()]


def _fault(store: Store, table: str, *, anew: bool) -> str:
    """What went wrong with a table's view, in words; empty where it is up to date."""
    try:
        roll_forward(store, table, anew=anew)
    except KitchenError as error:
        return str(error)
    except (DeltaError, OSError) as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return ""


def main(order: str) -> None:
    """Does what is ordered; writes on standard output which tables it could not do and why, as JSON."""
    os.umask(0o022)
    wanted = msgspec.json.decode(order, type=Order)
    store = open_store(wanted.place)
    faults = {table: _fault(store, table, anew=wanted.anew) for table in wanted.tables}
    sys.stdout.write(json.dumps({table: fault for table, fault in faults.items() if fault}))


if __name__ == "__main__":
    main(sys.argv[1])
