"""Minute features at their edges: gaps, standstill, what ATAS or the tape did not measure."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from kit import hand_values
from kit.feature_frames import DAY, bars_of, random_bars, random_tape
from kit.shipped import FEATURES
from pipeline.clock import MINUTES_PER_DAY
from pipeline.errors import ContractError
from pipeline.features.micro import micro

EXACT = 1e-12


def test_day_before_fills_the_warm_up() -> None:
    """With the day before, the first minute of the day has its windows."""
    bars = random_bars(DAY - dt.timedelta(days=1), 2)
    table = micro(DAY, bars, None, FEATURES)
    wanted = ("trend_proxy", "cvd_roll_240", "corwin_schultz", "rv_5m")

    assert all(table[name][0].as_py() is not None for name in wanted)


def _flat_bars(**changes: list[object]) -> pa.Table:
    columns: dict[str, object] = {
        name: [100.0] * MINUTES_PER_DAY for name in ("open", "high", "low", "close")
    }
    columns.update(volume=[0.0] * MINUTES_PER_DAY, delta=[0.0] * MINUTES_PER_DAY)
    return bars_of(DAY, {**columns, **changes})


def test_dead_market_has_no_nan() -> None:
    """In a day without a trade ratios are null, returns 0, and no NaN leaves the room."""
    table = micro(DAY, _flat_bars(), None, FEATURES)

    assert not any(
        np.isnan(table[name].drop_null().to_numpy()).any()
        for name in table.column_names
        if pa.types.is_floating(table.schema.field(name).type)
    )
    assert table["delta_ratio"].null_count == table["cvd_norm"].null_count == MINUTES_PER_DAY
    assert table["rv_5m"][5].as_py() == table["ret_1m"][5].as_py() == 0.0
    assert table["kyle_lambda_60"].null_count == MINUTES_PER_DAY


@pytest.mark.parametrize(("gaps", "known"), [(3, True), (4, False)])
def test_window_bears_five_percent_of_gaps(gaps: int, known: bool) -> None:
    """A window of 60 minutes is summed with 3 of them missing and null with 4."""
    delta: list[object] = [1.0] * MINUTES_PER_DAY
    delta[200 : 200 + gaps] = [None] * gaps
    table = micro(DAY, _flat_bars(delta=delta), None, FEATURES)

    value = table["cvd_roll_60"][240].as_py()

    assert value == (60.0 - gaps if known else None)
    assert table["cvd_roll_60"][190].as_py() == 60.0


def test_atas_and_tape_features_by_hand() -> None:
    """One minute's ATAS columns and tape give the values that one works out on paper."""
    bars, tape = hand_values.bars(), hand_values.tape()
    row = micro(DAY, bars, tape, FEATURES).slice(0, 1).to_pylist()[0]
    expected = hand_values.OF_THE_BAR | hand_values.OF_THE_TAPE

    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=EXACT)


def test_tape_enters_where_it_is_the_bar() -> None:
    """Minute statistics count where their prices are the bar's ATAS prices, and nowhere else."""
    bars = random_bars(DAY, 1)
    tape = random_tape(bars)
    shifted = tape.set_column(
        tape.schema.get_field_index("high"),
        tape.schema.field("high"),
        pa.array(np.concatenate((tape["high"].to_numpy()[:700], np.full(740, 1.0)))),
    )
    table = micro(DAY, bars, shifted, FEATURES)
    close = bars["atas_close"].to_numpy()
    gap, spread = (tape[name].to_numpy() for name in ("gap_ms_mean", "gap_ms_std"))

    np.testing.assert_allclose(table["mid"].to_numpy()[:700], close[:700], rtol=EXACT)
    np.testing.assert_allclose(
        table["burstiness"].to_numpy()[:700], ((spread - gap) / (spread + gap))[:700], rtol=EXACT
    )
    np.testing.assert_allclose(table["spread_bps"].to_numpy()[:700], 1e4 / close[:700], rtol=EXACT)
    np.testing.assert_allclose(
        table["interarrival_cv"].to_numpy()[:700], (spread / gap)[:700], rtol=EXACT
    )
    np.testing.assert_allclose(table["largest_share"].to_numpy()[:700], 1 / 3, rtol=EXACT)
    assert table["min_delta"].slice(0, 700).equals(tape["delta_min"].slice(0, 700))
    assert table["max_delta"].slice(0, 700).equals(tape["delta_max"].slice(0, 700))
    assert table["interarrival_mean"].slice(0, 700).equals(tape["gap_ms_mean"].slice(0, 700))
    assert table["mid"].slice(700).null_count == 740


def test_a_session_with_holes_has_no_sum() -> None:
    """The session's sum is null from where more than 5 % of the minutes since 00:00 lack a delta."""
    delta: list[object] = [1.0] * MINUTES_PER_DAY
    delta[10:12] = [None, None]
    cvd = [None if d is None else float(i) for i, d in enumerate(delta)]
    table = micro(DAY, _flat_bars(delta=delta, cvd=cvd), None, FEATURES)
    session = table["cvd_session"].to_pylist()

    assert session[9] == 9.0
    assert session[10:39] == [None] * 29
    assert session[39] == 39.0


def test_amihud_leaves_out_minutes_without_a_trade() -> None:
    """In a thin market the mean is over the traded minutes, and null where there is none."""
    value: list[object] = [0.0] * MINUTES_PER_DAY
    close: list[object] = [100.0] * 700 + [101.0] * 740
    value[700] = value[710] = 5e5
    bars = _flat_bars(close=close, quote_volume=value)
    impact = micro(DAY, bars, None, FEATURES)["amihud_60"].to_pylist()

    assert impact[699] is None
    assert impact[705] == pytest.approx(1e6 * np.log(1.01) / 5e5)
    assert impact[715] == pytest.approx(1e6 * np.log(1.01) / 5e5 / 2)


def test_schema_is_the_documents() -> None:
    """The table has the governed columns and types, units in their metadata."""
    table = micro(DAY, random_bars(DAY, 1), None, FEATURES)

    assert table.schema.equals(FEATURES.schema("micro"), check_metadata=True)
    assert table.schema.field("poc_gap_bps").metadata[b"unit"] == b"bps"
    assert table["available_at"][0].as_py() - table["ts"][0].as_py() == dt.timedelta(seconds=2)


def test_short_day_is_refused() -> None:
    """A day without its 1440 minutes is refused in one sentence that says what to do."""
    bars = random_bars(DAY, 1).slice(0, 1000)

    with pytest.raises(ContractError, match="got 1000 rows of the day, wanted 1440; build"):
        micro(DAY, bars, None, FEATURES)


def test_minute_twice_is_refused() -> None:
    """A minute that stands twice in the day before is refused, not overwritten."""
    bars = random_bars(DAY - dt.timedelta(days=1), 2)
    doubled = pa.concat_tables([bars.slice(0, 1), bars])

    with pytest.raises(ContractError, match="off the minute grid or twice"):
        micro(DAY, doubled, None, FEATURES)
