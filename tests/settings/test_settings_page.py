"""docs/settings.md has every key of the configuration, with its true default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.doc_pages import blocks, page
from pipeline.settings import config
from pipeline.settings.config import DOCUMENT, Kitchen

ELSEWHERE = {"fetch"}
"""Shown, with their defaults, where their rules are: docs/operations.md."""

LEAST = """
paths: {raw: data/raw, prepared: data/prepared, snapshots: snapshots}
symbols: {BTCUSDT: {market: futures_um}}
"""


@pytest.fixture
def shown() -> str:
    """The page's configuration."""
    [text] = blocks(page("docs/settings.md"), "yaml")
    return text


def loaded(folder: Path, text: str) -> Kitchen:
    """A kitchen of this configuration, always at the same place."""
    file = folder / "kitchen.yaml"
    file.write_text(text)
    config._load.cache_clear()
    return config._load(file)


def said(text: str) -> str:
    """With the lines that have no default said too."""
    return re.sub(r"^( *)# (\w+:)", r"\1\2", text, flags=re.M)


def keys(rules: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of a document of these rules; of a symbol those of the page's."""
    for name, rule in rules.items():
        yield (*above, name)
        below = {"BTCUSDT": rule["valuesrules"]} if name == "symbols" else rule.get("schema", {})
        if rule.get("type") == "dict":
            yield from keys(below, (*above, name))


def test_the_page_says_the_defaults(tmp_path: Path, shown: str) -> None:
    """A kitchen that says all of them is the one that says none."""
    assert loaded(tmp_path, shown) == loaded(tmp_path, LEAST)


def test_the_page_has_every_key(tmp_path: Path, shown: str) -> None:
    """And what it shows of those without a default can be said."""
    document = yaml.safe_load(said(shown))

    for path in keys(DOCUMENT):
        place = document
        if path[0] not in ELSEWHERE:
            for name in path:
                assert name in place, path
                place = place[name]
    (tmp_path / "signing_key.pem").touch(0o600)
    with_spot = said(shown).replace("\nsources:", "\n  BTCSPOT: {market: spot}\nsources:")
    assert loaded(tmp_path, with_spot).symbols["BTCUSDT"].basis_against == "BTCSPOT"
