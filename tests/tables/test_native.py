"""What was built in C is found; what was not is told once, and done without."""

from __future__ import annotations

import shutil
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from pipeline.sources.atas import tick_scan
from pipeline.tables import native, value_area


@pytest.mark.skipif(not (shutil.which("cc") or shutil.which("gcc")), reason="no C compiler")
@pytest.mark.parametrize(("module", "name"), [(tick_scan, "scan"), (value_area, "areas")])
def test_every_part_in_c_was_built(module: object, name: str) -> None:
    """An installation where a compiler is uses it."""
    assert native.function(str(module.__file__), name) is not None  # type: ignore[attr-defined]


def test_a_part_that_was_not_built_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is slow, why, and what to do; a file of another machine is none."""
    (tmp_path / f"_kernel{EXTENSION_SUFFIXES[0]}").write_bytes(b"\x7fELF of another machine")
    for _ in range(2):
        assert native.function(str(tmp_path / "kernel.py"), "run") is None

    (told,) = caplog.messages
    assert "kernel works several times slower" in told
    assert "install a C compiler" in told
