"""Table schemas and row flags of `SCHEMA_data.json`, as Arrow schemas; and `conform`.

Every table that leaves a step passes through `conform`, so that column order, types, nullability and
metadata are the same whoever made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from pipeline.contracts.documents import load_checked
from pipeline.errors import ConfigError, ContractError
from pipeline.free_form import Document
from pipeline.tables import arrays

TYPES: dict[str, pa.DataType] = {
    "timestamp[us, UTC]": pa.timestamp("us", tz="UTC"),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "int32": pa.int32(),
    "int8": pa.int8(),
    "bool": pa.bool_(),
    "string": pa.string(),
}

_COLUMN = {
    "name": {"type": "string", "required": True, "form": "column"},
    "type": {"type": "string", "required": True, "allowed": list(TYPES)},
    "unit": {"type": "string", "required": True},
    "null": {"type": "boolean", "required": True},
    "description": {"type": "string", "required": True, "minlength": 3},
}
_FLAG = {
    "bit": {"type": "integer", "required": True, "min": 0, "max": 62},
    "name": {"type": "string", "required": True},
    "code": {"type": "string", "required": True, "form": "code"},
    "description": {"type": "string", "required": True},
}
_TABLE = {
    "description": {"type": "string", "required": True},
    "keys": {"type": "list", "required": True, "schema": {"type": "string"}},
    "columns": {
        "type": "list",
        "required": True,
        "minlength": 1,
        "schema": {"type": "dict", "schema": _COLUMN},
    },
}
_DOCUMENT = {
    "version": {"type": "integer", "required": True, "allowed": [1]},
    "description": {"type": "string", "required": True},
    "flags": {"type": "list", "required": True, "schema": {"type": "dict", "schema": _FLAG}},
    "tables": {
        "type": "dict",
        "required": True,
        "valuesrules": {"type": "dict", "schema": _TABLE},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSchema:
    """The document, checked: its flags, and its tables by name. `path` is where it was read, for messages."""

    path: Path
    flags: list[Document]
    tables: dict[str, Document]

    def table(self, name: str) -> pa.Schema:
        """The Arrow schema of a table.

        Raises:
            ConfigError: the document has no such table.
        """
        if name not in self.tables:
            raise ConfigError(f"{self.path}: no table {name!r}; it has {', '.join(self.tables)}")
        return arrow_schema(self.tables[name]["columns"])

    @property
    def flag_masks(self) -> dict[str, int]:
        """Flag name -> its mask in `qc_flags`."""
        return {flag["name"]: 1 << flag["bit"] for flag in self.flags}


@lru_cache(maxsize=8)
def load(governance: Path) -> DataSchema:
    """`SCHEMA_data.json` of a governance folder.

    Raises:
        ConfigError: not a valid document, or a name or bit in it stands twice.
    """
    path = governance / "SCHEMA_data.json"
    document = load_checked(path, _DOCUMENT)
    for what, names in (
        ("flag bit", [flag["bit"] for flag in document["flags"]]),
        ("flag name", [flag["name"] for flag in document["flags"]]),
        *(
            (f"column of {t}", [c["name"] for c in s["columns"]])
            for t, s in document["tables"].items()
        ),
    ):
        twice = sorted({str(n) for n in names if names.count(n) > 1})
        if twice:
            raise ConfigError(
                f"{path}: {what} {', '.join(twice)} stands twice; names must be unique"
            )
    return DataSchema(path=path, flags=document["flags"], tables=document["tables"])


def arrow_schema(columns: list[Document]) -> pa.Schema:
    """An Arrow schema of column entries, units and descriptions as field metadata."""
    return pa.schema(
        [
            pa.field(
                column["name"],
                TYPES[column["type"]],
                nullable=column["null"],
                metadata={"unit": column["unit"], "description": column["description"]},
            )
            for column in columns
        ]
    )


def conform(
    table: pa.Table, schema: pa.Schema, name: str, *, in_one_piece: bool = True
) -> pa.Table:
    """`table` with exactly the columns, order, types and metadata of `schema`.

    Its columns are of one piece each, unless it is large and soon forgotten.

    Raises:
        ContractError: a column is missing or too many, a value does not fit its type, or a column
            that must not be null has a null.
    """
    names, wanted = table.column_names, schema.names
    if set(names) != set(wanted):
        missing = [name for name in wanted if name not in names]
        extra = [name for name in names if name not in wanted]
        raise ContractError(
            f"{name}: columns differ from the schema,"
            f" missing {missing or 'none'}, not known {extra or 'none'}"
        )
    columns = []
    for field in schema:
        column = table[field.name]
        try:
            column = column if column.type == field.type else column.cast(field.type)
        except pa.ArrowException as error:
            raise ContractError(
                f"{name}.{field.name}: got {table[field.name].type}, wanted {field.type} ({error})"
            ) from error
        if not field.nullable and column.null_count:
            raise ContractError(
                f"{name}.{field.name}: {column.null_count} nulls in a column without nulls"
            )
        columns.append(arrays.one(column) if in_one_piece else column)
    return pa.Table.from_arrays(columns, schema=schema)


def empty(schema: pa.Schema) -> pa.Table:
    """A table of the schema without rows."""
    return schema.empty_table()
