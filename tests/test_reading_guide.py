"""`docs/reading.md`: its code runs, and what it says comes true."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from kit import snapshots as kit
from kit.doc_pages import Reader, page, steps
from kit.support import write_config
from pipeline.publishing.delta_view import Views
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.seal import publish
from pipeline.settings import config


def test_the_code_of_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Block after block in one session, with the store that the configuration names."""
    states = {"BTCUSDT": "available", "ETHUSDT": "available"}
    for i in range(2):
        day = kit.DAY + dt.timedelta(days=i)
        publish(
            kit.draft(tmp_path / str(i), day, states=states), FolderStore(tmp_path / "snapshots")
        )
    Views(tmp_path / "snapshots", ("bars_1m",)).follow()
    monkeypatch.setenv("KITCHEN_CONFIG", str(write_config(tmp_path)))
    config._load.cache_clear()
    guide = [step for step in steps(page("docs/reading.md")) if step.language == "python"]
    reader = Reader(tmp_path)

    for step in guide:
        reader.take(step)

    names = reader.names
    assert len(guide) == 14
    assert names["panel"].shape == (2 * 288, 2)
    assert names["rows"].shape == (2 * 1440, 6)
    assert names["minutes"] == 2 * 2 * 1440
    assert names["frame"].shape == (2 * 1440, 3)
    assert names["every"].num_rows == 4 * 1440
    assert names["today"].num_rows == 2 * 1440
    assert names["morning"].num_rows == 2 * 720
    assert names["table"]["volume_z"].null_count == 4 * 1440  # these volumes never move
    assert names["hourly"].height == 48
    assert sorted(names["largest"]) == [("BTCUSDT", 100.0), ("ETHUSDT", 100.0)]
    assert [len(names[it]) for it in ("everything", "good", "before")] == [4 * 1440] * 3
    assert names["counted"] == [("available", 4 * 1440)]
    assert names["publication"]["revision"] == 1
    assert list(names["index"]["days"]) == ["2025-01-02", "2025-01-03"]
