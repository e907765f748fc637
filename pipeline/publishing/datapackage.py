"""`datapackage.json`: a day's tables as other tools read about them (Frictionless Data Package).

Made of the tables' own schemas alone: types, units and descriptions stand there as field metadata. Which
bytes the files have is the manifest's to say. What is so of most columns is said once, for all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pyarrow as pa

from pipeline.contracts.schema import DataSchema
from pipeline.free_form import Json
from pipeline.publishing.diff import KEYS

FILE = "datapackage.json"

_FEATURES = {
    "features_micro": "Micro features of each minute; the same keys as bars_1m.",
    "macro_slow": "Macro features known on the day, from completed days only; one row a symbol.",
}


_ARROW = {
    "boolean": "bool",
    "datetime": "timestamp[us, tz=UTC]",
    "integer": "int64",
    "number": "double",
    "string": "string",
}
"""Frictionless' word -> how the files have it, but for the columns that say otherwise."""

_DESCRIPTION = (
    "Minute bars of two vendors on one UTC grid, with features. Null: not measured."
    " Arrow types, where a column names no other: "
    + ", ".join(f"{word} is {kind}" for word, kind in _ARROW.items())
    + ". A column without a unit has none, and may be null unless it is required."
)


def datapackage(day: dt.date, tables: Mapping[str, pa.Table], schema: DataSchema) -> Json:
    """The descriptor of a day's published tables.

    Args:
        day: The date.
        tables: Dataset -> table; one without columns or (as for a day without ticks) a footprint without
            rows is not published and not described.
        schema: SCHEMA_data in force, where the tables' own descriptions stand.
    """
    return {
        "profile": "data-package",
        "name": f"market-minutes-{day}",
        "title": f"Market minutes of {day}, UTC",
        "description": _DESCRIPTION,
        "resources": [
            _resource(name, table, schema)
            for name, table in tables.items()
            if table.num_rows or name != "footprint"
        ],
    }


def _resource(name: str, table: pa.Table, schema: DataSchema) -> Json:
    known = schema.tables.get(name)
    columns: Json = {"fields": [_field(field) for field in table.schema]}
    if name != "rejects":  # one line may have several defects of one code
        columns["primaryKey"] = list(KEYS[f"{name}.parquet"])
    return {
        "profile": "data-resource",
        "name": name,
        "path": f"{name}.parquet",
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "description": known["description"] if known else _FEATURES[name],
        "schema": columns,
    }


def _field(field: pa.Field) -> Json:
    """A column: its type in Frictionless' words, and in `arrowType` if the file has another than usual."""
    told = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
    kind = _type(field.type)
    said: Json = {"name": field.name, "type": kind, "description": told.get("description", "")}
    if told.get("unit"):
        said["unit"] = told["unit"]
    if str(field.type) != _ARROW[kind]:
        said["arrowType"] = str(field.type)
    if not field.nullable:
        said["constraints"] = {"required": True}
    return said


def _type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "datetime"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    return "number" if pa.types.is_floating(kind) else "string"
