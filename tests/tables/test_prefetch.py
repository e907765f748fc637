"""Work done ahead comes back in order, on few threads, and tells its errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from pipeline.tables.prefetch import THREADS, ahead, beside


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


def test_a_lone_item_leaves_the_threads_to_its_own_work() -> None:
    """A day in one file: its blocks are read at once, beside the thread that asked."""
    used: set[int] = set()

    def file(_: int) -> int:
        list(ahead(lambda _: used.add(threading.get_ident()), range(8)))
        return threading.get_ident()

    ((_, here),) = ahead(file, [0])
    assert here == threading.get_ident()
    assert used
    assert here not in used


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


def test_a_stream_made_beside_its_reader_comes_in_order() -> None:
    """On one other thread; an error comes after what was made before it."""
    makers: set[int] = set()

    def stream() -> Iterator[int]:
        for number in range(5):
            makers.add(threading.get_ident())
            yield number
        raise ValueError("5")

    seen: list[int] = []
    with pytest.raises(ValueError, match="5"):
        seen.extend(beside(stream()))
    assert seen == [0, 1, 2, 3, 4]
    assert len(makers) == 1
    assert threading.get_ident() not in makers


def test_a_stream_that_is_left_early_ends() -> None:
    """Nothing of it is asked for any more, and its thread is gone."""
    before = threading.active_count()
    made = beside(iter(range(1_000_000)))
    assert next(made) == 0
    made.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
