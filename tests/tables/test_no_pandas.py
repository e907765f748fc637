"""A program of ours runs without pandas, and hands it out all the same."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from pipeline.tables.no_pandas import leave_pandas_alone
leave_pandas_alone()
import pyarrow as pa
table = pa.table({"price": pa.array([1.5, None])})
assert table["price"].to_numpy()[0] == 1.5
assert "pandas" not in sys.modules
assert table.to_pandas()["price"].sum() == 1.5
import pandas
assert pa.array(pandas.Series([1.5, float("nan")])).null_count == 1
"""


def test_arrays_do_not_load_pandas_but_a_frame_still_does() -> None:
    """The first array looks for pandas no more; who asks for a frame gets one, and Series work again."""
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
