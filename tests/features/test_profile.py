"""Session and rolling volume profiles: a real tape against a plain reading of its lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import real_tape
from kit.feature_frames import DAY, random_bars, random_footprint, random_tape
from kit.shipped import FEATURES
from pipeline.clock import MINUTES_PER_DAY
from pipeline.errors import ContractError
from pipeline.features.frame import Frame
from pipeline.features.levels import PRICE, VOLUME, Levels
from pipeline.features.micro import micro
from pipeline.features.profile import areas
from pipeline.tables import native
from pipeline.tables import value_area as value_areas
from pipeline.tables.value_area import nearest_to_vwap, value_area


def plain_profile(trades: list[real_tape.Trade]) -> tuple[float, ...]:
    """poc, vah, val by a walk over the levels in exact decimals, written after the definition."""
    volume: Counter[Decimal] = Counter()
    for trade in trades:
        volume[trade.price] += trade.qty
    prices, total = sorted(volume), sum(volume.values())
    vwap = sum(p * v for p, v in volume.items()) / total
    top = max(volume.values())
    poc = min((p for p in prices if volume[p] == top), key=lambda p: (abs(p - vwap), p))
    low = high = prices.index(poc)
    while sum(volume[p] for p in prices[low : high + 1]) * 10 < total * 7:
        above, below = prices[high + 1 : high + 3], prices[max(low - 2, 0) : low]
        up = sum(volume[p] for p in above) >= sum(volume[p] for p in below)
        if above and up:
            high += len(above)
        else:
            low -= len(below)
    return float(poc), float(prices[high]), float(prices[low])


@pytest.fixture(scope="module")
def real(real_data: Path) -> tuple[list[real_tape.Trade], pa.Table]:
    levels, minutes = real_tape.tape(real_data)
    bars = real_tape.bars(real_data)
    features = micro(real_tape.DAYS[1], bars, minutes, FEATURES, levels)
    return list(real_tape.trades(real_data)), features


@pytest.mark.parametrize(("kind", "back"), [("session", None), ("roll_240", 239)])
def test_real_profile_is_that_of_the_lines(
    kind: str, back: int | None, real: tuple[list[real_tape.Trade], pa.Table]
) -> None:
    """Every 23rd minute of a real day has the very prices that the raw lines give."""
    trades, features = real
    for minute in range(7, MINUTES_PER_DAY, 23):
        end = MINUTES_PER_DAY + minute
        begin = MINUTES_PER_DAY if back is None else end - back
        window = [t for t in trades if begin <= t.minute <= end]
        found = tuple(features[name][minute].as_py() for name in real_tape.PROFILES[kind])

        assert found == (plain_profile(window) if window else (None, None, None)), minute


def _grow(volume: list[int], top: int) -> tuple[int, int]:
    low = high = top
    while 10 * sum(volume[low : high + 1]) < 7 * sum(volume):
        above, below = volume[high + 1 : high + 3], volume[max(low - 2, 0) : low]
        if above and sum(above) >= sum(below):
            high += len(above)
        else:
            low -= len(below)
    return high, low


@given(st.lists(st.integers(1, 60), min_size=1, max_size=60), st.integers(0, 130), st.data())
def test_value_area_is_the_step_by_step_one(
    volume: list[int], border: int, data: st.DataObject
) -> None:
    """Growing by whole runs gives the levels of growing pair by pair, from any level and any border."""
    poc = data.draw(st.integers(0, len(volume) - 1))

    top, bottom, _ = value_area(np.array(volume), poc, sum(volume), border)

    assert (top, bottom) == _grow(volume, poc)


@pytest.fixture(scope="module", params=["in C", "in numpy"])
def kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """Either of the two ways."""
    if request.param == "in C":
        if native.function(value_areas.__file__, "areas") is None:
            pytest.skip("it was not built: there is no C compiler")
        yield
        return
    with mock.patch.object(native, "function", return_value=None):
        yield


@given(
    seed=st.integers(0, 10**9),
    window=st.integers(1, 40),
    largest=st.sampled_from([3, 9, 1 << 52]),
    lot=st.sampled_from([1, 1 << 40]),
)
def test_moving_windows_are_those_of_their_levels(
    kernel: None, seed: int, window: int, largest: int, lot: int
) -> None:
    """Where the window before left its area does not show: each equals its levels counted anew.

    Volumes beyond 64 bits are counted without a limit.
    """
    rng = np.random.default_rng(seed)
    centres = np.cumsum(rng.integers(-20, 21, 40))
    minutes = [
        {
            int(p): lot * int(rng.integers(1, largest))
            for p in set(rng.integers(c - 30, c + 31, size))
        }
        for c, size in zip(centres, rng.integers(0, 40, 40), strict=True)
    ]
    levels = Levels(
        first=np.concatenate(([0], np.cumsum([len(minute) for minute in minutes]))),
        measured=np.ones(len(minutes), dtype=np.bool_),
        columns={
            PRICE: np.array([p for m in minutes for p in sorted(m)], dtype=np.int64),
            VOLUME: np.array(
                [m[p] for m in minutes for p in sorted(m)], dtype=np.int64 if lot == 1 else object
            ),
        },
        places=0,
    )
    rows = np.arange(len(minutes))
    frame = Frame(
        start_us=0,
        step_us=1,
        since=0,
        rows=len(rows),
        rules=FEATURES.rules,
        columns={"x": np.zeros(len(rows))},
        levels=levels,
    )
    begins = np.maximum(rows - window + 1, 0)
    found = areas(frame, begins)

    for row in rows:
        held: Counter[int] = Counter()
        for minute in minutes[begins[row] : row + 1]:
            held.update(minute)
        prices = sorted(held)
        volume = [held[price] for price in prices]
        if not held:
            assert np.isnan(found[:, row]).all()
            continue
        vwap = Fraction(sum(p * v for p, v in held.items()), sum(volume))
        tops = (place for place, v in enumerate(volume) if v == max(volume))
        poc = min(tops, key=lambda place: (abs(prices[place] - vwap), place))
        high, low = _grow(volume, poc)
        assert found[:, row].tolist() == [prices[poc], prices[high], prices[low]]


def test_equal_levels_take_the_nearest_to_vwap_then_the_lower() -> None:
    """Of two equal tops the one nearer to the mean price; equally near the lower."""
    ticks = np.array([10, 11, 20])

    assert nearest_to_vwap(ticks, np.array([5, 2, 5]), np.array([0, 2])) == 0
    assert nearest_to_vwap(np.array([10, 20]), np.array([5, 5]), np.array([0, 1])) == 0


@given(
    st.lists(st.tuples(st.integers(1, 1 << 40), st.integers(1, 1 << 24)), min_size=1, max_size=30)
)
def test_nearest_to_vwap_is_so_in_fractions(gaps_and_volumes: list[tuple[int, int]]) -> None:
    """Every level's distance to the exact mean price, also where 64 bits cannot hold the products."""
    gaps, volume = zip(*gaps_and_volumes, strict=True)
    ticks = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    vwap = Fraction(sum(t * v for t, v in zip(ticks, volume, strict=True)), sum(volume))
    levels = range(len(ticks))

    found = nearest_to_vwap(np.array(ticks), np.array(volume), np.array(levels))

    assert found == min(levels, key=lambda level: (abs(ticks[level] - vwap), level))


def test_a_refused_tape_gives_no_profile() -> None:
    """Where the tape's minutes are not the bar's, nothing of its footprint is published."""
    bars = random_bars(DAY, 1)
    tape, levels = random_tape(bars), random_footprint(bars)
    place = tape.schema.get_field_index("high")
    moved = tape.set_column(place, tape.schema.field("high"), pa.array(np.full(1440, 1.0)))
    table = micro(DAY, bars, moved, FEATURES, levels)
    names = [n for n in table.column_names if n.startswith(("imbalance_", "stacked_"))]
    names += [name for of_kind in real_tape.PROFILES.values() for name in of_kind]

    assert len(names) == 12
    assert all(table[name].null_count == MINUTES_PER_DAY for name in names)
    assert micro(DAY, bars, tape, FEATURES, levels)["poc_session"].null_count == 0


def test_levels_twice_are_refused() -> None:
    """A footprint that has its rows twice would count them twice."""
    bars = random_bars(DAY, 1)
    tape, levels = random_tape(bars), random_footprint(bars)

    with pytest.raises(ContractError, match="prices of a minute that do not rise"):
        micro(DAY, bars, tape, FEATURES, pa.concat_tables([levels, levels]))
