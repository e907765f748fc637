"""The one configuration and the one memory of what is fresh that all tasks of a process share."""

from __future__ import annotations

import datetime as dt
import importlib
from functools import lru_cache
from typing import TYPE_CHECKING

from pipeline import layout
from pipeline.freshness.check import Freshness
from pipeline.publishing.delta_view import Views
from pipeline.publishing.finished import Finished
from pipeline.publishing.opening import open_store
from pipeline.settings.config import Kitchen, load_kitchen

if TYPE_CHECKING:
    from pipeline.freshness.release import Release

RELEASE, EPOCHS = "pipeline.freshness.release", "pipeline.publishing.epochs"
"""Loaded when there is work: a run with nothing to do stays light."""


def kitchen() -> Kitchen:
    """The configuration in force."""
    return load_kitchen()


@lru_cache(maxsize=8)
def _freshness(kept: int, file: str) -> Freshness:
    return Freshness(load_kitchen())


def freshness() -> Freshness:
    """What this process knows to be fresh, for the configuration in force."""
    current = load_kitchen()
    return _freshness(id(current), str(current.file))


@lru_cache(maxsize=1)
def _finished(freshness_id: int) -> Finished:
    return Finished(freshness())


def finished() -> Finished:
    """Which dates need nothing, as the files look since the last work of this process."""
    return _finished(id(freshness()))


@lru_cache(maxsize=1)
def unstable() -> set[str]:
    """The units whose raw files changed while they were read, in this run."""
    return set()


@lru_cache(maxsize=1)
def held() -> set[dt.date]:
    """The dates that another run had in hand longer than they were waited for, in this run."""
    return set()


def views() -> Views:
    """The Delta views of the configured store."""
    return Views(kitchen().snapshots, kitchen().delta)


def refuse_other_release() -> None:
    """Before anything is built: this process's release is in force in the store, or may be.

    Raises:
        ConfigError: a library is not installed that the store or its views need.
        ReleaseError: another one is, or builds in the prepared folder at present.
    """
    _may_build(id(freshness()))


@lru_cache(maxsize=1)
def _may_build(freshness_id: int) -> None:
    views().check()
    own = refuse_superseded(freshness())
    importlib.import_module(RELEASE).hold(kitchen().prepared, own)


def refuse_superseded(by: Freshness) -> Release:
    """As `refuse_other_release` of the store, by these comparisons and however often it is asked.

    Returns:
        The release.
    """
    own: Release = importlib.import_module(RELEASE).of(by)
    publisher = importlib.import_module(EPOCHS).Publisher(own, adopts=by.kitchen.adopts)
    publisher.may(open_store(by.kitchen.snapshots))
    return own


def look_again() -> None:
    """Forgets how files looked, because work has changed some."""
    _finished.cache_clear()


def forget_days() -> None:
    """Looks afresh at all but the daily statistics: for the next days of one run, which look back on them."""
    freshness().forget_but("DailyStats")
    unstable.cache_clear()
    look_again()
    layout.forget_listings()


def forget() -> None:
    """Looks at everything afresh: for a long-lived process between two runs."""
    _freshness.cache_clear()
    _may_build.cache_clear()
    held.cache_clear()
    unstable.cache_clear()
    look_again()
    layout.forget_listings()
