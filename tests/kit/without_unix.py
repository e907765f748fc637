"""A process that lacks what Windows lacks: modules, calls and flags of Unix. Run by path.

`without_unix.py COMMAND ..` is `kitchen COMMAND ..` there, `without_unix.py -c CODE ..` a program. It is no
Windows: paths, links and times are this system's. Libraries are loaded before: they have builds of their own.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import shutil
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty")
CALLS = {
    os: (
        *(
            "O_CLOEXEC",
            "O_DIRECTORY",
            "O_NOCTTY",
            "O_NOFOLLOW",
            "O_NONBLOCK",
            "WNOHANG",
            "chown",
            "fchmod",
        ),
        *(
            "fchown",
            "fork",
            "forkpty",
            "fstatvfs",
            "getegid",
            "geteuid",
            "getgid",
            "getgroups",
            "getpgid",
        ),
        *(
            "getuid",
            "killpg",
            "lchown",
            "mkfifo",
            "mknod",
            "nice",
            "posix_fadvise",
            "posix_spawn",
            "pread",
        ),
        *(
            "preadv",
            "pwrite",
            "pwritev",
            "readv",
            "register_at_fork",
            "sched_getaffinity",
            "setpgid",
        ),
        *("setsid", "statvfs", "sync", "uname", "wait3", "wait4", "writev"),
    ),
    signal: ("SIGALRM", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1"),
    mmap: ("MAP_ANONYMOUS", "MAP_PRIVATE", "MAP_SHARED"),
}


def take_away() -> None:
    """From now on this process lacks them; opening a folder is refused, and no library is every program's."""
    (
        platform.uname(),
        np.zeros(1),
        pd.Series([1]).sum(),
        pa.array([1]),
    )  # what they ask for once is asked
    usage = shutil.disk_usage("/")
    shutil.disk_usage = lambda path: usage
    for module in MODULES:
        sys.modules[module] = None  # type: ignore[assignment]
    for holder, names in CALLS.items():
        for name in names:
            delattr(holder, name)
    os.open = _opening(os.open)  # type: ignore[assignment]
    ctypes.CDLL.__init__ = _loading(ctypes.CDLL.__init__)  # type: ignore[method-assign]


def _opening(real: Callable[..., int]) -> Callable[..., int]:
    def opened(path: Any, *rest: Any, **more: Any) -> int:
        if isinstance(path, str | os.PathLike) and os.path.isdir(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *rest, **more)

    return opened


def _loading(real: Callable[..., None]) -> Callable[..., None]:
    def loaded(self: ctypes.CDLL, name: Any, *rest: Any, **more: Any) -> None:
        if name is None:
            raise TypeError("argument of type 'NoneType' is not iterable")
        real(self, name, *rest, **more)

    return loaded


if __name__ == "__main__":
    take_away()
    if sys.argv[1] == "-c":
        code = sys.argv.pop(2)
        del sys.argv[1]
        exec(code)  # noqa: S102 - a test's own
    else:
        from pipeline.cli.main import main

        main(sys.argv[1:])
