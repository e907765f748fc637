"""What a unit's result depends on, part by part, as it stands now.

Parts: `code` (the step's closure), `config` and `governance` (only the slices the step declares, for
this symbol and day), `libraries` (major.minor of those it names), `inputs` (the content of every
upstream output) and `raw` (the bytes of the raw files). Equal parts mean an equal result.
"""

from __future__ import annotations

import importlib
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.contracts import control, documents, outages
from pipeline.freshness.graph import Node, Unit
from pipeline.settings.config import Kitchen

PROFILES = "pipeline.contracts.profiles"
"""Loaded for the one step that depends on them: time zones are slow to load."""


def static_parts(
    kitchen: Kitchen, node: Node, code: dict[str, str], libraries: dict[str, str]
) -> dict[str, dict[str, str]]:
    """Every part but `inputs` and `raw`, which only the receipts and the raw folder can tell."""
    stage, rules = node.unit.declared, kitchen.governance
    return {
        "code": {stage.name: code[stage.name]},
        "config": {key: storage.digest(_config(kitchen, node, key)) for key in stage.config},
        "governance": {key: _governance_digest(rules, node, key) for key in stage.governance},
        "libraries": {name: libraries[name] for name in stage.libraries},
    }


def differences(kept: dict[str, dict[str, str]], now: dict[str, dict[str, str]]) -> list[str]:
    """In words, what changed between two sets of parts: `config latency_seconds changed`."""
    words = []
    for part in sorted({*kept, *now}):
        old, new = kept.get(part, {}), now.get(part, {})
        for key in sorted({*old, *new}):
            if key not in old:
                words.append(f"{part} {key} is new")
            elif key not in new:
                words.append(f"{part} {key} is gone")
            elif old[key] != new[key]:
                words.append(f"{part} {key} changed")
    return words


def _config(kitchen: Kitchen, node: Node, key: str) -> Any:
    if key.startswith("symbol."):
        (symbol,) = node.symbols
        return getattr(symbol, key.removeprefix("symbol."))
    if key == "stamps":
        return asdict(node.symbols[0].stamps[str(node.unit.source)])
    if key == "vendor_name":
        return node.symbols[0].vendor_name(str(node.unit.source))
    if key == "limits":
        return asdict(kitchen.limits)
    if key.startswith("latency_seconds."):
        return kitchen.latency_seconds[key.removeprefix("latency_seconds.")]
    if key == "preference":
        return [kitchen.prefer_atas, kitchen.prefer_delta, kitchen.prefer_fields]
    if key == "preference.atas":
        return kitchen.prefer_atas
    if key == "preference.delta":
        return kitchen.prefer_delta
    return getattr(kitchen, key)


def _governance_digest(governance: Path, node: Node, key: str) -> str:
    """The digest of a slice of a governance document, cut down to the unit's symbols and day."""
    if key == "KNOWN_outages":
        return storage.digest(_outages(governance, node))
    if key == "calibration_profiles":
        return storage.digest(_approved(governance, node.unit))
    if key == "CONTROL.waivers":
        return storage.digest(_waivers(governance, node))
    return _slice_digest(governance, key)


@lru_cache(maxsize=256)
def _slice_digest(governance: Path, key: str) -> str:
    """The digest of what a dotted path leads to."""
    document, _, path = key.partition(".")
    value = _document(governance, document)
    for step in filter(None, path.split(".")):
        value = value[step]
    return storage.digest(value)


@lru_cache(maxsize=32)
def _document(governance: Path, name: str) -> Any:
    if name == "CONTROL":
        return control.load(governance).raw
    return documents.load_json(governance / f"{name}.json")


def _outages(governance: Path, node: Node) -> Any:
    day = node.unit.day
    return {
        symbol.name: sorted(outages.outage_minutes(governance, symbol.market, symbol.name, day))
        for symbol in node.symbols
    }


def _approved(governance: Path, unit: Unit) -> Any:
    profiles = importlib.import_module(PROFILES)
    found = profiles.in_force(governance, str(unit.symbol), unit.day)
    return {feed: list(profile.offsets(unit.day)) for feed, profile in sorted(found.items())}


def _waivers(governance: Path, node: Node) -> Any:
    """Another symbol's waiver is none of the unit's business."""
    names = [symbol.name for symbol in node.symbols]
    return [
        [w.code, w.symbol, w.consequence, w.who, w.why]
        for w in control.load(governance).waivers
        if any(w.covers(w.code, name, node.unit.day) for name in names)
    ]
