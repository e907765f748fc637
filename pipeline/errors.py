"""Every error the kitchen raises on purpose, the exit codes of its programs, and nothing else.

The tree::

    KitchenError                  exit 40 unless a leaf says otherwise
    ├── ConfigError               kitchen.yaml, an environment variable or a governance document is wrong
    ├── ParameterError            a date, symbol or source on the command line is wrong
    ├── SourceError               a raw file as a whole cannot be used (a bad line is a reject, not an error)
    │   └── UnstableInputError    the file changed, grew or vanished while it was read          exit 20
    ├── ReleaseError              another release may build here, this one may not
    ├── ContractError             a table does not have the columns or types its schema promises
    ├── PendingError              raw data is not there yet; try again later                    exit 20
    ├── FetchError                what was asked of the exchange did not come, or not right       exit 30
    ├── RefusedError              governance refuses the day                                    exit 30
    ├── StageError                a step did not write what it declares                         exit 30
    └── PublishError              the snapshot store cannot be written safely                   exit 30
        ├── SnapshotCorruptError  published bytes do not match their manifest
        └── LockedError           another run holds the lock                                    exit 10
            └── SnapshotExistsError  another run published this revision first                  exit 10

A message is one sentence in this order: what, got, wanted, where, what to do.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell gets from each of our programs, and from `luigi` that runs our tasks."""

    DONE = 0, "asked for and there, also when degraded"
    WRONG_COMMAND = 2, "wrong command line"
    LOCKED = 10, "another run holds the lock"
    PENDING = 20, "pending: raw data is not there yet, nothing published"
    NOT_GRANTED = 25, "not granted by the scheduler"
    FAILED = 30, "a task failed, or governance refused the day"
    SCHEDULING_FAILED = 35, "scheduling failed"
    BAD_VALUE = 40, "bad value or configuration"
    INTERRUPTED = 130, "a build was stopped by Ctrl-C; by another signal, 128 and its number"

    meaning: str
    """For people: `kitchen --help` and `docs/operations.md` have it."""

    def __new__(cls, number: int, meaning: str) -> ExitCode:
        """The number itself, which carries its meaning."""
        code = int.__new__(cls, number)
        code._value_, code.meaning = number, meaning
        return code


class KitchenError(Exception):
    """Base of all: `str(error)` is the sentence a user reads, `exit_code` what the shell gets."""

    exit_code = ExitCode.BAD_VALUE

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows of it: the sentence, without our own lines."""
        return [f"{type(self).__name__}: {self}"]


class ConfigError(KitchenError):
    """A document that people write (configuration, governance) is wrong."""


class ParameterError(KitchenError, ValueError):
    """A value on the command line is wrong."""


class SourceError(KitchenError):
    """A raw file cannot be used as a whole; `code` is its defect code, where one fits."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, code: str = "A13") -> None:
        super().__init__(message)
        self.code = code


class UnstableInputError(SourceError):
    """A raw file changed while it was read: pending, not broken."""

    exit_code = ExitCode.PENDING

    def __init__(self, message: str) -> None:
        super().__init__(message, code="C09")


class ReleaseError(KitchenError):
    """Another release is in force where this one was to build or publish."""


class ContractError(KitchenError):
    """A table breaks its schema."""

    exit_code = ExitCode.FAILED


class PendingError(KitchenError):
    """What was asked for needs raw data that is not there yet."""

    exit_code = ExitCode.PENDING


class FetchError(KitchenError):
    """What was asked of the exchange, or of the user's fetch program, did not come, or not right."""

    exit_code = ExitCode.FAILED


class RefusedError(KitchenError):
    """Governance refuses what was asked for."""

    exit_code = ExitCode.FAILED


class StageError(KitchenError):
    """A step broke its own declaration."""

    exit_code = ExitCode.FAILED


class PublishError(KitchenError):
    """The snapshot store cannot be written safely."""

    exit_code = ExitCode.FAILED


class SnapshotCorruptError(PublishError):
    """Published bytes differ from what their manifest promises."""


class LockedError(PublishError):
    """Another run holds the lock."""

    exit_code = ExitCode.LOCKED


class SnapshotExistsError(LockedError):
    """The revision was claimed by another run, with other content."""
