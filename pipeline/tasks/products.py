"""What a recipe gives -> a unit's file: tables, texts and JSON values, by its step's names."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO

from pipeline import packs, storage
from pipeline.errors import StageError
from pipeline.freshness.graph import Node
from pipeline.packs import Stored


def write(node: Node, products: Mapping[str, Any]) -> dict[str, str]:
    """Writes the outputs of a unit, and returns the digest of each one's content.

    They count once the unit's receipt lies beside them, with which the folder is made durable.

    Raises:
        StageError: they are not those that the step declares.
        OSError: the disk is full, or fails.
    """
    declared = node.unit.declared.outputs
    if set(products) != set(declared):
        raise StageError(
            f"{node.unit}: wrote {sorted(products)}, declares {sorted(declared)}; fix the recipe"
        )
    if not declared:
        return {}
    with storage.replacing(node.file, sync_folder=False, sweep=True) as handle:
        contents = _put_all(handle, declared, products)
        handle.flush()
        made, alone = Path(handle.name), len(declared) == 1
        return {
            name: found or _content_in(Stored(made, "" if alone else declared[name]))
            for name, found in contents.items()
        }


def _put_all(
    handle: BinaryIO, declared: Mapping[str, str], products: Mapping[str, Any]
) -> dict[str, str]:
    if len(declared) == 1:
        return {name: _put(handle, products[name]) for name in declared}
    contents = {}
    with packs.packing(handle) as pack:
        for name, member in declared.items():
            with packs.adding(pack, member) as place:
                contents[name] = _put(place, products[name])
    return contents


def content_of(product: Any) -> str:
    """The digest of the content of a table, a text or a JSON value."""
    if isinstance(product, str):
        return hashlib.sha256(product.encode()).hexdigest()
    if isinstance(product, (dict, list)):
        return storage.digest(product)
    return str(importlib.import_module("pipeline.tables.parquet").content_hash(product))


def _put(place: IO[bytes], product: Any) -> str:
    """Writes a table, a text or a JSON value into an open file, and returns the digest of its content.

    Empty for a table of many rows in parts, a symbol each, which are costly to make: what is hashed is read
    back from the file.
    """
    if isinstance(product, (str, dict, list)):
        data = product.encode() if isinstance(product, str) else storage.readable_json(product)
        place.write(data)
        return content_of(product)
    tables = importlib.import_module("pipeline.tables.parquet")
    group = "symbol" if "symbol" in product.schema.names else None
    few = product.num_rows <= tables.FEW_ROWS
    if group and isinstance(product, tables.Parts):
        if not few:
            tables.write_into(place, product, group_by=group)
            return ""
        product = product.whole()
    if few:  # a thread would cost more than it saves
        tables.write_into(place, product, group_by=group)
        return content_of(product)
    return str(tables.write_hashed(place, product, group_by=group))


def _content_in(place: Stored) -> str:
    """The digest of the content of a table as it was written."""
    tables = importlib.import_module("pipeline.tables.parquet")
    return content_of(tables.by_columns(place))
