"""How far a long command is: a bar where a terminal is there, a plain line now and then where none is.

Both go to standard error, which facts never use. No thread draws: processes are forked off meanwhile, and
each of them may move the bar on. The cursor is never hidden, so a run that is killed leaves nothing to mend.
"""

from __future__ import annotations

import importlib
import logging
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from pipeline import colours
from pipeline.cli import output

T = TypeVar("T")

DRAW_AFTER_SECONDS = 0.3
"""What is done by then needs no bar, and does not load what draws it."""

REDRAW_SECONDS = 0.1
LINE_SECONDS = (10.0, 60.0)
"""The first line comes after so long, each further one so long after the last."""

_LOGGERS = ("kitchen", "luigi-interface")


@contextmanager
def shown(what: str, unit: str, *, at_once: bool = False) -> Iterator[Progress]:
    """Lets a block say how far it is.

    Args:
        what: The work, such as `verify`.
        unit: What is counted, such as `dates`.
        at_once: It is called where there is work alone, which is long: the bar is drawn at the first call.
    """
    draws = colours.is_terminal(sys.stderr)
    silent = output.is_quiet() or (output.is_json() and not draws)
    progress = Progress(what, unit, "" if silent else "bar" if draws else "lines")
    if at_once and progress.draws:
        progress.next = progress.started
    logger = logging.getLogger("kitchen")
    level = logger.level
    if progress.draws and not output.is_verbose():
        logger.setLevel(logging.WARNING)  # the bar says it
    try:
        yield progress
    finally:
        logger.setLevel(level)
        progress.end()


@dataclass(slots=True)
class Progress:
    """Called with what is done and what there is to do; draws or prints as often as a person can read.

    Args:
        what: The work.
        unit: What is counted.
        form: `bar`, `lines`, or empty: it is silent.
    """

    what: str
    unit: str
    form: str
    started: float = field(default_factory=time.monotonic)
    next: float | None = None
    _bar: Any = None

    @property
    def draws(self) -> bool:
        """Whether a terminal is there, and a bar wanted."""
        return self.form == "bar"

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """So much is done; `note` is what else there is to say of it."""
        if not self.form:
            return
        now = time.monotonic()
        first, further = LINE_SECONDS
        if self.draws:
            first, further = DRAW_AFTER_SECONDS, REDRAW_SECONDS
        if self.next is None:
            self.next = self.started + first
        if now >= self.next:
            self.next = now + further
            words = _words(self.unit, done, total, now - self.started, note)
            if self.draws:
                self._draw(done, total, words)
            else:
                click.echo(f"{self.what}: {words}", err=True)

    def each(self, items: Collection[T]) -> Iterator[T]:
        """The items, each counted when it is done with."""
        for done, item in enumerate(items):
            self(done, len(items))
            yield item

    def end(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            _redirect_logs(sys.stderr, self._bar.console.file)
            self._bar.stop()

    def _draw(self, done: int, total: int, words: str) -> None:
        if self._bar is None:
            before = sys.stderr
            self._bar = importlib.import_module("pipeline.cli.bar").begun(self.what)
            _redirect_logs(before, sys.stderr)
        self._bar.update(self._bar.task_ids[0], completed=done, total=total, words=words)
        self._bar.refresh()


def _words(unit: str, done: int, total: int, seconds: float, note: str) -> str:
    """`120 of 400 files, 3.1/s, 90 s left`."""
    said = [f"{done:,} of {total:,} {unit}"]
    if done and seconds > 0:
        rate = done / seconds
        said.append(f"{rate:.1f}/s" if rate >= 1 else f"{duration(1 / rate)} each")
        said.append(f"{duration((total - done) / rate)} left")
    return ", ".join([*said, note] if note else said)


def duration(seconds: float) -> str:
    """`0.4 s`, `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _redirect_logs(before: Any, after: Any) -> None:
    """Log lines that would go through the bar are printed above it."""
    for name in _LOGGERS:
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is before:
                handler.setStream(after)
