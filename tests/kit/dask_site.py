"""A Dask cluster as a site starts it, and what is asked of a kitchen that it builds in."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kit.real_luigid import free_port


class Site:
    """A Dask scheduler and workers, each a process of its own, as a site starts them."""

    def __init__(self, scratch: Path) -> None:
        self.scratch, self.port = scratch, free_port()
        self.running: list[subprocess.Popen[bytes]] = []
        self.dashboard = f"127.0.0.1:{free_port()}"
        own = ("--port", str(self.port), "--dashboard-address", self.dashboard)
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", *own)

    @property
    def address(self) -> str:
        """As the configuration has it."""
        return f"dask:tcp://127.0.0.1:{self.port}"

    def worker(self, **environ: str) -> subprocess.Popen[bytes]:
        """One more, with one thread and no nanny that would start it again."""
        own = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        return self._start("worker", f"tcp://127.0.0.1:{self.port}", *own, **environ)

    def _start(self, *words: str, **environ: str) -> subprocess.Popen[bytes]:
        self.running.append(
            subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]],
                cwd=self.scratch,
                env={**os.environ, **environ},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        return self.running[-1]

    def end(self) -> None:
        """All of it."""
        for process in self.running:
            process.kill()
            process.wait()


def when_built(root: Path, then: Callable[[], None]) -> None:
    """Does something as soon as a part of a symbol's day is there."""
    until = time.monotonic() + 60
    while not list((root / "data/prepared").glob("date=*/*/*.zip")):
        assert time.monotonic() < until
        time.sleep(0.02)
    then()


def left_over(root: Path) -> list[Path]:
    """Temporary files."""
    return list((root / "data/prepared").rglob("*.tmp"))
