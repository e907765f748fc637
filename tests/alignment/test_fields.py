"""Which export fills which ATAS column: the default, and what the configuration says."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from kit.both_steps import aligned, calibrated, of
from kit.minute_tables import replaced
from pipeline.alignment.align import AlignInput, align
from pipeline.contracts.atas_columns import NAMES, preferred

DAY = "2025-01-02"
BOTH = ("atas_v6_3", "atas_bars")


@pytest.fixture
def feeds(btc: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Two exports of the real day: each has a cvd of its own, the simplified one a volume point too."""
    rows = btc["v6_3"].num_rows
    simplified = replaced(btc["v6_3"], "cvd_export", [7.0] * rows)
    simplified = replaced(simplified, "bar_vpo_price", [94_000.5] * rows)
    bars = replaced(btc["bars"], "oi", [5.0] * 700 + [None] * 740)
    return {"atas_bars": bars, "atas_v6_3": replaced(simplified, "oi", [6.0] * rows)}


def rows_of(btc: dict[str, pa.Table], feeds: dict[str, pa.Table], **prefer: Any) -> pa.Table:
    """The day, columns filled as such a configuration says."""
    return aligned(DAY, btc["futures"], feeds, prefer_fields=prefer)


def test_the_default_is_the_feed_that_knows_most(
    btc: dict[str, pa.Table], feeds: dict[str, pa.Table]
) -> None:
    """The day's own export first; what it lacks in a minute comes from the other."""
    bars = rows_of(btc, feeds)

    assert bars["cvd_export"].to_pylist() == btc["bars"]["cvd_export"].to_pylist()
    assert set(bars["bar_vpo_price"].to_pylist()) == {94_000.5}
    assert bars["oi"].to_pylist() == [5.0] * 700 + [6.0] * 740


def test_a_column_comes_from_the_export_that_is_named(
    btc: dict[str, pa.Table], feeds: dict[str, pa.Table]
) -> None:
    """That column alone; the others are as before, prices and volume too."""
    plain, bars = rows_of(btc, feeds), rows_of(btc, feeds, cvd_export=BOTH)
    others = [name for name in plain.column_names if name != "cvd_export"]

    assert set(bars["cvd_export"].to_pylist()) == {7.0}
    assert bars.select(others).equals(plain.select(others))


def test_an_export_that_is_not_named_fills_nothing(
    btc: dict[str, pa.Table], feeds: dict[str, pa.Table]
) -> None:
    """Null rather than another export's; a feed that the day lacks altogether as well."""
    bars = rows_of(
        btc, feeds, bar_vpo_price=("atas_bars",), oi=("atas_bars",), cvd_export=("atas_ticks",)
    )

    assert bars["bar_vpo_price"].null_count == bars["cvd_export"].null_count == 1440
    assert bars["oi"].to_pylist() == [5.0] * 700 + [None] * 740


def test_columns_that_belong_together_stay_together(
    btc: dict[str, pa.Table], feeds: dict[str, pa.Table]
) -> None:
    """A preference for buys is one for sells: their sum is one export's volume in each minute."""
    feeds["atas_v6_3"] = replaced(feeds["atas_v6_3"], "vbuy", [1.0] * 1440)
    feeds["atas_v6_3"] = replaced(feeds["atas_v6_3"], "vsell", [2.0] * 1440)
    bars = rows_of(btc, feeds, vbuy=BOTH)

    assert set(zip(bars["vbuy"].to_pylist(), bars["vsell"].to_pylist(), strict=True)) == {
        (1.0, 2.0)
    }
    with pytest.raises(ValueError, match="belong together"):
        preferred({"poc": ("atas_bars",), "vah": ("atas_ticks",)}, ("poc", "vah", "val"))


def test_delta_does_not_follow_a_column(
    btc: dict[str, pa.Table], feeds: dict[str, pa.Table]
) -> None:
    """`delta` has a preference of its own, and its source stays true."""
    bars = rows_of(btc, feeds, vbuy=("atas_v6_3",))

    assert bars["vbuy"].null_count == 1440
    assert set(bars["delta_source"].to_pylist()) == {"atas_bars"}


def test_who_filled_what_is_told(btc: dict[str, pa.Table], feeds: dict[str, pa.Table]) -> None:
    """Minutes by export, for each kind of column."""
    given = AlignInput(
        day=of(DAY),
        klines=btc["futures"],
        bars=feeds,
        minute_stats=None,
        correction=calibrated(DAY, btc["futures"], bars=feeds).correction,
        prefer_delta=("klines",),
        prefer_fields={"cvd_export": BOTH},
    )
    told = align(given)[1]["fields"]

    assert [name for names in told for name in names.split(", ")] == list(NAMES)
    assert told["cvd_export"] == {"atas_v6_3": 1440}
    assert told["oi"] == {"atas_bars": 700, "atas_v6_3": 740}
    assert told["vbuy, vsell"] == {"atas_bars": 1440}
    assert told["cum_bid_depth, cum_ask_depth"] == {}
