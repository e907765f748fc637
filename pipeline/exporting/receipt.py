"""The receipt of an export: what it is of, what was left out, and the digest of each file.

Belongs here: its form. It has no clock and no path of this machine: the same export gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from pipeline import storage
from pipeline.contracts.value import Value
from pipeline.errors import ParameterError

FORMAT = "kitchen-export/1"


class FileEntry(Value, frozen=True, kw_only=True):
    """A file of the export: its bytes, their digest, and rows of it; None where it has no rows."""

    bytes: int
    sha256: str
    rows: int | None


class SymbolEntry(Value, frozen=True, kw_only=True):
    """What of a symbol was exported.

    Args:
        name: What the tool calls it.
        rows: Bars or trades.
        first: The first of them, as the tool stamps it; None of none.
        last: The last one.
        not_measured: Bars that are left out, or null, because a value that the tool wants is not measured.
        sides_unknown: Trades of which it is not known who took.
        minutes: Of trades: tape -> minutes that are taken from it.
        absent: Date -> why nothing of it is there.
        precision: Decimal places of prices and sizes, where the tool has such.
    """

    name: str
    rows: int
    first: str | None
    last: str | None
    not_measured: int = 0
    sides_unknown: int = 0
    minutes: dict[str, int] = msgspec.field(default_factory=dict)
    absent: dict[str, str] = msgspec.field(default_factory=dict)
    precision: dict[str, int] = msgspec.field(default_factory=dict)


class DayEntry(Value, frozen=True, kw_only=True):
    """A published date: its revision, its manifest's digest, whether its data are simulated, and by symbol
    condition and codes.
    """

    revision: int
    manifest_sha256: str
    simulated: bool
    conditions: dict[str, str]
    codes: dict[str, list[str]]


class Receipt(Value, frozen=True, kw_only=True):
    """`_export-TOOL-WHAT.json`.

    Args:
        format: `FORMAT`.
        kitchen: The release that wrote it.
        tool: For which tool.
        what: `trades`, or the length of the bars.
        start: First date that was asked for.
        stop: Last one.
        as_of: The instant as of which; None: as published then.
        allow: Conditions that were accepted.
        columns: The tool's column -> what it is of.
        symbols: What of each was exported.
        days: The published dates behind it.
        files: Path below the folder -> what it is.
    """

    format: str
    kitchen: str
    tool: str
    what: str
    start: str
    stop: str
    as_of: str | None
    allow: list[str]
    columns: dict[str, str]
    symbols: dict[str, SymbolEntry]
    days: dict[str, DayEntry]
    files: dict[str, FileEntry]


def file_name(tool: str, what: str) -> str:
    """The receipt's; who reads a folder of tables passes over names that begin with `_`."""
    return f"_export-{tool}-{what}.json"


def read(path: Path) -> Receipt | None:
    """The receipt at a path; None where there is none.

    Raises:
        ParameterError: what is there is no receipt.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Receipt)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ParameterError(
            f"--out: {path} is no receipt of this release ({error}); move the export away, or name"
            " another folder"
        ) from None


def check_covers(
    earlier: Receipt | None, start: str, stop: str, symbols: Mapping[str, str]
) -> None:
    """Refuses to make an export smaller than it was.

    Args:
        earlier: The receipt that is there.
        start: First date that is asked for now.
        stop: Last one.
        symbols: Those asked for, and what the tool will call each.

    Raises:
        ParameterError: what is there has more.
    """
    if earlier is None:
        return
    there = {name: entry.name for name, entry in earlier.symbols.items()}
    if start <= earlier.start and earlier.stop <= stop and there.items() <= symbols.items():
        return
    raise ParameterError(
        f"--out: what is there has {', '.join(f'{a} as {b}' for a, b in there.items())} from {earlier.start}"
        f" to {earlier.stop}, which this would take away; ask for these too, or name another folder"
    )


def write(path: Path, receipt: Receipt) -> None:
    """Puts it there, whole or not at all; not at all where it says the same."""
    data = storage.readable_json(msgspec.to_builtins(receipt))
    if not path.is_file() or path.read_bytes() != data:
        storage.write_bytes(path, data)
