"""The weight budget and the pauses, as rules that hold for any sequence."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.fake_exchange import Clock
from pipeline.errors import FetchError
from pipeline.fetch.pauses import Pauses
from pipeline.fetch.waiting import Budget

STEPS = st.lists(
    st.tuples(st.floats(0, 90), st.floats(0, 30), st.integers(1, 20), st.integers(0, 60)),
    min_size=1,
    max_size=60,
)


@given(STEPS, st.integers(20, 50))
def test_no_minute_holds_more_than_the_budget(
    steps: list[tuple[float, float, int, int]], most: int
) -> None:
    """Whatever is asked, however fast, however late it arrives, and whatever others spend."""
    clock = Clock(0.0)
    budget = Budget(most, clock.waiting)
    spent: list[tuple[float, int]] = []
    for idle, late, weight, others in steps:
        clock.at += idle
        with budget.spending(weight):
            clock.at += late
            spent.append((clock.at, weight))
        mine = sum(w for at, w in spent if at > clock.at - 60)
        assert mine <= most
        if others:
            budget.learn(mine + others)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=60))
def test_a_budget_waits_no_longer_than_it_must(weights: list[int]) -> None:
    """Back to back, all is spent in as many minutes as the weight fills, rounded up by one request each."""
    clock = Clock(0.0)
    budget = Budget(20, clock.waiting)

    for weight in weights:
        with budget.spending(weight):
            pass

    assert clock.at <= 60 * (2 * sum(weights) / 20 + 1)


def test_many_workers_share_one_budget() -> None:
    """Twenty threads that ask at once: what is under way counts, until it has been answered for a minute."""
    clock, lock = Clock(0.0), threading.Lock()
    budget = Budget(20, clock.waiting)
    spent: list[tuple[float, int]] = []

    def ask(weight: int) -> None:
        with budget.spending(weight):
            time.sleep(0.001)
            with lock:
                spent.append((clock.at, weight))

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(ask, [1, 5, 10, 4] * 25))

    for end, _ in spent:
        assert sum(weight for at, weight in spent if end - 60 < at <= end) <= 20
    assert len(spent) == 100


@pytest.mark.parametrize("text", ["", "[]", "not JSON", '{"host": "soon"}', '{"host": 9e99}'])
def test_a_damaged_file_of_pauses_bans_nobody(tmp_path: Path, text: str) -> None:
    """Nor does one that names no time this century."""
    pauses = Pauses(tmp_path / "pauses.json", Clock(1.7e9).waiting)
    pauses.path.write_text(text)

    assert pauses.refuse("host") is None


def test_a_pause_is_of_one_host_and_ends(tmp_path: Path) -> None:
    """Others are asked meanwhile."""
    clock = Clock(1.7e9)
    pauses = Pauses(tmp_path / "pauses.json", clock.waiting)
    pauses.add("one", 100)
    pauses.add("two", 200)

    for host in ("one", "two"):
        with pytest.raises(FetchError, match="left alone until"):
            pauses.refuse(host)
    pauses.refuse("three")
    clock.at += 150
    pauses.refuse("one")
    with pytest.raises(FetchError):
        pauses.refuse("two")
