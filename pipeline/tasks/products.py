"""What a recipe gives -> files: tables, texts and JSON values under the names that its step declares."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.errors import StageError
from pipeline.freshness import receipt
from pipeline.freshness.graph import Node
from pipeline.freshness.receipt import Output


def write(node: Node, products: Mapping[str, Any]) -> dict[str, Output]:
    """Writes the outputs of a unit, and returns their records. They count once its receipt lies beside them.

    Raises:
        StageError: they are not those that the step declares.
        OSError: the disk is full, or fails.
    """
    declared = node.unit.declared.outputs
    if set(products) != set(declared):
        raise StageError(
            f"{node.unit}: wrote {sorted(products)}, declares {sorted(declared)}; fix the recipe"
        )
    outputs = {}
    for name in declared:
        path = node.output_path(name)
        outputs[name] = receipt.describe(path, _write_one(path, products[name]))
    return outputs


def content_of(product: Any) -> str:
    """The digest of the content of a table, a text or a JSON value."""
    if isinstance(product, str):
        return hashlib.sha256(product.encode()).hexdigest()
    if isinstance(product, (dict, list)):
        return storage.digest(product)
    return str(importlib.import_module("pipeline.tables.parquet").content_hash(product))


def _write_one(path: Path, product: Any) -> str:
    """Writes a table, a text or a JSON value, and returns the digest of its content.

    The folder is made durable once, with the receipt that makes the outputs count.
    """
    if isinstance(product, (str, dict, list)):
        data = product.encode() if isinstance(product, str) else storage.readable_json(product)
        storage.write_bytes(path, data, sync_folder=False)
        return content_of(product)
    tables = importlib.import_module("pipeline.tables.parquet")
    group = "symbol" if "symbol" in product.schema.names else None
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(content_of, product)
        tables.write(path, product, group_by=group, sync_folder=False)
        return digest.result()
