"""Every error the kitchen raises on purpose, and nothing else.

The tree::

    KitchenError                  exit 40 unless a leaf says otherwise
    ├── ConfigError               kitchen.yaml, an environment variable or a governance document is wrong
    ├── ParameterError            a date, symbol or source on the command line is wrong
    ├── SourceError               a raw file as a whole cannot be used (a bad line is a reject, not an error)
    │   └── UnstableInputError    the file changed, grew or vanished while it was read          exit 20
    ├── ContractError             a table does not have the columns or types its schema promises
    ├── PendingError              raw data is not there yet; try again later                    exit 20
    ├── FetchError                what was asked of the exchange did not come, or not right       exit 30
    ├── RefusedError              governance refuses the day                                    exit 30
    ├── StageError                a step did not write what it declares                         exit 30
    └── PublishError              the snapshot store cannot be written safely                   exit 30
        ├── SnapshotExistsError   another run published this revision first
        ├── SnapshotCorruptError  published bytes do not match their manifest
        └── LockedError           another run holds the lock                                    exit 10

A message is one sentence in this order: what, got, wanted, where, what to do.
"""

from __future__ import annotations


class KitchenError(Exception):
    """Base of all: `str(error)` is the sentence a user reads, `exit_code` what the shell gets."""

    exit_code = 40


class ConfigError(KitchenError):
    """A document that people write (configuration, governance) is wrong."""


class ParameterError(KitchenError, ValueError):
    """A value on the command line is wrong."""


class SourceError(KitchenError):
    """A raw file cannot be used as a whole; `code` is its defect code, where one fits."""

    exit_code = 30

    def __init__(self, message: str, *, code: str = "A13") -> None:
        super().__init__(message)
        self.code = code


class UnstableInputError(SourceError):
    """A raw file changed while it was read: pending, not broken."""

    exit_code = 20

    def __init__(self, message: str) -> None:
        super().__init__(message, code="C09")


class ContractError(KitchenError):
    """A table breaks its schema."""

    exit_code = 30


class PendingError(KitchenError):
    """What was asked for needs raw data that is not there yet."""

    exit_code = 20


class FetchError(KitchenError):
    """What was asked of the exchange, or of the user's fetch program, did not come, or not right."""

    exit_code = 30


class RefusedError(KitchenError):
    """Governance refuses what was asked for."""

    exit_code = 30


class StageError(KitchenError):
    """A step broke its own declaration."""

    exit_code = 30


class PublishError(KitchenError):
    """The snapshot store cannot be written safely."""

    exit_code = 30


class SnapshotExistsError(PublishError):
    """The revision was claimed by another run."""


class SnapshotCorruptError(PublishError):
    """Published bytes differ from what their manifest promises."""


class LockedError(PublishError):
    """Another run holds the lock."""

    exit_code = 10
