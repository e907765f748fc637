"""Files of the exchange's public archive: a zip and, beside it, the digest that it must have.

Source of the layout: the README of github.com/binance/binance-public-data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pipeline import storage
from pipeline.errors import FetchError, PendingError
from pipeline.fetch import placing
from pipeline.fetch.http import Http, TooLargeError
from pipeline.fetch.outcome import FETCHED, REISSUED, UNCHANGED
from pipeline.settings.config import Symbol
from pipeline.settings.fetching import KINDS

CHECKSUM_BYTES = 4096

_FOLDERS = {"spot": "spot", "futures_um": "futures/um", "futures_cm": "futures/cm"}
_CHECKSUM = re.compile(rb"([0-9a-fA-F]{64})[ \t]+\*?([^\r\n]+?)\s*")
_MONTH_CHARS = 7


class _OtherBytesError(Exception):
    """What came is not what its checksum names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One zip: its address, and the raw file that it becomes."""

    url: str
    path: Path


def file_name(symbol: Symbol, what: str, period: str) -> str:
    """`BTCUSDT-1m-2025-01-02.zip`; `what` is an interval or a kind of trades, the period a date or month."""
    return f"{symbol.vendor_symbol}-{what}-{period}.zip"


def address(base: str, symbol: Symbol, what: str, period: str) -> str:
    """Where the archive has it."""
    name = quote(symbol.vendor_symbol)
    folder = f"{what}/{name}" if what in KINDS else f"klines/{name}/{what}"
    span = "monthly" if len(period) == _MONTH_CHARS else "daily"
    return (
        f"{base.rstrip('/')}/data/{_FOLDERS[symbol.market]}/{span}/{folder}"
        f"/{quote(file_name(symbol, what, period))}"
    )


def is_whole(path: Path) -> bool:
    """Whether zip and checksum are both there; an end between the two leaves the zip alone."""
    return path.is_file() and _beside(path).is_file()


def fetch(http: Http, archive: Archive, most: int) -> str:
    """Makes the raw file be what the archive publishes now: fetched, unchanged or reissued.

    The checksum is asked first: it says whether there is anything to do, and what the zip must be. Of a
    file that differs from its checksum both are fetched once more.

    Raises:
        PendingError: the archive does not have it.
        TooLargeError: it has more than `most` bytes.
        FetchError: it cannot be had, or differs from its checksum twice.
    """
    try:
        return _fetch(http, archive, most)
    except _OtherBytesError:
        placing.clear_parts(archive.path)
    try:
        return _fetch(http, archive, most)
    except _OtherBytesError as error:
        placing.clear_parts(archive.path)
        raise FetchError(
            f"{archive.url}: {error}, twice; nothing was put among the raw files; run again later"
        ) from error


def _fetch(http: Http, archive: Archive, most: int) -> str:
    line, wanted = _checksum(http, archive)
    path = archive.path
    have = storage.file_digest(path) if path.is_file() else None
    if have == wanted:
        _put_checksum(path, line)
        return UNCHANGED
    path.parent.mkdir(parents=True, exist_ok=True)
    part = placing.part_of(path, wanted)
    try:
        is_there = http.into(archive.url, part, most)
    except TooLargeError:
        placing.clear_parts(path)
        raise
    if not is_there:
        placing.clear_parts(path)
        raise _not_there(archive)
    came = storage.file_digest(part)
    if came != wanted:
        raise _OtherBytesError(f"sha256 is {came}, its .CHECKSUM says {wanted}")
    _replace(path, part, line, is_new=have is None)
    return FETCHED if have is None else REISSUED


def _checksum(http: Http, archive: Archive) -> tuple[bytes, str]:
    """The checksum file's bytes, and the digest in them."""
    reply = http.small(f"{archive.url}.CHECKSUM", CHECKSUM_BYTES)
    if reply.status == 404:
        raise _not_there(archive)
    found = _CHECKSUM.fullmatch(reply.body)
    if found is None or found[2].decode("utf-8", "replace") != archive.path.name:
        raise _OtherBytesError("its .CHECKSUM is not `sha256  name`")
    return reply.body, found[1].decode().lower()


def _not_there(archive: Archive) -> PendingError:
    return PendingError(f"{archive.url}: not published; ask again later")


def _replace(path: Path, part: Path, line: bytes, *, is_new: bool) -> None:
    """Names the zip, then its checksum.

    At no moment do a zip and the checksum of another one stand side by side: a reader in between sees a
    zip without one.
    """
    beside = _beside(path)
    if not is_new:
        placing.keep_old(path)
        if beside.is_file():
            placing.keep_old(beside)
            beside.unlink()
            storage.fsync_folder(path.parent)
    placing.place(part, path)
    placing.clear_parts(path)
    storage.write_bytes(beside, line)


def _put_checksum(path: Path, line: bytes) -> None:
    beside = _beside(path)
    if not beside.is_file() or beside.read_bytes() != line:
        storage.write_bytes(beside, line)
    placing.clear_parts(path)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.CHECKSUM")
