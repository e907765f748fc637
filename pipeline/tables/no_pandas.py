"""Arrow without pandas, in a program that has no use for it.

pyarrow looks for pandas when the first array is made, in case the values are a Series, and to import it
takes a third of a second: more than many a step. Belongs here: making it not find pandas. A table's
`to_pandas` still does.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

import pyarrow as pa


class _NoPandas:
    """Finds no pandas, and knows nothing of other modules."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def leave_pandas_alone() -> None:
    """From here on pyarrow takes a Series for any other sequence, unless pandas is loaded already.

    For programs of ours alone: who reads tables as a library may well hand over what pandas made.
    """
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(_NoPandas)
