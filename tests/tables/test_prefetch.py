"""Work done ahead comes back in order, on few threads, and tells its errors."""

from __future__ import annotations

import threading
import time

import pytest

from pipeline.tables.prefetch import THREADS, ahead


def test_results_come_in_the_order_of_the_items() -> None:
    """However long each takes."""

    def work(number: int) -> int:
        time.sleep(0.002 * (5 - number % 5))
        return number * number

    assert list(ahead(work, range(20))) == [(n, n * n) for n in range(20)]


def test_work_within_work_takes_no_threads_of_its_own() -> None:
    """Files read at once cut their blocks one after the other, each on its own thread."""
    used: set[int] = set()

    def block(_: int) -> None:
        used.add(threading.get_ident())

    def file(_: int) -> bool:
        assert len(list(ahead(block, range(4)))) == 4
        return threading.get_ident() in used

    assert all(alone for _, alone in ahead(file, range(6)))
    assert len(used) <= THREADS


def test_an_error_reaches_the_reader_after_what_came_before_it() -> None:
    """As if each item were worked on when it is asked for."""

    def work(number: int) -> int:
        if number == 3:
            raise ValueError("3")
        return number

    seen: list[int] = []
    with pytest.raises(ValueError, match="3"):
        seen.extend(number for number, _ in ahead(work, range(9)))
    assert seen == [0, 1, 2]
