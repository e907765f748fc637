"""Several hosts on one machine: network namespaces on one switch, which have the file system in common."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

NET = "10.77.0"


@dataclass
class Hosts:
    """Hosts by name, each with its address; and what was begun on them."""

    tag: str
    names: tuple[str, ...]
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def address(self, name: str) -> str:
        """A host's."""
        return f"{NET}.{self.names.index(name) + 1}"

    def serve(self, name: str, *command: str, **environ: str) -> subprocess.Popen[str]:
        """A program on a host that runs to the end of the block, and to which nobody listens."""
        return self._started(name, command, environ, subprocess.DEVNULL)

    def begin(self, name: str, *command: str, **environ: str) -> subprocess.Popen[str]:
        """A program on a host; what it says is to be read."""
        return self._started(name, command, environ, subprocess.PIPE)

    def _started(
        self, name: str, command: tuple[str, ...], environ: dict[str, str], out: int
    ) -> subprocess.Popen[str]:
        started = subprocess.Popen(
            ["ip", "netns", "exec", f"{self.tag}-{name}", *command],
            env={**os.environ, **environ},
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.running.append(started)
        return started

    def run(self, name: str, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """A program on a host, to its end."""
        process = self.begin(name, *command, **environ)
        said, _ = process.communicate(timeout=1_800)
        return subprocess.CompletedProcess(process.args, process.returncode, said)

    def cut(self, name: str) -> None:
        """Takes a host's cable out of the switch: nothing arrives any more, and nobody is told."""
        _ip("-n", f"{self.tag}-sw", "link", "set", f"sw-{name}", "down")

    def mend(self, name: str) -> None:
        """Puts it in again."""
        _ip("-n", f"{self.tag}-sw", "link", "set", f"sw-{name}", "up")

    def kill(self, name: str) -> None:
        """All that runs on a host, at once."""
        found = subprocess.run(
            ["ip", "netns", "pids", f"{self.tag}-{name}"],
            capture_output=True,
            text=True,
            check=True,
        )
        for pid in found.stdout.split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), 9)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@contextmanager
def hosts(*names: str) -> Iterator[Hosts]:
    """Hosts for the block; skips the test where namespaces may not be made."""
    found = Hosts(f"kt{os.getpid()}", names)
    switch = f"{found.tag}-sw"
    if shutil.which("ip") is None:
        pytest.skip("there is no program ip here")
    try:
        _ip("netns", "add", switch)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces may not be made here: {error.stderr.strip()}")
    try:
        _ip("-n", switch, "link", "add", "br0", "type", "bridge")
        _ip("-n", switch, "link", "set", "br0", "up")
        for name in names:
            own = f"{found.tag}-{name}"
            _ip("netns", "add", own)
            pair = ("type", "veth", "peer", "name", f"sw-{name}", "netns", switch)
            _ip("link", "add", f"ve-{name}", "netns", own, *pair)
            _ip("-n", switch, "link", "set", f"sw-{name}", "master", "br0", "up")
            _ip("-n", own, "addr", "add", f"{found.address(name)}/24", "dev", f"ve-{name}")
            _ip("-n", own, "link", "set", "lo", "up")
            _ip("-n", own, "link", "set", f"ve-{name}", "up")
        yield found
    finally:
        for process in found.running:
            process.kill()
            process.communicate()
        for name in (*names, "sw"):
            with suppress(subprocess.CalledProcessError):
                if name in names:
                    found.kill(name)
                _ip("netns", "del", f"{found.tag}-{name}")
