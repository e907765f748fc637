"""`datapackage.json`: every table as other tools read about it."""

from __future__ import annotations

import re
from typing import Any

from frictionless import Package

from kit import snapshots as kit
from kit.shipped import RULES
from pipeline.publishing.datapackage import datapackage

TABLES = {
    "bars_1m": kit.bars(kit.DAY, "BTCUSDT"),
    "features_micro": kit.micro(kit.DAY, "BTCUSDT"),
    "macro_slow": kit.macro("BTCUSDT"),
    "footprint": kit.footprint(kit.DAY, "BTCUSDT"),
    "rejects": kit.reject("BTCUSDT"),
}


def resource(name: str) -> dict[str, Any]:
    """The description of one table."""
    found = datapackage(kit.DAY, TABLES, RULES.schema)["resources"]
    return next(r for r in found if r["name"] == name)


def test_every_column_has_type_unit_and_description() -> None:
    """In Frictionless' words, and as Arrow has it where that is not what is said of all."""
    fields = {f["name"]: f for f in resource("bars_1m")["schema"]["fields"]}

    assert list(fields) == TABLES["bars_1m"].column_names
    assert fields["volume"]["type"] == "number"
    assert fields["volume"]["unit"] == "base"
    assert fields["ts"] | {"description": ""} == {
        "name": "ts",
        "type": "datetime",
        "description": "",
        "constraints": {"required": True},
    }
    governed = RULES.schema.tables["bars_1m"]["columns"]
    assert {c["name"]: c["description"] for c in governed} == {
        name: field["description"] for name, field in fields.items()
    }


def test_what_is_said_once_is_so_of_every_column() -> None:
    """The package's own words give the type in the file of each column that names none."""
    package = datapackage(kit.DAY, TABLES, RULES.schema)
    usual = dict(re.findall(r"(\w+) is ([^,.]+(?:, [^,.]+\])?)", package["description"]))

    for name, table in TABLES.items():
        for field in resource(name)["schema"]["fields"]:
            column = table.schema.field(field["name"])
            assert field.get("arrowType", usual[field["type"]]) == str(column.type)
            assert field.get("constraints", {"required": False})["required"] is not column.nullable


def test_a_day_without_ticks_describes_no_footprint() -> None:
    """Only what is published is described; rejects are, also without rows."""
    empty = {
        name: table.slice(0, 0)
        for name, table in TABLES.items()
        if name in ("footprint", "rejects")
    }
    found = datapackage(kit.DAY, TABLES | empty, RULES.schema)["resources"]

    assert [r["name"] for r in found] == ["bars_1m", "features_micro", "macro_slow", "rejects"]


def test_the_validator_of_frictionless_accepts_it() -> None:
    """Its own metadata check has no error, and reads the columns back."""
    package = Package.from_descriptor(datapackage(kit.DAY, TABLES, RULES.schema))

    assert package.get_resource("macro_slow").schema.field_names == ["symbol", "ema_20"]
    assert not list(Package.metadata_validate(package.to_descriptor()))
