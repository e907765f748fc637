"""Whom there is to hire: processes of this machine, or a Dask cluster.

Both are an `Executor` of the standard library; what else is asked of one is here, and nothing of queues,
leases or schedulers is our own.
"""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import optional
from pipeline.errors import StageError
from pipeline.model.workplace import Workplace
from pipeline.settings.working import Workers
from pipeline.tasks import pieces
from pipeline.tasks.crew import LOOK_SECONDS, Crew
from pipeline.tasks.forked import die_with_parent
from pipeline.tasks.pieces import Built, Piece


def opened(workers: Workers) -> AbstractContextManager[Crew]:
    """Those whom the configuration says, for a block.

    Raises:
        ConfigError: the extra that it takes is not installed.
        StageError: no scheduler answers.
    """
    return _processes(workers) if workers.executor.kind == "processes" else _dask(workers)


@contextmanager
def _processes(workers: Workers) -> Iterator[Crew]:
    """Processes of this machine, each begun when there is a piece for it."""
    number = int(workers.executor.where)
    executor = Processes(number, workers.retries)
    try:
        yield Crew(
            submit=lambda piece: executor.submit(pieces.build, piece),
            width=lambda: number,
            patience_seconds=workers.patience_seconds,
        )
    finally:
        executor.shutdown(cancel_futures=True)


class Processes(Executor):
    """Processes that are begun afresh, not forked off, and die with this one.

    Each has a thread that waits for it, so that one that is killed takes no work of another with it: what it
    was at is done again by a new one.
    """

    def __init__(self, number: int, retries: int) -> None:
        """Of at most so many; work whose process died is done again so often."""
        self._tries = retries + 1
        self._threads = ThreadPoolExecutor(number, "piece")
        self._own = threading.local()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hands a call over."""
        return self._threads.submit(self._call, fn, *args, **kwargs)

    def _call(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        tried = 0
        while True:
            # The kernel ends a process with the thread that began it, which is this one: it waits to the end.
            if not hasattr(self._own, "process"):
                self._own.process = ProcessPoolExecutor(1, _SPAWN, die_with_parent)
            try:
                return self._own.process.submit(fn, *args, **kwargs).result()
            except BrokenProcessPool:
                del self._own.process
                tried += 1
                if tried >= self._tries:
                    raise

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the processes; with `cancel_futures` also those that are at something."""
        if cancel_futures:
            self._tries = 0
            self._threads.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.kill()
        self._threads.shutdown(wait=wait)


_SPAWN = multiprocessing.get_context("spawn")


@contextmanager
def _dask(workers: Workers) -> Iterator[Crew]:
    """The workers of a Dask cluster, however many there are at the time."""
    distributed = optional.require("distributed")
    # What they say of a lost connection is a traceback; ours is said once, in a sentence.
    for name in ("distributed", "distributed.client", "asyncio", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    place, patience = workers.executor, workers.patience_seconds
    how = {"scheduler_file" if place.kind == "dask-file" else "address": place.where}
    try:
        if place.kind == "dask-file":
            _wait_for(Path(place.where), patience)
        client = distributed.Client(**how, timeout=patience, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise StageError(
            f"{place}: no Dask scheduler answers after {patience:g} s ({' '.join(str(error).split())});"
            " start it, or set workers.executor to another"
        ) from error
    cluster = Cluster(client, place)
    executor = client.get_executor(retries=workers.retries)
    try:
        yield Crew(
            submit=lambda piece: executor.submit(pickle.loads, packed(piece), key=_key(piece)),
            width=cluster.width,
            patience_seconds=patience,
            away=cluster.away,
            link=cluster.link(),
        )
    finally:
        with suppress(Exception):  # of a scheduler that is gone nothing has to be taken back
            executor.shutdown(wait=False)
        client.close(timeout=LOOK_SECONDS)


class _Call:
    """Pickled, a call: who loads it makes the call and has its result."""

    def __init__(self, piece: Piece) -> None:
        self.piece = piece

    def __reduce__(self) -> tuple[Callable[[Piece], Built], tuple[Piece]]:
        return pieces.build, (self.piece,)


def packed(piece: Piece) -> bytes:
    """What `pickle.loads` turns into what became of the piece.

    Dask ends a worker that cannot load what it is handed. So each gets a call that every Python knows: what a
    worker of another release, or of none, has to say comes back from it as an error.
    """
    return pickle.dumps(_Call(piece))


def _key(piece: Piece) -> str:
    """As which Dask's dashboard shows it; two drivers that want the same share it."""
    digest = hashlib.sha256(repr(piece).encode()).hexdigest()[:12]
    return f"{piece.kind}-{piece.symbol}-{piece.start}-{piece.stop}-{digest}"


def _wait_for(path: Path, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.2)
    json.loads(path.read_bytes())


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is asked of a cluster besides work."""

    client: Any
    place: Workplace

    def width(self) -> int:
        """How many threads its workers have at present; 1 while there is none."""
        with suppress(Exception):  # whoever waits for it says so
            return max(1, sum(self._threads().values()))
        return 1

    def away(self) -> str:
        """Why it builds nothing at present; empty while it may."""
        try:
            threads = self._threads()
        except Exception as error:  # Dask has one of its own for each state of a lost connection
            return f"{self.place}: the Dask scheduler does not answer ({type(error).__name__})"
        return "" if threads else f"{self.place}: the Dask cluster has no worker"

    def link(self) -> str:
        """Where its dashboard is; empty without."""
        return str(self.client.dashboard_link or "")

    def _threads(self) -> dict[str, int]:
        asked = self.client.sync(self.client.scheduler.ncores, callback_timeout=LOOK_SECONDS)
        return dict(asked)
