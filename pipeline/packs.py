"""The outputs of a step in one file: one is that file itself, several are members of a zip.

Belongs here: adding a member, and reading one where it lies. What is in it is its writer's affair.
The zip is not compressed, as tables are by themselves: a member lies there in one piece, and whatever opens a
zip opens it.
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import errno
import io
import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from pipeline import system

_LOCAL_HEADER = struct.Struct("<26xHH")
"""What stands in front of a member; it ends with the lengths of the name and of what follows that."""

_DAMAGE = (
    zipfile.BadZipFile,
    struct.error,
    OSError,
    ValueError,
    OverflowError,
    NotImplementedError,
)
"""What looking for a member may end with where bytes changed: no zip, no such place, version or name."""


@dataclass(frozen=True, slots=True, order=True)
class Stored:
    """Bytes on disk: a whole file, or the member of a zip."""

    file: Path
    member: str = ""

    def place(self) -> tuple[int, int]:
        """Where the bytes begin in the file, and how many there are.

        Raises:
            OSError: there is no such file or member, or the file is damaged.
        """
        if not self.member:
            return 0, self.file.stat().st_size
        with open(self.file, "rb", buffering=0) as handle:
            return self._place_in(handle)

    def open(self) -> BinaryIO:
        """The bytes alone, as a file that can be read at any place.

        Raises:
            OSError: as `place`.
        """
        handle = open(self.file, "rb", buffering=0)  # noqa: SIM115
        if not self.member:
            return cast(BinaryIO, io.BufferedReader(handle))
        try:
            return cast(BinaryIO, io.BufferedReader(_Slice(handle, *self._place_in(handle))))
        except OSError:
            handle.close()
            raise

    def _place_in(self, handle: io.FileIO) -> tuple[int, int]:
        try:
            with zipfile.ZipFile(handle) as pack:
                found = pack.getinfo(self.member)
            handle.seek(found.header_offset)
            name, extra = _LOCAL_HEADER.unpack(handle.read(_LOCAL_HEADER.size))
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, f"no {self.member} in it", self.file) from None
        except _DAMAGE as error:
            raise OSError(errno.EIO, f"is damaged ({error})", self.file) from error
        return found.header_offset + _LOCAL_HEADER.size + name + extra, found.file_size

    def read_bytes(self) -> bytes:
        """All of them.

        Raises:
            OSError: as `place`.
        """
        with self.open() as handle:
            return handle.read()

    def exists(self) -> bool:
        """Whether they are there."""
        try:
            self.place()
        except OSError:
            return False
        return True


class _Slice(io.RawIOBase):
    """A part of a file, as a file; it closes the whole."""

    def __init__(self, whole: io.FileIO, start: int, size: int) -> None:
        self._whole, self._start, self._size, self._at = whole, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if at < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        wanted = min(len(buffer), max(self._size - self._at, 0))
        got = system.read_into(
            self._whole.fileno(), memoryview(buffer)[:wanted], self._start + self._at
        )
        self._at += got
        return got

    def readall(self) -> bytes:
        """All that is left, at once: the inherited way is by 8 KiB."""
        found = bytearray(max(self._size - self._at, 0))
        at = 0
        while got := self.readinto(memoryview(found)[at:]):
            at += got
        return bytes(found[:at])

    def close(self) -> None:
        self._whole.close()
        super().close()


@contextmanager
def packing(handle: BinaryIO) -> Iterator[zipfile.ZipFile]:
    """A zip that is written into an open file; to be filled by `adding`."""
    with zipfile.ZipFile(handle, "w", zipfile.ZIP_STORED) as pack:
        yield pack


@contextmanager
def adding(pack: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """The next member, to be written in the block; its bytes do not depend on the clock."""
    with pack.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
        yield member
