"""What features, flags and columns there are, by the documents of the package; guesses at names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from pipeline.contracts import documents, features_schema, schema
from pipeline.free_form import Json
from pipeline.locations import GOVERNANCE
from pipeline.plain_text import few, meant

FEATURE_TABLES = {"micro": "features_micro", "macro": "macro_slow"}
"""A feature's `table` -> the dataset that has its column."""

_NAMED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """What a published feature is.

    Args:
        name: Its column.
        table: `micro`: a value a minute; `macro`: a value a day, known at its begin.
        family: Whose formula it is of.
        unit: Of its values.
        window: Rows that a value describes.
        warm_up: Rows of history, its own included, below which it is null.
        description: In a sentence.
    """

    name: str
    table: str
    family: str
    unit: str
    window: int
    warm_up: int
    description: str


@cache
def features() -> Mapping[str, Feature]:
    """Every published feature by its name, in the order of the columns."""
    document = documents.load_json(GOVERNANCE / "SCHEMA_features.json")
    names = Feature.__dataclass_fields__
    return {it["name"]: Feature(**{key: it[key] for key in names}) for it in document["features"]}


@cache
def flags() -> list[Json]:
    """The flags of `qc_flags`, with bit, name and code."""
    found: list[Json] = documents.load_json(GOVERNANCE / "SCHEMA_data.json")["flags"]
    return found


@cache
def columns(dataset: str) -> pa.Schema:
    """The columns of a dataset as they are governed."""
    # The package's own, which tests hold: checking them again would need what a reader need not have.
    for table, name in FEATURE_TABLES.items():
        if name == dataset:
            document = documents.load_json(GOVERNANCE / "SCHEMA_features.json")
            return schema.arrow_schema(features_schema.columns(document, table))
    tables = documents.load_json(GOVERNANCE / "SCHEMA_data.json")["tables"]
    return schema.arrow_schema(tables[dataset]["columns"])


def near(name: str, known: Sequence[str]) -> str:
    """For a sentence about a name that is not known: those that are like it, else those there are."""
    guess = meant(str(name), known).removeprefix("; ")
    return guess or f"there are {few(known, most=_NAMED)}"


def no_column(dataset: str, name: str, known: Sequence[str]) -> str:
    """The sentence about a column that a dataset does not have: a feature's table, or what may be meant."""
    feature = features().get(name)
    if feature is not None and FEATURE_TABLES[feature.table] != dataset:
        return (
            f"{dataset} has no column {name}; it is a feature, of {FEATURE_TABLES[feature.table]}"
        )
    guess = meant(name, [*known, *features()])
    return f"{dataset} has no column {name}{guess or '; ' + near(name, known)}"
