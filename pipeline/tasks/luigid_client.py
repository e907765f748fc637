"""The few things that a run asks of luigid, where one answers."""

from __future__ import annotations

import http.client
import os
from configparser import ConfigParser, Error
from urllib.parse import urlsplit

from pipeline.settings.config import PROJECT

_SECONDS = 2.0
_DISCONNECT_SECONDS = 60.0
"""Luigi's own, where no luigi.cfg says otherwise."""


def _settings() -> ConfigParser:
    settings = ConfigParser(interpolation=None)
    try:
        settings.read(
            os.environ.get("LUIGI_CONFIG_PATH") or PROJECT / "luigi.cfg", encoding="utf-8"
        )
    except (Error, UnicodeDecodeError):  # Luigi itself says what is wrong with it
        return ConfigParser()
    return settings


_chosen: list[str] = []


def choose(where: str) -> None:
    """Asks the luigid at this address from now on, whatever the settings say; none for `local`."""
    _chosen[:] = [where]


def url() -> str:
    """Where luigid is looked for: as chosen, or in the settings that a build is given too."""
    if _chosen:
        return _chosen[0]
    settings = _settings()
    host = settings.get("core", "default_scheduler_host", fallback="localhost")
    port = settings.get("core", "default_scheduler_port", fallback="8082")
    return settings.get("core", "default_scheduler_url", fallback=f"http://{host}:{port}")


def disconnect_seconds() -> float:
    """After so long, luigid takes a worker that went silent for gone."""
    return _settings().getfloat(
        "scheduler", "worker_disconnect_delay", fallback=_DISCONNECT_SECONDS
    )


def prune() -> bool:
    """Asks luigid to forget workers that are gone; False where none answers."""
    if url() == "local":
        return False
    where = urlsplit(url())
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(where.hostname or "localhost", where.port, timeout=_SECONDS)
        connection.request("POST", f"{where.path.rstrip('/')}/api/prune", b"data=%7B%7D", _FORM)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
