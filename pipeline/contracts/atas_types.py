"""The types of `atas_columns`, apart from their names, which a run asks for that needs no Arrow."""

from __future__ import annotations

import pyarrow as pa

from pipeline.contracts.atas_columns import NAMES

TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(NAMES, pa.float64()),
    **dict.fromkeys(("bar_vpo_side", "absorption_side"), pa.string()),
    "absorption_detected": pa.bool_(),
}
"""In the order of `NAMES`."""
