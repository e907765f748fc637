"""`kitchen import --link`: vendors' files in the raw folder without a second copy of their bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from kit.support import write_config
from pipeline.cli import main as program
from pipeline.runs.importing import bringing

NAME = "BTCUSDT-1m-2025-01-02.csv"
ROW = "1735776000000,1,1,1,1,1,1735776059999,1,1,1,1,0\n"


@pytest.mark.parametrize(("options", "state"), [([], "copied"), (["--link"], "linked")])
def test_files_are_linked_where_that_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], state: str
) -> None:
    """The same file, or a reflink of it; a copy is another one."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path, "{market: spot}")))
    source = tmp_path / "vendor" / "spot" / NAME
    source.parent.mkdir(parents=True)
    source.write_text(ROW)

    result = CliRunner().invoke(program.cli, ["import", str(tmp_path / "vendor"), *options])

    (target,) = (tmp_path / "data" / "raw").rglob(NAME)
    assert f"{state:9} spot/{NAME} -> " in result.output
    assert target.read_text() == ROW
    assert (source.stat().st_mtime_ns, "copied") == (target.stat().st_mtime_ns, "copied")
    assert state == "linked" or source.stat().st_ino != target.stat().st_ino


def test_another_file_system_gets_a_copy(tmp_path: Path) -> None:
    """Nothing can be linked across them, and the import goes on."""
    other = Path("/dev/shm")  # noqa: S108 - a file system of its own on every Linux
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no other file system here")
    source = other / f"{tmp_path.name}.csv"
    source.write_text(ROW)
    try:
        assert bringing.link(source, tmp_path / "a" / NAME) == "copied"
    finally:
        source.unlink()

    assert (tmp_path / "a" / NAME).read_text() == ROW
