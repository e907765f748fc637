"""The mapping `sources` of `kitchen.yaml`: where a feed's files lie, and what is said of their stamps.

Belongs here: the entries of all symbols and of one, checked. Reading the files is `sources/`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import patterns
from pipeline.errors import ConfigError
from pipeline.free_form import Document
from pipeline.model.feeds import FEEDS

LABELS = ("open", "close")
STAMPED = tuple(name for name, kind in FEEDS.items() if kind.has_open_stamps)
"""Feeds whose stamps may be text without a zone, or not say which edge of the bar they are."""

SCHEMA = {
    "type": "dict",
    "keysrules": {"allowed": list(FEEDS)},
    "valuesrules": {"type": ["list", "dict"], "minlength": 1},
}

_WANTED = {"label": "open or close", "zone": "an IANA zone such as Asia/Shanghai, or UTC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """What a feed's files do not say of their stamps: the IANA zone of text without one, and the edge of the
    bar where the column's name leaves it open; None where nobody said it.
    """

    zone: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """One mapping `sources`, that for all symbols or a symbol's own, as it was written."""

    patterns: dict[str, tuple[str, ...]]
    stamps: dict[str, Stamps]

    def patterns_of(self, feed: str, common: Sources) -> tuple[str, ...]:
        """The symbol's own patterns, else those for all symbols, else the defaults."""
        own, others = (sources.patterns.get(feed) for sources in (self, common))
        return own or others or FEEDS[feed].patterns

    def stamps_of(self, feed: str, common: Sources) -> Stamps:
        """What is said of a feed's stamps: the symbol's own word, else that for all symbols."""
        own, others = (sources.stamps.get(feed, Stamps()) for sources in (self, common))
        return Stamps(zone=own.zone or others.zone, label=own.label or others.label)


def read(entry: Document | None, key: str, path: Path) -> Sources:
    """A mapping of the configuration, checked.

    Raises:
        ConfigError: it names no feed's files, or says of stamps what none can be.
    """
    return Sources(patterns=_patterns(entry, key, path), stamps=_stamps(entry, key, path))


def _patterns(entry: Document | None, key: str, path: Path) -> dict[str, tuple[str, ...]]:
    """Path patterns below `paths.raw`; they may not leave it."""
    found = {
        feed: tuple(_source(value, f"{key}.{feed}", path).get("patterns", ()))
        for feed, value in (entry or {}).items()
    }
    for feed, texts in found.items():
        for text in texts:
            wrong = patterns.fault(text)
            if wrong is not None:
                raise ConfigError(f"{path}: {key}.{feed}: {text!r} {wrong}")
    return found


def _stamps(entry: Document | None, key: str, path: Path) -> dict[str, Stamps]:
    """What the mappings below `sources` say of stamps."""
    found = {}
    for feed, value in (entry or {}).items():
        here = f"{key}.{feed}"
        given = _source(value, here, path)
        said = Stamps(zone=given.get("zone"), label=given.get("label"))
        if said == Stamps():
            continue
        if feed not in STAMPED:
            raise ConfigError(
                f"{path}: {here}: zone and label are for {', '.join(STAMPED)}, got {feed}; the clock of an"
                " ATAS feed is found, or approved by kitchen calibration approve"
            )
        if said.zone is not None and not _is_zone(said.zone):
            raise ConfigError(
                f"{path}: {here}.zone: {said.zone!r} is no IANA zone; give one such as Asia/Shanghai, or UTC"
            )
        found[feed] = said
    return found


def _source(value: Any, key: str, path: Path) -> Document:
    """A feed's entry below `sources` as a mapping; a list is its patterns."""
    given = value if isinstance(value, dict) else {"patterns": value}
    for name, said in given.items():
        here = f"{path}: {key}.{name}: got {said!r}"
        if name not in ("patterns", "zone", "label"):
            raise ConfigError(f"{here}, wanted only patterns, zone and label")
        if name == "patterns":
            if not (isinstance(said, list) and said and all(isinstance(t, str) for t in said)):
                raise ConfigError(f"{here}, wanted a list of paths below paths.raw")
        elif not isinstance(said, str) or (name == "label" and said not in LABELS):
            raise ConfigError(f"{here}, wanted {_WANTED[name]}")
    return given


def _is_zone(name: str) -> bool:
    """Asked only where a zone is configured: zones are slow to load."""
    return bool(importlib.import_module("pipeline.zones").is_known(name))
