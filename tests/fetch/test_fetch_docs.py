"""What docs/operations.md says of fetching is what the program does."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from kit.support import write_config
from pipeline.settings import config
from pipeline.settings.fetching import Fetch

DOCS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def test_every_setting_is_documented_with_its_default(tmp_path: Path) -> None:
    """The shown section is valid, names every setting, and is what holds without it."""
    text = DOCS.read_text()
    shown = next(block for block in text.split("```") if block.startswith("yaml\nfetch:"))
    section = shown.removeprefix("yaml\n")

    documented = config._load(write_config(tmp_path / "a", extra=section)).fetch
    default = config._load(write_config(tmp_path / "b")).fetch

    assert documented == default
    assert all(f"\n  {setting.name}:" in section for setting in fields(Fetch))
