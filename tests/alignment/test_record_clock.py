"""The exchange's own stamps do not say their zone or edge, and ATAS stands beside them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from kit.both_steps import aligned, calibrated
from kit.minute_tables import shifted
from pipeline.alignment.record_clock import RecordClock, moved

DAY = "2025-01-02"


def clock(**known: Any) -> RecordClock:
    """Stamps of a column `timestamp`, of which nothing is known but what is given."""
    facts = {"label": "open", "by_ends": False, "by_nobody": False, "without_zone": False, **known}
    return RecordClock(file="t.csv", column="timestamp", **facts)


def refusal(found: Any) -> str | None:
    """The key by which the day's finding was refused."""
    if found.calibration.status != "refused":
        return None
    return str(found.calibration.reasons[0].key)


@pytest.mark.parametrize(
    ("known", "late", "key"),
    [
        ({"without_zone": True}, 60, "zone_in_doubt"),
        ({"without_zone": True}, -345, "zone_in_doubt"),
        ({"without_zone": True}, 481, "zone_in_doubt"),
        ({"without_zone": True}, 0, None),
        ({"without_zone": True}, 1, None),
        ({}, 60, None),
        ({"by_ends": True}, 1, "label_in_doubt"),
        ({"by_ends": True, "label": "close"}, -1, "label_in_doubt"),
        ({"by_ends": True}, 61, "label_in_doubt"),
        ({"by_ends": True}, 60, None),
        ({"by_ends": True}, 0, None),
        ({}, 1, None),
        ({"label": "close", "against": "the first stamp is 00:00"}, 1, "label_in_doubt"),
        ({"label": "close", "against": "the first stamp is 00:00"}, 0, None),
        ({"label": "close", "against": "the first stamp is 00:00"}, 60, None),
    ],
)
def test_two_clocks_of_which_either_may_be_wrong_are_refused(
    btc: dict[str, pa.Table], known: dict[str, Any], late: int, key: str | None
) -> None:
    """Where the record's zone or edge was only inferred, and ATAS lies by just that; else ATAS is moved."""
    klines = moved(btc["futures"], late)
    found = calibrated(DAY, klines, bars=btc["bars"], clock=clock(**known))

    assert refusal(found) == key
    if key is None:
        assert found.calibration.offset_minutes == late
    else:
        assert f"{late:+d} min" in found.calibration.reasons[0].note


def test_the_sentence_names_the_key_and_both_readings(btc: dict[str, pa.Table]) -> None:
    """So that nobody has to look further to fix it."""
    zone, label = (
        calibrated(DAY, moved(btc["futures"], late), bars=btc["bars"], clock=clock(**known))
        for late, known in ((60, {"without_zone": True}), (1, {"by_ends": True}))
    )

    for found, words in (
        (zone, ("60 min east of UTC", "sources.binance_1m.zone", "approve a profile", "t.csv")),
        (label, ("sources.binance_1m.label: close", "sources.binance_1m.label: open", "timestamp")),
    ):
        assert all(word in found.calibration.reasons[0].note for word in words)


def test_an_approved_profile_or_another_feed_decides(btc: dict[str, pa.Table]) -> None:
    """Both say whose clock is off: the profile by a person, a feed by agreeing with the record."""
    known, klines = clock(without_zone=True), moved(btc["futures"], 60)
    by_profile = calibrated(
        DAY, klines, bars=btc["bars"], clock=known, approved={"atas_bars": (60,)}
    )
    by_feed = calibrated(
        DAY,
        klines,
        bars={"atas_bars": btc["bars"], "atas_v6_3": shifted(btc["v6_3"], 60)},
        clock=known,
    )

    assert (by_profile.calibration.status, by_profile.calibration.offset_minutes) == (
        "applied",
        60,
    )
    assert {f: e.offset_minutes for f, e in by_feed.calibration.feeds.items()} == {
        "atas_bars": 60,
        "atas_v6_3": 0,
    }


@pytest.mark.parametrize("feeds", [("bars",), ("bars", "v6_3")])
def test_atas_tells_the_edge_that_nothing_else_does(
    btc: dict[str, pa.Table], feeds: tuple[str, ...]
) -> None:
    """Klines read as opens that were closes are moved a minute back, and ATAS stays where it is."""
    closes = moved(btc["futures"], 1)
    bars = {f"atas_{name}": btc[name] for name in feeds}
    found = calibrated(DAY, closes, bars=bars, clock=clock(by_nobody=True))
    rows = aligned(DAY, closes, bars=bars, correction=found.correction)

    assert found.correction.record_shift_minutes == -1
    assert (found.calibration.status, found.calibration.offset_minutes) == ("not_needed", 0)
    assert [reason.key for reason in found.calibration.reasons] == ["label_by_atas"]
    assert rows["close"].equals(rows["atas_close"])


@pytest.mark.parametrize("late", [0, -1, 60, 2])
def test_elsewhere_an_edge_that_nothing_tells_stays_the_open(
    btc: dict[str, pa.Table], late: int
) -> None:
    """No reading puts ATAS at offset 0, or the first does."""
    found = calibrated(
        DAY, moved(btc["futures"], late), bars=btc["bars"], clock=clock(by_nobody=True)
    )

    assert found.correction.record_shift_minutes == 0
    assert found.calibration.status == {0: "not_needed", 2: "refused"}.get(late, "applied")
