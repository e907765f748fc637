"""`SCHEMA_features.json`: which features are published, and the governed numbers behind them.

Belongs here: reading and checking the document, and the Arrow schemas that follow from it. Whether the
code can compute what it lists is checked by `features/registry.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import pyarrow as pa

from pipeline.contracts.documents import load_checked
from pipeline.contracts.schema import TYPES, arrow_schema
from pipeline.errors import ConfigError
from pipeline.free_form import Document

Table = Literal["micro", "macro"]

_NAME = {"type": "string", "required": True, "form": "column"}
_TEXT = {"type": "string", "required": True, "minlength": 3}
_COUNT = {"type": "integer", "required": True, "min": 1}
_SHARE = {"type": "number", "required": True, "min": 0, "max": 1}

_KEY = {
    "name": _NAME,
    "type": {"type": "string", "required": True, "allowed": list(TYPES)},
    "unit": {"type": "string", "required": True},
    "null": {"type": "boolean", "required": True},
    "description": _TEXT,
}
_TABLE = {
    "type": "dict",
    "required": True,
    "schema": {
        "description": _TEXT,
        "grid": {"type": "string", "required": True, "allowed": ["minutes", "days"]},
        "keys": {
            "type": "list",
            "required": True,
            "minlength": 1,
            "schema": {"type": "dict", "schema": _KEY},
        },
    },
}
_FEATURE = {
    "name": _NAME,
    "table": {"type": "string", "required": True, "allowed": ["micro", "macro"]},
    "family": _NAME,
    "type": {"type": "string", "required": True, "allowed": ["float64", "int8", "int32", "int64"]},
    "unit": {"type": "string", "required": True},
    "window": _COUNT,
    "warm_up": _COUNT,
    "inputs": {"type": "list", "required": True, "schema": {"type": "string"}},
    "nulls": _NAME,
    "version": _COUNT,
    "description": _TEXT,
}
_DOCUMENT = {
    "version": {"type": "integer", "required": True, "allowed": [1]},
    "description": _TEXT,
    "rules": {
        "type": "dict",
        "required": True,
        "schema": {
            "null_share_max": _SHARE,
            "daily_minutes_share_min": _SHARE,
            "regime_low": _SHARE,
            "regime_high": _SHARE,
            "regime_margin": _SHARE,
            "imbalance_ratio": {"type": "number", "required": True, "min": 1},
            "imbalance_share_min": {**_SHARE, "min": 1e-9},
            "imbalance_run": _COUNT,
            "absorption_quantile": _SHARE,
            "absorption_body_max": _SHARE,
        },
    },
    "null_policies": {"type": "dict", "required": True, "valuesrules": {"type": "string"}},
    "families": {"type": "dict", "required": True, "valuesrules": {"type": "string"}},
    "tables": {
        "type": "dict",
        "required": True,
        "schema": {"micro": _TABLE, "macro": _TABLE},
    },
    "features": {
        "type": "list",
        "required": True,
        "schema": {"type": "dict", "schema": _FEATURE},
    },
    "not_possible": {
        "type": "list",
        "required": True,
        "schema": {"type": "dict", "schema": {"name": _NAME, "reason": _TEXT}},
    },
    "coverage": {
        "type": "list",
        "required": True,
        "schema": {
            "type": "dict",
            "schema": {
                "asked": _TEXT,
                "features": {"type": "list", "required": True, "minlength": 1, "schema": _NAME},
            },
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRules:
    """The governed numbers that the steps share.

    Attributes:
        null_share_max: Largest share of a window that may be not measured.
        daily_minutes_share_min: Share of a day's minutes from which daily figures are made of them.
        regime_low: Percentile below which a quiet regime begins.
        regime_high: Percentile above which a lively regime begins.
        regime_margin: How far past a border a percentile must be to change the regime.
        imbalance_ratio: So many times the volume diagonally opposite makes a level imbalanced.
        imbalance_share_min: Share of the minute's volume that an imbalanced level trades at least.
        imbalance_run: So many imbalanced levels in a row are a stack.
        absorption_quantile: Rank in the trailing day from which volume and its one-sidedness are high.
        absorption_body_max: Largest body, in ATR14, of a minute that absorbed.
    """

    null_share_max: float
    daily_minutes_share_min: float
    regime_low: float
    regime_high: float
    regime_margin: float
    imbalance_ratio: float
    imbalance_share_min: float
    imbalance_run: int
    absorption_quantile: float
    absorption_body_max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturesSchema:
    """The document, checked, and its governed numbers. `path` is where it was read, for messages."""

    path: Path
    document: Document
    rules: FeatureRules

    def entries(self, table: Table) -> list[Document]:
        """The entries of a table's features, in the order of the published columns."""
        return [entry for entry in self.document["features"] if entry["table"] == table]

    def schema(self, table: Table) -> pa.Schema:
        """The Arrow schema of `features_micro` or `macro_slow`: key columns, then features."""
        return arrow_schema(columns(self.document, table))


@lru_cache(maxsize=8)
def load(governance: Path) -> FeaturesSchema:
    """`SCHEMA_features.json` of a governance folder.

    Raises:
        ConfigError: all faults of form; or a name that stands twice or is not declared.
    """
    path = governance / "SCHEMA_features.json"
    document = load_checked(path, _DOCUMENT)
    for table in ("micro", "macro"):
        names = [column["name"] for column in columns(document, table)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(
                f"{path}: {table}: {', '.join(twice)} stands twice; names must be unique"
            )
    for entry in document["features"]:
        for key, declared in (("family", "families"), ("nulls", "null_policies")):
            if entry[key] not in document[declared]:
                raise ConfigError(
                    f"{path}: features.{entry['name']}.{key}: got {entry[key]!r},"
                    f" wanted one of {', '.join(document[declared])}; fix it or declare it there"
                )
    rules = FeatureRules(**document["rules"])
    return FeaturesSchema(path=path, document=document, rules=rules)


def columns(document: Document, table: str) -> list[Document]:
    """The columns of a table of features, its keys first, as `arrow_schema` takes them."""
    entries = [entry for entry in document["features"] if entry["table"] == table]
    return [*document["tables"][table]["keys"], *({**entry, "null": True} for entry in entries)]
