"""A command at a terminal: what a person sees of it, byte by byte."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a command left: its exit code, what the terminal got, and standard output if that was a pipe."""

    code: int
    screen: str
    out: str = ""


def at_terminal(
    root: Path, *command: str | Path, width: int = 80, piped: bool = False, **environment: str
) -> Seen:
    """Runs a command at a terminal of a width; with `piped` its standard output is a pipe."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environ = {
        **os.environ,
        "KITCHEN_CONFIG": str(root / "configs" / "kitchen.yaml"),
        "TERM": "xterm-256color",
        **environment,
    }
    for name in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"} - set(environment):
        environ.pop(name, None)
    with subprocess.Popen(
        [str(word) for word in command],
        cwd=root,
        env=environ,
        stdin=theirs,
        stdout=subprocess.PIPE if piped else theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        screen = _all(ours)
        out = process.stdout.read().decode() if process.stdout else ""
    return Seen(code=process.returncode, screen=screen.replace("\r\n", "\n"), out=out)


def _all(handle: int) -> str:
    """What comes until the last of those who write to the terminal has ended."""
    parts = []
    while True:
        try:
            parts.append(os.read(handle, 1 << 16))
        except OSError:  # Linux says so that nobody is left
            break
        if not parts[-1]:
            break
    os.close(handle)
    return b"".join(parts).decode()
