"""What is said to who is on Windows, and to who names a path as Windows does.

Belongs here: the sentences. What that system lacks, and what is done without it, is `system.py`.
"""

from __future__ import annotations

import os
from pathlib import PureWindowsPath

from pipeline import system
from pipeline.errors import ConfigError


def require_unix(what: str) -> None:
    """For what cannot do without them.

    Raises:
        ConfigError: this is Windows.
    """
    if not system.is_unix():
        raise ConfigError(
            f"{what} does not run on Windows, which lacks the locks and processes that it needs;"
            " run it in WSL2 (docs/windows.md)"
        )


def spelling(text: str) -> str:
    """How a path of Windows is written here, for the end of a sentence.

    Empty where it is no such path, and on Windows. A path from / on may have a backslash in a name.
    """
    if os.sep == "\\" or "\\" not in text or text.startswith("/"):
        return ""
    path = PureWindowsPath(text)
    if path.drive.startswith("\\\\"):
        return f", for it is a share of Windows: mount {path.drive} and name the mounted folder"
    rest = path.relative_to(path.anchor).as_posix()
    here = f"/mnt/{path.drive[0].lower()}/{rest}" if path.drive else rest
    return f", for it is a path of Windows: in WSL2 it is {here}"
