"""Counting the calls that change something, so that a test can make one of them the last or a failure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pipeline.publishing import claim

CALLS = ("mkdir", "rename", "replace", "symlink", "unlink", "rmdir", "chmod", "fchmod", "fsync")


class Killed(BaseException):
    """The process dies here: no handler of ours may catch it, and nothing more is changed."""


class Fault:
    """At the nth mutating call: death, which ends every later call too, or one error of the system."""

    def __init__(self, at: int, error: int | None) -> None:
        self.at, self.error, self.count = at, error, 0

    def before(self) -> None:
        """Called before each mutating call."""
        self.count += 1
        if self.error is None and self.count >= self.at:
            raise Killed
        if self.error is not None and self.count == self.at:
            raise OSError(self.error, os.strerror(self.error), "/where/it/failed")

    def wrapped(self, real: Callable[..., object]) -> Callable[..., object]:
        """The call, with the fault before it."""

        def call(*args: object, **kwargs: object) -> object:
            self.before()
            return real(*args, **kwargs)

        return call


@contextmanager
def faulty(patch: pytest.MonkeyPatch, at: int, error: int | None = None) -> Iterator[Fault]:
    """Every mutating call of this process is counted; the one at `at` does not happen."""
    fault = Fault(at, error)
    with patch.context() as inner:
        for name in CALLS:
            inner.setattr(os, name, fault.wrapped(getattr(os, name)))
        inner.setattr(claim, "rename_noreplace", fault.wrapped(claim.rename_noreplace))
        yield fault
