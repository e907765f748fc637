"""One raw file, opened once: its bytes are hashed while they are parsed, and it must not change meanwhile.

Belongs here: opening, decompressing, hashing, the stability check and the vendor's checksum.
Does not belong here: what the text says. Nothing is ever extracted to disk.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import pyarrow as pa

from pipeline import system
from pipeline.errors import SourceError, UnstableInputError
from pipeline.model.limits import Limits
from pipeline.model.raw_names import RawPath
from pipeline.sources.zip_member import only_member

BLOCK_BYTES = 2 << 20
"""Read in blocks of 2 MiB: memory does not grow with the file."""

RATIO_FREE_BYTES = 16 << 20
"""A file that compresses too well can do no harm below 16 MiB of text."""

NO_MORE_THAN = Limits()
"""The limits where no configuration sets others."""

MAX_CHECKSUM_BYTES = 4096
"""A .CHECKSUM file is one line of some 100 bytes."""

_CHECKSUM = re.compile(rb"([0-9a-fA-F]{64})[ \t]+\*?([^\r\n]+?)\s*")

_BROKEN = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What was read: length and digest of the file's own bytes, digest of the decompressed text (equal for a
    plain file, None for a packed one that is read alone), [size, mtime_ns, inode, ctime_ns], the checksum's
    state (`ok`, `missing`, or a sentence that says what is wrong), and the checksum file's own digest and
    figures.
    """

    bytes: int
    sha256: str
    text_sha256: str | None
    stats: list[int]
    checksum: str
    checksum_sha256: str | None = None
    checksum_stats: list[int] | None = None


class _Hashing(io.RawIOBase):
    """A file descriptor whose bytes are hashed in their order, each once, wherever they are read.

    `size` bytes from the file's first on are hashed; a zip's directory is read before them.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor = descriptor
        self.sha256 = hashlib.sha256()
        self.size = self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
        at = offset + (os.fstat(self.descriptor).st_size if base is None else base)
        if at < 0:
            raise OSError(errno.EINVAL, "before the file's first byte")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = system.read_into(self.descriptor, buffer, self._at)
        if self._at <= self.size < self._at + count:
            self.sha256.update(buffer[self.size - self._at : count])
            self.size = self._at + count
        self._at += count
        return count

    def finish(self) -> None:
        """Hashes what nobody has read."""
        self.seek(self.size)
        while self.read(BLOCK_BYTES):
            pass


class _Zstandard:
    """Zstandard text. What is broken in it is a ValueError, as it is of the other archives."""

    def __init__(self, raw: _Hashing) -> None:
        self._text = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")

    def read(self, size: int) -> bytes:
        """At most so many bytes of text; an error of the disk stays one."""
        try:
            block: bytes = self._text.read(size)
        except OSError as error:
            if error.errno is not None:
                raise
            raise ValueError(
                str(error)
            ) from error  # without a number it is the decoder's, not the disk's
        return block


class RawFile:
    """An open raw file; see `open_raw`. `name` is the path below the raw folder."""

    def __init__(self, file: RawPath, descriptor: int, limits: Limits) -> None:
        self.name = file.name
        self.limits = limits
        self._file = file
        self._before = _figures(os.fstat(descriptor))
        self._raw = _Hashing(descriptor)
        self._text_sha256 = hashlib.sha256()
        self._text_bytes = 0
        self._text: IO[bytes] | gzip.GzipFile | _Zstandard | None = None
        self._head: bytes | None = None

    @property
    def head(self) -> bytes:
        """The first block of the decompressed text.

        Raises:
            SourceError: not an archive that can be read.
        """
        if self._head is None:
            self._head = self._next_block()
        return self._head

    def blocks(self) -> Iterator[bytes]:
        """The decompressed text, block by block, once.

        Raises:
            SourceError: the archive is broken, unsafe or larger than any export.
        """
        block = self.head
        while block:
            yield block
            block = self._next_block()

    def seal(self) -> Sealed:
        """Reads what is left of the file's own bytes and closes the account.

        Raises:
            UnstableInputError: the file is not the one that was opened, or changed meanwhile.
        """
        with _readable(self._file):
            self._raw.finish()
            after = _figures(os.fstat(self._raw.descriptor))
            named = _figures(os.stat(self._file.path))
        if not self._before == after == named or self._raw.size != after[0]:
            raise UnstableInputError(
                f"{self.name}: changed while it was read; wanted a file at rest; run again when its"
                " writer is done"
            )
        sha256 = self._raw.sha256.hexdigest()
        text = None if self._file.alone else self._text_sha256.hexdigest()
        state, its_sha256, its_stats = _checksum(self._file, sha256)
        return Sealed(
            bytes=self._raw.size,
            sha256=sha256,
            text_sha256=text if self._compressed else sha256,
            stats=after,
            checksum=state,
            checksum_sha256=its_sha256,
            checksum_stats=its_stats,
        )

    @property
    def _compressed(self) -> bool:
        return self.name.endswith((".gz", ".zst", ".zip"))

    def _next_block(self) -> bytes:
        try:
            if self._text is None:
                self._text = self._open_text()
            block = self._text.read(BLOCK_BYTES)
        except _BROKEN as error:
            raise SourceError(
                f"{self.name}: not a whole archive ({type(error).__name__}: {str(error)[:200]});"
                " fetch or copy the file again"
            ) from error
        except OSError as error:
            raise _unreadable(self._file, error) from error
        self._text_bytes += len(block)
        self._refuse_bomb()
        if self._compressed and not self._file.alone:
            self._text_sha256.update(block)
        return block

    def _open_text(self) -> IO[bytes] | gzip.GzipFile | _Zstandard:
        if self.name.endswith(".gz"):
            return gzip.GzipFile(fileobj=io.BufferedReader(self._raw, BLOCK_BYTES))
        if self.name.endswith(".zst"):
            return _Zstandard(self._raw)
        if self.name.endswith(".zip"):
            return only_member(self.name, self._raw, self.limits.zip_bytes)
        return io.BufferedReader(self._raw, BLOCK_BYTES)

    def _refuse_bomb(self) -> None:
        text, size = self._text_bytes, self._before[0]
        most, ratio = self.limits.text_bytes, self.limits.text_ratio
        too_dense = text > min(RATIO_FREE_BYTES, most) and text > ratio * size
        if text > most or (self._compressed and too_dense):
            raise SourceError(
                f"{self.name}: {text} bytes of text from {size}; wanted at most {most} and"
                f" {ratio} times the file (limits of kitchen.yaml); this is no export, remove it"
            )


@contextmanager
def open_raw(file: RawPath, limits: Limits = NO_MORE_THAN) -> Iterator[RawFile]:
    """Opens a regular file below the raw folder, without ever waiting on it.

    Raises:
        SourceError: a fifo, device, folder, or a link that leads out of the raw folder.
        UnstableInputError: it vanished, or cannot be read right now.
    """
    _refuse_foreign_link(file)
    with _readable(file):
        descriptor = os.open(file.path, os.O_RDONLY | system.NO_WAIT | system.KEPT)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SourceError(f"{file.name}: not a regular file; wanted one; remove it")
        yield RawFile(file, descriptor, limits)
    finally:
        os.close(descriptor)


def _refuse_foreign_link(file: RawPath) -> None:
    """A linked folder is the user's arrangement; a linked file must stay below the raw folder."""
    if not file.path.is_symlink():
        return
    root = file.path.parents[len(PurePosixPath(file.name).parts) - 1]
    try:
        target = file.path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise SourceError(f"{file.name}: a link that leads nowhere; remove it") from error
    if not target.is_relative_to(root.resolve()):
        raise SourceError(
            f"{file.name}: a link out of the raw folder; wanted the file itself; copy it there"
        )


def _figures(found: os.stat_result) -> list[int]:
    return [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]


@contextmanager
def _readable(file: RawPath) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: RawPath, error: OSError) -> UnstableInputError:
    return UnstableInputError(
        f"{file.name}: cannot be read ({error.strerror or error}); wanted a readable file at rest;"
        " see that it is there and may be read, then run again"
    )


def _checksum(file: RawPath, sha256: str) -> tuple[str, str | None, list[int] | None]:
    """Its state in words, and the digest and figures of the bytes that say so."""
    beside = Path(f"{file.path}.CHECKSUM")
    if not beside.is_file():
        return "missing", None, None
    with _readable(file), open(beside, "rb") as handle:
        figures = _figures(os.fstat(handle.fileno()))
        text = handle.read(MAX_CHECKSUM_BYTES)
        digest = hashlib.sha256(text)
        while more := handle.read(BLOCK_BYTES):
            digest.update(more)
    return _judged(file, text, sha256), digest.hexdigest(), figures


def _judged(file: RawPath, text: bytes, sha256: str) -> str:
    found = _CHECKSUM.fullmatch(text)
    if found is None:
        return "the .CHECKSUM file beside it is not `sha256  name`"
    wanted, named = found[1].decode().lower(), found[2].decode("utf-8", "backslashreplace")
    if PurePosixPath(named).name != file.path.name:
        return f"the .CHECKSUM file beside it is for {named[:80]!r}"
    return "ok" if wanted == sha256 else f"sha256 is {sha256}, the .CHECKSUM file says {wanted}"
