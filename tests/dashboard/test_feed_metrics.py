"""Scorecards of feeds as figures, and the dashboard that draws them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from kit.shown_day import DAY, shown_day
from kit.support import kitchen_at
from pipeline.dashboard.feed_metrics import CODES, FIGURES, Feeds
from pipeline.dashboard.luigid import Days
from pipeline.locations import PROJECT
from pipeline.settings.config import Kitchen

DASHBOARD = PROJECT / "configs" / "examples" / "grafana.json"


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Kitchen:
    """One published day of four symbols."""
    return shown_day(tmp_path_factory.mktemp("feeds"))


@pytest.fixture(scope="module")
def families(kitchen: Kitchen) -> dict[str, Metric]:
    """What Prometheus reads."""
    text = generate_latest(Feeds(kitchen)).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(family: Metric, feed: str, symbol: str, **labels: str) -> float | None:
    """The figure of a feed and symbol."""
    wanted = {"feed": feed, "symbol": symbol, **labels}
    found = [it.value for it in family.samples if wanted.items() <= it.labels.items()]
    return found[0] if found else None


def test_a_feeds_figures_are_those_of_its_days(families: dict[str, Metric]) -> None:
    """By hand, of what the sample did: 12 of 1440 klines gone, a clock 8 h off, klines alone unproven."""
    assert value(families["kitchen_feed_days"], "binance_1m", "BTCUSDT") == 1
    assert value(families["kitchen_feed_lines"], "binance_1m", "BTCUSDT") == 1440 - 12
    assert value(families["kitchen_feed_offset_minutes"], "atas_bars", "BTCUSDT") == 480
    assert value(families["kitchen_feed_offset_minutes"], "binance_1m", "BTCUSDT") is None
    assert value(families["kitchen_feed_proven_ratio"], "binance_1m", "ETHUSDT") is None
    assert value(families["kitchen_feed_proven_ratio"], "binance_trades", "SOLUSDT") == 1
    assert value(families[CODES], "binance_1m", "BTCUSDT", code="B12") == 1
    assert families["kitchen_feed_days"].samples[0].labels["month"] == f"{DAY:%Y-%m}"


def test_the_dashboard_asks_for_figures_that_there_are(
    kitchen: Kitchen, families: dict[str, Metric]
) -> None:
    """Every name in every expression; panels have numbers and places of their own."""
    dashboard = json.loads(DASHBOARD.read_text())
    others = {family.name for family in Days(kitchen).collect()}

    expressions = [t["expr"] for panel in dashboard["panels"] for t in panel["targets"]]
    asked = {name for text in expressions for name in re.findall(r"kitchen_\w+", text)}
    assert asked <= families.keys() | others
    assert asked >= {*FIGURES, CODES}
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    places = {(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]}
    assert len(places) == len(ids)


def test_a_store_without_a_day_has_no_figures(tmp_path: Path) -> None:
    """And no error."""
    found = list(Feeds(kitchen_at(tmp_path)).collect())

    assert all(not family.samples for family in found)
