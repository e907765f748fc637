"""Work on a stream some steps ahead of its reader, results in order.

Belongs here: that one pattern. The threads end with the stream, so none lives when a process is forked.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 2
"""More help little: a part of most work holds the interpreter."""

_here = threading.local()


def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
    """Each item with what work makes of it, in order; at most `THREADS` + 1 stand in memory.

    Work that is itself done ahead does its own streams step by step: the threads have enough to do.
    """
    if getattr(_here, "is_ahead", False):
        yield from ((item, work(item)) for item in items)
        return
    with ThreadPoolExecutor(
        THREADS, initializer=setattr, initargs=(_here, "is_ahead", True)
    ) as pool:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > THREADS:
                first, result = waiting.popleft()
                yield first, result.result()
        for first, result in waiting:
            yield first, result.result()
