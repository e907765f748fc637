"""Which folder is a store of snapshots, and what is said of one that is none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import snapshots as kit
from pipeline.errors import ParameterError
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.seal import publish
from pipeline.reader import files, load, open_snapshots, scan, urls
from pipeline.reader.loading import conditions

DAY = dt.date(2025, 1, 2)


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with raw data and a store of a day beside them; the working folder."""
    home = tmp_path / "kitchen"
    (home / "data" / "raw").mkdir(parents=True)
    (home / "notebooks").mkdir()
    publish(kit.draft(tmp_path / "draft"), FolderStore(home / "snapshots"))
    monkeypatch.chdir(home)
    return home


@pytest.mark.parametrize(
    "read",
    [
        open_snapshots,
        *(lambda root, f=f: f("bars_1m", DAY, DAY, root=root) for f in (load, files, scan, urls)),
        lambda root: conditions(DAY, DAY, root=root),
    ],
)
def test_a_folder_that_is_not_there_is_refused_at_every_door(
    kitchen: Path, read: Callable[[str], object]
) -> None:
    """One sentence: what was looked for, from where, and the store that was meant."""
    with pytest.raises(ParameterError) as told:
        read("snapshot")

    assert str(told.value) == (
        f"root='snapshot': there is no such folder (relative paths start at {kitchen});"
        f" did you mean {kitchen}/snapshots?"
    )


@pytest.mark.parametrize(
    ("root", "what"),
    [
        (".", "holds no snapshots"),
        ("data", "holds no snapshots"),
        ("notebooks/snapshots", "no such folder"),
        ("snapshots/2025-01-02", "holds no snapshots"),
        ("snapshots/2025-01-02/bars_1m.parquet", "is a file"),
    ],
)
def test_the_store_that_is_near_is_named(kitchen: Path, root: str, what: str) -> None:
    """In the folder, beside it or above it."""
    with pytest.raises(ParameterError, match=f"{what}.*; did you mean {kitchen}/snapshots\\?"):
        open_snapshots(root)


def test_from_a_folder_below_the_store_above_is_named(
    kitchen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notebook's working folder is where it lies."""
    monkeypatch.chdir(kitchen / "notebooks")

    with pytest.raises(ParameterError, match=f"did you mean {kitchen}/snapshots"):
        open_snapshots("snapshots")


def test_an_empty_store_has_no_day(tmp_path: Path) -> None:
    """Its folder is there and nothing is published, a file beside or not."""
    (tmp_path / "README.md").write_text("Snapshots come here.")

    store = open_snapshots(tmp_path)

    assert store.days() == store.symbols() == []
    assert repr(store) == f"<Snapshots {tmp_path}: no day>"


def test_the_home_folder_may_be_a_tilde(kitchen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for pandas."""
    monkeypatch.setenv("HOME", str(kitchen))

    assert open_snapshots("~/snapshots").days() == [DAY]
