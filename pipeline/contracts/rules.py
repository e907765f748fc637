"""What a symbol's day is read, measured and written by: CONTROL and the schemas of the tables.

Belongs here: the two documents that most steps need, as one value. Loaded once where a step begins and
handed on: what computes takes no folder. The features have theirs (`features_schema.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.contracts import control, schema
from pipeline.contracts.control import Control
from pipeline.contracts.schema import DataSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`CONTROL_kitchen.yaml` and `SCHEMA_data.json` in force."""

    control: Control
    schema: DataSchema


def load(governance: Path) -> Rules:
    """The rules of a governance folder.

    Raises:
        ConfigError: either document is not valid.
    """
    return Rules(control=control.load(governance), schema=schema.load(governance))
