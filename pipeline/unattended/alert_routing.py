"""From where alerts are sent: whom they go to, and where it is remembered what was said.

Belongs here: finding that also when the configuration can no longer be read, or its folders can no longer
be written. For this, where a configuration's alerts go is noted in the user's cache folder whenever it
could be read. No address is in the note, only the names of the variable and the file that hold them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline import storage
from pipeline.clock import utc_now
from pipeline.locations import user_cache
from pipeline.runs.state_folder import Places
from pipeline.settings.config import Kitchen
from pipeline.settings.operations import Alerts

_NAME_CHARS = 16
_KEPT_SECONDS = 90 * 86_400
"""Past this, nobody runs a kitchen with that configuration any more."""


class _Note(msgspec.Struct, frozen=True):
    """What is noted of a configuration; `ops` is the folder that remembers its alerts."""

    ops: str
    urls_env: str
    urls_file: str | None
    repeat_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where alerts go, and the folder that remembers them."""

    settings: Alerts
    places: Places

    @classmethod
    def of(cls, kitchen: Kitchen) -> Desk:
        """That of a configuration."""
        return cls(settings=kitchen.operations.alerts, places=Places.of(kitchen.prepared))

    @classmethod
    def spare(cls, kitchen: Kitchen) -> Desk:
        """That of a configuration whose folders cannot be written."""
        return cls(settings=kitchen.operations.alerts, places=_spare_places(kitchen.file))


def keep(kitchen: Kitchen) -> None:
    """Notes where this configuration's alerts go. What cannot be noted costs nothing but the note.

    Notes of configurations that no run asked for in 90 days are thrown away.
    """
    alerts = kitchen.operations.alerts
    with suppress(OSError):
        note = _Note(
            ops=str(Places.of(kitchen.prepared).root),
            urls_env=alerts.urls_env,
            urls_file=str(alerts.urls_file) if alerts.urls_file else None,
            repeat_hours=float(alerts.repeat_hours),
        )
        path, data = _note(kitchen.file), storage.readable_json(msgspec.to_builtins(note))
        if not path.is_file() or path.read_bytes() != data:
            storage.write_scratch(path, data)
        _is_used(kitchen.file)
        _prune(path.parent.parent)


def _is_used(file: Path) -> None:
    with suppress(OSError):
        os.utime(_folder(file))


def _prune(notes: Path) -> None:
    oldest = utc_now().timestamp() - _KEPT_SECONDS
    for folder in notes.iterdir():
        if folder.lstat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def last(file: Path) -> Desk:
    """What the configuration at that path said when it could be read last.

    Defaults where it never was, or where the note of it is damaged.
    """
    _is_used(file)
    try:
        note = msgspec.json.decode(_note(file).read_bytes(), type=_Note)
    except (OSError, ValueError, msgspec.DecodeError):
        return Desk(settings=Alerts(), places=_spare_places(file))
    settings = Alerts(
        urls_env=note.urls_env,
        urls_file=Path(note.urls_file) if note.urls_file else None,
        repeat_hours=note.repeat_hours,
    )
    folder = Path(note.ops)
    return Desk(
        settings=settings, places=Places(folder) if folder.is_dir() else _spare_places(file)
    )


def _note(file: Path) -> Path:
    return _folder(file) / "alerts_of.json"


def _spare_places(file: Path) -> Places:
    """A folder for its owner alone; where it cannot be made either, alerts repeat rather than stop."""
    root = _folder(file) / "ops"
    with suppress(OSError):
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Places(root)


def _folder(file: Path) -> Path:
    name = hashlib.sha256(os.fsencode(file)).hexdigest()[:_NAME_CHARS]
    return user_cache("unattended") / name
