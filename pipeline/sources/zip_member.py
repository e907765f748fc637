"""The one file of a zip: which it is, and for which faults it is not read.

Belongs here: what a zip says of its members. Opening, hashing and measuring the text is `rawfile.py`.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
from typing import IO

from pipeline.errors import SourceError

_UNSAFE_MEMBER = re.compile(r"[\\:\0]|^/|(?:^|/)\.\.?(?:/|$)")
_PACKERS_FILES = (".DS_Store", "Thumbs.db", "desktop.ini")
_METHODS = {9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz", 98: "ppmd", 99: "AES"}
"""What the archive format calls its other methods (APPNOTE 6.3.10, 4.4.5)."""


def only_member(name: str, raw: io.RawIOBase, most: int) -> IO[bytes]:
    """The one CSV of a zip, by position, never by a path that the archive names.

    Raises:
        SourceError: more than `most` bytes, not one file alone, or one that is unsafe or cannot be unpacked.
        zipfile.BadZipFile: no whole zip.
    """
    size = raw.seek(0, io.SEEK_END)
    if size > most:
        raise SourceError(
            f"{name}: a zip of {size} bytes; wanted at most {most} (limits.zip_bytes); raise the limit if it"
            " shall be read, else remove it"
        )
    archive = zipfile.ZipFile(raw)
    members = [member for member in archive.infolist() if not _is_packers_own(member)]
    if len(members) != 1:
        raise SourceError(
            f"{name}: {len(members)} files in the archive{_named(members)}; wanted exactly one .csv;"
            " fetch it again"
        )
    fault = _fault_of(members[0])
    if fault is not None:
        raise SourceError(
            f"{name}: holds {members[0].filename[:80]!r}, {fault}; pack it again, or fetch it again"
        )
    return archive.open(members[0])


def _is_packers_own(member: zipfile.ZipInfo) -> bool:
    """A folder, or what the packing programs of macOS and Windows put beside people's files."""
    *folders, base = member.filename.split("/")
    is_folder = not base and not member.file_size
    return is_folder or "__MACOSX" in folders or base.startswith("._") or base in _PACKERS_FILES


def _named(members: list[zipfile.ZipInfo]) -> str:
    shown = ", ".join(repr(member.filename[:40]) for member in members[:2])
    return f" ({shown}{', ..' if len(members) > 2 else ''})" if members else ""


def _fault_of(member: zipfile.ZipInfo) -> str | None:
    """The one reason for which a member is not read."""
    name, method = member.filename, member.compress_type
    if _UNSAFE_MEMBER.search(name):
        return "a name that leads out of the archive; wanted a plain name"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return "a link or a device; wanted a plain file"
    if not name.lower().endswith(".csv"):
        return "no .csv; wanted exactly one .csv"
    if member.flag_bits & 1:
        return "under a password; wanted it without one"
    if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        packed = _METHODS.get(method, f"number {method}")
        return f"packed by the method {packed}; wanted deflate, the usual one"
    return None
