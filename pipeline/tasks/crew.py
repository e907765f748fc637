"""Who builds the pieces of spans, where others do: what was handed to them, and what came of it.

Belongs here: handing over, waiting, and how each end is told. Does not belong here: whom there is to hire
(`executors.py`). Where the configuration says `here`, nobody is, and nothing of this is paid.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.errors import ConfigError, KitchenError, StageError
from pipeline.model.workplace import Workplace
from pipeline.settings.working import Workers
from pipeline.tasks.pieces import Built, Made, Piece

_EXECUTORS = "pipeline.tasks.executors"
"""Loaded when somebody is hired: a run with nothing to do stays light."""

logger = logging.getLogger("kitchen")

LOOK_SECONDS = 2.0
"""So often an executor that gives nothing back is asked whether it is still there."""


@dataclass(kw_only=True)
class Crew:
    """An executor for the time of a build, and the pieces that were handed to it.

    Pieces of several spans are handed over before Luigi comes to them: it runs one span after the other, in
    this process, and finds it built.

    Args:
        submit: Hands a piece to who builds.
        width: So many pieces are built at once.
        patience_seconds: So long an executor that is away is waited for.
        away: Why nothing can come of it at present; empty while it is well.
        link: Where its own dashboard is; empty without.
    """

    submit: Callable[[Piece], Future[Built]]
    width: Callable[[], int]
    patience_seconds: float
    away: Callable[[], str] = str
    link: str = ""
    fault: KitchenError | None = None
    """Why nothing more is to be built: whoever runs the build ends with it."""

    _handed: dict[Piece, Future[Built]] = field(default_factory=dict)
    _ready: set[Piece] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def hand(self, piece: Piece) -> Future[Built]:
        """Hands a piece over, unless it was before."""
        with self._lock:
            if piece not in self._handed:
                self._handed[piece] = self._submitted(piece)
            return self._handed[piece]

    def _submitted(self, piece: Piece) -> Future[Built]:
        """What cannot even be handed over comes to nothing like what was lost later."""
        try:
            return self.submit(piece)
        except Exception as error:
            lost: Future[Built] = Future()
            lost.set_exception(error)
            return lost

    def is_ready(self, pieces: list[Piece]) -> bool | None:
        """Whether all of these were built without a fault, by the word of who built them.

        False while one is in their hands; None where they cannot know.
        """
        with self._lock:
            if any(piece in self._handed for piece in pieces):
                return False
        return True if self._ready.issuperset(pieces) else None

    def hand_ahead(self, first: Piece, then: Iterable[Piece]) -> None:
        """Hands a piece over, and as soon as it is built those that stand on it."""
        self.hand(first).add_done_callback(lambda _: self._follow(list(then)))

    def _follow(self, then: list[Piece]) -> None:
        for piece in then:
            self.hand(piece)

    def built(self, wanted: list[Piece]) -> Iterator[tuple[Piece, Built]]:
        """Pieces and what became of them, as they are built. Handed over now, where that was not done.

        One that nobody could build holds up no other.

        Raises:
            KitchenError: nothing more can be built: who was to do it is away, or refuses.
        """
        if self.fault is not None:
            raise self.fault
        waiting = {self.hand(piece): piece for piece in wanted}
        seen = time.monotonic()
        while waiting:
            done, _ = futures.wait(waiting, LOOK_SECONDS, futures.FIRST_COMPLETED)
            for future in done:
                piece = waiting.pop(future)
                yield piece, self._taken(piece, future)
            away = "" if done else self.away()
            if not away:
                seen = time.monotonic()
            elif time.monotonic() - seen >= self.patience_seconds:
                raise self._broken(StageError(f"{away}; what was built stays: run again"))

    def _taken(self, piece: Piece, future: Future[Built]) -> Built:
        self._handed.pop(piece, None)
        try:
            built = future.result()
        except (
            KitchenError
        ) as error:  # its configuration is not the driver's, or cannot be read there
            raise self._broken(error) from None
        except ImportError as error:
            other = f"a worker has another release ({error}); install the driver's there"
            raise self._broken(ConfigError(other)) from error
        except Exception as error:
            return self._unbuilt(piece, error)
        if built.refused:
            raise self._broken(ConfigError(built.refused))
        if not any(made.failed for made in built.made):
            self._ready.add(piece)
        return built

    def _unbuilt(self, piece: Piece, error: Exception) -> Built:
        """That a piece could not be built, unless nothing can: then the executor is away, or was."""
        away = self.away()
        if isinstance(error, futures.CancelledError):
            away = away or f"the scheduler was started anew and does not know {piece}"
        if away:
            raise self._broken(StageError(f"{away}; what was built stays: run again")) from error
        words = " ".join(str(error).split()) or "it said nothing"
        logger.warning("%s could not be built: %s: %s", piece, type(error).__name__, words)
        return Built(made=(Made(name=str(piece), failed=words),))

    def _broken(self, fault: KitchenError) -> KitchenError:
        self.fault = fault
        return fault


_hired: list[Crew] = []


def at_work() -> Crew | None:
    """Who builds at present; None where this process does."""
    return _hired[-1] if _hired else None


@contextmanager
def hired(workers: Workers) -> Iterator[Crew | None]:
    """For the block, who builds as configured; those who do already where there are some.

    Raises:
        ConfigError: the extra that it takes is not installed.
        StageError: no scheduler answers.
    """
    if _hired or workers.executor == Workplace():
        yield at_work()
        return
    with importlib.import_module(_EXECUTORS).opened(workers) as found:
        _hired.append(found)
        try:
            yield found
        finally:
            _hired.remove(found)
