"""Work on a stream some steps ahead of its reader, results in order.

Belongs here: that one pattern, of work item by item and of a stream that is itself the work. The threads end
with the stream, so none lives when a process is forked.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 2
"""More help little: a part of most work holds the interpreter."""

_here = threading.local()


def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
    """Each item with what work makes of it, in order; at most `THREADS` + 1 stand in memory.

    Work that is itself done ahead does its own streams step by step: the threads have enough to do. So is a
    lone item's, which has nothing to be ahead of; the streams of its own work get the threads.
    """
    items = iter(items)
    begun = [] if getattr(_here, "is_ahead", False) else list(islice(items, 2))
    if len(begun) < 2:
        yield from ((item, work(item)) for item in chain(begun, items))
        return
    with ThreadPoolExecutor(
        THREADS, initializer=setattr, initargs=(_here, "is_ahead", True)
    ) as pool:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        for item in chain(begun, items):
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > THREADS:
                first, result = waiting.popleft()
                yield first, result.result()
        for first, result in waiting:
            yield first, result.result()


def beside(items: Iterable[Item]) -> Iterator[Item]:
    """The items, each made by a thread of its own while the reader still works on the one before.

    In work that is done ahead they are made step by step, as there.
    """
    if getattr(_here, "is_ahead", False):
        yield from items
        return
    source = iter(items)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(lambda: list(islice(source, 1)))
        while found := coming.result():
            coming = pool.submit(lambda: list(islice(source, 1)))
            yield from found
