"""Simulated files are known wherever they go, and never get among those of a market unseen."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from test_commands import run

from kit.support import write_config
from pipeline.cli import init
from pipeline.cli.config import faults
from pipeline.errors import ConfigError
from pipeline.sample.generate import SampleRequest, write_sample

KLINES = "binance/futures_um/BTCUSDT-1m-2025-01-02.zip"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `kitchen sample` leaves of a day."""
    out = tmp_path_factory.mktemp("sample") / "practice"
    write_sample(SampleRequest(out=out, first=dt.date(2025, 1, 2), trades_per_day=500))
    return out


def founded(folder: Path, exports: Path) -> Result:
    """A new kitchen of these files."""
    return CliRunner().invoke(
        init.command, [str(folder), "--from", str(exports), "--no-build"], catch_exceptions=False
    )


@pytest.mark.parametrize("part", ["", "binance"])
def test_a_kitchen_of_simulated_files_says_so(sample: Path, tmp_path: Path, part: str) -> None:
    """Whether the marked folder is named or one in it; the mark itself is no file that is left."""
    ended = founded(tmp_path / "new", sample / part)

    assert ended.exit_code == 0
    assert "unclaimed" not in ended.output
    assert yaml.safe_load((tmp_path / "new/kitchen.yaml").read_text())["simulated"] is True
    assert faults(tmp_path / "new/kitchen.yaml") == []


def test_a_copy_is_known_by_its_mark_and_others_are_no_sample(sample: Path, tmp_path: Path) -> None:
    """In a folder that holds it; without the mark files are taken for what they seem."""
    shutil.copytree(sample, tmp_path / "all/below")
    founded(tmp_path / "one", tmp_path / "all")
    (tmp_path / "all/below/SIMULATED.txt").unlink()
    founded(tmp_path / "two", tmp_path / "all")

    said = [
        yaml.safe_load((tmp_path / name / "kitchen.yaml").read_text()) for name in ("one", "two")
    ]
    assert [it["simulated"] for it in said] == [True, False]


def test_files_of_both_kinds_found_no_kitchen(sample: Path, tmp_path: Path) -> None:
    """Nothing is written; one of each is named."""
    shutil.copytree(sample, tmp_path / "all/practice")
    shutil.copytree(sample / "binance", tmp_path / "all/binance")

    with pytest.raises(ConfigError, match=r"practice/\S+ is simulated .* and binance/\S+ is not"):
        founded(tmp_path / "new", tmp_path / "all")

    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("simulated", [False, True])
def test_nothing_is_imported_into_a_kitchen_of_the_other_kind(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulated: bool
) -> None:
    """Simulated files where data are real, and the other way round: exit 40, one sentence, no file."""
    extra = "simulated: true\n" if simulated else ""
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path / "home", extra=extra)))
    shutil.copytree(sample, tmp_path / "in")
    if simulated:
        (tmp_path / "in/SIMULATED.txt").unlink()

    ended = run("import", str(tmp_path / "in"))

    assert ended.exit_code == ConfigError.exit_code
    assert "nothing was copied" in ended.output
    assert not (tmp_path / "home/data/raw" / KLINES).exists()


def test_simulated_files_go_among_their_like(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before."""
    path = write_config(tmp_path / "home", extra="simulated: true\n")
    monkeypatch.setenv("KITCHEN_CONFIG", str(path))

    assert run("import", str(sample)).exit_code == 0
    assert (tmp_path / "home/data/raw" / KLINES).exists()
