"""A real luigid, as a process, that tests may pause, ask and kill."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from pipeline.settings.config import PROJECT

KITCHEN = Path(sys.executable).with_name("kitchen")


@dataclass
class Luigid:
    """One luigid on loopback. `days` are built with it, `kill_on` is the one during which it is killed."""

    configuration: Path
    days: tuple[dt.date, ...] = ()
    kill_on: dt.date | None = None
    port: int = field(default_factory=lambda: free_port())
    process: subprocess.Popen[bytes] | None = None
    killed: int = 0

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it, and returns once it answers."""
        self.process = subprocess.Popen(
            [KITCHEN, "luigid", "--port", str(self.port)],
            env={"KITCHEN_CONFIG": str(self.configuration), "PATH": os.environ["PATH"]},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while not self.answers():
            assert time.monotonic() < until
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether it is alive."""
        try:
            return httpx.get(f"{self.address}/healthz").is_success
        except httpx.TransportError:
            return False

    def ask(self, what: str, **how: str) -> dict[str, Any]:
        """What its API answers."""
        answer = httpx.get(f"{self.address}/api/{what}", params={"data": json.dumps(how)})
        found: dict[str, Any] = answer.json()["response"]
        return found

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None
            self.killed += 1

    def settings(self, path: Path) -> Path:
        """Luigi's settings with this luigid, whose workers are forgotten after a second."""
        text = (PROJECT / "luigi.cfg").read_text()
        text = text.replace("[core]", f"[core]\ndefault_scheduler_port={self.port}")
        path.write_text(text.replace("worker_disconnect_delay=30", "worker_disconnect_delay=1"))
        return path

    @contextmanager
    def killed_when(self, prepared: Path, day: dt.date) -> Iterator[None]:
        """Kills it during the block, once a step of the day leaves a receipt, if that is the day."""
        over, began = threading.Event(), time.time_ns()

        def watch() -> None:
            while not over.is_set():
                if any(_written(path) > began for path in prepared.rglob("receipts.json")):
                    self.kill()
                    return
                time.sleep(0.01)

        watcher = threading.Thread(target=watch)
        if day == self.kill_on and self.process is not None:
            watcher.start()
        try:
            yield
        finally:
            over.set()
            if watcher.ident is not None:
                watcher.join()


def _written(path: Path) -> int:
    """When a file was written; 0 for one that has gone meanwhile."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@contextmanager
def serving(luigid: Luigid) -> Iterator[Luigid]:
    """Runs it while the block lasts, unless somebody kills it before."""
    luigid.start()
    try:
        yield luigid
    finally:
        luigid.kill()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
