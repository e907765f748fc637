"""A slip of the keyboard is told what may have been meant, in the one sentence that says it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from kit.support import write_config
from pipeline.cli import main as program


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ("statsu", "status"),
        ("status --strat 2025-01-02", "--start"),
        ("sample --date 2025-01-02 --market futures_u", "futures_um"),
        ("sample --date 2025-01-02 --defect a02", "A02"),
        ("why 2025-01-02 btcusdt", "BTCUSDT"),
        ("why 2025-1-2", "2025-01-02"),
        ("why 20250102", "2025-01-02"),
        ("verify 2025/01/02", "2025-01-02"),
        ("features describe vpinn", "vpin"),
        ("features list --family profil", "profile"),
        ("fetch --kinds aggtrades", "aggTrades"),
        ("cron instal", "install"),
    ],
)
def test_what_may_be_meant_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, meant: str
) -> None:
    """Of commands, options, their values, symbols, features, codes and dates."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path)))
    result = CliRunner().invoke(program.cli, arguments.split())

    said = str(result.exception) if result.exit_code == 1 else result.output
    _, asked, guess = said.replace("Did you", "did you").partition("did you mean")
    assert asked
    assert meant in guess


def test_nothing_like_it_is_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is like none gets the names alone."""
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path)))
    result = CliRunner().invoke(program.cli, ["why", "2025-01-02", "XRPETH"])

    assert "it has BTCUSDT" in str(result.exception)
    assert "did you mean" not in str(result.exception)
