"""Many questions to a store at once: most of their time goes with waiting for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def each(work: Callable[[Given], Made], items: Iterable[Given], at_once: int) -> list[Made]:
    """What each item gives, in order; so many at once as `Store.at_once` says. The first error goes up."""
    given = list(items)
    if at_once < 2 or len(given) < 2:
        return [work(item) for item in given]
    with ThreadPoolExecutor(min(len(given), at_once)) as pool:
        return list(pool.map(work, given))
