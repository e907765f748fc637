"""The same bits on a processor without wide vector units, where numpy takes other paths."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from kit.feature_frames import DAY, random_bars, random_history
from kit.shipped import FEATURES
from pipeline.features.macro import macro
from pipeline.features.micro import micro
from pipeline.tables import parquet

TOMORROW = DAY + dt.timedelta(days=1)
CHILD = """
import sys, datetime, pathlib
from pipeline.contracts import features_schema
from pipeline.tables import parquet
from pipeline.features.macro import macro
from pipeline.features.micro import micro
day, folder, governance = datetime.date.fromisoformat(sys.argv[1]), *map(pathlib.Path, sys.argv[2:])
features = features_schema.load(governance)
bars, history = (parquet.read(folder / name) for name in ("bars.parquet", "history.parquet"))
print(parquet.content_hash(micro(day, bars, None, features)))
print(parquet.content_hash(macro("BTCUSDT", day, history, 0.0, features)))
"""


def test_vector_units_do_not_show(governance: Path, tmp_path: Path) -> None:
    """With every optional instruction set of numpy switched off, both tables keep their hashes."""
    optional = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    if not optional:
        pytest.skip("this processor has no instruction set beyond numpy's baseline")
    bars, history = random_bars(DAY, 2), random_history(DAY, 640)
    parquet.write(tmp_path / "bars.parquet", bars)
    parquet.write(tmp_path / "history.parquet", history)
    expected = [
        parquet.content_hash(micro(TOMORROW, bars, None, FEATURES)),
        parquet.content_hash(macro("BTCUSDT", TOMORROW, history, 0.0, FEATURES)),
    ]

    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(TOMORROW), str(tmp_path), str(governance)],
        cwd=governance.parent,
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(optional)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert child.stdout.split() == expected
