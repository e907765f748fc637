"""The figures for people: one a family, small, from a published day."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa

from kit.shipped import FEATURES, RULES
from pipeline.features.registry import MICRO
from pipeline.tables import parquet
from tools.feature_figures import draw

FAMILIES = {step.family for step in MICRO}
LARGEST = 200 * 1024


def test_the_page_in_docs_is_whole(governance: Path) -> None:
    """Every family has its figure, none is large, and the page shows all of them."""
    folder = governance.parent / "docs" / "features"
    page = (folder / "README.md").read_text()

    assert {path.stem for path in folder.glob("*.png")} == FAMILIES
    assert all(path.stat().st_size < LARGEST for path in folder.glob("*.png"))
    assert all(f"![{family}]({family}.png)" in page for family in FAMILIES)


def _random(schema: pa.Schema, rows: int) -> pa.Table:
    """A table of that schema on consecutive minutes of one symbol, its numbers random or null."""
    rng = np.random.default_rng(7)
    start = int(dt.datetime(2025, 1, 2, tzinfo=dt.UTC).timestamp()) * 1_000_000
    columns = []
    for field in schema:
        if field.name == "symbol":
            columns.append(pa.array(["X"] * rows))
        elif pa.types.is_timestamp(field.type):
            columns.append(pa.array(start + 60_000_000 * np.arange(rows)).cast(field.type))
        elif pa.types.is_floating(field.type) or pa.types.is_integer(field.type):
            columns.append(pa.array(rng.integers(1, 90, rows)).cast(field.type))
        else:
            columns.append(pa.nulls(rows, field.type))
    return pa.Table.from_arrays(columns, names=schema.names)


def test_every_family_is_drawn(tmp_path: Path) -> None:
    """A snapshot's three tables suffice, also where features are null."""
    schemas = {name: RULES.schema.table(name) for name in ("bars_1m", "footprint")}
    schemas["features_micro"] = FEATURES.schema("micro")
    for name, schema in schemas.items():
        parquet.write(tmp_path / f"{name}.parquet", _random(schema, 60))

    written = draw(tmp_path, "X", tmp_path / "out")

    assert {path.stem for path in written if path.suffix == ".png"} == FAMILIES
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in written if path.suffix == ".png")
