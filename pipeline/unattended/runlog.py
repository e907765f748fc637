"""The log of unattended runs: one rotating file of plain lines with UTC stamps.

Belongs here: where lines go and in what form. What is worth a line is said by who runs.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pipeline.clock import iso
from pipeline.plain_text import plain

logger = logging.getLogger("kitchen")

_BYTES, _KEPT = 1 << 20, 7


class _Plain(logging.Formatter):
    """UTC stamps, and nothing that could drive the terminal of who reads the log."""

    def formatTime(  # noqa: N802 - logging names it
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        """The record's instant."""
        return iso(int(record.created) * 1_000_000)

    def format(self, record: logging.LogRecord) -> str:
        """The record as plain text."""
        return plain(super().format(record))


class _File(RotatingFileHandler):
    """The file. Where no line can be written, as on a full disk, standard error is told once."""

    _is_told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging names it
        """Says what went wrong in the place of a traceback a line."""
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._is_told:
            self._is_told = True
            sys.stderr.write(
                f"{self.baseFilename}: {error.strerror or error}, so the log lacks what comes now\n"
            )

    def close(self) -> None:
        """Closes it; what could not be written was told."""
        with suppress(OSError):
            super().close()


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Lets the logger `kitchen` write to the rotating log for the block, and nowhere else.

    Where the file cannot be written, standard error gets the lines: crontab mails them, systemd keeps them.
    """
    handler = _handler(path)
    handler.setFormatter(_Plain("%(asctime)s %(levelname)s %(message)s"))
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
        handler.close()


def _handler(path: Path) -> logging.Handler:
    try:
        return _File(path, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")
    except OSError:
        return logging.StreamHandler()
