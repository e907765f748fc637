"""The only door for bytes: canonical JSON, digests, and writes that are there whole or not at all.

Belongs here: what every file of the kitchen shares. Tables go through `parquet.py`, which stands on
this module and is the only other place that opens a file for writing; where files live is `layout.py`.
Standard library only until something is written, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from pipeline import system
from pipeline.packs import Stored


def canonical_json(value: Any) -> bytes:
    """The one JSON form of a value: sorted keys, no blanks, UTF-8, no NaN, a final line end.

    Raises:
        ValueError: NaN or an infinity inside; they have no JSON form.
    """
    text = json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return text.encode() + b"\n"


def readable_json(value: Any) -> bytes:
    """As `canonical_json`, with two blanks of indentation: for files that people open."""
    # Python's own encoder is four times slower where it indents, for it is not compiled then.
    layout = importlib.import_module("msgspec").json
    written: bytes = layout.format(canonical_json(value), indent=2)
    return written + b"\n"


def digest(value: Any) -> str:
    """SHA-256, in hex, of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """The digest, in hex, of a file's bytes."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, algorithm).hexdigest()


def read_json(path: Path) -> Any:
    """The value in a JSON file."""
    return json.loads(path.read_bytes())


def json_in(place: Stored) -> Any:
    """The value in a JSON file, or in the member of one that is stored together."""
    return json.loads(place.read_bytes())


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is none, or it is damaged."""
    try:
        value = read_json(path)
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def remembered(cache: Path, signature: str, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    """What is made of something slow to look at: from a file, as long as its signature is the same.

    Args:
        cache: A JSON file that may be deleted at will; where it cannot be written, that costs time alone.
        signature: Changes whenever what is made may.
        make: Makes it.
    """
    kept = read_object(cache)
    with suppress(ValueError, KeyError, RecursionError):
        if kept == _sealed(signature, kept["values"]):
            return dict(kept["values"])
    values = make()
    with suppress(OSError):
        write_scratch(cache, canonical_json(_sealed(signature, values)))
    return values


def _sealed(signature: str, values: dict[str, str]) -> dict[str, Any]:
    """With a digest, for a cache may be damaged, and what is in this one is published."""
    return {"signature": signature, "values": values, "sha256": digest([signature, values])}


def fsync_folder(path: Path) -> None:
    """Makes the names inside a folder durable."""
    handle = system.open_folder(path)
    if handle is None:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replacing(path: Path, *, sync_folder: bool = True, sweep: bool = False) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` when the block ends well, and leaves no trace when not.

    Temporary name in the same folder, fsync, rename, fsync of the folder: after a power cut the old
    bytes or the new ones are there. An fsync that failed is never tried again; the error goes up.
    Without `sync_folder` the caller makes the name durable, with others in the same folder at once.
    With `sweep`, what an earlier writer of the same file left when it was killed is removed: that lists the
    folder, so it is not for one that has a file of every symbol and day.
    """
    with _temporary(path, sweep=sweep) as (handle, temporary):
        yield handle
        handle.flush()
        os.fsync(handle.fileno())
        os.replace(temporary, path)
    if sync_folder:
        fsync_folder(path.parent)


@contextmanager
def _temporary(path: Path, *, sweep: bool) -> Iterator[tuple[BinaryIO, Path]]:
    """A file beside `path` that is gone after the block, unless it was renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if sweep:
        _sweep(path)
    handle, name = _new_temporary(path)
    try:
        with handle:
            yield handle, name
    except BaseException:
        name.unlink(missing_ok=True)
        raise


def _new_temporary(path: Path) -> tuple[BinaryIO, Path]:
    """Its writer holds its lock; who takes it for a dead one's in the instant before gets to keep it."""
    while True:
        name = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
        handle = open(name, "xb")  # noqa: SIM115
        if _locked(handle.fileno()) is not False and name.exists():
            return handle, name
        handle.close()


def _sweep(path: Path) -> None:
    """Removes temporary files of this file whose writers are dead: known by their locks, never by age."""
    begins = f".{path.name}."
    for name in os.listdir(path.parent):
        if name.startswith(begins) and name.endswith(".tmp"):
            with suppress(OSError), open(path.with_name(name), "rb") as left:
                if _locked(left.fileno()):
                    path.with_name(name).unlink()


def _locked(handle: int) -> bool | None:
    """Takes the lock of an open file; False where another has it, None where the file system has no locks."""
    try:
        return system.lock(handle)
    except OSError:
        return None


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder for the block: for a file that is read, changed and replaced."""
    handle = system.open_folder(folder)
    try:
        if handle is not None:
            with suppress(OSError):  # a file system without locks
                system.lock(handle, wait=True)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def write_bytes(path: Path, data: bytes, *, sync_folder: bool = True, sweep: bool = False) -> None:
    """Puts `data` at `path`, whole or not at all; as `replacing`."""
    with replacing(path, sync_folder=sync_folder, sweep=sweep) as handle:
        handle.write(data)


def write_scratch(path: Path, data: bytes) -> None:
    """Puts `data` at `path`, whole or not at all, but not durably: for what may be made again at will."""
    with _temporary(path, sweep=True) as (handle, temporary):
        handle.write(data)
        handle.flush()
        os.replace(temporary, path)


def write_json(path: Path, value: Any) -> None:
    """Puts the readable JSON of `value` at `path`, whole or not at all."""
    write_bytes(path, readable_json(value))
