"""`kitchen.yaml`, checked and frozen.

Belongs here: where things lie and which symbols there are. Thresholds are governance
(`contracts/control.py`), never configuration.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline import symbols
from pipeline.clock import parse_day
from pipeline.contracts import atas_columns
from pipeline.contracts.documents import load_checked
from pipeline.errors import ConfigError, ParameterError
from pipeline.free_form import Document
from pipeline.locations import GOVERNANCE, base_folder, config_file, find_config, governance_for
from pipeline.locations import PROJECT as PROJECT
from pipeline.model.feeds import ATAS_FEEDS, DELTA_SOURCES, FEEDS, MARKETS
from pipeline.model.limits import Limits
from pipeline.plain_text import meant
from pipeline.settings import fetching, operations, places, sources, stores, working
from pipeline.settings.sources import Sources, Stamps
from pipeline.settings.stores import Place, Server

_DAY = {"type": ["date", "string"], "nullable": True}
_NAME = {"type": "string", "nullable": True, "form": "symbol"}
_SYMBOL = {
    "market": {"type": "string", "required": True, "allowed": list(MARKETS)},
    "vendor_symbol": _NAME,
    "atas_symbol": _NAME,
    "atas": {"type": "string", "allowed": ["expected", "none"], "default": "expected"},
    "basis_against": _NAME,
    "since": _DAY,
    "until": _DAY,
    "sources": sources.SCHEMA,
}
_SECONDS = {"type": "number", "min": 0, "max": 86_400}
DOCUMENT: Document = {
    "paths": {
        "type": "dict",
        "required": True,
        "schema": {
            "raw": {"type": "string", "required": True},
            "prepared": {"type": "string", "required": True},
            "snapshots": {"type": "string", "required": True},
            "governance": {"type": "string"},
        },
    },
    "symbols": {
        "type": "dict",
        "required": True,
        "minlength": 1,
        "keysrules": {"type": "string", "form": "symbol"},
        "valuesrules": {"type": "dict", "schema": _SYMBOL},
    },
    "sources": sources.SCHEMA,
    "latency_seconds": {
        "type": "dict",
        "default": {"binance": 0, "atas": 0},
        "schema": {"binance": {**_SECONDS, "default": 0}, "atas": {**_SECONDS, "default": 0}},
    },
    "preference": {
        "type": "dict",
        "default": {},
        "schema": {
            "atas": {
                "type": "list",
                "minlength": 1,
                "default": list(ATAS_FEEDS),
                "schema": {"type": "string", "allowed": list(ATAS_FEEDS)},
            },
            "delta": {
                "type": "list",
                "minlength": 1,
                "default": list(DELTA_SOURCES),
                "schema": {"type": "string", "allowed": list(DELTA_SOURCES)},
            },
            "fields": {
                "type": "dict",
                "default": {},
                "keysrules": {"allowed": list(atas_columns.NAMES)},
                "valuesrules": {
                    "type": "list",
                    "minlength": 1,
                    "schema": {"type": "string", "allowed": list(ATAS_FEEDS)},
                },
            },
        },
    },
    "limits": {
        "type": "dict",
        "default": {},
        "schema": {limit.name: {"type": "integer", "min": 1} for limit in fields(Limits)},
    },
    "simulated": {"type": "boolean", "default": False},
    **operations.SCHEMA,
    "fetch": fetching.SCHEMA,
    "workers": working.SCHEMA,
    "store": stores.SCHEMA,
    "tables": stores.TABLES,
    "release": {
        "type": "dict",
        "default": {},
        "schema": {"adopt": {"type": "string", "allowed": ["ask", "auto"]}},
    },
    "signing": {
        "type": "dict",
        "default": {},
        "schema": {"key": {"type": "string"}, "trusted": {"type": "string"}},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """One instrument: its exchange market, its names at the vendors, and where its feeds' files lie.

    Attributes:
        name: As the kitchen calls it.
        market: Of `MARKETS`.
        vendor_symbol: Binance's name.
        atas_symbol: The name in ATAS's exports.
        atas: `expected` or `none`.
        basis_against: The symbol that it is held against.
        since: Its first day; None for that of its first raw file.
        until: Its last day.
        patterns: Every feed -> path patterns below `paths.raw`, the most trusted first.
        stamps: Every feed -> what is said of its stamps.
    """

    name: str
    market: str
    vendor_symbol: str
    atas_symbol: str
    atas: str = "expected"
    basis_against: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    patterns: dict[str, tuple[str, ...]]
    stamps: dict[str, Stamps]

    def vendor_name(self, feed: str) -> str:
        """What the feed's vendor calls it."""
        return self.vendor_symbol if FEEDS[feed].vendor == "binance" else self.atas_symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Kitchen:
    """The whole configuration. Folders are absolute; `file` is where it was read from; `snapshots` may be an
    address.

    `signing_key` is the private key's file, None when nothing is signed; `trusted_keys` are the public
    keys that `kitchen verify` goes by, where that file exists. With `adopts` a release that is not older than
    the store's may publish there without being asked for. The tables in `delta` are Delta tables too.
    """

    file: Path
    raw: Path
    prepared: Path
    snapshots: Place
    governance: Path
    symbols: dict[str, Symbol]
    latency_seconds: dict[str, float]
    prefer_atas: tuple[str, ...]
    prefer_delta: tuple[str, ...]
    prefer_fields: dict[str, tuple[str, ...]]
    simulated: bool
    signing_key: Path | None
    trusted_keys: Path
    limits: Limits = field(default_factory=Limits)
    operations: operations.Operations = field(default_factory=operations.Operations)
    fetch: fetching.Fetch = field(default_factory=fetching.Fetch)
    workers: working.Workers = field(default_factory=working.Workers)
    adopts: bool = False
    delta: tuple[str, ...] = ()

    def held_against(self, symbol: Symbol) -> list[Symbol]:
        """The symbol in `basis_against`, if one is configured."""
        return [] if symbol.basis_against is None else [self.symbol(symbol.basis_against)]

    def symbol(self, name: str) -> Symbol:
        """The configured symbol of that name.

        Raises:
            ParameterError: there is none.
        """
        if name not in self.symbols:
            known = ", ".join(sorted(self.symbols))
            raise ParameterError(
                f"symbol {name!r} is not configured in {self.file}; it has {known}"
                f"{meant(name, self.symbols)}"
            )
        return self.symbols[name]


def load_kitchen() -> Kitchen:
    """The checked configuration in force: `locations.config_file` says which.

    Raises:
        ConfigError: there is none, or all its faults in one sentence, each with its key path.
    """
    return _load(config_file())


def store_place(text: str) -> Place:
    """The store that a person names: a folder, or an address, whose server is the configured one if any is.

    Raises:
        ConfigError: it is no address; or there is a configuration, and it is wrong.
    """
    if not stores.is_address(text):
        return Path(text)
    file = find_config()
    document = {} if file is None else load_checked(file, DOCUMENT)["store"]
    return stores.address(text, Server(**document), "the store")


def governance_in_force() -> Path:
    """The folder of rules for what needs no configuration: the configured one, else the package's.

    Raises:
        ConfigError: there is a configuration, and it is wrong.
    """
    file = find_config()
    return GOVERNANCE if file is None else _load(file).governance


def read_kitchen(path: Path) -> Kitchen:
    """The checked configuration in a file, as it is now.

    Raises:
        ConfigError: as `load_kitchen`.
    """
    document = load_checked(path, DOCUMENT)
    base = base_folder(path)
    paths = places.read(document["paths"], base, Server(**document["store"]), path)
    _refuse_same_folded(document["symbols"], path)
    _refuse_unknown_basis(document["symbols"], path)
    preference, signing = document["preference"], document["signing"]
    common = sources.read(document.get("sources"), "sources", path)
    return Kitchen(
        file=path,
        raw=paths.raw,
        prepared=paths.prepared,
        snapshots=paths.snapshots,
        governance=paths.governance or governance_for(path),
        symbols={
            name: _symbol(name, entry, common, path)
            for name, entry in sorted(document["symbols"].items())
        },
        latency_seconds=document["latency_seconds"],
        prefer_atas=tuple(preference.get("atas", ATAS_FEEDS)),
        prefer_delta=tuple(preference.get("delta", DELTA_SOURCES)),
        prefer_fields=_fields(preference.get("fields", {}), path),
        simulated=document["simulated"],
        signing_key=places.folder(base, signing["key"], f"{path}: signing.key")
        if "key" in signing
        else None,
        trusted_keys=places.folder(
            base,
            signing.get("trusted", str(path.parent / "trusted_keys.pem")),
            f"{path}: signing.trusted",
        ),
        limits=Limits(**document["limits"]),
        operations=operations.operations(document, base),
        fetch=fetching.from_document(document["fetch"], path),
        workers=working.workers(document["workers"]),
        adopts=document["release"].get("adopt") == "auto",
        delta=tuple(dict.fromkeys(document["tables"]["delta"])),
    )


_load = lru_cache(maxsize=8)(read_kitchen)


def _fields(entry: dict[str, list[str]], path: Path) -> dict[str, tuple[str, ...]]:
    """Column -> the exports that may fill it; columns that belong together may not be torn apart."""
    fields = {name: tuple(feeds) for name, feeds in sorted(entry.items())}
    for names in atas_columns.TOGETHER:
        try:
            atas_columns.preferred(fields, names)
        except ValueError as error:
            raise ConfigError(f"{path}: preference.fields: {error}") from error
    return fields


def _refuse_same_folded(names: Document, path: Path) -> None:
    """Two names that differ in case alone would share their folders where the file system has no case."""
    same = symbols.same_folded(names)
    if same is not None:
        raise ConfigError(
            f"{path}: symbols: {same[0]} and {same[1]} are one name to a file system without case;"
            " rename one"
        )


def _refuse_unknown_basis(symbols: dict[str, Document], path: Path) -> None:
    for name, entry in symbols.items():
        other = entry.get("basis_against")
        if other is not None and (other == name or other not in symbols):
            raise ConfigError(
                f"{path}: symbols.{name}.basis_against: got {other!r}, wanted another configured symbol;"
                " add that one, or leave this key out"
            )


def _symbol(name: str, entry: Document, common: Sources, path: Path) -> Symbol:
    since, until = (
        _day(entry.get(key), f"symbols.{name}.{key}", path) for key in ("since", "until")
    )
    if since and until and since > until:
        raise ConfigError(
            f"{path}: symbols.{name}: since {since} is after until {until}; swap them"
        )
    own = sources.read(entry.get("sources"), f"symbols.{name}.sources", path)
    return Symbol(
        name=name,
        market=entry["market"],
        vendor_symbol=entry.get("vendor_symbol") or name,
        atas_symbol=entry.get("atas_symbol") or name,
        atas=entry["atas"],
        basis_against=entry.get("basis_against"),
        since=since,
        until=until,
        patterns={feed: own.patterns_of(feed, common) for feed in FEEDS},
        stamps={feed: own.stamps_of(feed, common) for feed in FEEDS},
    )


def _day(value: Any, key: str, path: Path) -> dt.date | None:
    if value is None or (isinstance(value, dt.date) and not isinstance(value, dt.datetime)):
        return value
    try:
        return parse_day(str(value))
    except ValueError as error:
        raise ConfigError(f"{path}: {key}: {error}") from error
